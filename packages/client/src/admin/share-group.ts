import { DescribeShareGroupOffsets, ErrorCode } from '@milena/protocol'
import type { ResponseOf, ShareGroupDescribe, Uuid } from '@milena/protocol'
import { brokerError } from '../cluster/broker-error.js'

/** A share group as its coordinator describes it. */
export interface ShareGroupDescription {
  readonly groupId: string
  /** `Empty`, `Stable` or `Dead`. */
  readonly state: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly ShareGroupMember[]
}

/** One member of a share group. */
export interface ShareGroupMember {
  readonly memberId: string
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly rackId: string | null
  readonly subscribedTopicNames: readonly string[]
  readonly assignment: readonly {
    readonly topic: string
    readonly topicId: Uuid
    readonly partitions: readonly number[]
  }[]
}

/** Where a share group stands in one partition. */
export interface ShareGroupOffset {
  readonly topic: string
  readonly topicId: Uuid
  readonly partition: number
  /**
   * The start offset that the broker has stored; null while there is none. It trails by one write: the group may have
   * finished records beyond it, and `lag` counts them right.
   */
  readonly startOffset: number | null
  readonly leaderEpoch: number
  /** Records that are not finished yet; null where the broker cannot tell (no position, or Kafka before 4.2). */
  readonly lag: number | null
}

type DescribedGroup = ResponseOf<typeof ShareGroupDescribe>['groups'][number]

export function groupDescriptionOf(group: DescribedGroup): ShareGroupDescription {
  return {
    groupId: group.groupId,
    state: group.groupState,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: group.assignorName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rackId: member.rackId,
      subscribedTopicNames: member.subscribedTopicNames,
      assignment: member.assignment.topicPartitions.map(({ topicName, topicId, partitions }) => ({
        topic: topicName,
        topicId,
        partitions,
      })),
    })),
  }
}

type OffsetsOfGroup = ResponseOf<typeof DescribeShareGroupOffsets>['groups'][number]

export function offsetsOf(group: OffsetsOfGroup, groupId: string): ShareGroupOffset[] {
  return group.topics.flatMap(({ topicName, topicId, partitions }) =>
    partitions.map(({ partitionIndex, startOffset, leaderEpoch, lag, errorCode, errorMessage }) => {
      if (errorCode !== ErrorCode.NONE) {
        throw brokerError(
          DescribeShareGroupOffsets.name,
          errorCode,
          errorMessage,
          `${topicName}-${partitionIndex} in group '${groupId}'`,
        )
      }
      return {
        topic: topicName,
        topicId,
        partition: partitionIndex,
        startOffset: startOffset < 0 ? null : startOffset,
        leaderEpoch,
        lag: lag < 0 ? null : lag,
      }
    }),
  )
}
