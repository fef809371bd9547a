import { ErrorCode, type KafkaError } from '@milena/protocol'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import type { SentPiece } from './ack-batches.js'
import type { AcquiredRange } from './acquired-range.js'
import { AckCode } from './acknowledge-type.js'
import type { BufferPosition } from './fetch-buffer.js'
import { keepForMs } from './fetch-sizer.js'
import { forbidsRenewals } from './forbidden-renewals.js'
import { RenewalTurns } from './renewal-turns.js'

// Looks after the locks of everything that one member holds. It knows ranges, not records, and looks at them at a coarse tick.
//
// Rules kept here
// - When RENEW_WHEN_LEFT of a lock is left, what the application has and has not answered is renewed; so is what waits in the
//   buffer and will be started soon enough. The rest of the buffer is RELEASEd: a release costs a record no more deliveries than
//   an expiry does, and another member may have it at once.
// - When the application stands still, all that waits is RELEASEd at once, and whoever holds records that it has not begun is told.
// - A renewal ends: `maxExtensionMs` after its acquisition a record is left to its last lock.
// - A renewal that is refused costs nothing: the record keeps the lock it has. Where the group forbids renewals, or the broker does
//   not know them, what cannot be started within its first lock is RELEASEd, and renewing is tried again after a while.
// - A renewal that is confirmed when its lock was over for certain is not believed for what waits in the buffer: somebody else may
//   have had the records meanwhile, and what others have finished a broker confirms too (offsets below the start offset).

/** What is left of a lock, in parts of it, when it is renewed: some two renewals in each lock's time. */
const RENEW_WHEN_LEFT = 0.6
/** Ticks in a lock's time. */
const TICKS_PER_LOCK = 16
const SHORTEST_TICK_MS = 20
const LONGEST_TICK_MS = 1_000
const USUAL_LOCK_MS = 30_000
/** The group's configuration may change: renewing is tried again. */
const FORBIDDEN_FOR_MS = 60_000
/** A lock's deadline is early; when this part of a lock has passed since, the lock is over. */
const OVER_FOR_CERTAIN = 0.1
/** An answer needs this part of a lock to get to the broker. */
const ANSWER_MARGIN = 0.1

/** What the keeper asks of the engine, and tells it. */
export interface LockKeeperHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly groupId: string
  /** The lock duration as last told by a broker. */
  lockMs(): number | undefined
  /** Everything that is acquired and not finished. */
  ranges(): Iterable<AcquiredRange>
  /** Where each range stands that is in the buffer. */
  queue(): ReadonlyMap<AcquiredRange, BufferPosition>
  /** How many records of the buffer will be started within that time. */
  startsWithin(ms: number): number
  /** The application has begun and answered nothing for so long that what waits would wait in vain; nothing is fetched meanwhile. */
  stands(): boolean
  /** It does so since the last look. */
  stood(): void
  /** What the buffer held was RELEASEd in part. */
  released(): void
  /** So many records were renewed. */
  renewed(records: number): void
}

/** The broker's word on renewals of one partition. */
export type RenewalOutcome = { readonly lockDeadline: number } | { readonly error: KafkaError; readonly code: number }

export interface LockKeeping {
  /** For how long the lock of one record is renewed, in milliseconds from its acquisition. */
  readonly maxExtensionMs: number
  /** What is released can be kept from coming back at once: fetches can be limited. */
  readonly mayRelease: boolean
}

export class LockKeeper {
  readonly #host: LockKeeperHost
  readonly #turns = new RenewalTurns()
  #keeping: LockKeeping | undefined
  #timer: Timer | undefined
  #forbiddenUntil = -Infinity
  #told = false
  #stood = false
  /** Ranges that are not renewed any more. */
  readonly #ended = new WeakSet<AcquiredRange>()
  #closed = false

  constructor(host: LockKeeperHost) {
    this.#host = host
  }

  /** Switches the keeping on, changes its bounds, or switches it off. */
  keep(keeping: LockKeeping | undefined): void {
    this.#keeping = keeping
  }

  /** Something was acquired. */
  acquired(): void {
    if (this.#timer === undefined && !this.#closed) this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  /** The range's locks were renewed for as long as is allowed, and not any more. */
  hasEnded(range: AcquiredRange): boolean {
    return this.#ended.has(range)
  }

  /** A broker has answered renewals of one partition. */
  outcome(pieces: readonly SentPiece[], outcome: RenewalOutcome): void {
    if ('lockDeadline' in outcome) {
      let records = 0
      const lockMs = this.#host.lockMs() ?? USUAL_LOCK_MS
      const trustedFrom = this.#host.clock.now() - lockMs * OVER_FOR_CERTAIN
      for (const piece of pieces) {
        const { range, from, to } = piece
        const wasOver = range.earliestDeadline(from, to) < trustedFrom
        range.renewed(from, to, outcome.lockDeadline)
        if (wasOver) this.#giveBackBuffered(piece)
        else records += to - from
      }
      this.#host.renewed(records)
      this.#told = false
    } else if (isForbidden(outcome)) this.#forbid('its group forbids it (share.renew.acknowledge.enable=false)')
    else this.#host.logger.debug({ err: outcome.error, records: pieces.length }, 'locks could not be renewed')
    const refused = 'code' in outcome && outcome.code === ErrorCode.INVALID_RECORD_STATE && !isForbidden(outcome)
    this.#turns.ended(pieces, refused)
    // What the application has keeps the lock it may still have; the rest is not worth a second delivery at the same time.
    for (const { range } of pieces)
      if (this.#turns.wasRefused(range)) range.holder.giveUp(range, range.handedTo, range.length)
  }

  /** Everything of a renewal was answered before it went out. */
  unneeded(piece: SentPiece): void {
    this.#turns.ended([piece], false)
  }

  #schedule(): void {
    const lockMs = this.#host.lockMs() ?? USUAL_LOCK_MS
    const tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, lockMs / TICKS_PER_LOCK))
    this.#timer = this.#host.clock.setTimer(() => this.#tick(), tickMs, { unref: true })
  }

