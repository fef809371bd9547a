import type { Clock } from '@milena/protocol/runtime'

/** How long one sample lasts: Java's metrics.sample.window.ms. */
const SAMPLE_WINDOW_MS = 30_000

/**
 * A stream of values: totals for ever, and rates, mean and maximum of the last 30 to 60 s, as Java's client keeps them with its default
 * settings (two samples of 30 s). Recording allocates nothing and keeps no values.
 */
export class Sensor {
  readonly #clock: Clock
  readonly #bornAt: number
  /** Sum of all values, ever. */
  total = 0
  /** How many values there were, ever. */
  count = 0
  /** The sample that is being filled began then; the one before it, a window earlier. */
  #startedAt: number
  #sum = 0
  #values = 0
  #highest = -Infinity
  #sumBefore = 0
  #valuesBefore = 0
  #highestBefore = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#bornAt = clock.now()
    this.#startedAt = this.#bornAt
  }

  record(value: number): void {
    this.#roll()
    this.total += value
    this.count++
    this.#sum += value
    this.#values++
    if (value > this.#highest) this.#highest = value
  }

  /** Sum of the recent values per second. While there are less than 30 s to look back on: per these 30 s. */
  rate(): number {
    const ms = this.#roll()
    return ((this.#sum + this.#sumBefore) * 1000) / ms
  }

  /** How many values there were per second, recently. */
  countRate(): number {
    const ms = this.#roll()
    return ((this.#values + this.#valuesBefore) * 1000) / ms
  }

  /** Mean of the recent values; NaN: there are none. */
  avg(): number {
    this.#roll()
    return (this.#sum + this.#sumBefore) / (this.#values + this.#valuesBefore)
  }

  /** The highest of the recent values; NaN: there are none. */
  max(): number {
    this.#roll()
    const highest = Math.max(this.#highest, this.#highestBefore)
    return highest === -Infinity ? NaN : highest
  }

  /** Lets samples grow old. For how many milliseconds what is left speaks, one whole sample at least. */
  #roll(): number {
    const now = this.#clock.now()
    const windows = Math.floor((now - this.#startedAt) / SAMPLE_WINDOW_MS)
    if (windows > 0) {
      const isNext = windows === 1
      this.#sumBefore = isNext ? this.#sum : 0
      this.#valuesBefore = isNext ? this.#values : 0
      this.#highestBefore = isNext ? this.#highest : -Infinity
      this.#sum = 0
      this.#values = 0
      this.#highest = -Infinity
      this.#startedAt += windows * SAMPLE_WINDOW_MS
    }
    const from = Math.max(this.#bornAt, this.#startedAt - SAMPLE_WINDOW_MS)
    return Math.max(SAMPLE_WINDOW_MS, now - from)
  }
}
