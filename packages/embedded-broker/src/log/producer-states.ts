import { ErrorCode } from '@milena/protocol'
import type { BatchHeader } from './batch-header.js'

/*
 * What a log remembers of the producers that number their batches (KIP-98), and of their transactions:
 * - of each producer the last five batches, so that one that is sent again is found and not written twice;
 * - a sequence follows the last one, or begins at 0 under a new epoch; a producer that is not known may begin anywhere;
 * - producers are kept in the order of their latest writes, and their number is bounded;
 * - open transactions in the order of their first offsets: the first of them is where read_committed ends.
 */

const REMEMBERED_BATCHES = 5
/** Of producers of one log; the one that was silent longest is forgotten first, and then counts as new. */
const MAX_PRODUCERS = 10_000
const MAX_SEQUENCE = 0x7fff_ffff
const NO_EPOCH = -1

interface RememberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly timestampMs: number
}

interface ProducerEntry {
  epoch: number
  /** Newest last. Only of the current epoch. */
  batches: RememberedBatch[]
  lastWriteMs: number
}

/** A batch that was written before. */
export interface DuplicateBatch {
  readonly baseOffset: number
  readonly timestampMs: number
}

export interface SequenceRefusal {
  readonly errorCode: number
  readonly errorMessage: string
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** The offset of its abort marker. */
  readonly lastOffset: number
}

interface AbortedEntry extends AbortedTransaction {
  /** Where read_committed ended once this one was decided: a transaction decided later begins there or above. */
  readonly stableUpTo: number
}

export class ProducerStates {
  readonly #producers = new Map<number, ProducerEntry>()
  /** Producer id to first offset; a Map keeps the order of insertion, which is that of the offsets. */
  readonly #open = new Map<number, number>()
  /** In the order of their markers. */
  #aborted: AbortedEntry[] = []

