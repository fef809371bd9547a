import { KafkaUsageError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'

/**
 * A call that rejects again for what it rejected for just before takes its time to say so. A loop that goes on whatever it is
 * told would otherwise never let the event loop turn: no timer and no signal handler of the process would run any more.
 */
export class RepeatedRejections {
  readonly #clock: Clock
  readonly #pauseMs: number
  #last: unknown
  #lastAt = -Infinity
  #endPause: (() => void) | undefined
  #ended = false

  /** Two of them are `pauseMs` apart. */
  constructor(clock: Clock, pauseMs: number) {
    this.#clock = clock
    this.#pauseMs = pauseMs
  }

  /** What `work` does. `atMostMs`: the pause is no longer, but a millisecond at least. */
  async paced<T>(work: () => Promise<T>, atMostMs: () => number): Promise<T> {
    try {
      const result = await work()
      this.#last = undefined
      return result
    } catch (error) {
      const again = isSame(error, this.#last)
      this.#last = error
      const leftMs = this.#lastAt + this.#pauseMs - this.#clock.now()
      if (again && leftMs > 0) await this.#pause(this.#ended ? 0 : Math.min(leftMs, atMostMs()))
      this.#lastAt = this.#clock.now()
      throw error
    }
  }

  /** Nobody is kept waiting from now on, but for that millisecond. */
  end(): void {
    this.#ended = true
    this.#endPause?.()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(resolve, Math.max(1, ms))
      this.#endPause = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}

/** The member has failed for good, or the caller makes the same mistake again. */
function isSame(error: unknown, last: unknown): boolean {
  return error === last || (KafkaUsageError.is(error) && KafkaUsageError.is(last) && error.code === last.code)
}
