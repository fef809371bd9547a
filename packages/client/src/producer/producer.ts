import {
  compressionTypeOf,
  CompressionType,
  defaultCompressionCodecs,
  KafkaError,
  KafkaTimeoutError,
  KafkaUsageError,
} from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { checkTopicName } from '../cluster/topic-name.js'
import {
  resolveProducerConfig,
  type DefaultSerializable,
  type ProducerOptions,
  type ProducerOptionsInProperties,
  type ResolvedProducerConfig,
} from '../config/producer-config.js'
import { shownArgument } from '../config/shown-argument.js'
import { isSerde, type Serializer } from '../serde.js'
import { readCloseOptions, type CloseOptions } from '../share/consumer-arguments.js'
import { BufferMemory } from './buffer-memory.js'
import { Delivery, type RecordMetadata } from './producer-batch.js'
import { ProducerTopic, type PendingRecord } from './producer-topic.js'
import { RecordAccumulator } from './record-accumulator.js'
import { checkFields, checkPartition, headersOf, sizeOf, timestampOf, type ProducerRecord } from './record-input.js'
import { Sender } from './sender.js'

/**
 * Writes records. Idempotent: what is repeated after a failure is written once and in order, and counts as written when all
 * replicas in sync have it (KIP-98). Every promise of send() is settled, within deliveryTimeoutMs of batching (KIP-91).
 */
