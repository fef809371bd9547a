import type { TopicIdPartition } from './share-partition.js'

// The share session of this member with one broker (KIP-932): its epoch and its partitions. No I/O, no clock.
//
// Rules kept here
// - Epoch 0 opens: it lists every wanted partition and carries no acknowledgements. Then 1, 2, 3 … for fetches and
//   acknowledgements alike; after the largest int32 the epoch wraps to 1; -1 closes.
// - Every partition named in a ShareFetch belongs to the session from then on, also one named only because it carried
//   acknowledgements; else it would never be forgotten and the broker would go on handing out its records.
// - Changes are incremental: added ones are listed, dropped ones forgotten, the rest is not repeated.
// - A partition that was dropped is forgotten at once, with records of it still out: ShareAcknowledge settles those.

const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1
const MAX_EPOCH = 0x7fff_ffff

export interface SessionChanges {
  readonly added: readonly TopicIdPartition[]
  readonly forgotten: readonly TopicIdPartition[]
}

export class ShareSession {
  #epoch = INITIAL_EPOCH
  #wanted = new Set<TopicIdPartition>()
  readonly #known = new Set<TopicIdPartition>()
  /** What the last fetch told the broker, until that has taken it. */
  #told: SessionChanges | undefined

  /** The epoch that the next request carries. */
  get epoch(): number {
    return this.#epoch
  }

  /** The broker knows this session: acknowledgements may be sent in it. */
  get isOpen(): boolean {
    return this.#epoch !== INITIAL_EPOCH
  }

  get wanted(): ReadonlySet<TopicIdPartition> {
    return this.#wanted
  }

  want(partitions: ReadonlySet<TopicIdPartition>): void {
    this.#wanted = new Set(partitions)
  }

  /** The broker was asked for this partition in this session. */
  has(partition: TopicIdPartition): boolean {
    return this.#known.has(partition)
  }

  /** What the broker does not know yet of what is wanted. */
  changes(): SessionChanges {
    const added: TopicIdPartition[] = []
    const forgotten: TopicIdPartition[] = []
    for (const partition of this.#wanted) if (!this.#known.has(partition)) added.push(partition)
    for (const partition of this.#known) if (!this.#wanted.has(partition)) forgotten.push(partition)
    return { added, forgotten }
  }

  /** A ShareFetch went out with these changes, naming also `named` because of their acknowledgements. */
  sentFetch(changes: SessionChanges, named: Iterable<TopicIdPartition>): void {
    for (const partition of changes.forgotten) this.#known.delete(partition)
    const added = [...changes.added]
    for (const partition of named) if (!this.#known.has(partition)) added.push(partition)
    for (const partition of added) this.#known.add(partition)
    this.#told = { added, forgotten: changes.forgotten }
  }

  /** A response came whose errors, if any, leave the session alive: the epoch was consumed. */
  advance(): void {
    this.#epoch = epochAfter(this.#epoch)
    this.#told = undefined
  }

  /** The broker refused a request before it looked at the session: the epoch was not consumed, and nothing was taken in. */
  notTaken(): void {
    for (const partition of this.#told?.added ?? []) this.#known.delete(partition)
    for (const partition of this.#told?.forgotten ?? []) this.#known.add(partition)
    this.#told = undefined
  }

  /** The session is lost, or its state at the broker unknown: the next request opens a new one. */
  reset(): void {
    this.#epoch = INITIAL_EPOCH
    this.#known.clear()
    this.#told = undefined
  }
}

/** 0 opens and -1 closes a session, so the epoch behind the largest int32 is 1. */
export function epochAfter(epoch: number): number {
  return epoch === MAX_EPOCH ? 1 : epoch + 1
}
