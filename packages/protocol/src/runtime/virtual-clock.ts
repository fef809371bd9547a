import type { Clock, Timer } from './clock.js'

interface PendingTimer {
  readonly at: number
  readonly fn: () => void
}

/** More rounds of immediates than any sane code needs: whoever gets here asks for another one in each of them. */
const MAX_ROUNDS = 100_000

/**
 * Time that moves only when a test says so. Timers fire in the order of their due times, and those due together in the order
 * in which they were set; between any two of them everything that promises had waiting is run to its end.
 */
export class VirtualClock implements Clock {
  readonly #startWallMs: number
  readonly #timers: PendingTimer[] = []
  #immediates: (() => void)[] = []
  #now = 0

  /** @param startWallMs what wallTime() tells at the beginning; default 2026-01-01T00:00:00Z */
  constructor(startWallMs = 1_767_225_600_000) {
    this.#startWallMs = startWallMs
  }

  /** How many timers are set and have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#startWallMs + this.#now
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    const timer: PendingTimer = { at: this.#now + (delayMs >= 1 ? delayMs : 1), fn }
    let index = this.#timers.length
    while (index > 0 && (this.#timers[index - 1]?.at ?? 0) > timer.at) index--
    this.#timers.splice(index, 0, timer)
    return {
      cancel: () => {
        const found = this.#timers.indexOf(timer)
        if (found >= 0) this.#timers.splice(found, 1)
      },
    }
  }

  /** Runs at the next advance(), before any timer; advance(0) is enough. */
  immediate(fn: () => void): void {
    this.#immediates.push(fn)
  }

  /** Moves time by `ms`, fires what falls due on the way, and resolves when all that follows from it has settled. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms
    await this.#settle()
    for (let next = this.#timers[0]; next !== undefined && next.at <= target; next = this.#timers[0]) {
      this.#timers.shift()
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await this.#settle()
    }
    this.#now = Math.max(this.#now, target)
  }

  /** Lets `ms` pass while nothing runs, as a blocked event loop does: what fell due fires at the next advance(), late. */
  block(ms: number): void {
    this.#now += ms
  }

  async #settle(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await microtasks()
      if (this.#immediates.length === 0) return
      const due = this.#immediates
      this.#immediates = []
      for (const fn of due) fn()
    }
    throw new Error(
      'The virtual clock gave up: the code under test asks for another immediate() in each one, without end.',
    )
  }
}

/** Resolves after every promise reaction that is waiting now, and all that they cause, has run. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
