import { KafkaUsageError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'

/**
 * A call that ends at once, again and again, takes a moment for it: one that rejects for what it rejected for just before, and one
 * that had no time and found nothing. A loop around such calls would otherwise never let the event loop turn: nothing would be
 * read from any socket, and no timer and no signal handler of the process would run any more.
 */
export class PollPace {
  readonly #clock: Clock
  readonly #pauseMs: number
  /** What the last call rejected with, and when. */
  #last: unknown
  #lastAt = -Infinity
  /** It found nothing, and did not wait for it. */
  #hasty = false
  #endPause: (() => void) | undefined
  #ended = false

  /** Two rejections are `pauseMs` apart. */
  constructor(clock: Clock, pauseMs: number) {
    this.#clock = clock
    this.#pauseMs = pauseMs
  }

  /**
   * What `work` does. `atMostMs`: a pause before a rejection is no longer, but a millisecond at least. `hasty`: work found
   * nothing, and did not wait for it.
   */
  async keep<T>(
    work: () => Promise<T>,
    { atMostMs, hasty }: { readonly atMostMs: () => number; readonly hasty: (result: T) => boolean },
  ): Promise<T> {
    let result: T
    try {
      result = await work()
    } catch (error) {
      const again = isSame(error, this.#last)
      this.#last = error
      this.#hasty = false
      const leftMs = this.#lastAt + this.#pauseMs - this.#clock.now()
      if (again && leftMs > 0) await this.#pause(this.#ended ? 0 : Math.min(leftMs, atMostMs()))
      this.#lastAt = this.#clock.now()
      throw error
    }
    const again = this.#hasty
    this.#last = undefined
    this.#hasty = hasty(result)
    if (again && this.#hasty) await this.#pause(0)
    return result
  }

  /** Nobody is kept waiting from now on, but for a millisecond. */
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
