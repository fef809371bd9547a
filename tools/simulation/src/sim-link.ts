import type { VirtualClock } from '@milena/protocol/runtime'
import type { Dice } from './dice.js'

/** The way between one process and one broker. All its connections share its weather. */
export class SimLink {
  /** How long bytes take, and by how much that varies. */
  baseMs = 0
  jitterMs = 0
  /** The next bytes, whichever way they go, take so much longer. */
  nextMs = 0
  readonly #holds = { out: false, in: false }
  #released: (() => void)[] = []

  constructor(readonly dice: Dice) {}

  /** A black hole: bytes of these directions wait until it is mended. */
  hold(directions: readonly ('out' | 'in')[]): void {
    for (const direction of directions) this.#holds[direction] = true
  }

  mend(): void {
    this.#holds.out = false
    this.#holds.in = false
    const released = this.#released
    this.#released = []
    for (const fn of released) fn()
  }

  isHeld(direction: 'out' | 'in'): boolean {
    return this.#holds[direction]
  }

  whenMended(fn: () => void): void {
    this.#released.push(fn)
  }

  delayMs(): number {
    const ms = this.baseMs + this.nextMs
    this.nextMs = 0
    return this.jitterMs === 0 ? ms : ms + this.dice.random.next() * this.jitterMs
  }
}

/** What travels: bytes, or the end of the connection (undefined). */
type Item = Buffer | undefined

/** One direction of one connection: everything arrives in order, as late as the link says. */
export class Pipe {
  readonly #clock: VirtualClock
  readonly #link: SimLink
  readonly #direction: 'out' | 'in'
  readonly #deliver: (item: Item) => void
  readonly #queue: { readonly item: Item; readonly at: number }[] = []
  #lastAt = 0
  #isArmed = false
  #isBroken = false

  constructor(clock: VirtualClock, link: SimLink, direction: 'out' | 'in', deliver: (item: Item) => void) {
    this.#clock = clock
    this.#link = link
    this.#direction = direction
    this.#deliver = deliver
  }

  push(item: Item): void {
    if (this.#isBroken) return
    const now = this.#clock.now()
    const at = Math.max(this.#lastAt, now + this.#link.delayMs())
    this.#lastAt = at
    if (at <= now && this.#queue.length === 0 && !this.#link.isHeld(this.#direction)) {
      this.#deliver(item)
      return
    }
    this.#queue.push({ item, at })
    this.#arm()
  }

  /** Nothing arrives any more. */
  break(): void {
    this.#isBroken = true
    this.#queue.length = 0
  }

  #arm(): void {
    const [head] = this.#queue
    if (this.#isArmed || head === undefined) return
    this.#isArmed = true
    const go = (): void => {
      this.#isArmed = false
      this.#flush()
    }
    if (this.#link.isHeld(this.#direction)) this.#link.whenMended(go)
    else this.#clock.setTimer(go, head.at - this.#clock.now())
  }

  #flush(): void {
    for (let [head] = this.#queue; head !== undefined; [head] = this.#queue) {
      if (head.at > this.#clock.now() || this.#link.isHeld(this.#direction)) return this.#arm()
      this.#queue.shift()
      this.#deliver(head.item)
    }
  }
}
