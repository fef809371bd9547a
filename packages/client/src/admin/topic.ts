import { KafkaUsageError } from '@milena/protocol'
import type { CreateTopics, Metadata, RequestInput, ResponseOf, Uuid } from '@milena/protocol'
import { configsOf } from './config-names.js'

/** A topic to be created. */
export interface NewTopic {
  readonly name: string
  /** Default: num.partitions of the brokers. */
  readonly numPartitions?: number | undefined
  /** Default: default.replication.factor of the brokers. */
  readonly replicationFactor?: number | undefined
  /** Which brokers hold each partition, the first one leading: `[[1, 2], [2, 3]]`. In place of the two numbers. */
  readonly replicaAssignments?: readonly (readonly number[])[] | undefined
  /** Topic configuration, e.g. `{ 'retention.ms': '3600000' }`; `retentionMs` will do. */
  readonly configs?: Readonly<Record<string, string>> | undefined
}

/** A topic that createTopics() was asked for. */
export interface CreatedTopic {
  readonly name: string
  /** ZERO_UUID when it existed before. */
  readonly topicId: Uuid
  /** -1 when it existed before, or when the broker may not tell. */
  readonly numPartitions: number
  readonly replicationFactor: number
  /** It was there before, and ifNotExists was set. */
  readonly existed: boolean
}

/** A topic as a broker describes it. */
export interface TopicDescription {
  readonly name: string
  readonly topicId: Uuid
  readonly isInternal: boolean
  readonly partitions: readonly {
    readonly index: number
    /** -1: none at the moment. */
    readonly leaderId: number
    readonly leaderEpoch: number
    readonly replicas: readonly number[]
    readonly inSyncReplicas: readonly number[]
  }[]
}

type TopicRequest = NonNullable<RequestInput<typeof CreateTopics>['topics']>[number]

export function topicRequestOf(topic: NewTopic): TopicRequest {
  const { name, numPartitions, replicationFactor, replicaAssignments, configs } = topic
  if (replicaAssignments !== undefined && (numPartitions !== undefined || replicationFactor !== undefined)) {
    throw new KafkaUsageError(
      `Topic '${name}': give either replicaAssignments, or numPartitions and replicationFactor.`,
    )
  }
  checkCount(name, 'numPartitions', numPartitions)
  checkCount(name, 'replicationFactor', replicationFactor)
  return {
    name,
    numPartitions: numPartitions ?? -1,
    replicationFactor: replicationFactor ?? -1,
    assignments: (replicaAssignments ?? []).map((brokerIds, partitionIndex) => ({
      partitionIndex,
      brokerIds: [...brokerIds],
    })),
    configs: configsOf('topic', configs ?? {}).map(([key, value]) => ({ name: key, value })),
  }
}

function checkCount(topic: string, option: string, count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 1)) return
  throw new KafkaUsageError(
    `Topic '${topic}': ${option} is ${count}; it must be a whole number, at least 1. Leave it out for the brokers' default.`,
  )
}

export function topicDescriptionOf(topic: ResponseOf<typeof Metadata>['topics'][number]): TopicDescription {
  return {
    name: topic.name ?? '',
    topicId: topic.topicId,
    isInternal: topic.isInternal,
    partitions: topic.partitions
      .map(({ partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes }) => ({
        index: partitionIndex,
        leaderId,
        leaderEpoch,
        replicas: replicaNodes,
        inSyncReplicas: isrNodes,
      }))
      .toSorted((a, b) => a.index - b.index),
  }
}
