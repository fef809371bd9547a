import type { Metadata, ResponseOf, Uuid } from '@milena/protocol'

/** A broker as the cluster's metadata names it. */
export interface BrokerNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** One partition of a topic as the metadata describes it. */
export interface PartitionMetadata {
  readonly index: number
  /** The node that leads it; -1 when it has no leader at the moment. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
}

/** A topic as the metadata describes it. One that does not exist is kept too, with its error code and no partitions. */
export interface TopicMetadata {
  readonly name: string
  /** ZERO_UUID while the topic does not exist. */
  readonly topicId: Uuid
  /** 0, or what the broker said about the topic, such as UNKNOWN_TOPIC_OR_PARTITION (3). */
  readonly errorCode: number
  readonly isInternal: boolean
  /** By partition index: `partitions[3].index === 3`. */
  readonly partitions: readonly PartitionMetadata[]
}

/** A broker's word about who leads a partition now, taken from an answer's CurrentLeader and NodeEndpoints. */
export interface LeaderHint {
  readonly topicId: Uuid
  readonly partition: number
  readonly nodeId: number
  readonly epoch: number
  /** Where that node listens, when the answer told it. */
  readonly endpoint?: BrokerNode | undefined
}

/** A topic as a broker tells of it. */
export type AnsweredTopic = ResponseOf<typeof Metadata>['topics'][number]

/**
 * What is known of a topic after an answer. `before` is what was known until then; undefined where that says nothing any more.
 */
export function topicOf(answered: AnsweredTopic, name: string, before: TopicMetadata | undefined): TopicMetadata {
  const sameTopic = before !== undefined && before.topicId === answered.topicId
  const partitions: PartitionMetadata[] = []
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of answered.partitions.toSorted(
    byIndex,
  )) {
    if (partitionIndex !== partitions.length) break // a hole: what lies beyond it comes with a later refresh
    const known = sameTopic ? before.partitions[partitionIndex] : undefined
    // A broker that lags behind must not undo what a hint or another broker told later (KIP-951, KIP-320).
    const stale = known !== undefined && known.leaderEpoch > leaderEpoch
    partitions.push({
      index: partitionIndex,
      leaderId: stale ? known.leaderId : leaderId,
      leaderEpoch: stale ? known.leaderEpoch : leaderEpoch,
      replicaNodes,
      isrNodes,
    })
  }
  return { name, topicId: answered.topicId, errorCode: answered.errorCode, isInternal: answered.isInternal, partitions }
}

function byIndex(a: AnsweredTopic['partitions'][number], b: AnsweredTopic['partitions'][number]): number {
  return a.partitionIndex - b.partitionIndex
}
