import type { AcknowledgementBatch, SentAcknowledgements, SentPiece } from './ack-batches.js'
import { AckCode } from './acknowledge-type.js'
import type { AcquiredRange } from './acquired-range.js'
import type { TopicIdPartition } from './share-partition.js'

// The renewals that the lock keeper wants from one broker. No I/O, no clock.
//
// Rules kept here
// - They leave no trace in the state of a record: it stays open, may be handed out and answered, and its answer goes out with
//   the next request. Only its deadline moves.
// - They travel in a request of their own: a broker refuses all acknowledgements of a partition when it refuses one, and a
//   refused renewal must not cost the application an answer.
// - What is answered before the request goes out is left out of it.

export class LockRenewals {
  #wanted: SentPiece[] = []

  get pending(): boolean {
    return this.#wanted.length > 0
  }

  /** Indices [from, to) of `range` are to be renewed with the next request. */
  add(range: AcquiredRange, from: number, to: number): void {
    this.#wanted.push({ range, from, to })
  }

  /** Takes out everything, for one request. `unneeded` is told of what was answered meanwhile, all of it. */
  take(unneeded: (piece: SentPiece) => void): ReadonlyMap<TopicIdPartition, SentAcknowledgements> {
    const byPartition = new Map<TopicIdPartition, SentPiece[]>()
    for (const piece of this.#wanted) {
      const { range, from, to } = piece
      const runs = range.openRuns(from, to)
      if (runs.length === 0) unneeded(piece)
      for (const run of runs) {
        const pieces = byPartition.get(range.partition)
        if (pieces === undefined) byPartition.set(range.partition, [{ range, ...run }])
        else pieces.push({ range, ...run })
      }
    }
    this.#wanted = []
    return new Map(
      Array.from(byPartition, ([partition, pieces]) => {
        pieces.sort((a, b) => a.range.firstOffset + a.from - (b.range.firstOffset + b.from))
        return [partition, { batches: batchesOf(pieces), pieces }]
      }),
    )
  }

  clear(): void {
    this.#wanted = []
  }
}

function batchesOf(pieces: readonly SentPiece[]): AcknowledgementBatch[] {
  const batches: AcknowledgementBatch[] = []
  for (const { range, from, to } of pieces) {
    const firstOffset = range.firstOffset + from
    const lastOffset = range.firstOffset + to - 1
    const previous = batches.at(-1)
    if (previous?.lastOffset === firstOffset - 1) previous.lastOffset = lastOffset
    else batches.push({ firstOffset, lastOffset, acknowledgeTypes: [AckCode.RENEW] })
  }
  return batches
}
