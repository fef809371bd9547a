import { abortedBatches, withoutBatches, type BatchOutline } from './aborted-batches.js'
import { AcquireMode, AcquisitionFailure, type AcquiredRange, type AcquireRequest } from './acquire-request.js'
import type { AcquisitionLocks } from './acquisition-locks.js'
import type { InFlightWindow } from './in-flight-window.js'
import type { RedeliveryThrottle } from './redelivery-throttle.js'
import { RecordState, TrackedBatch, type AcquisitionLock, type OffsetRun } from './tracked-batch.js'

export interface AcquisitionRules {
  /** How many offsets the window may span before no new ones are taken. */
  readonly maxRecordLocks: number
  readonly throttle: RedeliveryThrottle
}

/**
 * Takes records of one read of the log for one member.
 *
 * Rules
 * - Tracked records that are available come first, by offset; what lies behind all that is tracked is taken as new.
 * - Batch-optimised: log batches are never cut, so that more than maxRecords may come; the count is looked at between tracked
 *   batches. New records are tracked together until there are batchSize of them at the border of a log batch.
 * - Record limit: never more than maxRecords. The rest of the log batch that is cut is tracked with it, as available.
 * - A full window gives only what is tracked already. The limit is soft: a log batch that begins below may end above it.
 * - Offsets that the log has not any more (compaction) are archived, as are those of aborted transactions.
 */
export class RecordAcquisition {
  readonly #window: InFlightWindow
  readonly #locks: AcquisitionLocks
  readonly #request: AcquireRequest
  readonly #throttle: RedeliveryThrottle
  readonly #recordLimit: boolean
  /** The last offset that may be taken. */
  #lastOffset: number
  #maxRecords: number
  #taken = 0
  readonly #ranges: AcquiredRange[] = []

  constructor(window: InFlightWindow, locks: AcquisitionLocks, rules: AcquisitionRules, request: AcquireRequest) {
    this.#window = window
    this.#locks = locks
    this.#request = request
    this.#throttle = rules.throttle
    this.#recordLimit = request.mode === AcquireMode.RECORD_LIMIT
    this.#lastOffset = request.batches.at(-1)?.lastOffset ?? -1
    this.#maxRecords = Math.min(request.maxRecords, rules.maxRecordLocks - window.size)
    if (this.#maxRecords <= 0) {
      this.#lastOffset = Math.min(this.#lastOffset, window.endOffset)
      this.#maxRecords = Math.min(request.maxRecords, window.endOffset - request.fetchOffset + 1)
    }
  }

  run(): readonly AcquiredRange[] {
    const first = this.#request.batches[0]
    if (first === undefined || this.#lastOffset < this.#window.startOffset || this.#maxRecords <= 0) return []
    this.#archiveVanished(first.baseOffset)
    const from = this.#firstOffset(first.baseOffset)
    const tracked = this.#window.beginningIn(Math.min(from, first.baseOffset), this.#lastOffset)
    if (tracked.length === 0) this.#takeNew(from, this.#lastOffset)
    else this.#takeTracked(tracked, from, first.baseOffset)
    const last = this.#ranges.at(-1)
    if (last === undefined) return []
    this.#window.holesOfferedBelow(last.lastOffset + 1)
    return this.#withoutAborted()
  }

  get #left(): number {
    return this.#maxRecords - this.#taken
  }

  /** Where to begin: not below the start, but with the whole of a tracked batch that reaches into the read. */
  #firstOffset(baseOffset: number): number {
    const floor = this.#window.floor(baseOffset)
    if (floor === undefined) return Math.max(baseOffset, this.#window.startOffset)
    return floor.lastOffset >= baseOffset ? floor.firstOffset : baseOffset
  }

