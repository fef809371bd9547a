import type { Clock } from '@milena/protocol/runtime'

/** Brokers that start, elect or move something answer with errors for some seconds; nobody has to hear of those. */
const SHORT_TROUBLE_MS = 5_000

/** Tells trouble that lasts from trouble that heals by itself, by what it is about. */
export class LastingTrouble<K> {
  readonly #clock: Clock
  readonly #troubles = new Map<K, { readonly since: number; lastAt: number; told: boolean }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** It was met again. True once in each trouble that lasts: somebody should hear of it. */
  met(about: K): boolean {
    const now = this.#clock.now()
    const trouble = this.#troubles.get(about)
    if (trouble === undefined || now - trouble.lastAt > SHORT_TROUBLE_MS) {
      this.#troubles.set(about, { since: now, lastAt: now, told: false })
      return false
    }
    trouble.lastAt = now
    if (trouble.told || now - trouble.since < SHORT_TROUBLE_MS) return false
    trouble.told = true
    return true
  }
}
