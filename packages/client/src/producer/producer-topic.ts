import { ErrorCode, isRetriable, KafkaError, KafkaTimeoutError, KafkaUsageError, Metadata } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import { brokerError } from '../cluster/broker-error.js'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { TopicMetadata } from '../cluster/topic-metadata.js'
import { partitionForKey, StickyPartition } from './partitioner.js'
import type { Delivery, SerializedRecord } from './producer-batch.js'

/** A record on its way into a batch. */
export interface PendingRecord {
  readonly topic: ProducerTopic
  readonly record: SerializedRecord
  /** The partition that the caller asked for. */
  readonly partition: number | undefined
  /** What it takes of the producer's memory. */
  readonly bytes: number
  readonly delivery: Delivery
}

/** What a ProducerTopic needs. */
export interface ProducerTopicOptions {
  readonly context: KafkaClientContext
  readonly batchSize: number
  readonly maxBlockMs: number
  /** These records can be put into batches. */
  readonly ready: (records: readonly PendingRecord[]) => void
  /** These cannot, ever. */
  readonly failed: (records: readonly PendingRecord[], error: KafkaError) => void
}

/** A topic that does not exist may have been created a moment ago; after this long it is believed not to exist. */
const UNKNOWN_TOPIC_PATIENCE_MS = 5_000

/** A topic as a producer sees it: which partition a record goes to, and the records that wait until that is known. */
export class ProducerTopic {
  readonly name: string
  readonly #options: ProducerTopicOptions
  readonly #sticky: StickyPartition
  readonly #unwant: () => void
  #waiting: PendingRecord[] = []
  #loading = false
  #closed = false

  constructor(name: string, options: ProducerTopicOptions) {
    this.name = name
    this.#options = options
    this.#sticky = new StickyPartition(options.context.random, options.batchSize)
    this.#unwant = options.context.metadata.want([name])
  }

  /** Records that wait for the topic's metadata. */
  get waiting(): readonly PendingRecord[] {
    return this.#waiting
  }

  /** The partition of a record; undefined when the record has to wait(). */
  partitionOf(pending: PendingRecord): number | undefined {
    if (this.#waiting.length > 0) return undefined
    const metadata = this.#options.context.metadata.topic(this.name)
    return metadata === undefined ? undefined : this.#choose(pending, metadata)
  }

  /** Keeps a record until the topic's metadata is there, then gives it to `ready` or `failed`. */
  wait(pending: PendingRecord): void {
    this.#waiting.push(pending)
    if (this.#loading) return
    this.#loading = true
    this.#load()
      .then(
        () => this.#dismiss(undefined),
        (error: unknown) =>
          this.#dismiss(KafkaError.is(error) ? error : new KafkaError(String(error), { cause: error })),
      )
      .finally(() => {
        this.#loading = false
      })
  }

  /** Fails what waits, and lets go of the metadata. */
  close(reason: KafkaError): void {
    this.#closed = true
    this.#unwant()
    this.#dismiss(reason)
  }

  #choose({ partition, record, bytes }: PendingRecord, { partitions }: TopicMetadata): number | undefined {
    const count = partitions.length
    if (count === 0) return undefined
    if (partition !== undefined) return partition < count ? partition : undefined
    if (record.key !== null) return partitionForKey(record.key, count)
    return this.#sticky.next(count, bytes, (candidate) => (partitions[candidate]?.leaderId ?? -1) >= 0)
  }

  async #load(): Promise<void> {
    const { context, maxBlockMs } = this.#options
    let timer: Timer | undefined
    const timeUp = new Promise<never>((_, reject) => {
      timer = context.clock.setTimer(() => {
        reject(
          new KafkaTimeoutError(
            `The metadata of topic '${this.name}' could not be had within maxBlockMs (${maxBlockMs} ms).`,
          ),
        )
      }, maxBlockMs)
    })
    try {
      await Promise.race([this.#untilKnown(), timeUp])
    } finally {
      timer?.cancel()
    }
  }

  async #untilKnown(): Promise<void> {
    const { context, maxBlockMs } = this.#options
    const startedAt = context.clock.now()
    const backoff = context.backoff()
    while (!this.#closed) {
      await context.metadata.refresh({ topics: [this.name] })
      const metadata = context.metadata.topic(this.name)
      const code = metadata?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (code === ErrorCode.NONE && metadata !== undefined && metadata.partitions.length > 0) return
      const spentMs = context.clock.now() - startedAt
      const hopeless =
        code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && spentMs >= Math.min(UNKNOWN_TOPIC_PATIENCE_MS, maxBlockMs)
      if (hopeless || (code !== ErrorCode.NONE && !isRetriable(code))) {
        throw brokerError(Metadata.name, code, null, `topic '${this.name}'`)
      }
      await backoff.wait(context.closed)
    }
  }

  #dismiss(error: KafkaError | undefined): void {
    const { ready, failed } = this.#options
    const waiting = this.#waiting
    this.#waiting = []
    if (waiting.length === 0) return
    if (error !== undefined) {
      failed(waiting, error)
      return
    }
    const metadata = this.#options.context.metadata.topic(this.name)
    const [there, missing] = [[] as PendingRecord[], [] as PendingRecord[]]
    for (const pending of waiting) {
      const { partition } = pending
      if (partition === undefined || partition < (metadata?.partitions.length ?? 0)) there.push(pending)
      else missing.push(pending)
    }
    ready(there)
    for (const pending of missing) failed([pending], noSuchPartition(this.name, pending.partition, metadata))
  }
}

function noSuchPartition(
  topic: string,
  partition: number | undefined,
  metadata: TopicMetadata | undefined,
): KafkaError {
  const count = metadata?.partitions.length ?? 0
  return new KafkaUsageError(
    `Topic '${topic}' has ${count === 1 ? 'one partition, 0' : `${count} partitions, 0 to ${count - 1}`}; there is no partition ${partition}. Correct the record's partition, or leave it out.`,
  )
}
