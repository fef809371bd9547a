import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import { placeOf } from './recoverers.js'

/** An answer must reach the broker before the lock ends: this part of what is left of the lock is kept free, at most a second. */
const LOCK_MARGIN = 0.2
const MAX_LOCK_MARGIN_MS = 1000

/** Keeps answers that a recoverer wants sent later, while their records stay locked. Never waits past a record's lock. */
export class DelayedAnswers<K, V> {
  readonly #held = new Map<ConsumerRecord<K, V>, { readonly type: AcknowledgeType; readonly timer: Timer }>()
  #closed = false

  constructor(
    private readonly options: {
      readonly clock: Clock
      readonly logger: Logger
      /** Sends an answer. */
      readonly answer: (record: ConsumerRecord<K, V>, type: AcknowledgeType) => void
      /** Told after each answer that was held. */
      readonly onAnswered: () => void
    },
  ) {}

  /** How many records are held. */
  get size(): number {
    return this.#held.size
  }

  /** Answers `type` after `delayMs`, or a little before the record's lock ends, whichever comes first. */
  hold(record: ConsumerRecord<K, V>, type: AcknowledgeType, delayMs: number): void {
    const { clock, logger, answer } = this.options
    const left = record.lockExpiresAt - clock.wallTime()
    const room = Math.max(0, left - Math.min(left * LOCK_MARGIN, MAX_LOCK_MARGIN_MS))
    if (delayMs > room) {
      logger.warn(
        { topic: record.topic, partition: record.partition, offset: record.offset, delayMs, lockedForMs: left },
        `The answer for ${placeOf(record)} was to wait ${delayMs} ms; its lock allows ${Math.floor(room)} ms. ` +
          'Shorten delayMs, or lengthen share.record.lock.duration.ms of the group.',
      )
    }
    const waitMs = Math.min(delayMs, room)
    if (this.#closed || waitMs <= 0) {
      answer(record, type)
      return
    }
    const timer = clock.setTimer(() => this.#answer(record), waitMs)
    this.#held.set(record, { type, timer })
  }

  /** Answers everything now, and from now on at once: the member is ending. */
  answerAll(): void {
    this.#closed = true
    for (const [record, { timer }] of [...this.#held]) {
      timer.cancel()
      this.#answer(record)
    }
  }

  #answer(record: ConsumerRecord<K, V>): void {
    const held = this.#held.get(record)
    if (held === undefined) return
    this.#held.delete(record)
    this.options.answer(record, held.type)
    this.options.onAnswered()
  }
}
