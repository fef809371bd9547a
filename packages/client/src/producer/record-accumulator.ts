import { RecordBatchBuilder, type CompressionCodecs, type CompressionType } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { PartitionQueue } from './partition-queue.js'
import { ProducerBatch, type Delivery, type SerializedRecord } from './producer-batch.js'

/** How records are gathered into batches. */
export interface AccumulatorOptions {
  readonly clock: Clock
  readonly batchSize: number
  readonly lingerMs: number
  readonly compression: CompressionType
  readonly codecs: CompressionCodecs
}

/** A record on its way into a batch. */
export interface PlacedRecord {
  readonly topic: string
  readonly partition: number
  readonly record: SerializedRecord
  /** What it takes of the producer's memory. */
  readonly bytes: number
  readonly delivery: Delivery
}

const BATCH_HEADER_BYTES = 61

/** All records that are not delivered yet, gathered by partition and batch. */
export class RecordAccumulator {
  readonly #options: AccumulatorOptions
  readonly #queues = new Map<string, PartitionQueue[]>()
  readonly #active = new Set<PartitionQueue>()

  constructor(options: AccumulatorOptions) {
    this.#options = options
  }

  /** The queues that hold anything. */
  get active(): ReadonlySet<PartitionQueue> {
    return this.#active
  }

  /** Adds a record to its partition. True when the sender has something to do because of it: a full batch, or a first record whose linger begins. */
  append({ topic, partition, record, bytes, delivery }: PlacedRecord): boolean {
    const { clock, batchSize, compression, codecs } = this.#options
    const queue = this.#queue(topic, partition)
    let isNews = false
    if (queue.open !== undefined && queue.open.sizeInBytes + bytes > batchSize) {
      queue.close()
      isNews = true
    }
    if (queue.open === undefined) {
      // As large as the partition's last batch came to be: growing a buffer copies it each time.
      const initialBytes = Math.max(bytes + BATCH_HEADER_BYTES, queue.lastBatchBytes)
      queue.open = new ProducerBatch(new RecordBatchBuilder({ compression, codecs, initialBytes }), clock.now())
      isNews = true
    }
    queue.open.append(record, bytes, delivery)
    if (queue.open.sizeInBytes >= batchSize) {
      queue.close()
      isNews = true
    }
    this.#active.add(queue)
    return isNews
  }

  /** Closes the open batches whose linger is over, or all of them. Tells when the next one's will be (monotonic; Infinity: none is open). */
  closeDue(now: number, all: boolean): number {
    let next = Infinity
    for (const queue of this.#active) {
      if (queue.open === undefined) continue
      const dueAt = queue.open.createdAt + this.#options.lingerMs
      if (all || dueAt <= now) queue.close()
      else if (dueAt < next) next = dueAt
    }
    return next
  }

  /** Forgets that a queue is active when nothing is left in it. */
  rest(queue: PartitionQueue): void {
    if (queue.isEmpty) this.#active.delete(queue)
  }

  #queue(topic: string, partition: number): PartitionQueue {
    let queues = this.#queues.get(topic)
    if (queues === undefined) {
      queues = []
      this.#queues.set(topic, queues)
    }
    let queue = queues[partition]
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition)
      queues[partition] = queue
    }
    return queue
  }
}
