import type { Clock, Random } from '@milena/protocol/runtime'
import { backoffDelay } from '../cluster/backoff.js'

// Each fetch whose records cannot be read uses up a delivery of theirs, of which a group allows five by default: the first try
// again is soon, as the trouble may be over, and the others are so far apart that somebody can do something about it.

const FIRST_MS = 1_000
/** A rest is no longer than this. */
export const LONGEST_REST_MS = 60_000
/** Each step is a doubling, and the rests grow by two of them: 1 s, 4 s, 16 s, 60 s. */
const STEPS = 2

/** How long to leave something alone that goes wrong again and again. */
export class GrowingRest {
  readonly #options: { readonly clock: Clock; readonly random: Random; readonly maxMs: number }
  #rests = 0
  #lastAt = -Infinity

  constructor(options: { readonly clock: Clock; readonly random: Random; readonly maxMs?: number }) {
    this.#options = { maxMs: LONGEST_REST_MS, ...options }
  }

  /** The next rest, in milliseconds. */
  next(): number {
    const { clock, random, maxMs } = this.#options
    const now = clock.now()
    // What went well for so long begins anew.
    if (now - this.#lastAt > 3 * LONGEST_REST_MS) this.#rests = 0
    this.#lastAt = now
    return backoffDelay({ random, initialMs: FIRST_MS, maxMs }, STEPS * this.#rests++)
  }

  /** It went well. */
  reset(): void {
    this.#rests = 0
  }
}
