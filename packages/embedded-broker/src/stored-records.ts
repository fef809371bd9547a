import {
  defaultCompressionCodecs,
  KafkaUsageError,
  RecordBatchBuilder,
  RecordBatchReader,
  type RecordHeaders,
} from '@milena/protocol'
import type { BrokerCluster } from './broker-cluster.js'
import type { PartitionEntry } from './topics/topic-catalog.js'

/** A record to put into a log. Text is written as UTF-8. */
export interface RecordToAppend {
  readonly key?: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly headers?: Readonly<Record<string, string | Uint8Array | null>>
  /** Milliseconds since the epoch. Default: the broker's time. */
  readonly timestamp?: number
}

export interface AppendedRecords {
  readonly firstOffset: number
  readonly lastOffset: number
}

/** A record as the log holds it. */
export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeaders
}

interface Place {
  readonly topic: string
  readonly partition: number
}

function partitionAt(cluster: BrokerCluster, { topic, partition }: Place): PartitionEntry {
  const entry = cluster.topics.byName(topic)?.partitions[partition]
  if (entry === undefined) {
    throw new KafkaUsageError(
      `There is no partition ${partition} of a topic "${topic}". Create it first: broker.createTopic({ name: '${topic}' }).`,
    )
  }
  return entry
}

function bytesOf(value: string | Uint8Array | null): Uint8Array | null {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}

/** One batch, uncompressed. Throws KafkaUsageError when the log refuses it. */
export function appendRecords(
  cluster: BrokerCluster,
  given: Place & { readonly records: readonly RecordToAppend[] },
): AppendedRecords {
  const partition = partitionAt(cluster, given)
  if (given.records.length === 0) throw new KafkaUsageError('There is no record to append. Give at least one.')
  const builder = new RecordBatchBuilder({})
  for (const { key, value, headers, timestamp } of given.records) {
    builder.append({
      timestamp: timestamp ?? cluster.surroundings.clock.wallTime(),
      key: bytesOf(key ?? null),
      value: bytesOf(value),
      headers: Object.entries(headers ?? {}).map(([name, each]) => ({ key: name, value: bytesOf(each) })),
    })
  }
  const bytes = builder.build()
  if (bytes instanceof Promise) throw new Error('An uncompressed batch is built at once.')
  const result = partition.log.append(bytes, { leaderEpoch: partition.leaderEpoch })
  if (result instanceof Promise) throw new Error('An uncompressed batch is appended at once.')
  if (result.errorCode !== 0) {
    throw new KafkaUsageError(
      `The log of ${given.topic}-${given.partition} refuses the records: ${result.errorMessage ?? `error ${result.errorCode}`}`,
    )
  }
  return { firstOffset: result.baseOffset, lastOffset: result.baseOffset + given.records.length - 1 }
}

export async function readRecords(cluster: BrokerCluster, place: Place): Promise<StoredRecord[]> {
  const { log } = partitionAt(cluster, place)
  const found: StoredRecord[] = []
  const batches = log.read({ fromOffset: log.startOffset, maxBytes: Infinity, upTo: log.endOffset })
  for (const { bytes, isControl } of batches) {
    if (isControl) continue
    const reader = new RecordBatchReader(bytes)
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      const cursor = await batch.open(defaultCompressionCodecs)
      while (cursor.next()) {
        if (cursor.offset < log.startOffset) continue
        const { offset, timestamp, key, value } = cursor
        found.push({ offset, timestamp, key, value, headers: cursor.headers() })
      }
    }
  }
  return found
}
