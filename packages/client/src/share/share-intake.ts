import type { Clock, Logger } from '@milena/protocol/runtime'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import type { AcquiredRange } from './acquired-range.js'
import { FetchBuffer, type BufferPosition } from './fetch-buffer.js'
import type { TakenBatch } from './handout.js'
import { FetchSizer, keepForMs } from './fetch-sizer.js'
import { LateHandout } from './late-handout.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { ReceivedPartition } from './share-response.js'
import { WorkPace } from './work-pace.js'

// What is acquired on its way to the application: how much to fetch, how much to hand out at once. No I/O.
//
// Rules kept here
// - Nothing is fetched that the application could not start soon, by the pace that it shows; nor while as many bytes wait as
//   may wait.
// - With maxInFlight no more is handed out than leaves so many unanswered; what is worked on at once is paced as a whole.
// - What leaves is noted in its range, so that a lost lock is told with its records.
// - Where locks are looked after, an application that has not begun and not answered anything for half a lock (10 s
//   at least, or twice what it usually needs for what it has) stands still: what waits here goes back, and nothing is fetched before it takes.
// - Nobody waits for a deserialiser's promise: what it is needed for leaves with a later take, if it is still held then.

/** Taken as the lock duration until the broker has told it. */
const USUAL_LOCK_MS = 30_000
/** Who has not moved for this part of a lock stands still. */
const STANDS_AFTER = 0.5
/** No sooner than this: a pause of the application is to cost nobody a delivery, where locks are short and renewed. */
const STANDS_AFTER_MS = 10_000
/** Nor does who takes no longer than so many times what it usually takes. */
const PATIENCE = 2

/** How much to hand out. */
export interface HandOutBounds {
  /** About how many; acquired ranges are not cut. */
  readonly max: number | undefined
  /** How many may be unanswered; ranges are cut for it. */
  readonly maxInFlight: number | undefined
  /** The next take comes when all of it is answered. */
  readonly batch: boolean
}

export interface ShareIntakeOptions<K, V> {
  readonly config: ResolvedShareConsumerConfig<K, V>
  readonly clock: Clock
  readonly logger: Logger
  /** How many records are handed out and unanswered. */
  readonly outstanding: () => number
  /** What deserialisers had promised is there: another take gets it. */
  readonly finished: () => void
}

export class ShareIntake<K, V> {
  readonly #clock: Clock
  readonly #outstanding: () => number
  readonly #finished: () => void
  readonly #maxBufferedBytes: number
  readonly #buffer: FetchBuffer<K, V>
  readonly #sizer: FetchSizer
  readonly #pace = new WorkPace()
  #lockMs: number | undefined
  /** The application has nothing to do, or room for more. */
  #waiting = false
  /** The longest range that is handed out whole at once; undefined: any. */
  longestRange: number | undefined
  /** How many records could be handed out now; 0: there is no bound. */
  #free = 0
  /** What is handed out is worked on at once, and not record by record. */
  #windowed = false
  /** What is handed out is answered as a whole. */
  #inBatches = false
  /** The last take found as much handed out as may be: the next answer makes room. */
  isFull = false
  /** What waits for its deserialisers, or after that for somebody to take it. */
  #late: LateHandout<K, V> | undefined
  /** It was found to stand still, and has not taken since. */
  #stood = false
  /** The broker is to acquire whole batches. */
  readonly #wholeBatches: boolean

