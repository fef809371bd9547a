/** A timer that was set and can be taken back. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time: deadlines, back-offs, heartbeats and lock expiry ask it, so that tests run them in virtual time.
 */
export interface Clock {
  /** Monotonic milliseconds, fractional; for deadlines and durations. Says nothing about the time of day. */
  now(): number
  /** Milliseconds since the epoch, as the wall clock tells; for record timestamps. May jump. */
  wallTime(): number
  /**
   * Calls `fn` once, `delayMs` from now (at least 1 ms, as Node does it; `Infinity` never fires).
   * With `unref` the timer does not keep the process alive.
   */
  setTimer(fn: () => void, delayMs: number, options?: TimerOptions): Timer
  /** Calls `fn` after input and output that is already waiting was served. */
  immediate(fn: () => void): void
}

export interface TimerOptions {
  /** The process may end while this timer is pending. Default false. */
  readonly unref?: boolean
}
