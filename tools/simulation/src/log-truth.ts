/** What an offset holds. */
export type Content =
  /** A record that applications can work on. */
  | { readonly kind: 'data'; readonly value: string }
  /** A record that no deserialiser can read. */
  | { readonly kind: 'undecodable'; readonly value: string }
  /** A record of a transaction that was aborted. */
  | { readonly kind: 'aborted'; readonly value: string }
  /** Compaction has removed it. */
  | { readonly kind: 'hole' }

/** What was written where. An offset that is not in it is a control record. */
export class LogTruth {
  readonly #partitions = new Map<string, Map<number, Content>>()
  #count = 0

  get size(): number {
    return this.#count
  }

  write(place: string, offset: number, content: Content): void {
    let partition = this.#partitions.get(place)
    if (partition === undefined) this.#partitions.set(place, (partition = new Map()))
    partition.set(offset, content)
    this.#count++
  }

  at(place: string, offset: number): Content | undefined {
    return this.#partitions.get(place)?.get(offset)
  }

  offsets(place: string): IterableIterator<[number, Content]> {
    return (this.#partitions.get(place) ?? new Map<number, Content>()).entries()
  }
}
