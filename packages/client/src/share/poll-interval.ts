import type { Clock, Timer } from '@milena/protocol/runtime'

/**
 * Notices that an application has stopped polling (Java's max.poll.interval.ms). One timer for many polls: it looks, when it
 * fires, how long ago the last one was.
 */
export class PollInterval {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #exceeded: () => void
  #polledAt = 0
  #state: 'off' | 'polling' | 'due' = 'off'
  #timer: Timer | undefined

  constructor(clock: Clock, intervalMs: number, exceeded: () => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#exceeded = exceeded
  }

  /** A poll runs. */
  polling(): void {
    this.#state = 'polling'
  }

  /** It has ended: the next one is due within the interval. */
  polled(): void {
    if (this.#state !== 'polling') return
    this.#state = 'due'
    this.#polledAt = this.#clock.now()
    if (this.#timer === undefined) this.#arm(this.#intervalMs)
  }

  /** Nobody has to poll any more, also when a poll runs. */
  stop(): void {
    this.#state = 'off'
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), ms, { unref: true })
  }

  #look(): void {
    this.#timer = undefined
    if (this.#state !== 'due') return
    const left = this.#polledAt + this.#intervalMs - this.#clock.now()
    if (left > 0) this.#arm(left)
    else {
      this.#state = 'off'
      this.#exceeded()
    }
  }
}