  #tick(): void {
    this.#timer = undefined
    const now = this.#host.clock.now()
    const lockMs = this.#host.lockMs() ?? USUAL_LOCK_MS
    const stands = this.#keeping?.mayRelease === true && this.#host.stands()
    const stood = stands && !this.#stood
    this.#stood = stands
    if (stands) this.#giveBackAll()
    let anything = false
    let buffered: AcquiredRange[] | undefined
    for (const range of this.#host.ranges()) {
      anything = true
      if (range.open === 0) continue
      if (this.#keeping === undefined || range.lockDeadline - now > lockMs * RENEW_WHEN_LEFT) continue
      this.#keepHandedOut(range, now, lockMs, this.#keeping)
      if (range.handedTo < range.length) (buffered ??= []).push(range)
    }
    if (buffered !== undefined && this.#keeping !== undefined) this.#keepBuffered(buffered, now, lockMs, this.#keeping)
    this.#turns.begin()
    if (anything) this.#schedule()
    if (stood) this.#host.stood()
  }

  /** More than once only of what a fetch brings that was out when it was noticed. */
  #giveBackAll(): void {
    let released = 0
    for (const [range, { from }] of this.#host.queue()) {
      if (range.holder.live) released += range.answerOpen(AckCode.RELEASE, from, range.length)
    }
    if (released > 0) this.#gaveBack(released, 'the application has begun nothing for too long')
  }

  #keepHandedOut(range: AcquiredRange, now: number, lockMs: number, keeping: LockKeeping): void {
    if (keeping.maxExtensionMs === 0) return
    const { handedTo } = range
    if (range.earliestDeadline(0, handedTo) - now > lockMs * RENEW_WHEN_LEFT) return
    if (this.#extensionEnded(range, now, lockMs, keeping)) {
      if (this.#ended.has(range)) return
      this.#ended.add(range)
      const { topic, partition } = range.partition
      this.#host.logger.warn(
        { topic, partition, firstOffset: range.firstOffset, records: range.openAmong(0, handedTo) },
        `The locks of records of ${topic}-${partition} are not renewed any more: they have been out for ${keeping.maxExtensionMs} ms. ` +
          'Unless they are answered soon the group delivers them again. See what their listener waits for, or raise maxLockExtensionMs.',
      )
    } else if (this.#canRenew(range, now)) this.#turns.add(range, 0, handedTo)
  }

  #keepBuffered(ranges: readonly AcquiredRange[], now: number, lockMs: number, keeping: LockKeeping): void {
    const host = this.#host
    const positions = host.queue()
    let released = 0
    for (const range of ranges) {
      const place = positions.get(range)
      const from = place?.from ?? range.length
      const renews = this.#canRenew(range, now) && !this.#extensionEnded(range, now, lockMs, keeping)
      // In between a deserialiser is at work.
      if (from > range.handedTo && renews) this.#turns.add(range, range.handedTo, from)
      const left = range.earliestDeadline(from, range.length) - now
      if (left === Infinity || left > lockMs * RENEW_WHEN_LEFT) continue
      const withinMs = renews ? keepForMs(lockMs) : left - lockMs * ANSWER_MARGIN
      let to = range.length
      if (!renews || keeping.mayRelease) {
        const started = host.startsWithin(withinMs) - (place?.ahead ?? 0)
        to = Math.min(range.length, from + Math.max(0, started))
      }
      if (renews && from < to) this.#turns.add(range, from, to)
      if (to < range.length) released += range.answerOpen(AckCode.RELEASE, to, range.length)
    }
    if (released > 0) this.#gaveBack(released, 'they could not have been started in time')
  }

  #gaveBack(records: number, why: string): void {
    this.#host.released()
    this.#host.logger.debug({ groupId: this.#host.groupId, records }, `given back: ${why}`)
  }

  #giveBackBuffered({ range, from, to }: SentPiece): void {
    const waiting = this.#host.queue().get(range)?.from ?? range.length
    const released = range.answerOpen(AckCode.RELEASE, Math.max(from, waiting), to)
    if (released > 0) this.#host.released()
  }

  #extensionEnded(range: AcquiredRange, now: number, lockMs: number, { maxExtensionMs }: LockKeeping): boolean {
    return now - (range.firstLockDeadline - lockMs) >= maxExtensionMs
  }

  #canRenew(range: AcquiredRange, now: number): boolean {
    if (now < this.#forbiddenUntil || this.#turns.wasRefused(range)) return false
    if (range.holder.renewable) return true
    this.#forbid('its broker is older than Apache Kafka 4.2')
    return false
  }

  #forbid(reason: string): void {
    this.#forbiddenUntil = this.#host.clock.now() + FORBIDDEN_FOR_MS
    if (this.#told) return
    this.#told = true
    this.#host.logger.info(
      { groupId: this.#host.groupId },
      `The locks of records that take long cannot be renewed: ${reason}. A record that is not answered within its lock is delivered again.`,
    )
  }
}

function isForbidden(outcome: RenewalOutcome): boolean {
  return 'code' in outcome && forbidsRenewals(outcome.code, outcome.error.message)
}
