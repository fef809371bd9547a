import type { Clock } from '@milena/protocol/runtime'

/** Brokers that start, elect or move something answer with errors for some seconds; nobody has to hear of those. */
const SHORT_TROUBLE_MS = 5_000
/** What lasts is told again so often. */
const AGAIN_MS = 20_000

/** Tells trouble that lasts from trouble that heals by itself, by what it is about. */
export class LastingTrouble<K> {
  readonly #clock: Clock
  readonly #troubles = new Map<K, { readonly since: number; lastAt: number; toldAt: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** It was met again. True when a trouble lasts and was not told for a while: somebody should hear of it. */
  met(about: K): boolean {
    const now = this.#clock.now()
    const trouble = this.#troubles.get(about)
    if (trouble === undefined || now - trouble.lastAt > SHORT_TROUBLE_MS) {
      this.#troubles.set(about, { since: now, lastAt: now, toldAt: -Infinity })
      return false
    }
    trouble.lastAt = now
    if (now - trouble.toldAt < AGAIN_MS || now - trouble.since < SHORT_TROUBLE_MS) return false
    trouble.toldAt = now
    return true
  }
}
