import { ErrorCode, InitProducerId, isRetriable, KafkaError, KafkaTimeoutError, Produce } from '@milena/protocol'
import type { ResponseOf } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import { backoffDelay } from '../cluster/backoff.js'
import { brokerError } from '../cluster/broker-error.js'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { BrokerLane, type SentBatch } from './broker-lane.js'
import type { PartitionQueue } from './partition-queue.js'
import type { ProducerBatch } from './producer-batch.js'
import type { RecordAccumulator } from './record-accumulator.js'

/** What the sender needs. */
export interface SenderOptions {
  readonly context: KafkaClientContext
  readonly accumulator: RecordAccumulator
  readonly clientId: string
  readonly maxInFlightRequests: number
  readonly maxRequestSize: number
  readonly deliveryTimeoutMs: number
  /** The callers of these records have their answer, and there is room for new ones. */
  readonly settled: (batch: ProducerBatch) => void
}

type PartitionAnswer = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]

/**
 * Brings batches to their brokers and answers to their callers. wake() is the one way in: whoever changes something calls it,
 * and one pass over all partitions then does whatever can be done.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #lanes = new Map<number, BrokerLane>()
  #producer: { readonly id: number; readonly epoch: number } | undefined
  #askingForProducer = false
  #refreshing = false
  #scheduled = false
  #timer: Timer | undefined
  #timerAt = Infinity
  #flushes = 0
  #closed = false

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Looks for work after the code that runs now. Cheap; may be called often. */
  wake(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#closed) this.#pass()
    })
  }

  /** While a flush is on, batches do not linger. */
  beginFlush(): void {
    this.#flushes++
    this.wake()
  }

  endFlush(): void {
    this.#flushes--
  }

  /** Fails everything that is not delivered, and ends the connections. */
  close(reason: KafkaError): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#failAll(reason)
    for (const lane of this.#lanes.values()) lane.close(reason)
  }

  #pass(): void {
    const { accumulator, context } = this.#options
    const now = context.clock.now()
    let nextAt = accumulator.closeDue(now, this.#flushes > 0)
    nextAt = Math.min(nextAt, this.#expire(now))
    const byNode = new Map<number, PartitionQueue[]>()
    for (const queue of accumulator.active) {
      if (!queue.isReady) continue
      if (queue.retryAt > now) {
        nextAt = Math.min(nextAt, queue.retryAt)
        continue
      }
      if (!this.#hasProducer(queue)) continue
      const leader = context.metadata.topic(queue.topic)?.partitions[queue.partition]?.leaderId ?? -1
      if (leader < 0) {
        this.#postpone(queue)
        this.#refresh(queue.topic)
        nextAt = Math.min(nextAt, queue.retryAt)
        continue
      }
      const queues = byNode.get(leader)
      if (queues === undefined) byNode.set(leader, [queue])
      else queues.push(queue)
    }
    for (const [nodeId, queues] of byNode) {
      const lane = this.#lane(nodeId)
      lane.pump(queues)
      if (lane.retryAt > now) nextAt = Math.min(nextAt, lane.retryAt)
    }
    this.#wakeAt(nextAt)
  }

  #wakeAt(at: number): void {
    if (at === this.#timerAt) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = at
    if (at === Infinity || this.#closed) return
    const { clock } = this.#options.context
    this.#timer = clock.setTimer(() => {
      this.#timerAt = Infinity
      this.wake()
    }, at - clock.now())
  }

  // Whose time is up is failed, also when its request is still out: the caller was promised an answer by then.
  #expire(now: number): number {
    const { accumulator, deliveryTimeoutMs } = this.#options
    let next = Infinity
    for (const queue of accumulator.active) {
      let anyOver = false
      for (const batch of queue.batches()) {
        if (batch.isSettled) continue
        const dueAt = batch.createdAt + deliveryTimeoutMs
        if (dueAt > now) {
          next = Math.min(next, dueAt)
          continue
        }
        anyOver = true
        this.#fail(queue, batch, this.#tooLate(queue, batch))
      }
      if (!anyOver) continue
      if (queue.open?.isSettled === true) queue.close()
      queue.removeWaiting((batch) => batch.isSettled)
      accumulator.rest(queue)
    }
    return next
  }

  #tooLate(queue: PartitionQueue, batch: ProducerBatch): KafkaError {
    const { deliveryTimeoutMs } = this.#options
    const last = batch.lastError === undefined ? '' : ` The last attempt: ${batch.lastError.message}`
    const tried = batch.attempts === 0 ? 'it was never sent' : `${batch.attempts} attempts`
    return new KafkaTimeoutError(
      `A record for ${queue.topic}-${queue.partition} was not acknowledged within deliveryTimeoutMs (${deliveryTimeoutMs} ms; ${tried}).${last}`,
      { cause: batch.lastError },
    )
  }

  #hasProducer(queue: PartitionQueue): boolean {
    if (!queue.needsProducer) return true
    if (this.#producer !== undefined && this.#producer.id === queue.exhaustedProducerId) this.#producer = undefined
    if (this.#producer === undefined) {
      this.#askForProducer()
      return false
    }
    queue.assignProducer(this.#producer)
    return true
  }

  #askForProducer(): void {
    if (this.#askingForProducer) return
    this.#askingForProducer = true
    const { context } = this.#options
    const body = { transactionalId: null, transactionTimeoutMs: 0x7fffffff }
    context
      .sendWithRetry(InitProducerId, body, { to: 'any', errorOf: (response) => response.errorCode })
      .then((response) => {
        if (response.errorCode !== ErrorCode.NONE)
          throw brokerError(InitProducerId.name, response.errorCode, null, 'this producer')
        this.#producer = { id: response.producerId, epoch: response.producerEpoch }
      })
      .catch((error: unknown) => this.#failAll(asKafkaError(error)))
      .finally(() => {
        this.#askingForProducer = false
        this.wake()
      })
  }

  #lane(nodeId: number): BrokerLane {
    let lane = this.#lanes.get(nodeId)
    if (lane === undefined) {
      const { context, clientId, maxInFlightRequests, maxRequestSize } = this.#options
      lane = new BrokerLane({
        context,
        nodeId,
        clientId,
        maxInFlightRequests,
        maxRequestSize,
        answered: (sent, response) => this.#answered(sent, response),
        unanswered: (sent, error) => this.#unanswered(sent, error),
        unreachable: (error) => {
          context.logger.debug({ err: error, nodeId }, 'the producer cannot reach a broker')
          this.#refresh()
        },
        wake: () => this.wake(),
      })
      this.#lanes.set(nodeId, lane)
    }
    return lane
  }

  #answered(sent: readonly SentBatch[], response: ResponseOf<typeof Produce>): void {
    const { metadata } = this.#options.context
    const answers = new Map<string, PartitionAnswer>()
    const endpoints = new Map(response.nodeEndpoints.map((node) => [node.nodeId, node]))
    for (const { name, topicId, partitionResponses } of response.responses) {
      const topic = name === '' ? (metadata.topicById(topicId)?.name ?? topicId) : name
      for (const answer of partitionResponses) {
        answers.set(`${topic}:${answer.index}`, answer)
        const { leaderId, leaderEpoch } = answer.currentLeader
        const known = metadata.topic(topic)
        if (leaderId >= 0 && known !== undefined) {
          const endpoint = endpoints.get(leaderId)
          metadata.updateLeader({
            topicId: known.topicId,
            partition: answer.index,
            nodeId: leaderId,
            epoch: leaderEpoch,
            endpoint,
          })
        }
      }
    }
    for (const { queue, batch } of sent) {
      const answer = answers.get(`${queue.topic}:${queue.partition}`)
      if (answer !== undefined) this.#judge(queue, batch, answer)
      else
        this.#again(
          queue,
          batch,
          new KafkaError('The broker left this partition out of its answer.', {
            code: 'UNKNOWN_SERVER_ERROR',
            retriable: true,
          }),
        )
    }
  }

  #judge(queue: PartitionQueue, batch: ProducerBatch, answer: PartitionAnswer): void {
    const { errorCode, baseOffset, logAppendTimeMs } = answer
    if (errorCode === ErrorCode.NONE) {
      this.#deliver(queue, batch, baseOffset, logAppendTimeMs)
      return
    }
    const error = errorOf(queue, batch, answer)
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      this.#back(queue, batch, error, 'outOfOrder')
    } else if (errorCode === ErrorCode.UNKNOWN_PRODUCER_ID || errorCode === ErrorCode.INVALID_PRODUCER_EPOCH) {
      this.#back(queue, batch, error, 'unknownProducer')
    } else if (isRetriable(errorCode)) {
      this.#again(queue, batch, error)
    } else {
      batch.failed((index) => recordError(answer, index) ?? error)
      this.#gone(queue, batch, error)
      queue.returned(batch, { kind: 'failed' })
      this.#options.accumulator.rest(queue)
    }
  }

  #unanswered(sent: readonly SentBatch[], error: unknown): void {
    const reason = asKafkaError(error)
    for (const { queue, batch } of sent) {
      if (reason.retriable) {
        this.#again(queue, batch, reason)
      } else {
        this.#fail(queue, batch, reason)
        queue.returned(batch, { kind: 'failed' })
        this.#options.accumulator.rest(queue)
      }
    }
  }

  #deliver(queue: PartitionQueue, batch: ProducerBatch, baseOffset: number, logAppendTime: number): void {
    const { accumulator, settled } = this.#options
    const isNews = !batch.isSettled
    batch.delivered(queue.topic, queue.partition, baseOffset, logAppendTime)
    queue.returned(batch, { kind: 'written' })
    accumulator.rest(queue)
    if (isNews) settled(batch)
  }

  #again(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    this.#refresh(queue.topic)
    this.#back(queue, batch, error, 'again')
  }

  #back(
    queue: PartitionQueue,
    batch: ProducerBatch,
    error: KafkaError,
    kind: 'again' | 'outOfOrder' | 'unknownProducer',
  ): void {
    batch.lastError = error
    this.#options.context.logger.debug(
      { topic: queue.topic, partition: queue.partition, code: error.code },
      `${error.message} Trying again.`,
    )
    if (batch.isSettled) {
      // Its time ran out meanwhile.
      queue.returned(batch, { kind: 'failed' })
      this.#options.accumulator.rest(queue)
      return
    }
    queue.returned(batch, { kind })
    this.#postpone(queue)
  }

  #postpone(queue: PartitionQueue): void {
    const { context } = this.#options
    const { random, retryBackoffMs, retryBackoffMaxMs } = context.config
    const delay = backoffDelay({ random, initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }, queue.retries++)
    queue.retryAt = context.clock.now() + delay
  }

  #fail(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    if (batch.isSettled) return
    batch.failed(() => error)
    this.#gone(queue, batch, error)
  }

  #gone(queue: PartitionQueue, batch: ProducerBatch, error: KafkaError): void {
    const { context, settled } = this.#options
    context.logger.warn(
      { topic: queue.topic, partition: queue.partition, records: batch.recordCount, code: error.code },
      `records were not delivered: ${error.message}`,
    )
    settled(batch)
  }

  #failAll(reason: KafkaError): void {
    const { accumulator } = this.#options
    for (const queue of [...accumulator.active]) {
      queue.close()
      for (const batch of queue.batches()) this.#fail(queue, batch, reason)
      queue.removeWaiting(() => true)
      accumulator.rest(queue)
    }
  }

  #refresh(topic?: string): void {
    if (this.#refreshing) return
    this.#refreshing = true
    const { context } = this.#options
    context.metadata
      .refresh(topic === undefined ? {} : { topics: [topic] })
      .catch((error: unknown) => context.logger.debug({ err: error }, 'refreshing the metadata failed'))
      .finally(() => {
        this.#refreshing = false
        this.wake()
      })
  }
}

function asKafkaError(error: unknown): KafkaError {
  return KafkaError.is(error)
    ? error
    : new KafkaError(`Sending records failed: ${String(error)}`, { code: 'UNKNOWN', cause: error })
}

function errorOf(queue: PartitionQueue, batch: ProducerBatch, answer: PartitionAnswer): KafkaError {
  const size =
    answer.errorCode === ErrorCode.MESSAGE_TOO_LARGE
      ? ` (a batch of ${batch.sizeInBytes} bytes with ${batch.recordCount} records)`
      : ''
  return brokerError(Produce.name, answer.errorCode, answer.errorMessage, `${queue.topic}-${queue.partition}${size}`)
}

function recordError(answer: PartitionAnswer, index: number): KafkaError | undefined {
  if (answer.recordErrors.length === 0) return undefined
  const own = answer.recordErrors.find((entry) => entry.batchIndex === index)
  if (own !== undefined) return brokerError(Produce.name, answer.errorCode, own.batchIndexErrorMessage, 'this record')
  return new KafkaError(
    'Another record of the same batch was refused, and with it the whole batch. Send this record again.',
    {
      code: 'BATCH_REFUSED',
      retriable: true,
    },
  )
}
