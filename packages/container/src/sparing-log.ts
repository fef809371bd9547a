import type { Clock, Logger, Timer } from '@milena/protocol/runtime'

/** So many lines of a level go through in each stretch of time. */
const LINES_AT_ONCE = 5
const SHORTEST_MS = 1_000
const LONGEST_MS = 30_000

/**
 * A logger for lines about single records. A listener that fails on every record would write thousands of them a second: of
 * each level five go through in a second, the others are counted, and the count is logged when the second is over. While it
 * goes on like this, seconds become longer stretches, up to 30 s. Events and metrics leave out nothing.
 */
export class SparingLog {
  readonly logger: Logger
  readonly #levels: readonly SparingLevel[]

  constructor(logger: Logger, clock: Clock) {
    const warn = new SparingLevel((facts, message) => logger.warn(facts, message), clock)
    const error = new SparingLevel((facts, message) => logger.error(facts, message), clock)
    this.#levels = [warn, error]
    this.logger = {
      trace: (facts, message) => logger.trace(facts, message),
      debug: (facts, message) => logger.debug(facts, message),
      info: (facts, message) => logger.info(facts, message),
      warn: (facts, message) => warn.write(facts, message),
      error: (facts, message) => error.write(facts, message),
      child: (bindings) => logger.child(bindings),
    }
  }

  /** Logs at once how many lines were left out, if any were. */
  flush(): void {
    for (const level of this.#levels) level.flush()
  }
}

class SparingLevel {
  readonly #write: (facts: object, message: string) => void
  readonly #clock: Clock
  #endsAt = -Infinity
  #lengthMs = SHORTEST_MS
  #lines = 0
  /** Some were left out since #begin(). */
  #tooMany = false
  #leftOut = 0
  #last = ''
  #timer: Timer | undefined

  constructor(write: (facts: object, message: string) => void, clock: Clock) {
    this.#write = write
    this.#clock = clock
  }

  write(facts: object, message: string): void {
    const now = this.#clock.now()
    if (now >= this.#endsAt) this.#begin(now)
    if (this.#lines < LINES_AT_ONCE) {
      this.#lines++
      this.#write(facts, message)
      return
    }
    this.#tooMany = true
    this.#leftOut++
    this.#last = message
    this.#timer ??= this.#clock.setTimer(() => this.flush(), this.#endsAt - now, { unref: true })
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#leftOut === 0) return
    const leftOut = this.#leftOut
    this.#leftOut = 0
    this.#write(
      { leftOut },
      `${leftOut} more lines about single records were left out here; events and metrics() have all of them. The last: ${this.#last}`,
    )
  }

  #begin(now: number): void {
    this.flush()
    this.#lengthMs = this.#tooMany ? Math.min(2 * this.#lengthMs, LONGEST_MS) : SHORTEST_MS
    this.#tooMany = false
    this.#endsAt = now + this.#lengthMs
    this.#lines = 0
  }
}
