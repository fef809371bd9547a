import type { RecordBatch } from '@milena/protocol'
import type { Clock, Logger } from '@milena/protocol/runtime'
import { AckCode } from './acknowledge-type.js'
import type { AcquiredRange } from './acquired-range.js'
import { Handout, type RecordDeserializers, type TakenBatch } from './handout.js'
import { LateHandout } from './late-handout.js'
import type { ReceivedPartition } from './share-response.js'

// What was acquired and waits for the application. take() is the only way out; deserialises on the way.
//
// Rules kept here
// - Partitions leave in the order they came, records of a partition in offset order.
// - An acquired range leaves in one piece: answered piecemeal it costs the broker several times as much (it then keeps a
//   state per offset). The number of records asked for is therefore soft, unless it was asked to be exact.
// - A record whose session is gone, whose lock ran out, or which was answered meanwhile is not handed out. Where locks are
//   looked after it stays until it is renewed or given up: its deadline is early rather than late, above all when the event loop
//   was blocked.
// - One bad record costs itself only: it comes out as a failure, the rest goes on.

/** A partition's records on their way out. */
interface Waiting {
  readonly received: ReceivedPartition
  readonly bytes: number
  batch: number
  range: number
  /** The last offset that is done with. */
  offset: number
  /** The cursor stands on the record to go on with. */
  again: boolean
  left: number
}

/** A range that waits, or what is left of it. */
export interface BufferPosition {
  /** How many records leave before it. */
  readonly ahead: number
  /** The index of the first of its records that waits. */
  readonly from: number
}

export interface FetchBufferOptions<K, V> {
  readonly deserializers: RecordDeserializers<K, V>
  /** Hand out exactly as many as asked for, also when that cuts a range. */
  readonly exact: boolean
  readonly clock: Clock
  readonly logger: Logger
}

export class FetchBuffer<K, V> {
  readonly #deserializers: RecordDeserializers<K, V>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #queue: Waiting[] = []
  readonly #exact: boolean
  #records = 0
  #bytes = 0
  /** Locks were lost since it was counted. */
  #outdated = false
  #taking = false
  /** Locks are looked after: one that seems to have run out will be renewed, or given up. */
  keepsLocks = false

  constructor({ deserializers, exact, clock, logger }: FetchBufferOptions<K, V>) {
    this.#deserializers = deserializers
    this.#exact = exact
    this.#clock = clock
    this.#logger = logger
  }

