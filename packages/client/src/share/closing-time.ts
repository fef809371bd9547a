import type { Clock, Timer } from '@milena/protocol/runtime'
import { sharedAbortController } from '../network/aborted.js'

/** The time that a close has. Whoever waits for a broker meanwhile lets go when it is over. */
export class ClosingTime {
  readonly #clock: Clock
  readonly #over = sharedAbortController()
  #endsAt = Infinity
  #timer: Timer | undefined

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.shorten(ms)
  }

  /** From now; Infinity: no bound. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - this.#clock.now())
  }

  /** Fires when the time is over. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** It is over in so many milliseconds at the latest. */
  shorten(ms: number): void {
    if (ms >= this.leftMs) return
    this.#endsAt = this.#clock.now() + ms
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimer(() => this.#over.abort(), ms)
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#timer?.cancel()
  }
}
