import { ErrorCode, ZERO_UUID, type Uuid } from '@milena/protocol'
import type { TopicEntry } from '../../topics/topic-catalog.js'
import type { ShareGroup } from './share-group.js'
import type { ShareGroupTopics } from './share-group-partitions.js'
import type { ShareStateStore } from '../state/share-state-store.js'

/** Where a share partition begins, and how much is left. All -1 where nothing is stored. */
export interface SharePosition {
  readonly partitionIndex: number
  readonly startOffset: number
  readonly leaderEpoch: number
  readonly lag: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface TopicPositions {
  readonly topicName: string
  readonly topicId: Uuid
  readonly partitions: readonly SharePosition[]
}

export interface PartitionOutcome {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface TopicOutcome {
  readonly topicName: string
  readonly topicId: Uuid
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface OffsetsToAlter {
  readonly topicName: string
  readonly partitions: readonly { readonly partitionIndex: number; readonly startOffset: number }[]
}

const UNKNOWN_PARTITION = {
  errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  errorMessage: 'This server does not host this topic-partition.',
} as const

const DONE = { errorCode: 0, errorMessage: null } as const

/** The positions of share groups, as administrators see and change them (KIP-932; the lag: KIP-1226). */
export class ShareGroupOffsets {
  readonly #topics: ShareGroupTopics
  readonly #states: ShareStateStore

  constructor(given: { readonly topics: ShareGroupTopics; readonly states: ShareStateStore }) {
    this.#topics = given.topics
    this.#states = given.states
  }

  /** All that the group has positions of; an unknown group has none. */
  describeAll(groupId: string, group: ShareGroup | undefined): TopicPositions[] {
    const described: TopicPositions[] = []
    for (const topicId of group?.partitions.topicIds ?? []) {
      const topic = this.#topics.byId(topicId)
      if (topic !== undefined) described.push(this.#describe(groupId, topic, group?.partitions.of(topicId) ?? []))
    }
    return described
  }

  /** These partitions, also of topics that do not exist: nothing is known of them, which is no error. */
  describeNamed(groupId: string, topicName: string, partitions: readonly number[]): TopicPositions {
    const topic = this.#topics.byName(topicName)
    if (topic !== undefined) return this.#describe(groupId, topic, partitions)
    return { topicName, topicId: ZERO_UUID, partitions: partitions.map((index) => unknownPosition(index)) }
  }

  /** Whether the topic exists and one of these partitions does not. */
  namesMissingPartition(topicName: string, partitions: readonly number[]): boolean {
    const topic = this.#topics.byName(topicName)
    return topic !== undefined && partitions.some((index) => topic.partitions[index] === undefined)
  }

  /**
   * Begins these partitions anew at the offsets given, whatever the log holds. The state epoch is the group's epoch, so that
   * a leader of before is fenced when the group's epoch has grown meanwhile.
   *
   * @param group is asked for when one of the topics exists: it may have to be created then
   */
  alter(
    groupId: string,
    topics: readonly OffsetsToAlter[],
    group: () => ShareGroup,
  ): { readonly topicName: string; readonly topicId: Uuid; readonly partitions: readonly PartitionOutcome[] }[] {
    return topics.map(({ topicName, partitions }) => {
      const topic = this.#topics.byName(topicName)
      const altered = topic === undefined ? undefined : group()
      return {
        topicName,
        topicId: topic?.id ?? ZERO_UUID,
        partitions: partitions.map(({ partitionIndex, startOffset }) => {
          if (topic?.partitions[partitionIndex] === undefined || altered === undefined) {
            return { partitionIndex, ...UNKNOWN_PARTITION }
          }
          const key = { groupId, topicId: topic.id, partition: partitionIndex }
          this.#states.initialize(key, { stateEpoch: altered.epoch, startOffset })
          altered.partitions.set(topic.id, partitionIndex)
          return { partitionIndex, ...DONE }
        }),
      }
    })
  }

  /** Forgets what the group has of these topics; the next consumer begins by the reset policy. */
  delete(group: ShareGroup, topicNames: readonly string[]): TopicOutcome[] {
    return topicNames.map((topicName) => {
      const topic = this.#topics.byName(topicName)
      if (topic === undefined) return { topicName, topicId: ZERO_UUID, ...UNKNOWN_PARTITION }
      if (!group.partitions.deleteTopic(topic.id)) {
        const errorMessage = 'There is no offset information to delete.'
        return { topicName, topicId: ZERO_UUID, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage }
      }
      this.#states.deleteGroupTopic(group.groupId, topic.id)
      return { topicName, topicId: topic.id, ...DONE }
    })
  }

  #describe(groupId: string, topic: TopicEntry, partitions: readonly number[]): TopicPositions {
    return {
      topicName: topic.name,
      topicId: topic.id,
      partitions: partitions.map((partitionIndex) => {
        const summary = this.#states.summary({ groupId, topicId: topic.id, partition: partitionIndex })
        const log = topic.partitions[partitionIndex]?.log
        if (summary === undefined || summary.startOffset === -1 || log === undefined) {
          return unknownPosition(partitionIndex)
        }
        const { startOffset, leaderEpoch, deliveryCompleteCount } = summary
        return {
          partitionIndex,
          startOffset,
          leaderEpoch,
          lag: log.endOffset - startOffset - deliveryCompleteCount,
          ...DONE,
        }
      }),
    }
  }
}

function unknownPosition(partitionIndex: number): SharePosition {
  return { partitionIndex, startOffset: -1, leaderEpoch: 0, lag: -1, ...DONE }
}