  /** The first offset of the oldest open transaction. */
  get firstOpenOffset(): number | undefined {
    for (const offset of this.#open.values()) return offset
    return undefined
  }

  hasOpenTransaction(producerId: number, epoch: number): boolean {
    return this.#open.has(producerId) && this.#producers.get(producerId)?.epoch === epoch
  }

  knows(producerId: number): boolean {
    return this.#producers.has(producerId)
  }

  /** The batch that this one repeats, if it is among those remembered. */
  duplicateOf(header: BatchHeader): DuplicateBatch | undefined {
    const entry = this.#producers.get(header.producerId)
    if (entry === undefined || entry.epoch !== header.producerEpoch) return undefined
    const last = lastSequenceOf(header)
    return entry.batches.find((each) => each.firstSequence === header.baseSequence && each.lastSequence === last)
  }

  /** Why a batch may not be written now; undefined when it may. */
  check(header: BatchHeader): SequenceRefusal | undefined {
    const { producerId, producerEpoch, baseSequence } = header
    const entry = this.#producers.get(producerId)
    if (entry === undefined) return undefined
    if (producerEpoch < entry.epoch) {
      return {
        errorCode: ErrorCode.INVALID_PRODUCER_EPOCH,
        errorMessage: `Producer ${producerId} writes with epoch ${producerEpoch}, but epoch ${entry.epoch} is the current one.`,
      }
    }
    const isNewEpoch = producerEpoch !== entry.epoch
    const before = entry.batches.at(-1)?.lastSequence ?? -1
    const fits = isNewEpoch ? baseSequence === 0 : follows(before, baseSequence)
    if (!fits) {
      return {
        errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
        errorMessage: isNewEpoch
          ? `Producer ${producerId} begins epoch ${producerEpoch} with sequence ${baseSequence}; a new epoch begins with 0.`
          : `Producer ${producerId} sent sequence ${baseSequence} after ${before}; a batch in between is missing.`,
      }
    }
    if (this.#open.has(producerId) && !header.isTransactional) {
      return {
        errorCode: ErrorCode.INVALID_TXN_STATE,
        errorMessage: `Producer ${producerId} has a transaction open in this partition; it can write only as part of that.`,
      }
    }
    return undefined
  }

  /** Takes note of a batch that was checked and written. */
  written(header: BatchHeader, at: { readonly baseOffset: number; readonly nowMs: number }): void {
    const { producerId, producerEpoch } = header
    const entry = this.#entry(producerId, producerEpoch)
    if (entry.batches.length === REMEMBERED_BATCHES) entry.batches.shift()
    entry.batches.push({
      firstSequence: header.baseSequence,
      lastSequence: lastSequenceOf(header),
      baseOffset: at.baseOffset,
      timestampMs: header.maxTimestamp,
    })
    entry.lastWriteMs = at.nowMs
    if (header.isTransactional && !this.#open.has(producerId)) this.#open.set(producerId, at.baseOffset)
  }

  /** Takes note of a marker that was written at `offset`: the producer's transaction, if it has one here, is decided. */
  decided(marker: {
    readonly producerId: number
    readonly producerEpoch: number
    readonly committed: boolean
    readonly offset: number
    readonly nowMs: number
  }): void {
    const { producerId, offset } = marker
    const entry = this.#entry(producerId, marker.producerEpoch)
    entry.lastWriteMs = marker.nowMs
    const firstOffset = this.#open.get(producerId)
    if (firstOffset === undefined) return
    this.#open.delete(producerId)
    if (marker.committed) return
    const stableUpTo = this.firstOpenOffset ?? offset + 1
    this.#aborted.push({ producerId, firstOffset, lastOffset: offset, stableUpTo })
  }

  /** Aborted transactions that have records in [from, to). */
  abortedWithin(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (let i = firstIndex(this.#aborted, from); i < this.#aborted.length; i++) {
      const each = this.#aborted[i]
      if (each === undefined) break
      if (each.firstOffset < to) {
        found.push({ producerId: each.producerId, firstOffset: each.firstOffset, lastOffset: each.lastOffset })
      }
      if (each.stableUpTo >= to) break
    }
    return found
  }

  /** Forgets aborted transactions that lie wholly below the log's start. */
  startMoved(startOffset: number): void {
    const keep = firstIndex(this.#aborted, startOffset)
    if (keep > 0) this.#aborted = this.#aborted.slice(keep)
  }

  /** Forgets producers that have not written since then and have no transaction open. */
  expire(beforeMs: number): void {
    for (const [producerId, entry] of this.#producers) {
      if (entry.lastWriteMs < beforeMs && !this.#open.has(producerId)) this.#producers.delete(producerId)
    }
  }

  /** The entry of who writes now, behind all others. */
  #entry(producerId: number, epoch: number): ProducerEntry {
    const known = this.#producers.get(producerId)
    const entry = known ?? { epoch: NO_EPOCH, batches: [], lastWriteMs: 0 }
    if (known === undefined) this.#makeRoom()
    else this.#producers.delete(producerId)
    this.#producers.set(producerId, entry)
    if (entry.epoch !== epoch) {
      entry.epoch = epoch
      entry.batches = []
    }
    return entry
  }

  #makeRoom(): void {
    if (this.#producers.size < MAX_PRODUCERS) return
    for (const producerId of this.#producers.keys()) {
      if (this.#open.has(producerId)) continue
      this.#producers.delete(producerId)
      return
    }
  }
}

/** The index of the first one whose marker lies at or above `offset`. */
function firstIndex(aborted: readonly AbortedEntry[], offset: number): number {
  let low = 0
  let high = aborted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((aborted[middle]?.lastOffset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Sequences wrap around to 0 behind the largest int32. */
function lastSequenceOf({ baseSequence, recordCount }: BatchHeader): number {
  const last = baseSequence + recordCount - 1
  return last > MAX_SEQUENCE ? last - MAX_SEQUENCE - 1 : last
}

function follows(last: number, next: number): boolean {
  return next === last + 1 || (next === 0 && last === MAX_SEQUENCE)
}
