import type { Clock } from '@milena/protocol/runtime'

/**
 * Something to wait on: `notify` ends the current wait, or the next one when nobody waits. Notifications do not
 * add up, so a burst of them costs one turn.
 */
export class Wake {
  readonly #clock: Clock
  #pending = false
  #resume: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  notify(): void {
    this.#pending = true
    this.#resume?.()
  }

  /** What was notified until now is dealt with. */
  clear(): void {
    this.#pending = false
  }

  /** Resolves at the next notification, or after `timeoutMs`. One wait at a time. */
  async wait(timeoutMs?: number): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        const timer = timeoutMs === undefined ? undefined : this.#clock.setTimer(resolve, timeoutMs)
        this.#resume = () => {
          timer?.cancel()
          resolve()
        }
      })
      this.#resume = undefined
    }
    this.#pending = false
  }
}
