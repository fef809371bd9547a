import type { Clock, Timer } from '@milena/protocol/runtime'

/** How many lines of one kind are written in a second. */
const LINES_A_SECOND = 5

interface Kind {
  count: number
  /** The last line of those kept back. */
  last: string
}

/**
 * Writes the first lines of a kind in each second and counts the others: what happens to thousands of records at once would bury
 * everything else. Lines are of one kind that differ in their numbers only.
 */
export class SparingLines {
  readonly #clock: Clock
  readonly #write: (line: string) => void
  readonly #kinds = new Map<string, Kind>()
  #timer: Timer | undefined

  constructor(clock: Clock, write: (line: string) => void) {
    this.#clock = clock
    this.#write = write
  }

  readonly write = (line: string): void => {
    const name = line.replaceAll(/\d+/g, '0')
    const kind = this.#kinds.get(name) ?? { count: 0, last: line }
    this.#kinds.set(name, kind)
    kind.last = line
    if (++kind.count <= LINES_A_SECOND) this.#write(line)
    this.#timer ??= this.#clock.setTimer(() => this.tell(), 1000, { unref: true })
  }

  /** Says how many lines were kept back, and begins anew. */
  tell(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { count, last } of this.#kinds.values()) {
      const more = count - LINES_A_SECOND
      if (more === 1) this.#write(last)
      else if (more > 1) this.#write(`${last} (and ${more - 1} more like it before)`)
    }
    this.#kinds.clear()
  }
}
