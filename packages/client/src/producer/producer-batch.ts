import type { KafkaError, RecordBatchBuilder, RecordHeaderInputs } from '@milena/protocol'

/** Where a record ended up. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Epoch milliseconds: the record's own, or the broker's where the topic is set to LogAppendTime. */
  readonly timestamp: number
}

/** A record in the form in which it is written. */
export interface SerializedRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeaderInputs
  readonly timestamp: number
}

/** The promise that a caller of send() holds. */
export class Delivery {
  readonly promise: Promise<RecordMetadata>
  #resolve: (metadata: RecordMetadata) => void = () => undefined
  #reject: (error: KafkaError) => void = () => undefined

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  delivered(metadata: RecordMetadata): void {
    this.#resolve(metadata)
  }

  /** Fails it. A caller who does not look at his promise must not bring the process down: the producer logs failures too. */
  failed(error: KafkaError): void {
    this.promise.catch(() => undefined)
    this.#reject(error)
  }
}

/** Who writes a batch and where it stands in that writer's sequence; what brokers tell repeats and gaps by (KIP-98). */
export interface BatchIdentity {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** Some records for one partition that travel together, and the promises of those who sent them. */
export class ProducerBatch {
  readonly createdAt: number
  readonly #builder: RecordBatchBuilder
  readonly #deliveries: Delivery[] = []
  readonly #timestamps: number[] = []
  #bytes = 0
  #encoded: Buffer | Promise<Buffer> | undefined
  #settled: (() => void)[] = []
  /** Set when the batch is sent for the first time; kept when it is sent again. */
  identity: BatchIdentity | undefined
  /** Position in the order of first sending. */
  order = 0
  /** How often it was sent. */
  attempts = 0
  /** Why the last attempt failed. */
  lastError: KafkaError | undefined
  /** The callers have their answer; only the broker's is still out. */
  isSettled = false

  constructor(builder: RecordBatchBuilder, createdAt: number) {
    this.#builder = builder
    this.createdAt = createdAt
  }

  get recordCount(): number {
    return this.#deliveries.length
  }

  /** Bytes of the batch on the wire, before compression. */
  get sizeInBytes(): number {
    return this.#builder.sizeInBytes
  }

  /** What its records take of the producer's memory. */
  get bytes(): number {
    return this.#bytes
  }

  append(record: SerializedRecord, bytes: number, delivery: Delivery): void {
    this.#builder.append(record)
    this.#deliveries.push(delivery)
    this.#timestamps.push(record.timestamp)
    this.#bytes += bytes
  }

  /** The bytes to send; made once, and anew when the batch gets another identity. A promise where the codec is asynchronous. */
  encode(): Buffer | Promise<Buffer> {
    this.#encoded ??= this.#builder.build(this.identity ?? {})
    return this.#encoded
  }

  /** Gives it an identity; what was encoded under another one is thrown away. */
  identify(identity: BatchIdentity): void {
    this.identity = identity
    this.#encoded = undefined
  }

  /** Takes the identity back. */
  anonymize(): void {
    this.identity = undefined
    this.#encoded = undefined
  }

  /** Resolves when every record of this batch is delivered or failed. */
  whenSettled(): Promise<void> {
    return this.isSettled ? Promise.resolve() : new Promise((resolve) => this.#settled.push(resolve))
  }

  /** @param logAppendTime the broker's timestamp for all of them, -1 where the records keep their own */
  delivered(topic: string, partition: number, baseOffset: number, logAppendTime: number): void {
    if (this.isSettled) return
    for (const [index, delivery] of this.#deliveries.entries()) {
      const timestamp = logAppendTime >= 0 ? logAppendTime : (this.#timestamps[index] ?? -1)
      delivery.delivered({ topic, partition, offset: baseOffset + index, timestamp })
    }
    this.#settle()
  }

  failed(errorOf: (index: number) => KafkaError): void {
    if (this.isSettled) return
    for (const [index, delivery] of this.#deliveries.entries()) delivery.failed(errorOf(index))
    this.#settle()
  }

  #settle(): void {
    this.isSettled = true
    for (const resolve of this.#settled) resolve()
    this.#settled = []
  }
}
