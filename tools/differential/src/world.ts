import type { AckBatch, PartitionView } from './ack-shapes.js'
import { AckType, type Seat } from './step.js'

type Mark = { readonly is: 'held'; readonly by: string; short: boolean } | { readonly is: 'available' | 'finished' }

/** What the answers so far have shown of one partition. */
class SeatRecord {
  readonly marks = new Map<number, Mark>()
  /** Behind the last offset that was ever acquired. */
  acquiredEnd = 0
  /** Behind the last record written. */
  logEnd = 0
  /**
   * The described start offset is that of the last state write, each of which tells the start from before it. When several locks
   * run out at once, the last of their writes is any of them; the next acknowledgement's is the last again.
   */
  startIsUncertain = false
}

/** What a player knows from the answers, which is what the next requests are made of. */
export class World {
  readonly #seats = new Map<Seat, SeatRecord>()

  seat(seat: Seat): SeatRecord {
    let record = this.#seats.get(seat)
    if (record === undefined) this.#seats.set(seat, (record = new SeatRecord()))
    return record
  }

  view(seat: Seat, member: string): PartitionView {
    const { marks, acquiredEnd } = this.seat(seat)
    const offsets = (wanted: (mark: Mark) => boolean): number[] =>
      [...marks]
        .filter(([, mark]) => wanted(mark))
        .map(([offset]) => offset)
        .sort((a, b) => a - b)
    return {
      mine: offsets((mark) => mark.is === 'held' && mark.by === member),
      others: offsets((mark) => mark.is === 'held' && mark.by !== member),
      finished: offsets((mark) => mark.is === 'finished'),
      available: offsets((mark) => mark.is === 'available'),
      end: acquiredEnd,
    }
  }

  holds(member: string, seats: readonly Seat[]): boolean {
    return seats.some((seat) => this.view(seat, member).mine.length > 0)
  }

  acquired(seat: Seat, member: string, first: number, last: number, short: boolean): void {
    const record = this.seat(seat)
    for (let offset = first; offset <= last; offset++) record.marks.set(offset, { is: 'held', by: member, short })
    record.acquiredEnd = Math.max(record.acquiredEnd, last + 1)
  }

  acknowledged(seat: Seat, member: string, batches: readonly AckBatch[], short: boolean): void {
    const record = this.seat(seat)
    const { marks } = record
    for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
      for (let offset = firstOffset; offset <= lastOffset; offset++) {
        const mark = marks.get(offset)
        if (mark?.is !== 'held' || mark.by !== member) continue
        const type = acknowledgeTypes.length === 1 ? acknowledgeTypes[0] : acknowledgeTypes[offset - firstOffset]
        if (type === AckType.RENEW) {
          mark.short = short
          continue
        }
        record.startIsUncertain = false
        marks.set(offset, { is: type === AckType.RELEASE ? 'available' : 'finished' })
      }
    }
  }

  /** The member has lost what it held in these partitions. */
  released(member: string, seats: Iterable<Seat>): void {
    for (const seat of seats) this.#free(seat, (mark) => mark.is === 'held' && mark.by === member)
  }

  shortLocksExpired(): void {
    for (const [seat, record] of this.#seats) {
      if (this.#free(seat, (mark) => mark.is === 'held' && mark.short) > 1) record.startIsUncertain = true
    }
  }

  /** Nothing is acquired any more; the log is what it was. */
  restarted(seat: Seat): void {
    const record = this.seat(seat)
    record.marks.clear()
    record.acquiredEnd = 0
  }

  /** @returns how many offsets that were */
  #free(seat: Seat, wanted: (mark: Mark) => boolean): number {
    const { marks } = this.seat(seat)
    let freed = 0
    for (const [offset, mark] of marks) {
      if (!wanted(mark)) continue
      marks.set(offset, { is: 'available' })
      freed++
    }
    return freed
  }
}
