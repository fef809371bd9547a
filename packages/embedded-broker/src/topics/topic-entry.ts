import type { Uuid } from '@milena/protocol'
import type { PartitionLog } from '../log/partition-log.js'

export interface PartitionEntry {
  readonly topic: TopicEntry
  readonly index: number
  /** -1 while none of its replicas is alive. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** The first is the preferred leader. */
  readonly replicas: readonly number[]
  /** The live ones. */
  readonly inSyncReplicas: readonly number[]
  /** While none is alive: the last that was (KIP-966). */
  readonly eligibleLeaderReplicas: readonly number[]
  readonly log: PartitionLog
}

/** A topic; it and its partitions are the same objects as long as it exists, and always say how things are now. */
export interface TopicEntry {
  readonly name: string
  readonly id: Uuid
  /** No topic of the embedded broker is: Kafka's internal ones do not exist here. */
  readonly isInternal: boolean
  readonly partitions: readonly PartitionEntry[]
}

/** A topic as its catalogue sees it. */
export class Topic implements TopicEntry {
  readonly name: string
  readonly id: Uuid
  readonly isInternal = false
  readonly partitions: Partition[] = []

  constructor(name: string, id: Uuid) {
    this.name = name
    this.id = id
  }
}

/** A partition and who leads it. Epochs only grow; the leader is always a live replica, or -1. */
export class Partition implements PartitionEntry {
  readonly topic: Topic
  readonly index: number
  readonly replicas: readonly number[]
  readonly log: PartitionLog
  #leaderId: number
  #leaderEpoch = 0
  #inSyncReplicas: readonly number[]
  #eligibleLeaderReplicas: readonly number[] = []

  constructor(given: {
    readonly topic: Topic
    readonly index: number
    readonly replicas: readonly number[]
    readonly log: PartitionLog
    readonly live: ReadonlySet<number>
  }) {
    this.topic = given.topic
    this.index = given.index
    this.replicas = given.replicas
    this.log = given.log
    const alive = given.replicas.filter((id) => given.live.has(id))
    this.#leaderId = alive[0] ?? -1
    this.#inSyncReplicas = alive
  }

  get leaderId(): number {
    return this.#leaderId
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get inSyncReplicas(): readonly number[] {
    return this.#inSyncReplicas
  }

  get eligibleLeaderReplicas(): readonly number[] {
    return this.#eligibleLeaderReplicas
  }

  /** Follows the life and death of brokers: a leader that is alive stays. @returns whether the leader is another now */
  brokersChanged(live: ReadonlySet<number>): boolean {
    const alive = this.replicas.filter((id) => live.has(id))
    this.#inSyncReplicas = alive
    if (alive.length > 0) this.#eligibleLeaderReplicas = []
    else if (this.#leaderId !== -1) this.#eligibleLeaderReplicas = [this.#leaderId]
    return this.#lead(alive.includes(this.#leaderId) ? this.#leaderId : (alive[0] ?? -1))
  }

  /** @returns whether the leader is another now; false as well when this is no live replica */
  moveTo(leaderId: number, live: ReadonlySet<number>): boolean {
    return this.replicas.includes(leaderId) && live.has(leaderId) && this.#lead(leaderId)
  }

  #lead(leaderId: number): boolean {
    if (leaderId === this.#leaderId) return false
    this.#leaderId = leaderId
    this.#leaderEpoch++
    return true
  }
}
