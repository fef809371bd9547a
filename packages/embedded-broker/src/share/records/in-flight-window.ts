import { isFinished, RecordState, type TrackedBatch } from './tracked-batch.js'

/**
 * The offsets between the start of a share partition and the last one that was acquired: tracked batches by offset, which
 * may have holes between them.
 *
 * Rules
 * - The start moves over finished records only. A tracked batch is forgotten when all of it is finished and lies below the
 *   start; when everything is finished nothing is tracked, and start and end are the next offset to acquire.
 * - The log's start may overtake everything that is tracked. What real brokers (4.4.0) make of it then is kept: when the last of
 *   it is finished the start goes back behind it, and is put right by the next read of the log; but a divided batch at the end
 *   of it keeps all of it tracked.
 * - `finishedCount` counts the finished offsets from the start on.
 * - States read from the share coordinator may have holes: offsets that were never acquired, or whose acquisition died with
 *   the leader before this one. Until records above them are acquired, they are offered first, and the start stays below them.
 */
export class InFlightWindow {
  readonly #batches: TrackedBatch[] = []
  #startOffset: number
  /** While nothing is tracked: the next offset to acquire. Else the last tracked offset (or the start, if that is above). */
  #endOffset: number
  #finishedCount = 0
  /** False only when nothing is available, so that a look at all of it is spared. */
  #mayHaveAvailable = false
  /** The first offset that may be in a hole left by the persisted state, as long as the end is the one that was loaded. */
  #holes: { first: number; readonly endOffset: number } | undefined

  constructor(startOffset: number) {
    this.#startOffset = startOffset
    this.#endOffset = startOffset
  }

  get batches(): readonly TrackedBatch[] {
    return this.#batches
  }

  get startOffset(): number {
    return this.#startOffset
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get finishedCount(): number {
    return this.#finishedCount
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  /** What counts to the limit of record locks: holes and finished records included. */
  get size(): number {
    return this.isEmpty ? 0 : this.#endOffset - this.#startOffset + 1
  }

  /** Holes of the persisted state are still to be offered. */
  get hasHoles(): boolean {
    return this.#holes !== undefined && this.#holes.endOffset === this.#endOffset
  }

  get #lastTracked(): number {
    return this.#batches.at(-1)?.lastOffset ?? -Infinity
  }

  /** The first available offset, or the first one behind the window. */
  get nextFetchOffset(): number {
    if (this.isEmpty || this.#startOffset > this.#lastTracked) {
      this.#mayHaveAvailable = false
      return this.#endOffset
    }
    if (this.#mayHaveAvailable) {
      const available = this.#findAvailable()
      if (available !== undefined) return available
      this.#mayHaveAvailable = false
    }
    return this.#endOffset + 1
  }

  #findAvailable(): number | undefined {
    let hole = this.#activeHole
    for (const batch of this.#batches) {
      if (hole !== undefined) {
        if (batch.firstOffset > hole) return hole
        hole = Math.max(hole, batch.lastOffset + 1)
      }
      const offset = batch.find(RecordState.AVAILABLE)
      if (offset !== undefined) return offset
    }
    return undefined
  }

