import { ShareAcknowledge, ShareFetch, type RequestInput } from '@milena/protocol'
import type { AcknowledgementBatch } from './ack-batches.js'
import type { SentByPartition } from './acquired-records.js'
import { AckCode } from './acknowledge-type.js'
import type { TopicIdPartition } from './share-partition.js'
import type { SessionChanges } from './share-session.js'

// The bodies of the two share requests. Pure.

export interface ShareFetchSettings {
  readonly fetchMaxWaitMs: number
  readonly fetchMinBytes: number
  /** undefined: as the application can cope with. */
  readonly acquireMode: 'batch_optimized' | 'record_limit' | undefined
  /** The longest acquired range; undefined: as long as a fetch. */
  readonly batchSize: number | undefined
}

/** Who asks, and in which turn of the session. */
export interface SessionStamp {
  readonly groupId: string
  readonly memberId: string
  readonly epoch: number
}

export interface FetchOrder {
  readonly changes: SessionChanges
  readonly acknowledgements: SentByPartition
  readonly records: number
  /** Acquire no more than `records` (Kafka 4.2). */
  readonly exact: boolean
  /** Acquired ranges should be no longer; undefined: than one fetch. */
  readonly longestRange: number | undefined
  readonly maxBytes: number
  readonly maxWaitMs: number
}

export function shareFetchRequest(
  { groupId, memberId, epoch }: SessionStamp,
  { fetchMinBytes, batchSize }: ShareFetchSettings,
  { changes, acknowledgements, records, exact, longestRange, maxBytes, maxWaitMs }: FetchOrder,
): RequestInput<typeof ShareFetch> {
  return {
    groupId,
    memberId,
    shareSessionEpoch: epoch,
    maxWaitMs,
    minBytes: fetchMinBytes,
    maxBytes,
    // Acquired to the record, they come as one range per partition, however long a range should be.
    maxRecords: exact ? Math.min(records, longestRange ?? records) : records,
    batchSize: Math.min(batchSize ?? records, longestRange ?? Infinity),
    shareAcquireMode: exact ? 1 : 0,
    topics: acknowledgingTopics(acknowledgements, changes.added),
    forgottenTopicsData: byTopic(changes.forgotten, ({ partition }) => partition),
  }
}

export function shareAcknowledgeRequest(
  { groupId, memberId, epoch }: SessionStamp,
  acknowledgements: SentByPartition,
): RequestInput<typeof ShareAcknowledge> {
  return {
    groupId,
    memberId,
    shareSessionEpoch: epoch,
    isRenewAck: carriesRenewal(acknowledgements),
    topics: acknowledgingTopics(acknowledgements, []),
  }
}

interface AcknowledgingPartition {
  readonly partitionIndex: number
  readonly acknowledgementBatches: AcknowledgementBatch[]
}

function acknowledgingTopics(
  sent: SentByPartition,
  added: readonly TopicIdPartition[],
): { topicId: string; partitions: AcknowledgingPartition[] }[] {
  return byTopic(new Set([...added, ...sent.keys()]), (partition) => ({
    partitionIndex: partition.partition,
    acknowledgementBatches: [...(sent.get(partition)?.batches ?? [])],
  }))
}

function carriesRenewal(sent: SentByPartition): boolean {
  for (const { batches } of sent.values()) {
    for (const { acknowledgeTypes } of batches) if (acknowledgeTypes.includes(AckCode.RENEW)) return true
  }
  return false
}

function byTopic<T>(
  partitions: Iterable<TopicIdPartition>,
  entry: (partition: TopicIdPartition) => T,
): { topicId: string; partitions: T[] }[] {
  const topics = new Map<string, { topicId: string; partitions: T[] }>()
  for (const partition of partitions) {
    const topic = topics.get(partition.topicId)
    if (topic === undefined)
      topics.set(partition.topicId, { topicId: partition.topicId, partitions: [entry(partition)] })
    else topic.partitions.push(entry(partition))
  }
  return [...topics.values()]
}
