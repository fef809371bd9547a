import type { Clock } from '@milena/protocol/runtime'

/** Brokers that start, elect or move something answer with errors for some seconds; nobody has to hear of those. */
const SHORT_TROUBLE_MS = 5_000
/** What lasts is told again so often. */
const AGAIN_MS = 20_000

/** Tells trouble that lasts from trouble that heals by itself, by what it is about. */
export class LastingTrouble<K> {
  readonly #clock: Clock
  readonly #healedAfterMs: number
  readonly #troubles = new Map<K, { readonly since: number; lastAt: number; toldAt: number }>()

  /** `healedAfterMs`: what was not met for so long is over; longer than two tries are apart. */
  constructor(clock: Clock, healedAfterMs = SHORT_TROUBLE_MS) {
    this.#clock = clock
    this.#healedAfterMs = healedAfterMs
  }

  /** It was met again. True when a trouble lasts and was not told for a while: somebody should hear of it. */
  met(about: K): boolean {
    const now = this.#clock.now()
    const trouble = this.#troubles.get(about)
    if (trouble === undefined || now - trouble.lastAt > this.#healedAfterMs) {
      this.#troubles.set(about, { since: now, lastAt: now, toldAt: -Infinity })
      return false
    }
    trouble.lastAt = now
    if (now - trouble.toldAt < AGAIN_MS || now - trouble.since < SHORT_TROUBLE_MS) return false
    trouble.toldAt = now
    return true
  }

  /** It went well. */
  over(about: K): void {
    this.#troubles.delete(about)
  }
}
