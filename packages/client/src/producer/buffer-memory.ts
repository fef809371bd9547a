import type { Clock, Timer } from '@milena/protocol/runtime'

/** How much may be buffered, and who hears of it. */
export interface BufferMemoryOptions<T> {
  readonly clock: Clock
  readonly bufferMemory: number
  readonly maxBlockMs: number
  /** There is room for it, and the room is taken. */
  readonly admitted: (item: T) => void
  /** It waited in vain for maxBlockMs. */
  readonly timedOut: (item: T) => void
}

/** The bound on what a producer holds: who finds no room waits in line. */
export class BufferMemory<T extends { readonly bytes: number }> {
  readonly #options: BufferMemoryOptions<T>
  #used = 0
  #line: { readonly item: T; readonly deadline: number }[] = []
  #timer: Timer | undefined

  constructor(options: BufferMemoryOptions<T>) {
    this.#options = options
  }

  /** Those who wait, first come first. */
  get waiting(): readonly T[] {
    return this.#line.map(({ item }) => item)
  }

  /** Takes room for an item, now or when there is some. */
  ask(item: T): void {
    if (this.#line.length === 0 && this.#hasRoom(item)) {
      this.#used += item.bytes
      this.#options.admitted(item)
      return
    }
    const { clock, maxBlockMs } = this.#options
    this.#line.push({ item, deadline: clock.now() + maxBlockMs })
    this.#timer ??= clock.setTimer(() => this.#expire(), maxBlockMs)
  }

  /** Gives room back. */
  release(bytes: number): void {
    this.#used -= bytes
    let served = 0
    for (const { item } of this.#line) {
      if (!this.#hasRoom(item)) break
      served++
      this.#used += item.bytes
      this.#options.admitted(item)
    }
    if (served > 0) this.#line = this.#line.slice(served)
    if (this.#line.length === 0) this.#stopTimer()
  }

  /** Ends waiting; returns those who still did. */
  close(): readonly T[] {
    const left = this.waiting
    this.#line = []
    this.#stopTimer()
    return left
  }

  #hasRoom(item: T): boolean {
    return this.#used + item.bytes <= this.#options.bufferMemory
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  // All wait equally long, so the first in line is the first whose time is up.
  #expire(): void {
    this.#timer = undefined
    const { clock, timedOut } = this.#options
    const now = clock.now()
    const alive = this.#line.findIndex(({ deadline }) => deadline > now)
    const late = alive < 0 ? this.#line : this.#line.slice(0, alive)
    this.#line = alive < 0 ? [] : this.#line.slice(alive)
    const [first] = this.#line
    if (first !== undefined) this.#timer = clock.setTimer(() => this.#expire(), first.deadline - now)
    for (const { item } of late) timedOut(item)
  }
}
