import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { Clock } from '@milena/protocol/runtime'
import type { AckMode } from './ack-mode.js'
import type { ContainerEngine } from './container-engine.js'
import { DelayedAnswers } from './delayed-answers.js'
import { FailedRecords, type FailedRecord } from './failed-record.js'
import type { ListenerErrorHandler } from './listener-error-handler.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { RecordAnswers } from './record-answers.js'
import type { ShareConsumerRecordRecoverer } from './recoverers.js'

/** What a mode that asks error handlers and recoverers works with. */
export interface DecidingAckModeOptions<K, V> {
  readonly engine: ContainerEngine<K, V>
  readonly errorHandler: ListenerErrorHandler | undefined
  readonly recoverer: ShareConsumerRecordRecoverer
  readonly clock: Clock
  readonly surroundings: MemberSurroundings
  /** Told when a record that waited is answered, or waits no more. */
  readonly onAnswered: () => void
}

/** EXPLICIT: returned is ACCEPT, thrown is as it is decided. Nothing is allocated for a record whose listener returns. */
export class ExplicitAckMode<K, V> implements AckMode<K, V> {
  readonly openAcknowledgments = 0
  readonly awaitedAcknowledgments = 0
  readonly #answers: RecordAnswers<K, V>
  readonly #held: DelayedAnswers<K, V>
  readonly #failed: FailedRecords<K, V>
  readonly #surroundings: MemberSurroundings

  constructor({ engine, errorHandler, recoverer, clock, surroundings, onAnswered }: DecidingAckModeOptions<K, V>) {
    this.#surroundings = surroundings
    const answers = new RecordAnswers(engine, surroundings)
    this.#answers = answers
    this.#held = new DelayedAnswers({
      clock,
      logger: surroundings.recordLog.logger,
      answer: (record, type) => answers.give(record, type),
      onAnswered,
    })
    this.#failed = new FailedRecords({ errorHandler, recoverer, surroundings })
  }

  get waiting(): number {
    return this.#held.size
  }

  open(): undefined {
    return undefined
  }

  returned(record: ConsumerRecord<K, V>): void {
    this.#answers.give(record, 'ACCEPT')
  }

  threw(record: ConsumerRecord<K, V>, error: unknown): Promise<void> | undefined {
    this.#surroundings.counters.failed++
    if (this.#answers.isClosed) {
      this.#answers.late(record)
      return undefined
    }
    return this.#failed.take(new FailedCall(record, error, this.#answers, this.#held))
  }

  passOver(record: ConsumerRecord<K, V>): void {
    this.#answers.give(record, 'ACCEPT')
  }

  lost(records: readonly ConsumerRecord<K, V>[]): void {
    // What is still with its listener is stale in the engine when its answer comes.
    this.#held.lost(records)
  }

  answerHeld(): void {
    this.#held.answerAll()
  }

  close(): void {
    this.#answers.close()
  }
}

/** A record whose listener threw; only the decision answers it. */
class FailedCall<K, V> implements FailedRecord<K, V> {
  readonly acknowledgment = undefined

  constructor(
    readonly record: ConsumerRecord<K, V>,
    readonly error: unknown,
    private readonly answers: RecordAnswers<K, V>,
    private readonly held: DelayedAnswers<K, V>,
  ) {}

  get answered(): 'not any more' | undefined {
    return this.answers.isClosed ? 'not any more' : undefined
  }

  decide(type: AcknowledgeType, delayMs: number): boolean {
    if (delayMs === 0 || this.answers.isClosed) return this.answers.give(this.record, type)
    this.held.hold(this.record, type, delayMs)
    return true
  }
}