  #takeTracked(tracked: readonly TrackedBatch[], from: number, baseOffset: number): void {
    let untracked = from
    for (const batch of tracked) {
      if (this.#left <= 0) return
      if (this.#window.hasHoles) {
        if (untracked < batch.firstOffset) this.#takeNew(untracked, batch.firstOffset - 1)
        untracked = batch.lastOffset + 1
        if (this.#left <= 0) return
      }
      const throttled = this.#throttle.isThrottled(this.#mostDeliveries(batch, baseOffset))
      if (throttled && this.#taken > 0) return
      this.#takeAvailable(batch, baseOffset, throttled)
      if (throttled && this.#taken > 0) return
    }
    const lastTracked = tracked.at(-1)?.lastOffset ?? Infinity
    if (this.#left > 0 && lastTracked < this.#lastOffset) this.#takeNew(lastTracked + 1, this.#lastOffset)
  }

  #mostDeliveries(batch: TrackedBatch, baseOffset: number): number {
    let most = 0
    for (const run of batch.runs(baseOffset, this.#lastOffset)) {
      if (run.state === RecordState.AVAILABLE) most = Math.max(most, run.deliveryCount)
    }
    return most
  }

  #takeAvailable(batch: TrackedBatch, baseOffset: number, throttled: boolean): void {
    const first = Math.max(batch.firstOffset, baseOffset)
    const last = Math.min(batch.lastOffset, this.#lastOffset)
    const limit = this.#recordLimit ? this.#left : Infinity
    const isWhole = first === batch.firstOffset && last === batch.lastOffset && !throttled
    if (!isWhole && batch.find(RecordState.AVAILABLE) !== undefined) batch.divide()
    const taker = new BatchTaker(batch, this.#request.memberId, this.#locks)
    let portion: number | undefined
    for (const run of batch.runs(first, last)) {
      if (run.state !== RecordState.AVAILABLE) continue
      const alone = this.#throttle.isLastAttempt(run.deliveryCount)
      if (alone && taker.taken > 0) break
      portion ??= this.#throttle.portion(run.deliveryCount, batch.size)
      // A portion that was filled before, by records delivered less often, holds nothing up.
      const open = portion === undefined || portion <= taker.taken ? Infinity : portion - taker.taken
      taker.take(run, alone ? 1 : Math.min(open, limit - taker.taken))
      if (alone || taker.taken === limit || taker.taken === portion) break
    }
    this.#taken += taker.taken
    this.#ranges.push(...taker.ranges)
  }

  /** Takes records that are not tracked yet, between these offsets; whole log batches, if it may. */
  #takeNew(from: number, to: number): void {
    const window = this.#window
    const first = window.isEmpty ? Math.max(from, window.endOffset) : from
    let last = to
    const limit = this.#left
    if (limit < to - first + 1) {
      last = this.#endOfLogBatch(first + limit - 1)
      if (window.hasHoles) last = Math.min(last, to)
    }
    last = Math.min(last, (window.batches[window.floorIndex(first) + 1]?.firstOffset ?? Infinity) - 1)
    if (last < first) return
    if (this.#recordLimit) {
      this.#trackCut(first, last, Math.min(last, first + limit - 1))
    } else {
      for (const range of this.#cutByBatchSize(first, last)) this.#track(range.first, range.last)
    }
  }

  #endOfLogBatch(offset: number): number {
    const holding = this.#request.batches.findLast((batch) => batch.baseOffset <= offset)
    return Math.max(offset, holding?.lastOffset ?? offset)
  }

  *#cutByBatchSize(first: number, last: number): Generator<{ readonly first: number; readonly last: number }, void> {
    const { batches } = this.#request
    const batchSize = Math.max(1, this.#request.batchSize)
    let from = first
    if (last - first + 1 > batchSize) {
      for (const { baseOffset } of batches) {
        if (baseOffset > last) break
        if (baseOffset - from < batchSize) continue
        yield { first: from, last: baseOffset - 1 }
        from = baseOffset
      }
    }
    yield { first: from, last }
  }

  #track(first: number, last: number): void {
    const batch = new TrackedBatch(first, last, RecordState.ACQUIRED, 1)
    batch.set(first, last, RecordState.ACQUIRED, 1, this.#locks.open(batch, this.#request.memberId, batch.size))
    this.#addNew(batch, last)
  }

  #trackCut(first: number, last: number, lastTaken: number): void {
    if (lastTaken === last) {
      this.#track(first, last)
      return
    }
    const batch = new TrackedBatch(first, last, RecordState.AVAILABLE, 0)
    const lock = this.#locks.open(batch, this.#request.memberId, lastTaken - first + 1)
    batch.set(first, lastTaken, RecordState.ACQUIRED, 1, lock)
    this.#window.noteAvailable()
    this.#addNew(batch, lastTaken)
  }

  #addNew(batch: TrackedBatch, lastTaken: number): void {
    this.#window.track(batch)
    this.#window.holesOfferedBelow(lastTaken + 1)
    this.#taken += lastTaken - batch.firstOffset + 1
    this.#ranges.push({ firstOffset: batch.firstOffset, lastOffset: lastTaken, deliveryCount: 1 })
  }

  /** The log was read from an offset that it does not hold any more: what was available in between is gone. */
  #archiveVanished(baseOffset: number): void {
    const { fetchOffset } = this.#request
    if (fetchOffset >= baseOffset) return
    if (this.#archive(fetchOffset, baseOffset - 1, RecordState.AVAILABLE)) this.#window.noteAvailable()
  }

  #withoutAborted(): readonly AcquiredRange[] {
    const { batches, abortedTransactions, producerOf } = this.#request
    const aborted: readonly BatchOutline[] = abortedBatches(batches, abortedTransactions, producerOf)
    for (const { baseOffset, lastOffset } of aborted) {
      if (this.#window.floor(baseOffset) === undefined) {
        throw new AcquisitionFailure(`Nothing is tracked at the aborted batch ${baseOffset}-${lastOffset} or below it.`)
      }
      this.#archive(baseOffset, lastOffset, RecordState.ACQUIRED)
      // Real brokers divide what is acquired in front of them, too; it shows in what later errors say.
      const before = this.#window.floor(baseOffset)
      if (before?.wholeLock !== undefined && before.lastOffset < baseOffset) before.divide()
    }
    return withoutBatches(this.#ranges, aborted)
  }

  #archive(first: number, last: number, from: RecordState): boolean {
    let any = false
    for (const batch of this.#window.overlapping(first, last)) {
      for (const run of batch.runs(first, last)) {
        if (run.state !== from) continue
        batch.set(run.first, run.last, RecordState.ARCHIVED, run.deliveryCount, undefined)
        if (run.lock !== undefined) this.#locks.release(run.lock, run.last - run.first + 1)
        this.#window.countArchived(run.last - run.first + 1)
        any = true
      }
    }
    return any
  }
}

/** Takes available records of one tracked batch under one lock, and says which, neighbours of equal count as one range. */
class BatchTaker {
  readonly #batch: TrackedBatch
  readonly #memberId: string
  readonly #locks: AcquisitionLocks
  #lock: AcquisitionLock | undefined
  readonly ranges: AcquiredRange[] = []
  taken = 0

  constructor(batch: TrackedBatch, memberId: string, locks: AcquisitionLocks) {
    this.#batch = batch
    this.#memberId = memberId
    this.#locks = locks
  }

  /** The run is available; at most so many of it. */
  take(run: OffsetRun, atMost: number): void {
    const last = Math.min(run.last, run.first + atMost - 1)
    const deliveryCount = run.deliveryCount + 1
    this.#lock ??= this.#locks.open(this.#batch, this.#memberId, 0)
    this.#lock.held += last - run.first + 1
    this.taken += last - run.first + 1
    this.#batch.set(run.first, last, RecordState.ACQUIRED, deliveryCount, this.#lock)
    const previous = this.ranges.at(-1)
    if (previous?.lastOffset === run.first - 1 && previous.deliveryCount === deliveryCount) {
      this.ranges[this.ranges.length - 1] = { ...previous, lastOffset: last }
    } else {
      this.ranges.push({ firstOffset: run.first, lastOffset: last, deliveryCount })
    }
  }
}
