import type { Clock, Timer } from '@milena/protocol/runtime'

/** Closing needs a part of the time to stop: answers and the release have to reach the broker. */
const CLOSE_SHARE = 0.25
const MAX_CLOSE_MS = 2000

/** The time that stopping may take: first for listener calls to end, then for the consumer to close. */
export class StopBudget {
  readonly #deadline: number
  readonly #drainDeadline: number

  constructor(
    private readonly clock: Clock,
    timeoutMs: number,
  ) {
    this.#deadline = clock.now() + timeoutMs
    this.#drainDeadline = this.#deadline - Math.min(timeoutMs * CLOSE_SHARE, MAX_CLOSE_MS)
  }

  /** Milliseconds that are left in all. */
  get leftMs(): number {
    return Math.max(0, this.#deadline - this.clock.now())
  }

  /** Calls `fn` when running listener calls have had their time. */
  onDrainOver(fn: () => void): Timer {
    return this.clock.setTimer(fn, Math.max(0, this.#drainDeadline - this.clock.now()))
  }

  /** Resolves with `work`, or with 'timeout' when all the time, and the grace, is over first. Rejects as `work` does. */
  async within<T>(work: Promise<T>, graceMs = 0): Promise<T | 'timeout'> {
    let timer: Timer | undefined
    const timeout = new Promise<'timeout'>((resolve) => {
      timer = this.clock.setTimer(() => resolve('timeout'), this.leftMs + graceMs)
    })
    try {
      return await Promise.race([work, timeout])
    } finally {
      timer?.cancel()
    }
  }
}
