import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import { placeOf } from './recoverers.js'

/** An answer must reach the broker before the lock ends: this part of what is left of the lock is kept free, at most a second. */
const LOCK_MARGIN = 0.2
const MAX_LOCK_MARGIN_MS = 1000
/** A lock that ends so much later than when it was last looked at was renewed; less is what reading two clocks makes. */
const RENEWED_BY_MS = 10

interface HeldAnswer {
  readonly type: AcknowledgeType
  /** On the clock of durations. */
  readonly dueAt: number
  /** When the lock ended as it was last looked at, on the clock of durations: the other one may be set. */
  lockedUntil: number
  timer: Timer | undefined
}

/**
 * Keeps answers that a recoverer wants sent later, while their records stay locked: as long as the locks are renewed, and never
 * past a lock that is not.
 */
export class DelayedAnswers<K, V> {
  readonly #held = new Map<ConsumerRecord<K, V>, HeldAnswer>()
  #closed = false

  constructor(
    private readonly options: {
      readonly clock: Clock
      readonly logger: Logger
      /** Sends an answer. */
      readonly answer: (record: ConsumerRecord<K, V>, type: AcknowledgeType) => void
      /** Told after each answer that was held, and of each that came to nothing. */
      readonly onAnswered: () => void
    },
  ) {}

  /** How many records are held. */
  get size(): number {
    return this.#held.size
  }

  /** Answers `type` after `delayMs`, or a little before the record's lock ends, where that is not renewed. */
  hold(record: ConsumerRecord<K, V>, type: AcknowledgeType, delayMs: number): void {
    const held: HeldAnswer = {
      type,
      dueAt: this.options.clock.now() + delayMs,
      lockedUntil: -Infinity,
      timer: undefined,
    }
    const waitMs = this.#closed ? 0 : this.#waitMs(record, held)
    if (waitMs <= 0) {
      this.options.answer(record, type)
      return
    }
    this.#held.set(record, held)
    this.#wait(record, held, waitMs)
  }

  /** The locks of these records are gone: there is nothing to wait for, and nothing to answer. */
  lost(records: readonly ConsumerRecord<K, V>[]): void {
    if (this.#held.size === 0) return
    for (const record of records) {
      const held = this.#held.get(record)
      if (held === undefined) continue
      held.timer?.cancel()
      this.#held.delete(record)
      this.options.onAnswered()
    }
  }

  /** Answers everything now, and from now on at once: the member is ending. */
  answerAll(): void {
    this.#closed = true
    for (const [record, { timer }] of [...this.#held]) {
      timer?.cancel()
      this.#answer(record)
    }
  }

  #wait(record: ConsumerRecord<K, V>, held: HeldAnswer, waitMs: number): void {
    held.timer = this.options.clock.setTimer(() => {
      // The lock may have been renewed meanwhile.
      const moreMs = this.#waitMs(record, held)
      if (moreMs > 0) this.#wait(record, held, moreMs)
      else this.#answer(record)
    }, waitMs)
  }

  /** How long the answer can still be held. */
  #waitMs(record: ConsumerRecord<K, V>, held: HeldAnswer): number {
    const { clock, logger } = this.options
    const dueInMs = held.dueAt - clock.now()
    const lockedForMs = record.lockExpiresAt - clock.wallTime()
    const lockedUntil = clock.now() + lockedForMs
    const roomMs = lockedForMs - Math.min(lockedForMs * LOCK_MARGIN, MAX_LOCK_MARGIN_MS)
    if (dueInMs <= 0 || dueInMs <= roomMs) return dueInMs
    if (lockedUntil > held.lockedUntil + RENEWED_BY_MS && roomMs > 0) {
      held.lockedUntil = lockedUntil
      return roomMs
    }
    const { topic, partition, offset } = record
    logger.warn(
      { topic, partition, offset, dueInMs, lockedForMs },
      `The answer for ${placeOf(record)} was to wait ${Math.ceil(dueInMs)} ms longer than its lock allows. ` +
        'Shorten delayMs, raise maxLockExtensionMs, or lengthen share.record.lock.duration.ms of the group.',
    )
    return 0
  }

  #answer(record: ConsumerRecord<K, V>): void {
    const held = this.#held.get(record)
    if (held === undefined) return
    this.#held.delete(record)
    this.options.answer(record, held.type)
    this.options.onAnswered()
  }
}
