import type { AbortedTransaction } from '../../log/partition-log.js'

/** What the log holds, as far as acquiring needs to know it (a LogBatch is one). */
export interface BatchOutline {
  readonly baseOffset: number
  readonly lastOffset: number
}

export interface BatchProducer {
  readonly producerId: number
  readonly isTransactional: boolean
  readonly isControl: boolean
}

/** Those of the batches whose records belong to an aborted transaction; markers never do. */
export function abortedBatches<Batch extends BatchOutline>(
  batches: readonly Batch[],
  abortedTransactions: readonly AbortedTransaction[],
  producerOf: (batch: Batch) => BatchProducer,
): readonly Batch[] {
  if (abortedTransactions.length === 0) return []
  const waiting = abortedTransactions.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  const aborted: Batch[] = []
  let next = 0
  for (const batch of batches) {
    const { producerId, isTransactional, isControl } = producerOf(batch)
    if (producerId < 0) continue
    for (
      let begun = waiting[next];
      begun !== undefined && begun.firstOffset <= batch.lastOffset;
      begun = waiting[next]
    ) {
      aborting.add(begun.producerId)
      next++
    }
    if (isControl) aborting.delete(producerId)
    else if (isTransactional && aborting.has(producerId)) aborted.push(batch)
  }
  return aborted
}

interface Range {
  readonly firstOffset: number
  readonly lastOffset: number
}

/** The ranges without the offsets of these batches; both are in order. */
export function withoutBatches<R extends Range>(ranges: readonly R[], batches: readonly BatchOutline[]): readonly R[] {
  if (batches.length === 0) return ranges
  const left: R[] = []
  let index = 0
  for (const range of ranges) {
    let from = range.firstOffset
    while ((batches[index]?.lastOffset ?? Infinity) < from) index++
    for (let at = index; from <= range.lastOffset; at++) {
      const batch = batches[at]
      const before = Math.min(range.lastOffset, (batch?.baseOffset ?? Infinity) - 1)
      if (before >= from) left.push({ ...range, firstOffset: from, lastOffset: before })
      if (batch === undefined) break
      from = Math.max(from, batch.lastOffset + 1)
    }
  }
  return left
}
