import type { Clock } from '@milena/protocol/runtime'

/** How long records may be worked on before heartbeats, answers and everything else on the event loop get their turn. */
const SLICE_MS = 10
/** Reading the clock for each record would cost as much as a small listener; this many calls share one reading at most. */
const MAX_STRIDE = 16
/** Nothing runs for so long without a pause unless it blocks the event loop. */
const BLOCKED_MS = 250

/** Called when the event loop was blocked for so long, by one of the last so many calls. */
export type OnBlocked = (ms: number, calls: number) => void

/**
 * Tells a loop when to let the event loop run. Promises alone do not: a listener that returns settled ones, or none, would
 * hold heartbeats up for as long as records last. And tells when something did not let it run.
 */
export class TimeSlice {
  readonly #clock: Clock
  readonly #onBlocked: OnBlocked
  #readAt: number
  #beganAt: number
  #stride = 1
  #callsLeft = 1

  constructor(clock: Clock, onBlocked: OnBlocked = () => undefined) {
    this.#clock = clock
    this.#onBlocked = onBlocked
    this.#beganAt = this.#readAt = clock.now()
  }

  /** Asked after each record: is it time to yield? */
  isSpent(): boolean {
    if (--this.#callsLeft > 0) return false
    const calls = this.#stride
    const now = this.#clock.now()
    const tookMs = now - this.#readAt
    // Quick records: read the clock less often. A slow one: look again after the next.
    this.#stride = tookMs < 1 ? Math.min(this.#stride * 2, MAX_STRIDE) : 1
    this.#callsLeft = this.#stride
    this.#readAt = now
    if (tookMs > BLOCKED_MS) this.#onBlocked(tookMs, calls)
    return now - this.#beganAt >= SLICE_MS
  }

  /** The same of a record whose listener has returned a promise: what passes from here on blocks nothing. */
  hasPromise(): boolean {
    const now = this.#clock.now()
    const tookMs = now - this.#readAt
    const calls = this.#stride - this.#callsLeft + 1
    this.#callsLeft = this.#stride
    this.#readAt = now
    if (tookMs > BLOCKED_MS) this.#onBlocked(tookMs, calls)
    return now - this.#beganAt >= SLICE_MS
  }

  /** When the clock was read last. */
  get readAt(): number {
    return this.#readAt
  }

  /** Something was waited for: is it time to yield? */
  resumes(): boolean {
    this.#readAt = this.#clock.now()
    return this.#readAt - this.#beganAt >= SLICE_MS
  }

  /** Lets everything that waits on the event loop run, then begins a new slice. */
  async yield(): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.immediate(resolve))
    this.#beganAt = this.#readAt = this.#clock.now()
  }
}