  get #activeHole(): number | undefined {
    return this.hasHoles ? this.#holes?.first : undefined
  }

  /** Something became available. */
  noteAvailable(): void {
    this.#mayHaveAvailable = true
  }

  /** Index of the last tracked batch that begins at or below this offset; -1 when there is none. */
  floorIndex(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle]?.firstOffset ?? Infinity) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  floor(offset: number): TrackedBatch | undefined {
    return this.#batches[this.floorIndex(offset)]
  }

  /** Tracked batches that begin in this range, in order; a copy. */
  beginningIn(first: number, last: number): readonly TrackedBatch[] {
    return this.#batches.slice(this.floorIndex(first - 1) + 1, this.floorIndex(last) + 1)
  }

  /** Tracked batches with offsets in this range, in order; a copy. */
  overlapping(first: number, last: number): readonly TrackedBatch[] {
    const index = this.floorIndex(first)
    const skip = (this.#batches[index]?.lastOffset ?? -Infinity) < first ? 1 : 0
    return this.#batches.slice(Math.max(0, index + skip), this.floorIndex(last) + 1)
  }

  /** A batch that was just acquired, or read from the share coordinator; it overlaps no other. */
  track(batch: TrackedBatch): void {
    this.#batches.splice(this.floorIndex(batch.firstOffset) + 1, 0, batch)
    if (batch.lastOffset > this.#endOffset) this.#endOffset = batch.lastOffset
    // Records may be gone from the log below the first one that was found.
    if (this.#batches[0] === batch) this.#startOffset = Math.max(this.#startOffset, batch.firstOffset)
  }

  /** Takes over what a leader before this one had persisted. */
  load(batches: readonly TrackedBatch[]): void {
    let next = this.#startOffset
    let hole: number | undefined
    for (const batch of batches) {
      if (batch.firstOffset > next) hole ??= next
      next = batch.lastOffset + 1
      this.#batches.push(batch)
      this.#endOffset = batch.lastOffset
      if (isFinished(batch.stateAt(batch.firstOffset))) this.#finishedCount += batch.size
    }
    if (this.isEmpty) return
    this.#mayHaveAvailable = true
    if (hole !== undefined) this.#holes = { first: hole, endOffset: this.#endOffset }
    this.advance()
  }

  /** Up to here nothing is left to be offered of the holes. */
  holesOfferedBelow(offset: number): void {
    if (this.#holes === undefined) return
    if (this.hasHoles && offset <= this.#endOffset) this.#holes.first = offset
    else this.#holes = undefined
  }

  /** Offsets became finished (or, negative, are not any more); those below the start do not count. */
  countFinished(first: number, last: number, sign: 1 | -1 = 1): void {
    this.#finishedCount += sign * Math.max(0, last - Math.max(first, this.#startOffset) + 1)
  }

  /** So many offsets were archived as they were acquired. Real brokers (4.4.0) count those below the start, too: the lag gets too small. */
  countArchived(offsets: number): void {
    this.#finishedCount += offsets
  }

  /** Moves the start over what is finished. @returns whether there was any */
  advance(): boolean {
    const atStart = this.floor(this.#startOffset)
    if (atStart === undefined) return false
    const isBehind = atStart.lastOffset < this.#startOffset
    if (isBehind && atStart.isDivided) return false
    if (!isFinished(atStart.stateAt(isBehind ? atStart.lastOffset : this.#startOffset))) return false
    const { done, whole } = this.#finishedPrefix()
    if (done === undefined) return false
    if (done === this.#lastTracked) {
      this.#batches.length = 0
      this.#startOffset = done + 1
      this.#endOffset = done + 1
      this.#finishedCount = 0
      return true
    }
    const before = this.#startOffset
    // Behind a batch that is finished as a whole the next tracked one is the start, unless a hole comes first.
    const next = this.#batches[whole]
    if (next !== undefined && next.firstOffset > done) {
      this.#startOffset = Math.max(before, Math.min(next.firstOffset, this.#activeHole ?? Infinity))
    } else {
      this.#startOffset = Math.max(before, done + 1)
    }
    this.#finishedCount -= this.#countIn(before, done)
    this.#batches.splice(0, whole)
    return true
  }

  /** The last of the finished offsets at the front, and how many batches lie in it whole. */
  #finishedPrefix(): { readonly done: number | undefined; readonly whole: number } {
    const hole = this.#activeHole ?? Infinity
    let done: number | undefined
    let whole = 0
    for (const batch of this.#batches) {
      if (batch.lastOffset >= hole) break
      for (const run of batch.runs(batch.firstOffset, batch.lastOffset)) {
        if (!isFinished(run.state)) return { done, whole }
        done = run.last
      }
      whole++
    }
    return { done, whole }
  }

  /** The log begins here now. What was available below is archived; what is acquired stays until its answer or its lock's end. */
  logStartMoved(logStartOffset: number): void {
    if (logStartOffset <= this.#startOffset) return
    if (this.isEmpty) {
      this.#startOffset = logStartOffset
      this.#endOffset = logStartOffset
      this.#finishedCount = 0
      return
    }
    this.#finishedCount -= this.#countIn(this.#startOffset, logStartOffset - 1)
    for (const batch of this.overlapping(this.#startOffset, logStartOffset - 1)) {
      for (const run of batch.runs(this.#startOffset, logStartOffset - 1)) {
        if (run.state !== RecordState.AVAILABLE) continue
        batch.set(run.first, run.last, RecordState.ARCHIVED, run.deliveryCount, undefined)
        this.#mayHaveAvailable = true
      }
    }
    this.#startOffset = logStartOffset
    this.#endOffset = Math.max(this.#endOffset, logStartOffset)
  }

  #countIn(first: number, last: number): number {
    let count = 0
    for (const batch of this.overlapping(first, last)) {
      for (const run of batch.runs(first, last)) if (isFinished(run.state)) count += run.last - run.first + 1
    }
    return count
  }
}
