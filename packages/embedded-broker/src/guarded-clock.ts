import type { Clock, Logger } from '@milena/protocol/runtime'

/**
 * The same clock, whose timers cannot end the user's process: what a callback throws, which is a defect of the broker, is
 * told to the log as one, and the rest goes on.
 */
export function guardedClock(clock: Clock, logger: Logger): Clock {
  const guarded = (fn: () => void) => (): void => {
    try {
      fn()
    } catch (error) {
      logDefect(logger, error, 'something that was due')
    }
  }
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer: (fn, delayMs, options) => clock.setTimer(guarded(fn), delayMs, options),
    immediate: (fn) => clock.immediate(guarded(fn)),
  }
}

/** What went wrong was our mistake, and nobody waits for it who could be told. */
export function logDefect(logger: Logger, error: unknown, at: string): void {
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
  logger.error({ err: error }, `The embedded broker failed at ${at}, which is a defect of it: ${told}`)
}
