/** One record batch as the log keeps it. Offsets are those of the log; the bytes carry them. */
export interface LogBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly leaderEpoch: number
  readonly maxTimestamp: number
  readonly isControl: boolean
  readonly isTransactional: boolean
  readonly producerId: number
  readonly sizeInBytes: number
  /** The whole batch as it is sent to consumers. */
  readonly bytes: Buffer
}

export interface StoredBatch extends LogBatch {
  /** The largest timestamp of this batch and all before it, so that a time is found by halving. */
  readonly largestTimestampSoFar: number
  readonly appendedAtMs: number
  /** Its place among all batches of all logs: what is older is let go first. */
  readonly age: number
}

/** What a kept batch costs beyond its bytes: its objects and its places in arrays. */
const OVERHEAD_BYTES = 320
/** How many places of batches let go may stand empty before the array is cut. */
const SLACK = 1024

/** The batches of one log, oldest first. Everything is found by halving; nothing is moved when the oldest go. */
export class StoredBatches {
  #batches: (StoredBatch | undefined)[] = []
  #head = 0
  #bytes = 0

  get count(): number {
    return this.#batches.length - this.#head
  }

  /** The bytes of the batches themselves. */
  get sizeInBytes(): number {
    return this.#bytes
  }

  /** About what they take in memory. */
  get sizeInMemory(): number {
    return this.#bytes + this.count * OVERHEAD_BYTES
  }

  get oldest(): StoredBatch | undefined {
    return this.#batches[this.#head]
  }

  get newest(): StoredBatch | undefined {
    return this.count === 0 ? undefined : this.#batches[this.#batches.length - 1]
  }

  /** By position, 0 is the oldest. */
  at(position: number): StoredBatch | undefined {
    return this.#batches[this.#head + position]
  }

  push(batch: StoredBatch): void {
    this.#batches.push(batch)
    this.#bytes += batch.sizeInBytes
  }

  dropOldest(): StoredBatch | undefined {
    const dropped = this.oldest
    if (dropped === undefined) return undefined
    this.#batches[this.#head++] = undefined
    this.#bytes -= dropped.sizeInBytes
    if (this.#head > SLACK && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
    return dropped
  }

  clear(): void {
    this.#batches = []
    this.#head = 0
    this.#bytes = 0
  }

  /** The position of the batch that holds `offset`, or of the first one above it; `count` when there is none. */
  positionOf(offset: number): number {
    return this.#firstPosition((batch) => batch.lastOffset >= offset)
  }

  /** The position from which on a batch with a timestamp of at least this can be. */
  positionOfTimestamp(timestamp: number): number {
    return this.#firstPosition((batch) => batch.largestTimestampSoFar >= timestamp)
  }

  /** `isReached` is false up to some batch and true from there on. */
  #firstPosition(isReached: (batch: StoredBatch) => boolean): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const batch = this.#batches[middle]
      if (batch !== undefined && isReached(batch)) high = middle
      else low = middle + 1
    }
    return low - this.#head
  }
}
