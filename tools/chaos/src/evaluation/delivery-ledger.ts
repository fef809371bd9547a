import type { Answered, HandedOut, MemberLine } from '../member-lines.js'

/** One hand-out of a record to an application. */
export interface Delivery {
  readonly at: number
  readonly member: string
  readonly count: number
}

/** A record that was handed out again. */
export interface Redelivery {
  readonly partition: number
  readonly offset: number
  readonly before: Delivery
  readonly again: Delivery
  /** When a member was told that the record is accepted, if that was before it was handed out again. */
  readonly confirmedAt: number | undefined
}

/** A member's word that the broker accepted a record. */
export interface Confirmation {
  readonly at: number
  readonly member: string
}

/** All that became of one record. */
export interface RecordStory {
  readonly partition: number
  readonly offset: number
  readonly deliveries: readonly Delivery[]
  readonly confirmations: readonly Confirmation[]
}

/** What is known of the records of one partition; an entry for each offset. */
interface PartitionBook {
  readonly deliveries: Delivery[][]
  readonly confirmedAt: (number | undefined)[]
  /** All of them, in the order in which they were heard. */
  readonly confirmations: Confirmation[][]
  /** Whether an application has ever finished it. */
  readonly finished: boolean[]
  /** Of the last hand-out. */
  lastAt: number | undefined
}

/** Everything the members of one run said of records. */
export class DeliveryLedger {
  readonly total: number
  readonly #books: readonly PartitionBook[]
  #confirmed = 0
  #received = 0
  #confirmedTwice = 0
  #highestCount = 0
  #lastAt: number | undefined
  #longestGapMs = 0
  #longestPartitionGapMs = 0

  constructor(recordsByPartition: readonly number[]) {
    this.total = recordsByPartition.reduce((sum, records) => sum + records, 0)
    this.#books = recordsByPartition.map((records) => ({
      deliveries: Array.from({ length: records }, () => []),
      confirmedAt: Array.from({ length: records }, () => undefined),
      confirmations: Array.from({ length: records }, () => []),
      finished: Array.from({ length: records }, () => false),
      lastAt: undefined,
    }))
  }

  /** Lines are given as they come: those of one member are in order. */
  add(member: string, line: MemberLine): void {
    for (const handedOut of line.received ?? []) this.#handedOut(member, line.t, handedOut)
    for (const answered of line.accepted ?? []) this.#accepted(member, line.t, answered)
    for (const answered of line.finished ?? []) this.#finished(answered)
  }

  /** Records of which a member was told that the broker accepted them. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** Records that were handed out at least once. */
  get received(): number {
    return this.#received
  }

  /** ACCEPTs that were confirmed for a record that had been confirmed before. */
  get confirmedTwice(): number {
    return this.#confirmedTwice
  }

  /** Records that were confirmed more often than they were handed out: one hand-out was accepted twice. */
  get confirmedBeyondHandOuts(): number {
    return this.acceptedTwice().filter(({ confirmations, deliveries }) => confirmations.length > deliveries.length)
      .length
  }

  /** The records that were confirmed more than once. */
  acceptedTwice(): RecordStory[] {
    return this.#books.flatMap(({ confirmations }, partition) =>
      confirmations.flatMap((all, offset) => (all.length > 1 ? [this.storyOf(partition, offset)] : [])),
    )
  }

  storyOf(partition: number, offset: number): RecordStory {
    const { deliveries, confirmations } = this.#book(partition, offset)
    return {
      partition,
      offset,
      deliveries: deliveries[offset] ?? [],
      confirmations: confirmations[offset] ?? [],
    }
  }

  get highestCount(): number {
    return this.#highestCount
  }

  /** Longest time without any hand-out, between the first and the last of the group. */
  get longestGapMs(): number {
    return this.#longestGapMs
  }

  /** Longest time without any hand-out of one partition, between its first and its last. */
  get longestPartitionGapMs(): number {
    return this.#longestPartitionGapMs
  }

  /** Records that no application has finished: none of them may be accepted. */
  unfinished(): { partition: number; offset: number; handedOut: number }[] {
    return this.#books.flatMap(({ finished, deliveries }, partition) =>
      finished.flatMap((isFinished, offset) =>
        isFinished ? [] : [{ partition, offset, handedOut: deliveries[offset]?.length ?? 0 }],
      ),
    )
  }

  redeliveries(): Redelivery[] {
    const found: Redelivery[] = []
    for (const [partition, { deliveries, confirmedAt }] of this.#books.entries()) {
      for (const [offset, all] of deliveries.entries()) {
        if (all.length < 2) continue
        const inOrder = all.toSorted((one, other) => one.at - other.at)
        for (const [index, again] of inOrder.entries()) {
          const before = inOrder[index - 1]
          if (before === undefined) continue
          const confirmed = confirmedAt[offset]
          const isLate = confirmed !== undefined && confirmed < again.at
          found.push({ partition, offset, before, again, confirmedAt: isLate ? confirmed : undefined })
        }
      }
    }
    return found
  }

  #handedOut(member: string, at: number, [partition, first, last, count]: HandedOut): void {
    const book = this.#book(partition, last)
    for (let offset = first; offset <= last; offset++) {
      const deliveries = book.deliveries[offset]
      if (deliveries === undefined) continue
      if (deliveries.length === 0) this.#received++
      deliveries.push({ at, member, count })
    }
    this.#highestCount = Math.max(this.#highestCount, count)
    if (this.#lastAt !== undefined) this.#longestGapMs = Math.max(this.#longestGapMs, at - this.#lastAt)
    if (book.lastAt !== undefined) this.#longestPartitionGapMs = Math.max(this.#longestPartitionGapMs, at - book.lastAt)
    this.#lastAt = Math.max(at, this.#lastAt ?? 0)
    book.lastAt = Math.max(at, book.lastAt ?? 0)
  }

  #accepted(member: string, at: number, [partition, first, last]: Answered): void {
    const { confirmedAt, confirmations } = this.#book(partition, last)
    for (let offset = first; offset <= last; offset++) {
      confirmations[offset]?.push({ at, member })
      if (confirmedAt[offset] === undefined) {
        confirmedAt[offset] = at
        this.#confirmed++
      } else this.#confirmedTwice++
    }
  }

  #finished([partition, first, last]: Answered): void {
    const { finished } = this.#book(partition, last)
    for (let offset = first; offset <= last; offset++) finished[offset] = true
  }

  #book(partition: number, offset: number): PartitionBook {
    const book = this.#books[partition]
    if (book === undefined || offset >= book.deliveries.length || offset < 0) {
      throw new Error(`A member speaks of offset ${offset} of partition ${partition}, which was never written.`)
    }
    return book
  }
}
