import { AcknowledgeType, type ConsumerRecord } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { ContainerEngine } from './container-engine.js'
import { DelayedAnswers } from './delayed-answers.js'
import { AcknowledgmentFailedEvent, RecovererFailedEvent } from './events.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { placeOf, type RecovererAnswer, type ShareConsumerRecordRecoverer } from './recoverers.js'
import { isThenable } from './record-invoker.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/**
 * Who acknowledges a record.
 *
 * - `EXPLICIT` (default): the container. The listener returned: ACCEPT; it threw: as the recoverer decides.
 * - `MANUAL`, `IMPLICIT`: Spring's other two modes; this version refuses them.
 */
export const ShareAckMode = { EXPLICIT: 'EXPLICIT', MANUAL: 'MANUAL', IMPLICIT: 'IMPLICIT' } as const
export type ShareAckMode = (typeof ShareAckMode)[keyof typeof ShareAckMode]

/** @throws KafkaUsageError for a mode that this version does not have */
export function requireSupportedAckMode(mode: ShareAckMode, where: string): void {
  if (mode === 'EXPLICIT') return
  throw new KafkaUsageError(
    `${where}: shareAckMode ${mode} is not in this version yet. Use EXPLICIT, the default: a listener that returns accepts ` +
      'its record, and one that throws leaves it to the recoverer.',
  )
}

/** Turns what became of a listener call into the record's acknowledgement. None of its calls throws or rejects. */
export interface AckMode<K, V> {
  /** Opens the settlement of a record before its listener is called: the handle that the listener gets. */
  open(record: ConsumerRecord<K, V>): ShareAcknowledgment | undefined
  /** The listener returned, or its promise resolved. */
  returned(record: ConsumerRecord<K, V>): void
  /** The listener threw, or its promise rejected. A promise comes back where a recoverer has to be waited for. */
  threw(record: ConsumerRecord<K, V>, error: unknown): Promise<void> | undefined
  /** Records that are decided and whose answer is held back for a while. */
  readonly heldAnswers: number
  /** Sends held answers now; from now on nothing is held. */
  answerHeld(): void
  /** The member has given its records back: what listeners still come up with is too late. */
  close(): void
}

/** What EXPLICIT mode works with. */
export interface ExplicitAckModeOptions<K, V> {
  readonly engine: ContainerEngine<K, V>
  readonly recoverer: ShareConsumerRecordRecoverer<K, V>
  readonly clock: Clock
  readonly surroundings: MemberSurroundings
  /** Told when an answer that was held back has been given. */
  readonly onHeldAnswered: () => void
}

/** EXPLICIT: returned is ACCEPT, thrown is the recoverer's word. Nothing is allocated for a record whose listener returns. */
export class ExplicitAckMode<K, V> implements AckMode<K, V> {
  readonly #options: ExplicitAckModeOptions<K, V>
  readonly #held: DelayedAnswers<K, V>
  #closed = false

  constructor(options: ExplicitAckModeOptions<K, V>) {
    this.#options = options
    this.#held = new DelayedAnswers({
      clock: options.clock,
      logger: options.surroundings.recordLog.logger,
      answer: (record, type) => this.#answer(record, type),
      onAnswered: options.onHeldAnswered,
    })
  }

  get heldAnswers(): number {
    return this.#held.size
  }

  open(): undefined {
    return undefined
  }

  returned(record: ConsumerRecord<K, V>): void {
    this.#answer(record, 'ACCEPT')
  }

  threw(record: ConsumerRecord<K, V>, error: unknown): Promise<void> | undefined {
    this.#options.surroundings.counters.failed++
    if (this.#closed) {
      this.#late(record)
      return undefined
    }
    let answer: RecovererAnswer | Promise<RecovererAnswer>
    try {
      answer = this.#options.recoverer(record, error, { logger: this.#options.surroundings.recordLog.logger })
      if (isThenable(answer)) return this.#recoverLater(record, error, answer)
    } catch (recovererError) {
      this.#recovererFailed(record, error, recovererError)
      return undefined
    }
    this.#apply(record, error, answer)
    return undefined
  }

  answerHeld(): void {
    this.#held.answerAll()
  }

  close(): void {
    this.#closed = true
  }

  async #recoverLater(
    record: ConsumerRecord<K, V>,
    error: unknown,
    answer: PromiseLike<RecovererAnswer>,
  ): Promise<void> {
    try {
      this.#apply(record, error, await answer)
    } catch (recovererError) {
      this.#recovererFailed(record, error, recovererError)
    }
  }

  #apply(record: ConsumerRecord<K, V>, error: unknown, answer: RecovererAnswer): void {
    const { type, delayMs } = typeof answer === 'object' && answer !== null ? answer : { type: answer, delayMs: 0 }
    if (type === 'RENEW' || !Object.hasOwn(AcknowledgeType, type)) {
      this.#recovererFailed(
        record,
        error,
        new KafkaUsageError(`A recoverer answers ACCEPT, RELEASE or REJECT; not ${String(type)}.`),
      )
    } else if (!(typeof delayMs === 'number' && delayMs >= 0)) {
      this.#recovererFailed(
        record,
        error,
        new KafkaUsageError(`delayMs is a number of milliseconds, 0 or more; not ${String(delayMs)}.`),
      )
    } else if (delayMs > 0) {
      this.#held.hold(record, type, delayMs)
    } else {
      this.#answer(record, type)
    }
  }

  #recovererFailed(record: ConsumerRecord<K, V>, listenerError: unknown, cause: unknown): void {
    const { recordLog, events, source } = this.#options.surroundings
    recordLog.logger.error(
      { err: cause, listenerError, topic: record.topic, partition: record.partition, offset: record.offset },
      `The recoverer failed on ${placeOf(record)}, after its listener had; the record is rejected. Mend the recoverer.`,
    )
    this.#answer(record, 'REJECT')
    events.publish(new RecovererFailedEvent(source, { record, listenerError, cause }))
  }

  #answer(record: ConsumerRecord<K, V>, type: AcknowledgeType): void {
    if (this.#closed) {
      this.#late(record)
      return
    }
    try {
      // False: the lock or the session is gone. The engine tells that as a verdict, as every answer that came to nothing.
      this.#options.engine.settle(record, type)
    } catch (error) {
      const { topic, partition, offset } = record
      this.#options.surroundings.recordLog.logger.error(
        { err: error, topic, partition, offset, acknowledgement: type },
        `${placeOf(record)} could not be answered with ${type}.`,
      )
      this.#refused(record, error)
    }
  }

  #refused(record: ConsumerRecord<K, V>, cause: unknown): void {
    const { events, source } = this.#options.surroundings
    const { topic, partition, offset } = record
    const ranges = [{ firstOffset: offset, lastOffset: offset }]
    events.publish(new AcknowledgmentFailedEvent(source, { topic, partition, ranges, records: [record], cause }))
  }

  #late(record: ConsumerRecord<K, V>): void {
    const { recordLog, counters } = this.#options.surroundings
    counters.lateOutcomes++
    recordLog.logger.warn(
      { topic: record.topic, partition: record.partition, offset: record.offset },
      `The listener finished ${placeOf(record)} after its container had given the record back: it may be processed again. ` +
        'Raise shutdownTimeoutMs if listeners take this long.',
    )
  }
}