  /** How many records wait. Those whose lock was lost count until lost() is told. */
  get records(): number {
    // Deserialisers are code of the application, and may ask in the middle of it all.
    if (this.#outdated && !this.#taking) this.recount()
    return this.#records
  }

  /** How many bytes of record batches wait, as they came from the wire; a batch leaves with its last record. */
  get bytes(): number {
    return this.#bytes
  }

  add(received: ReceivedPartition): void {
    if (received.records === 0) return
    const bytes = received.batches.reduce((sum, { batch }) => sum + batch.sizeInBytes, 0)
    this.#queue.push({ received, bytes, batch: 0, range: 0, offset: -1, again: false, left: received.records })
    this.#records += received.records
    this.#bytes += bytes
  }

  /**
   * Takes out records, range by range, until there are at least `max`; `cut`: no more than that. A LateHandout where a deserialiser
   * returned a promise.
   */
  take(max: number, cut = this.#exact): TakenBatch<K, V> | LateHandout<K, V> {
    if (this.#outdated) this.recount()
    const out = new Handout<K, V>(this.#deserializers, this.#clock)
    this.#taking = true
    for (let i = 0; out.size < max;) {
      const waiting = this.#queue[i]
      if (waiting === undefined) break
      const before = out.size
      const exhausted = this.#drain(waiting, out, { max, cut })
      const left = exhausted ? 0 : Math.max(0, waiting.left - (out.size - before))
      this.#records -= waiting.left - left
      waiting.left = left
      // With its last record all of it leaves, and its bytes count no more.
      if (left === 0) {
        this.#queue.splice(i, 1)
        this.#bytes -= waiting.bytes
      } else i++
    }
    this.#taking = false
    return out.late.length === 0 ? out.batch : new LateHandout(out)
  }

  /** RELEASEs everything that waits here; how many records that were. */
  release(): number {
    let released = 0
    for (const waiting of this.#queue)
      for (const { range, from } of left(waiting))
        if (range.holder.live) released += range.answerOpen(AckCode.RELEASE, from)
    this.clear()
    return released
  }

  /** Where each range stands that waits here. */
  positions(): ReadonlyMap<AcquiredRange, BufferPosition> {
    const positions = new Map<AcquiredRange, BufferPosition>()
    let ahead = 0
    for (const waiting of this.#queue) {
      for (const { range, from } of left(waiting)) {
        if (!range.holder.live) continue
        positions.set(range, { ahead, from })
        ahead += range.openAmong(from, range.length)
      }
    }
    return positions
  }

  /** Locks were lost, perhaps of what waits here. */
  lost(): void {
    this.#outdated = true
  }

  /** Some of what waits here was answered or lost: counts anew, and lets go of what nothing is left of. Not within a take(). */
  recount(): void {
    this.#outdated = false
    this.#records = 0
    this.#bytes = 0
    let kept = 0
    for (const waiting of this.#queue) {
      waiting.left = 0
      for (const { range, from } of left(waiting))
        if (range.holder.live) waiting.left += range.openAmong(from, range.length)
      if (waiting.left === 0) continue
      this.#queue[kept++] = waiting
      this.#records += waiting.left
      this.#bytes += waiting.bytes
    }
    this.#queue.length = kept
  }

  /** Drops everything. Whoever calls this has answered it, or lost it. */
  clear(): void {
    this.#queue.length = 0
    this.#records = 0
    this.#bytes = 0
  }

  #drain(waiting: Waiting, out: Handout<K, V>, { max, cut }: { readonly max: number; readonly cut: boolean }): boolean {
    const { batches, ranges } = waiting.received
    const now = this.#clock.now()
    for (; waiting.batch < batches.length; waiting.batch++) {
      const open = batches[waiting.batch]
      if (open === undefined) break
      const { batch, cursor } = open
      out.fields.timestampType = batch.timestampType
      out.fields.leaderEpoch = batch.leaderEpoch
      try {
        for (;;) {
          if (out.size >= max && (cut || waiting.offset >= (ranges[waiting.range]?.lastOffset ?? 0))) return false
          if (waiting.again) waiting.again = false
          else if (!cursor.next()) break
          const { offset } = cursor
          waiting.offset = offset
          let range = ranges[waiting.range]
          while (range !== undefined && range.lastOffset < offset) range = ranges[++waiting.range]
          if (range === undefined) return true
          if (offset < range.firstOffset) continue
          const index = offset - range.firstOffset
          if (!range.holder.live || !range.isOpen(index)) continue
          if (range.deadlineOf(index) <= now) {
            if (!this.keepsLocks) continue
            waiting.again = true
            waiting.offset = offset - 1
            return false
          }
          out.add(cursor, range, index)
        }
      } catch (reason) {
        this.#refuse(waiting, batch, reason)
      }
    }
    return true
  }

  // The checksum was right and the records cannot be read all the same: whoever wrote the batch is at fault.
  #refuse({ received, offset: lastGood }: Waiting, { baseOffset, lastOffset }: RecordBatch, reason: unknown): void {
    let rejected = 0
    for (const range of received.ranges) {
      const from = Math.max(baseOffset, range.firstOffset, lastGood + 1) - range.firstOffset
      const to = Math.min(lastOffset, range.lastOffset) - range.firstOffset + 1
      if (from < to) rejected += range.answerOpen(AckCode.REJECT, from, to)
    }
    const { topic, partition } = received.partition
    this.#logger.error(
      { topic, partition, baseOffset, rejected, err: reason },
      `The record batch at offset ${baseOffset} of ${topic}-${partition} cannot be read; its ${rejected} remaining records are rejected and the rest goes on.`,
    )
  }
}

/** The ranges that wait, each from the index on that was not handed out: one that was cut is partly with the application. */
function left({ received, range: first, offset }: Waiting): { readonly range: AcquiredRange; readonly from: number }[] {
  return received.ranges
    .slice(first)
    .filter(({ lastOffset }) => lastOffset > offset)
    .map((range) => ({ range, from: Math.max(0, offset + 1 - range.firstOffset) }))
}