  constructor({ config, clock, logger, outstanding, finished }: ShareIntakeOptions<K, V>) {
    this.#clock = clock
    this.#outstanding = outstanding
    this.#finished = finished
    this.#maxBufferedBytes = config.maxBufferedBytes
    this.#wholeBatches = config.acquireMode === 'batch_optimized'
    this.#sizer = new FetchSizer({ fixedRecords: config.fetchRecords, prefetch: config.prefetch })
    const { keyDeserializer: key, valueDeserializer: value } = config
    this.#buffer = new FetchBuffer<K, V>({
      deserializers: { key, value },
      exact: config.acquireMode === 'record_limit',
      clock,
      logger,
    })
  }

  /** The group's acquisition lock duration, as a broker told it last. */
  get lockMs(): number | undefined {
    return this.#lockMs
  }

  set lockMs(ms: number) {
    this.#lockMs = ms
  }

  /** Records acquired and not handed out. */
  get buffered(): number {
    return this.#buffer.records + (this.#late?.size ?? 0)
  }

  /** A fetch should acquire no more than it asks for. */
  get exact(): boolean {
    return this.#wholeBatches ? this.#sizer.regaining : this.#sizer.exact
  }

  /** Nothing is known of the application but that it stood still when somebody else took for it. */
  beginCautiously(): void {
    this.#sizer.stood()
  }

  /** Nothing was begun and nothing answered for so long that what waits here would wait in vain. */
  stands(): boolean {
    if (this.#stood) return true
    if (!this.#sizer.careful || (this.#waiting && !this.isFull)) return false
    const outstanding = this.#outstanding()
    const standsMs = this.#pace.standsMs(this.#clock.now(), outstanding)
    const lockMs = this.#lockMs ?? USUAL_LOCK_MS
    const usualMs = PATIENCE * (this.#pace.perRecordMs ?? 0) * outstanding
    if (standsMs <= Math.max(lockMs * STANDS_AFTER, STANDS_AFTER_MS, Math.min(usualMs, keepForMs(lockMs)))) return false
    this.#stood = true
    // Who answers a batch as a whole, however late, has nothing fetched meanwhile: there is nothing to be careful about.
    if (!this.#inBatches) this.#sizer.stood()
    return true
  }

  /** Where locks are looked after, what cannot be started yet stays here, from where it can be given back. */
  keepsLocks(keeps: boolean): void {
    this.#sizer.careful = keeps
    this.#buffer.keepsLocks = keeps
  }

  /** What one answer brought. */
  add(answer: readonly ReceivedPartition[]): void {
    let deliveries = 1
    for (const received of answer) {
      for (const { deliveryCount } of received.ranges) deliveries = Math.max(deliveries, deliveryCount)
      this.#buffer.add(received)
    }
    this.#sizer.received(deliveries)
  }

  /** The application comes for records; undefined: there are none for it now. */
  take({ max, maxInFlight, batch }: HandOutBounds): TakenBatch<K, V> | undefined {
    this.#measure()
    this.#inBatches = batch
    this.#windowed = maxInFlight !== undefined
    this.longestRange = this.#windowed ? undefined : max
    this.#free = maxInFlight === undefined ? 0 : Math.max(0, maxInFlight - this.#outstanding())
    this.isFull = this.#windowed && this.#free === 0
    if (this.isFull) return undefined
    this.#stood = false
    const late = this.#late && this.#takeLate(this.#late)
    if (late !== undefined || this.#late !== undefined) return late
    const made = this.#buffer.records > 0 ? this.#takeBuffered(max) : undefined
    if (!(made instanceof LateHandout)) return this.#handOut(made)
    this.#late = made
    void made.finished.then(this.#finished)
    return undefined
  }

  /** The application waits for records, and there are none for it. */
  get isAwaited(): boolean {
    return this.#waiting && !this.isFull && this.buffered === 0
  }

  /** It waits for records, or does not. */
  waits(waiting: boolean): void {
    this.#waiting = waiting
  }

  /** How many records to fetch now. */
  recordsToFetch(): number {
    const { buffered } = this
    if (this.stands()) return 0
    if (this.#buffer.records > 0 && this.#buffer.bytes >= this.#maxBufferedBytes) return 0
    if (this.#inBatches && !this.#waiting && this.#sizer.fetchRecords < this.#free) return 0
    return this.#sizer.recordsToFetch({
      buffered,
      waiting: this.#waiting && !this.isFull,
      free: this.#free,
      inBatches: this.#inBatches,
      ahead: this.#ahead,
      slowestMs: this.#slowestMs(),
    })
  }

  /** How many buffered records will be started within that time. */
  startsWithin(ms: number): number {
    return Math.floor(ms / Math.max(this.#slowestMs(), 1e-6)) - this.#ahead
  }

  /** Where each range stands that is buffered. */
  positions(): ReadonlyMap<AcquiredRange, BufferPosition> {
    return this.#buffer.positions()
  }

  /** Something was lost: it does not wait here any more, and what the application has answered since it was last seen tells nothing of its pace. */
  lost(): void {
    this.#pace.lost(this.#outstanding())
    this.#buffer.lost()
  }

  /** Some of what waits here was RELEASEd. */
  recount(): void {
    this.#buffer.recount()
  }

  /** RELEASEs everything that waits here. */
  release(): void {
    this.#buffer.release()
    this.releaseLate()
  }

  /** RELEASEs what waits for its deserialisers: it has left the buffer, so that nobody would notice that it waits in vain. */
  releaseLate(): void {
    this.#late?.release()
    this.#late = undefined
  }

  /** Drops everything; whoever calls this has answered it. */
  clear(): void {
    this.#buffer.clear()
    this.#late = undefined
  }

  #takeLate(late: LateHandout<K, V>): TakenBatch<K, V> | undefined {
    const now = this.#clock.now()
    const { keepsLocks } = this.#buffer
    // Where locks are looked after, one that is over for good is not open any more.
    const batch = late.batch(
      (range, index) => range.holder.live && range.isOpen(index) && (keepsLocks || range.deadlineOf(index) > now),
    )
    const isGone = batch.records.length + batch.failures.length === 0
    // What is lost as a whole need not be waited for: a promise may never be kept.
    if (!late.isFinished && !isGone) return undefined
    this.#late = undefined
    return isGone ? undefined : this.#handOut(batch)
  }

  #takeBuffered(max: number | undefined): TakenBatch<K, V> | LateHandout<K, V> {
    if (this.#free > 0) return this.#buffer.take(Math.min(max ?? Infinity, this.#free), true)
    // Who says how many at once means it.
    const soon = max === undefined ? this.#sizer.handOutRecords : undefined
    return soon === undefined ? this.#buffer.take(max ?? this.#sizer.fetchRecords) : this.#buffer.take(soon, true)
  }

  #handOut(taken: TakenBatch<K, V> | undefined): TakenBatch<K, V> | undefined {
    const count = taken === undefined ? 0 : taken.records.length + taken.failures.length
    if (taken === undefined || count === 0) {
      this.#pace.idle()
      return undefined
    }
    noteInRanges(taken)
    this.#pace.handedOut(this.#clock.now(), count, this.#outstanding())
    return taken
  }

  /** The application is back for more: how fast it was. */
  #measure(): void {
    if (this.#pace.measure(this.#clock.now(), this.#outstanding()) > 0)
      this.#sizer.worked(this.#pace.perRecordMs ?? 0, this.#lockMs ?? USUAL_LOCK_MS)
  }

  /** Those that are out come first, unless they are worked on all at once. */
  get #ahead(): number {
    return this.#windowed ? 0 : this.#outstanding()
  }

  /** Milliseconds per record, as slow as the application looks at the moment. */
  #slowestMs(): number {
    return this.#pace.slowestMs(this.#clock.now(), this.#outstanding())
  }
}

/** The pieces of the ledger that these records stand for leave with them. */
function noteInRanges({ records, failures, spans }: TakenBatch<unknown, unknown>): void {
  let at = 0
  for (const span of spans) {
    span.range.handOut(records, at, span)
    at += span.to - span.from
  }
  for (const failure of failures) {
    const range = RecordDeserializationFailure.rangeOf(failure)
    range.pass(failure.offset - range.firstOffset + 1)
  }
}
