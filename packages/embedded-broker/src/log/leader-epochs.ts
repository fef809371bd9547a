/** Where an epoch of leaders ended; -1 and -1 where the log does not know (KIP-320). */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

const NO_EPOCH = -1
const UNKNOWN: EpochEnd = { leaderEpoch: -1, endOffset: -1 }

/** The leader epochs that have written to a log, and where each began. */
export class LeaderEpochs {
  #starts: EpochStart[] = []

  /** A batch of this epoch was written at `offset`. */
  wrote(epoch: number, offset: number): void {
    const latest = this.#starts.at(-1)
    if (latest === undefined || latest.epoch < epoch) this.#starts.push({ epoch, startOffset: offset })
  }

  get latest(): number | undefined {
    return this.#starts.at(-1)?.epoch
  }

  /** The epoch under which the record at `offset` was written. */
  at(offset: number): number | undefined {
    return this.#starts.findLast((each) => each.startOffset <= offset)?.epoch
  }

  /** The end of the largest epoch up to `epoch`; `now` is the leader's own epoch and the log's end. */
  endOf(epoch: number, now: { readonly leaderEpoch: number; readonly endOffset: number }): EpochEnd {
    if (epoch === now.leaderEpoch) return now
    if (epoch === NO_EPOCH || epoch > now.leaderEpoch) return UNKNOWN
    const above = this.#starts.find((each) => each.epoch > epoch)
    const upTo = this.#starts.findLast((each) => each.epoch <= epoch)
    return { leaderEpoch: upTo?.epoch ?? epoch, endOffset: above?.startOffset ?? now.endOffset }
  }

  /** The log begins at `offset` now. */
  startMoved(offset: number): void {
    const keep = this.#starts.findLastIndex((each) => each.startOffset <= offset)
    if (keep < 0) return
    const kept = this.#starts.slice(keep)
    const [first] = kept
    if (first !== undefined && first.startOffset < offset) kept[0] = { epoch: first.epoch, startOffset: offset }
    this.#starts = kept
  }
}
