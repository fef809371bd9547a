import { Produce } from '@milena/protocol'
import type { KafkaError, RequestInput, ResponseOf } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { Backoff } from '../cluster/backoff.js'
import type { Connection } from '../network/connection.js'
import type { PartitionQueue } from './partition-queue.js'
import type { ProducerBatch } from './producer-batch.js'

/** A batch on its way to a broker. */
export interface SentBatch {
  readonly queue: PartitionQueue
  readonly batch: ProducerBatch
}

/** What a lane needs from its sender. */
export interface LaneOptions {
  readonly context: KafkaClientContext
  readonly nodeId: number
  readonly clientId: string
  readonly maxInFlightRequests: number
  readonly maxRequestSize: number
  /** The broker has answered these batches. */
  readonly answered: (sent: readonly SentBatch[], response: ResponseOf<typeof Produce>) => void
  /** These batches got no answer. */
  readonly unanswered: (sent: readonly SentBatch[], error: unknown) => void
  /** The broker cannot be connected to. */
  readonly unreachable: (error: unknown) => void
  /** There may be room for more. */
  readonly wake: () => void
}

/** All replicas in sync must have a batch before it counts as written. */
const ACKS_ALL = -1

/** The producer's connection to one broker: keeps a few requests on their way, each with one batch of each partition. */
export class BrokerLane {
  readonly #options: LaneOptions
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #opening = false
  #encoding = false
  #inFlight = 0
  #turn = 0
  #closed = false
  /** No attempt to connect before this time (monotonic). */
  retryAt = 0

  constructor(options: LaneOptions) {
    this.#options = options
    this.#backoff = options.context.backoff()
  }

  /** Sends what these queues have ready, as far as there is room. */
  pump(queues: readonly PartitionQueue[]): void {
    const { maxInFlightRequests } = this.#options
    const connection = this.#connection
    if (connection === undefined || !connection.isOpen) {
      this.#connect()
      return
    }
    while (this.#inFlight < maxInFlightRequests && !this.#encoding) {
      const sent = this.#take(queues)
      if (sent.length === 0) return
      this.#inFlight++
      const encoded = sent.map(({ batch }) => batch.encode())
      if (encoded.every((bytes) => Buffer.isBuffer(bytes))) {
        this.#send(connection, sent, encoded)
      } else {
        // Batches must leave in the order in which they were taken, so nothing else is sent while a codec works.
        this.#encoding = true
        Promise.all(encoded.map((bytes) => Promise.resolve(bytes)))
          .finally(() => {
            this.#encoding = false
          })
          .then(
            (bytes) => this.#send(connection, sent, bytes),
            (error: unknown) => this.#failed(sent, error),
          )
      }
    }
  }

  close(cause?: KafkaError): void {
    this.#closed = true
    this.#connection?.close(cause)
  }

  #take(queues: readonly PartitionQueue[]): SentBatch[] {
    const sent: SentBatch[] = []
    let size = 0
    const start = this.#turn++ % queues.length
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[(start + i) % queues.length]
      if (queue === undefined || !queue.isReady) continue
      const nextSize = queue.first?.sizeInBytes ?? 0
      if (sent.length > 0 && size + nextSize > this.#options.maxRequestSize) continue
      const batch = queue.take()
      if (batch === undefined) continue
      size += nextSize
      sent.push({ queue, batch })
    }
    return sent
  }

  #send(connection: Connection, sent: readonly SentBatch[], encoded: readonly Buffer[]): void {
    const { context, answered } = this.#options
    const { requestTimeoutMs } = context.config
    const body = requestOf(sent, encoded, (topic) => context.metadata.topic(topic)?.topicId, requestTimeoutMs)
    connection.send(Produce, body).then(
      (response) => {
        this.#inFlight--
        answered(sent, response)
        this.#options.wake()
      },
      (error: unknown) => {
        // After a time-out nobody knows what the broker still does with the request. On a new connection it is certain that
        // the repeat is not overtaken.
        connection.close()
        this.#failed(sent, error)
      },
    )
  }

  #failed(sent: readonly SentBatch[], error: unknown): void {
    this.#inFlight--
    this.#options.unanswered(sent, error)
    this.#options.wake()
  }

  #connect(): void {
    const { context, nodeId, clientId, wake, unreachable } = this.#options
    if (this.#opening || this.#closed || this.retryAt > context.clock.now()) return
    this.#opening = true
    context
      .openConnection(nodeId, { clientId })
      .finally(() => {
        this.#opening = false
      })
      .then(
        (connection) => {
          if (this.#closed) {
            connection.close()
            return
          }
          this.#backoff.reset()
          this.#connection = connection
          wake()
        },
        (error: unknown) => {
          if (this.#closed) return
          this.retryAt = context.clock.now() + this.#backoff.next()
          unreachable(error)
          wake()
        },
      )
  }
}

function requestOf(
  sent: readonly SentBatch[],
  encoded: readonly Buffer[],
  topicIdOf: (topic: string) => string | undefined,
  timeoutMs: number,
): RequestInput<typeof Produce> {
  const byTopic = new Map<string, { index: number; records: Buffer }[]>()
  for (const [i, { queue }] of sent.entries()) {
    const records = encoded[i]
    if (records === undefined) continue
    const partitions = byTopic.get(queue.topic)
    if (partitions === undefined) byTopic.set(queue.topic, [{ index: queue.partition, records }])
    else partitions.push({ index: queue.partition, records })
  }
  const topicData = [...byTopic].map(([name, partitionData]) => {
    const topicId = topicIdOf(name)
    return topicId === undefined ? { name, partitionData } : { name, topicId, partitionData }
  })
  return { transactionalId: null, acks: ACKS_ALL, timeoutMs, topicData }
}
