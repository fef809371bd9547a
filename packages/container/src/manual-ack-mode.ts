import type { AcknowledgementResult, AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { LockLossCause } from '@milena/client/internal'
import type { Clock } from '@milena/protocol/runtime'
import { isProcessingDeadline } from './abandonment.js'
import type { AckMode } from './ack-mode.js'
import { AckTimeoutMonitor } from './ack-timeout-monitor.js'
import type { ContainerEngine } from './container-engine.js'
import { DelayedAnswers } from './delayed-answers.js'
import { ListenerFailedEvent } from './events.js'
import type { DecidingAckModeOptions } from './explicit-ack-mode.js'
import { FailedRecords, type FailedRecord } from './failed-record.js'
import { ManualAcknowledgment, refusalOf, type AcknowledgmentDesk } from './manual-acknowledgment.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { PendingAcknowledgments } from './pending-acknowledgments.js'
import { RecordAnswers } from './record-answers.js'
import { placeOf } from './recoverers.js'

// MANUAL: the listener answers, by a handle that it may use until the record is lost or given back.
//
// Rules kept here
// - An answer reaches the engine in the call that gives it: what is answered before stop() is sent.
// - A record gets one terminal answer. Whoever comes second throws (the listener) or is passed over (the recoverer).
// - A handle answers through the member that has acquired its record, or not at all.

/** What MANUAL mode works with. */
export interface ManualAckModeOptions<K, V> extends DecidingAckModeOptions<K, V> {
  readonly acknowledgmentTimeoutMs: number
}

export class ManualAckMode<K, V> implements AckMode<K, V>, AcknowledgmentDesk<K, V> {
  readonly #engine: ContainerEngine<K, V>
  readonly #clock: Clock
  readonly #surroundings: MemberSurroundings
  readonly #onAnswered: () => void
  readonly #answers: RecordAnswers<K, V>
  readonly #held: DelayedAnswers<K, V>
  readonly #failed: FailedRecords<K, V>
  readonly #pending: PendingAcknowledgments<K, V>

  constructor(options: ManualAckModeOptions<K, V>) {
    const { engine, errorHandler, recoverer, clock, surroundings, onAnswered } = options
    this.#engine = engine
    this.#clock = clock
    this.#surroundings = surroundings
    this.#onAnswered = onAnswered
    const answers = new RecordAnswers(engine, surroundings)
    this.#answers = answers
    this.#held = new DelayedAnswers({
      clock,
      logger: surroundings.recordLog.logger,
      answer: (record, type) => answers.give(record, type),
      onAnswered,
    })
    this.#failed = new FailedRecords({ errorHandler, recoverer, surroundings })
    const monitor = new AckTimeoutMonitor(surroundings, options.acknowledgmentTimeoutMs)
    this.#pending = new PendingAcknowledgments({ clock, monitor, onOverdue: onAnswered })
  }

  get waiting(): number {
    return this.#held.size + this.#pending.waiting
  }

  get openAcknowledgments(): number {
    return this.#pending.size
  }

  get awaitedAcknowledgments(): number {
    return this.#pending.fresh
  }

  open(record: ConsumerRecord<K, V>): ManualAcknowledgment<K, V> {
    const acknowledgment = new ManualAcknowledgment(record, this, this.#clock.now())
    if (this.#answers.isClosed) acknowledgment.state = 'given back'
    else this.#pending.add(acknowledgment)
    return acknowledgment
  }

  returned(_record: ConsumerRecord<K, V>, acknowledgment: ManualAcknowledgment<K, V>): void {
    this.#pending.listenerReturned(acknowledgment)
  }

  threw(
    record: ConsumerRecord<K, V>,
    error: unknown,
    acknowledgment: ManualAcknowledgment<K, V>,
  ): Promise<void> | undefined {
    // The deadline passes while somebody decides.
    if (acknowledgment.deciding) return undefined
    this.#surroundings.counters.failed++
    if (acknowledgment.state === 'open') {
      acknowledgment.deciding = true
      acknowledgment.overdue = isProcessingDeadline(error)
      this.#pending.decides(acknowledgment)
      return this.#failed.take(new FailedDelivery(acknowledgment, error, this))
    }
    if (acknowledgment.state === 'given back') this.#answers.late(record)
    else this.#failedAfterwards(acknowledgment, error)
    return undefined
  }

  answer(acknowledgment: ManualAcknowledgment<K, V>, type: AcknowledgeType): void {
    const { state } = acknowledgment
    if (state === 'answered') throw refusalOf(acknowledgment, 'The answer')
    // Of a lost record the engine tells that an answer came to nothing.
    if ((state !== 'open' && state !== 'lost') || !this.#settle(acknowledgment, type)) {
      this.#surroundings.counters.lateOutcomes++
      throw refusalOf(acknowledgment, `The answer ${type}`)
    }
    acknowledgment.type = type
    this.#leave(acknowledgment, 'answered')
  }

  renew(acknowledgment: ManualAcknowledgment<K, V>): void {
    if (acknowledgment.state !== 'open' || !this.#settle(acknowledgment, 'RENEW')) {
      throw refusalOf(acknowledgment, 'The renewal')
    }
    if (!acknowledgment.deciding) this.#pending.restart(acknowledgment)
  }

  /** Error handler or recoverer have decided. False: it does not count any more. */
  decide(acknowledgment: ManualAcknowledgment<K, V>, type: AcknowledgeType, delayMs: number): boolean {
    const { record, state } = acknowledgment
    if (state !== 'open') {
      if (state === 'given back') this.#answers.late(record)
      return false
    }
    acknowledgment.type = type
    let counts = true
    if (delayMs > 0) this.#held.hold(record, type, delayMs)
    else counts = this.#answers.give(record, type)
    this.#leave(acknowledgment, 'decided')
    return counts
  }

  verdictOf(record: ConsumerRecord<K, V>): Promise<AcknowledgementResult> {
    return this.#engine.verdictOf(record)
  }

  passOver(record: ConsumerRecord<K, V>): void {
    this.#answers.give(record, 'ACCEPT')
  }

  lost(records: readonly ConsumerRecord<K, V>[], cause?: LockLossCause): void {
    this.#held.lost(records)
    if (this.#pending.size === 0 || records.length === 0) return
    const gone = new Set(records)
    for (const acknowledgment of this.#pending.all()) {
      if (!gone.has(acknowledgment.record)) continue
      acknowledgment.lossCause = cause
      this.#leave(acknowledgment, 'lost')
    }
  }

  answerHeld(): void {
    this.#held.answerAll()
  }

  close(): void {
    this.#answers.close()
    this.#pending.close()
    for (const acknowledgment of this.#pending.all()) this.#leave(acknowledgment, 'given back')
  }

  /** False: the lock is gone. */
  #settle(acknowledgment: ManualAcknowledgment<K, V>, type: AcknowledgeType): boolean {
    let noted: boolean
    try {
      noted = this.#engine.settle(acknowledgment.record, type)
    } catch (error) {
      // It was answered past its handle, by the consumer.
      if (type !== 'RENEW') this.#leave(acknowledgment, 'answered')
      throw error
    }
    if (!noted) this.#leave(acknowledgment, 'lost')
    return noted
  }

  #leave(acknowledgment: ManualAcknowledgment<K, V>, state: 'answered' | 'decided' | 'lost' | 'given back'): void {
    acknowledgment.state = state
    this.#pending.leave(acknowledgment)
    this.#onAnswered()
  }

  /** It threw when the record was answered, or lost. */
  #failedAfterwards({ record, type }: ManualAcknowledgment<K, V>, error: unknown): void {
    const { recordLog, events, source } = this.#surroundings
    const { topic, partition, offset, deliveryCount } = record
    const stands = type === undefined ? 'the record had lost its lock before' : `its answer, ${type}, stands`
    recordLog.logger.error(
      { err: error, topic, partition, offset, deliveryCount, acknowledgement: type },
      `The listener failed on ${placeOf(record)}; ${stands}.`,
    )
    events.publish(new ListenerFailedEvent(source, { record, error, acknowledgement: type }))
  }
}

/** A record whose listener threw before it was answered; its handle may be used until it is decided. */
class FailedDelivery<K, V> implements FailedRecord<K, V> {
  readonly record: ConsumerRecord<K, V>

  constructor(
    readonly acknowledgment: ManualAcknowledgment<K, V>,
    readonly error: unknown,
    private readonly mode: ManualAckMode<K, V>,
  ) {
    this.record = acknowledgment.record
  }

  get answered(): AcknowledgeType | 'not any more' | undefined {
    const { state, type } = this.acknowledgment
    return state === 'open' ? undefined : (type ?? 'not any more')
  }

  decide(type: AcknowledgeType, delayMs: number): boolean {
    return this.mode.decide(this.acknowledgment, type, delayMs)
  }
}
