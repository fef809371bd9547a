import { createHash, type Hash } from 'node:crypto'
import type { VirtualClock } from '@milena/protocol/runtime'

/** What must always hold. The text is what a failing seed prints. */
export const Invariant = {
  LOST: 'no record is lost, and none accepted that no application accepted',
  TWICE: 'no record is answered twice within one lock, nor handed out when its lock was certainly gone',
  VERDICT: 'every acknowledgement gets a verdict, and it is what the broker did',
  FOREVER: 'nothing waits for ever: calls end within their bound, and after calm all is drained, then quiet',
  BOUNDED: 'state is bounded: nothing is left after close',
  PROTOCOL: 'no request that a broker cannot take',
  DEFECT: 'no unhandled rejection, nothing thrown that nobody may throw',
  PLAYED: 'a history comes to its end: its process neither ends by itself nor loops for ever',
} as const
export type InvariantName = keyof typeof Invariant

/** A broken invariant: what was seen, and when. */
export interface Finding {
  readonly invariant: InvariantName
  readonly what: string
  readonly atMs: number
}

const MAX_FINDINGS = 20
const MAX_LINES = 200_000

/** What happened in one history, as lines, and what was found wrong with it. */
export class Findings {
  readonly all: Finding[] = []
  /** Kept only when asked for; the hash tells two histories apart either way. */
  readonly lines: string[] = []
  /** How often each kind of thing occurred. */
  readonly tally = new Map<string, number>()
  readonly #clock: VirtualClock
  readonly #keep: boolean
  readonly #hash: Hash = createHash('sha256')

  constructor(clock: VirtualClock, { keep }: { readonly keep: boolean }) {
    this.#clock = clock
    this.#keep = keep
  }

  /** A line of the story. */
  say(line: string): void {
    const told = `${this.#clock.now().toFixed(0).padStart(7)} ${line}`
    this.#hash.update(told)
    if (this.#keep && this.lines.length < MAX_LINES) this.lines.push(told)
  }

  count(kind: string, times = 1): void {
    this.tally.set(kind, (this.tally.get(kind) ?? 0) + times)
  }

  /** An invariant is broken. The history goes on; the first finding is the one that counts. */
  broken(invariant: InvariantName, what: string): void {
    this.say(`!!! ${invariant}: ${what}`)
    if (this.all.length < MAX_FINDINGS) this.all.push({ invariant, what, atMs: this.#clock.now() })
  }

  /** Equal for equal stories. To be asked once, at the end. */
  hash(): string {
    return this.#hash.digest('hex').slice(0, 16)
  }
}