export class Producer<K = DefaultSerializable, V = DefaultSerializable> {
  readonly #config: ResolvedProducerConfig<K, V>
  readonly #context: KafkaClientContext
  readonly #accumulator: RecordAccumulator
  readonly #sender: Sender
  readonly #memory: BufferMemory<PendingRecord>
  readonly #topics = new Map<string, ProducerTopic>()
  readonly #serializing = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** The brokers are named in `properties`. */
  constructor(options: ProducerOptionsInProperties<K, V>, context?: KafkaClientContext)
  /** @param context internal: connections and metadata to share; without it the producer has its own. Connects at the first send(). */
  constructor(options: ProducerOptions<K, V>, context?: KafkaClientContext)
  constructor(options: ProducerOptions<K, V> | ProducerOptionsInProperties<K, V>, context?: KafkaClientContext) {
    this.#config = resolveProducerConfig(options)
    const { client, lingerMs, compression, maxRequestSize, bufferMemory, maxBlockMs } = this.#config
    this.#context = context?.acquire() ?? KafkaClientContext.create(client)
    const { clock } = this.#context
    this.#memory = new BufferMemory({
      clock,
      bufferMemory,
      maxBlockMs,
      admitted: (pending) => this.#admitted(pending),
      timedOut: ({ topic, delivery }) => {
        delivery.failed(
          new KafkaTimeoutError(
            `A record for ${topic.name} found no room within maxBlockMs (${maxBlockMs} ms): ${bufferMemory} bytes of undelivered records are waiting already. Send slower, await earlier sends, or raise bufferMemory.`,
            { code: 'BUFFER_EXHAUSTED' },
          ),
        )
      },
    })
    this.#accumulator = new RecordAccumulator({
      clock,
      batchSize: Math.min(this.#config.batchSize, maxRequestSize),
      lingerMs,
      compression: compressionTypeOf(compression) ?? CompressionType.NONE,
      codecs: defaultCompressionCodecs,
    })
    this.#sender = new Sender({
      context: this.#context,
      accumulator: this.#accumulator,
      clientId: client.clientId,
      maxInFlightRequests: this.#config.maxInFlightRequests,
      maxRequestSize,
      deliveryTimeoutMs: this.#config.deliveryTimeoutMs,
      settled: (batch) => this.#memory.release(batch.bytes),
    })
  }

  /**
   * Sends one record. Resolves with its place once all replicas in sync have it. Do not await each in turn: records travel
   * in batches of what is sent within lingerMs. While bufferMemory is full the record waits for room.
   *
   * Rejects with KafkaUsageError (a record that cannot be sent, or a closed producer), KafkaBrokerError (the broker
   * refuses it: authorisation, MESSAGE_TOO_LARGE, an unknown topic), KafkaTimeoutError (deliveryTimeoutMs, or maxBlockMs while
   * waiting for room or metadata) or KafkaConnectionError. Who does not look at the promise still finds failures of delivery in the log.
   */
  send(record: ProducerRecord<K, V>): Promise<RecordMetadata> {
    if (this.#closing !== undefined) {
      return this.#refusedAsClosed()
    }
    try {
      if (typeof record !== 'object' || record === null || Array.isArray(record)) {
        throw new KafkaUsageError(
          `send() takes a record, such as { topic: 'orders', value: 'text' }, not ${shownArgument(record)}. Each record is sent by a send() of its own.`,
        )
      }
      checkFields(record)
      const topic = this.#topic(record.topic)
      const key = serialize(this.#config.keySerializer, record.key, record.topic, 'key')
      const value = serialize(this.#config.valueSerializer, record.value, record.topic, 'value')
      if (!(key instanceof Promise) && !(value instanceof Promise)) return this.#accept(topic, record, key, value)
      const accepted = Promise.all([key, value]).then(([k, v]) => {
        const promise = this.#accept(topic, record, k, v)
        return { promise }
      })
      this.#serializing.add(accepted)
      const done = () => this.#serializing.delete(accepted)
      accepted.then(done, done)
      return accepted.then(({ promise }) => promise)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new KafkaError(String(error)))
    }
  }

  /** Sends what waits without lingering, and resolves when every record sent before this call is delivered or failed. Never rejects. */
  async flush(): Promise<void> {
    this.#sender.beginFlush()
    try {
      if (this.#serializing.size > 0) await Promise.allSettled(this.#serializing)
      const waiting = [...this.#memory.waiting, ...[...this.#topics.values()].flatMap((topic) => [...topic.waiting])]
      const batches = [...this.#accumulator.active].flatMap((queue) => [...queue.batches()])
      const nothing = () => undefined
      await Promise.all([
        ...waiting.map(({ delivery }) => delivery.promise.then(nothing, nothing)),
        ...batches.map((batch) => batch.whenSettled()),
      ])
    } finally {
      this.#sender.endFlush()
    }
  }

  /**
   * Takes no more records, delivers those that were sent, and closes its connections. What is not delivered after `timeoutMs`
   * (default 30,000) fails. Calling it again gives the same promise. Rejects, and leaves it open, for options that it does not
   * know (KafkaUsageError); for nothing else.
   */
  close(options: CloseOptions = {}): Promise<void> {
    try {
      this.#closing ??= this.#close(readCloseOptions(options).timeoutMs ?? 30_000)
      return this.#closing
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new KafkaError(String(error)))
    }
  }

  /** close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Takes a turn of the event loop: in a loop that goes on whatever send() says, no signal handler would run any more. */
  #refusedAsClosed(): Promise<never> {
    return new Promise((_, reject) => {
      this.#context.clock.immediate(() => {
        reject(new KafkaUsageError('This producer is closed. Create a new one.', { code: 'CLOSED' }))
      })
    })
  }

  async #close(timeoutMs: number): Promise<void> {
    if (timeoutMs > 0) {
      let timer: Timer | undefined
      const timeUp = new Promise<void>((resolve) => {
        timer = this.#context.clock.setTimer(resolve, timeoutMs)
      })
      await Promise.race([this.flush(), timeUp])
      timer?.cancel()
    }
    const reason = new KafkaTimeoutError(
      `The producer was closed before this record was delivered; close() waited for ${timeoutMs} ms.`,
      {
        code: 'CLOSED',
        retriable: false,
      },
    )
    for (const { delivery } of this.#memory.close()) delivery.failed(reason)
    for (const topic of this.#topics.values()) topic.close(reason)
    this.#sender.close(reason)
    await this.#context.release()
  }

  #topic(name: string): ProducerTopic {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      checkTopicName(name)
      const { batchSize, maxBlockMs } = this.#config
      topic = new ProducerTopic(name, {
        context: this.#context,
        batchSize,
        maxBlockMs,
        ready: (records) => {
          for (const pending of records) this.#admitted(pending)
        },
        failed: (records, error) => this.#refused(records, error),
      })
      this.#topics.set(name, topic)
    }
    return topic
  }

  #accept(
    topic: ProducerTopic,
    given: ProducerRecord<K, V>,
    key: Buffer | null,
    value: Buffer | null,
  ): Promise<RecordMetadata> {
    const { maxRequestSize, bufferMemory } = this.#config
    const headers = headersOf(given.headers)
    const bytes = sizeOf(key, value, headers)
    if (bytes > maxRequestSize || bytes > bufferMemory) {
      const option = maxRequestSize <= bufferMemory ? 'maxRequestSize' : 'bufferMemory'
      throw new KafkaUsageError(
        `A record for ${topic.name} takes up to ${bytes} bytes, more than ${option} (${this.#config[option]}). Send smaller records, or raise it, and max.message.bytes of the topic.`,
        { code: 'MESSAGE_TOO_LARGE' },
      )
    }
    const delivery = new Delivery()
    this.#memory.ask({
      topic,
      record: { key, value, headers, timestamp: timestampOf(given.timestamp, this.#context.clock) },
      partition: checkPartition(given.partition),
      bytes,
      delivery,
    })
    return delivery.promise
  }

  #admitted(pending: PendingRecord): void {
    const { topic, record, bytes, delivery } = pending
    const partition = topic.partitionOf(pending)
    if (partition === undefined) topic.wait(pending)
    else if (this.#accumulator.append({ topic: topic.name, partition, record, bytes, delivery })) this.#sender.wake()
  }

  #refused(records: readonly PendingRecord[], error: KafkaError): void {
    for (const { delivery, bytes } of records) {
      delivery.failed(error)
      this.#memory.release(bytes)
    }
    this.#context.logger.warn({ records: records.length, code: error.code }, `records were not sent: ${error.message}`)
  }
}

