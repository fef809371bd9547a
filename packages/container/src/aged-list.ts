import type { Clock, Timer } from '@milena/protocol/runtime'
import { outsideListenerFrames } from './listener-frame.js'

/** Something that a list keeps by age. It knows its neighbours, so that it leaves without a search. */
export interface Aged<E extends Aged<E>> {
  /** When it was added, on the clock of durations. */
  since: number
  /** The list that it is in. */
  list: AgedList<E> | undefined
  older: E | undefined
  newer: E | undefined
}

/** Entries from the oldest to the newest. */
export class AgedList<E extends Aged<E>> {
  #oldest: E | undefined
  #newest: E | undefined
  #size = 0

  get oldest(): E | undefined {
    return this.#oldest
  }

  get size(): number {
    return this.#size
  }

  /** Adds an entry as the newest; it leaves the list that it was in. */
  add(entry: E, now: number): void {
    entry.list?.remove(entry)
    entry.list = this
    entry.since = now
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
    this.#size++
  }

  /** Without effect for an entry of another list. */
  remove(entry: E): void {
    if (entry.list !== this) return
    if (entry.older === undefined) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
    entry.older = entry.newer = entry.list = undefined
    this.#size--
  }

  /** All of them now, oldest first: entries may leave while they are looked at. */
  all(): E[] {
    const all: E[] = []
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) all.push(entry)
    return all
  }
}

/** Tells when entries of a list have got too old: one timer, over the oldest. */
export class AgeLimit<E extends Aged<E>> {
  #timer: Timer | undefined
  #closed = false

  constructor(
    private readonly options: {
      readonly clock: Clock
      readonly list: AgedList<E>
      readonly limitMs: number
      /** The entry has left the list. */
      readonly onOverdue: (entry: E) => void
    },
  ) {}

  /** An entry was added. */
  added(): void {
    if (this.#timer === undefined && !this.#closed) this.#arm()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const { clock, list, limitMs } = this.options
    const { oldest } = list
    if (oldest === undefined) return
    // What is answered meanwhile leaves the timer where it is: it finds the next one.
    const leftMs = oldest.since + limitMs - clock.now()
    // It may be a listener that has it armed, and others that it tells of.
    this.#timer = outsideListenerFrames(() => clock.setTimer(() => this.#look(), leftMs, { unref: true }))
  }

  #look(): void {
    const { clock, list, limitMs, onOverdue } = this.options
    this.#timer = undefined
    for (let entry = list.oldest; entry !== undefined; entry = list.oldest) {
      // A timer may fire a fraction of a millisecond early.
      if (entry.since + limitMs > clock.now()) break
      list.remove(entry)
      onOverdue(entry)
    }
    this.added()
  }
}
