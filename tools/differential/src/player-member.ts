import type { Seat } from './step.js'
import type { Wire } from './wire.js'

/** A fetch whose answer is awaited by a later step. */
export interface ParkedFetch {
  readonly answer: Promise<unknown>
  readonly since: number
}

/** A share consumer as the leader sees it: a name, a connection, a session. */
export class PlayerMember {
  readonly id: string
  readonly seats = new Set<Seat>()
  wire: Wire | undefined
  hasSession = false
  /** That of the next request. */
  epoch = 0
  parked: ParkedFetch | undefined

  constructor(id: string) {
    this.id = id
  }

  opened(seats: Iterable<Seat>): void {
    this.hasSession = true
    this.epoch = 1
    this.seats.clear()
    for (const seat of seats) this.seats.add(seat)
  }

  lost(): void {
    this.hasSession = false
    this.epoch = 0
    this.seats.clear()
  }
}