function serialize<T>(
  serializer: Serializer<T>,
  data: T | null | undefined,
  topic: string,
  part: 'key' | 'value',
): Buffer | null | Promise<Buffer | null> {
  if (data === null || data === undefined) return null
  try {
    const result = serializer.serialize(data, { topic, isKey: part === 'key' })
    return result instanceof Promise
      ? result.then(checked, (error: unknown) => {
          throw unserializable(topic, part, error)
        })
      : checked(result)
  } catch (error) {
    throw unserializable(topic, part, error)
  }
}

function checked(bytes: Buffer | null): Buffer | null {
  if (bytes === null || Buffer.isBuffer(bytes)) return bytes
  throw new KafkaUsageError(
    `The serialiser returned ${shownKind(bytes)}; it must return a Buffer or null. ${remedy(bytes)}`,
  )
}

function shownKind(result: unknown): string {
  return typeof result === 'string' ? 'a text' : shownArgument(result)
}

function remedy(result: unknown): string {
  if (typeof result === 'string') return 'Take json() or string(), or return Buffer.from(text).'
  if (result instanceof Uint8Array) return 'Return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).'
  return isSerde(result)
    ? 'It is a function that makes a serialiser: call it where you set it.'
    : 'Take json() for objects.'
}

function unserializable(topic: string, part: 'key' | 'value', error: unknown): KafkaError {
  const reason = error instanceof Error ? error.message : String(error)
  return new KafkaUsageError(`The ${part} of a record for ${topic} cannot be serialised: ${reason}`, {
    code: 'SERIALIZATION_FAILED',
    cause: error,
  })
}
