import type { Clock } from '@milena/protocol/runtime'

/** How long records may be worked on before heartbeats, answers and everything else on the event loop get their turn. */
const SLICE_MS = 10
/** Reading the clock for each record would cost as much as a small listener; this many calls share one reading at most. */
const MAX_STRIDE = 16

/**
 * Tells a loop when to let the event loop run. Promises alone do not: a listener that returns settled ones, or none, would
 * hold heartbeats up for as long as records last.
 */
export class TimeSlice {
  #readAt: number
  #beganAt: number
  #stride = 1
  #callsLeft = 1

  constructor(private readonly clock: Clock) {
    this.#beganAt = this.#readAt = clock.now()
  }

  /** Asked after each record: is it time to yield? */
  isSpent(): boolean {
    if (--this.#callsLeft > 0) return false
    const now = this.clock.now()
    // Quick records: read the clock less often. A slow one: look again after the next.
    this.#stride = now - this.#readAt < 1 ? Math.min(this.#stride * 2, MAX_STRIDE) : 1
    this.#callsLeft = this.#stride
    this.#readAt = now
    return now - this.#beganAt >= SLICE_MS
  }

  /** Lets everything that waits on the event loop run, then begins a new slice. */
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => this.clock.immediate(resolve))
    this.#beganAt = this.#readAt = this.clock.now()
  }
}
