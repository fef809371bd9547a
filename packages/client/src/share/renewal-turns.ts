import type { SentPiece } from './ack-batches.js'
import type { AcquiredRange } from './acquired-range.js'
import type { TopicIdPartition } from './share-partition.js'

// Which renewals go out together. No I/O, no clock.
//
// Rules kept here
// - A range is in one renewal at a time.
// - A broker refuses all renewals of a partition when it refuses one. What was refused together is tried again range by range,
//   one in each request, and a range that is refused by itself is not renewed again: its lock is gone, or it soon will be.

export class RenewalTurns {
  readonly #wanted = new Map<AcquiredRange, { from: number; to: number }>()
  readonly #out = new Set<AcquiredRange>()
  readonly #refused = new WeakSet<AcquiredRange>()
  /** Refused with others. */
  readonly #suspect = new WeakSet<AcquiredRange>()

  wasRefused(range: AcquiredRange): boolean {
    return this.#refused.has(range)
  }

  /** The locks of [from, to) are to be renewed with the next begin(). */
  add(range: AcquiredRange, from: number, to: number): void {
    if (this.#out.has(range)) return
    const wanted = this.#wanted.get(range)
    if (wanted === undefined) this.#wanted.set(range, { from, to })
    else {
      wanted.from = Math.min(wanted.from, from)
      wanted.to = Math.max(wanted.to, to)
    }
  }

  /** Hands everything wanted to the ledgers, suspects one for each partition. */
  begin(): void {
    const asked = new Set<TopicIdPartition>()
    for (const range of this.#out) {
      // Its session is gone: nobody answers any more.
      if (!range.holder.live) this.#out.delete(range)
      else if (this.#suspect.has(range)) asked.add(range.partition)
    }
    for (const [range, { from, to }] of this.#wanted) {
      if (!range.holder.live) {
        this.#wanted.delete(range)
        continue
      }
      const suspect = this.#suspect.has(range)
      // Neither with another suspect nor with the innocent: the next begin() is soon.
      if (asked.has(range.partition) || (suspect && this.#isOut(range.partition))) continue
      if (suspect) asked.add(range.partition)
      this.#wanted.delete(range)
      this.#out.add(range)
      range.holder.renew(range, from, to)
    }
  }

  /** These have been answered; `refused`: because some lock is gone. */
  ended(pieces: readonly SentPiece[], refused: boolean): void {
    const ranges = new Set(pieces.map(({ range }) => range))
    for (const range of ranges) {
      this.#out.delete(range)
      if (!refused) this.#suspect.delete(range)
      else if (ranges.size > 1) {
        this.#suspect.add(range)
        this.#wanted.set(range, { from: 0, to: range.length })
      } else this.#refused.add(range)
    }
    this.begin()
  }

  #isOut(partition: TopicIdPartition): boolean {
    for (const range of this.#out) if (range.partition === partition) return true
    return false
  }
}
