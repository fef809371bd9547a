/** A position that a group has committed for one partition. */
export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1: not told. */
  readonly leaderEpoch: number
  /** Whatever the client wants to remember with it. */
  readonly metadata: string
}

/** The committed positions of one group, and those that wait for the end of their transaction. */
export class CommittedOffsets {
  readonly #topics = new Map<string, Map<number, CommittedOffset>>()
  /** Producer id to what its open transaction would commit. */
  readonly #pending = new Map<number, CommittedOffsets>()

  /** Whether nothing is committed and nothing is about to be. */
  get isEmpty(): boolean {
    return this.#topics.size === 0 && this.#pending.size === 0
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  all(): CommittedOffset[] {
    return [...this.#topics.values()].flatMap((partitions) => [...partitions.values()])
  }

  commit(committed: CommittedOffset): void {
    const partitions = this.#topics.get(committed.topic)
    if (partitions === undefined) this.#topics.set(committed.topic, new Map([[committed.partition, committed]]))
    else partitions.set(committed.partition, committed)
  }

  /** Commits within the open transaction of this producer. */
  commitLater(producerId: number, committed: CommittedOffset): void {
    let pending = this.#pending.get(producerId)
    if (pending === undefined) {
      pending = new CommittedOffsets()
      this.#pending.set(producerId, pending)
    }
    pending.commit(committed)
  }

  /** The producer's transaction has ended: its positions count, or never were. @returns whether there were any */
  endTransaction(producerId: number, isCommitted: boolean): boolean {
    const pending = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (pending === undefined) return false
    if (isCommitted) for (const committed of pending.all()) this.commit(committed)
    return true
  }

  /** Whether an open transaction may still change the position (KIP-447). */
  isUnstable(topic: string, partition: number): boolean {
    return [...this.#pending.values()].some((pending) => pending.get(topic, partition) !== undefined)
  }

  delete(topic: string, partition: number): void {
    const partitions = this.#topics.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.#topics.delete(topic)
  }

  /** The topic is gone, and so are positions in it. */
  deleteTopic(topic: string): void {
    this.#topics.delete(topic)
    for (const [producerId, pending] of this.#pending) {
      pending.deleteTopic(topic)
      if (pending.isEmpty) this.#pending.delete(producerId)
    }
  }
}
