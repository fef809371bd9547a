import type { Clock, Timer } from '@milena/protocol/runtime'
import { outsideListenerFrames } from './listener-frame.js'

/**
 * Tells when the event loop was blocked while something was at work on it, by a timer that fires late. It runs only for as long as
 * there is work, and costs a record nothing.
 */
export class LateTimer {
  #timer: Timer | undefined
  #setAt = Infinity
  #dueAt = Infinity

  constructor(
    private readonly options: {
      readonly clock: Clock
      /** How often to look, in milliseconds. */
      readonly everyMs: () => number
      /** There is something at work. */
      readonly isAtWork: () => boolean
      /** It was blocked for `ms` milliseconds at most, and at least for one look less. */
      readonly onLate: (ms: number) => void
    },
  ) {}

  /** Work begins. */
  begin(): void {
    this.#timer ??= this.#arm()
  }

  get runs(): boolean {
    return this.#timer !== undefined
  }

  /** Work goes on at `now`: a block is told before the timer gets its turn, by who knows better what was at work. */
  look(now: number): void {
    if (now <= this.#dueAt) return
    const mostMs = now - this.#setAt
    this.told()
    this.options.onLate(mostMs)
  }

  /** The block that ends now was told. */
  told(): void {
    if (this.#timer === undefined) return
    this.cancel()
    this.begin()
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#setAt = this.#dueAt = Infinity
  }

  #arm(): Timer {
    const { clock, everyMs } = this.options
    const delayMs = everyMs()
    this.#setAt = clock.now()
    this.#dueAt = this.#setAt + delayMs
    return outsideListenerFrames(() => clock.setTimer(() => this.#fire(), delayMs, { unref: true }))
  }

  #fire(): void {
    const { clock, isAtWork, onLate } = this.options
    const now = clock.now()
    const mostMs = now > this.#dueAt ? now - this.#setAt : 0
    this.cancel()
    if (mostMs > 0) onLate(mostMs)
    if (isAtWork()) this.begin()
  }
}
