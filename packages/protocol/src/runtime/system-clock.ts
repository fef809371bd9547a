import type { Clock, Timer, TimerOptions } from './clock.js'

/** Node fires a longer timeout at once, so a longer one is made of several. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

class SystemTimer implements Timer {
  readonly #fn: () => void
  readonly #unref: boolean
  #leftMs: number
  #timeout: NodeJS.Timeout | undefined

  constructor(fn: () => void, delayMs: number, unref: boolean) {
    this.#fn = fn
    this.#unref = unref
    this.#leftMs = delayMs
    this.#arm()
  }

  #arm(): void {
    const stepMs = Math.min(this.#leftMs, LONGEST_TIMEOUT_MS)
    this.#leftMs -= stepMs
    this.#timeout = setTimeout(() => {
      if (this.#leftMs > 0) this.#arm()
      else this.#fn()
    }, stepMs)
    if (this.#unref) this.#timeout.unref()
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (fn: () => void, delayMs: number, options?: TimerOptions) =>
    new SystemTimer(fn, delayMs, options?.unref ?? false),
  immediate: (fn: () => void) => {
    setImmediate(fn)
  },
}
