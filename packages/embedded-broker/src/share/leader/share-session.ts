import type { Uuid } from '@milena/protocol'

/** What a request says about a session instead of an epoch to come. */
export const SessionEpoch = { INITIAL: 0, FINAL: -1 } as const

const MAX_EPOCH = 0x7fff_ffff

/** The epoch behind this one: after the largest comes 1, since 0 opens a session. */
export function nextSessionEpoch(epoch: number): number {
  if (epoch === SessionEpoch.FINAL) return SessionEpoch.FINAL
  return epoch === MAX_EPOCH ? 1 : epoch + 1
}

/** A partition as requests name it. `topic` is the name that the id had then; undefined where nobody knew the id. */
export interface NamedPartition {
  readonly topicId: Uuid
  readonly topic: string | undefined
  readonly partition: number
}

export interface SessionPartition extends NamedPartition {
  /** To be told in the next answer even when there is nothing to tell. */
  mustAnswer: boolean
}

/** The same for equal partitions. */
export function partitionKey(topicId: Uuid, partition: number): string {
  return `${topicId}:${partition}`
}

/** What an answer is about to say of one partition, as far as the session needs to know. */
export interface PartitionNews {
  readonly hasRecords: boolean
  readonly hasError: boolean
}

/**
 * What a broker remembers between the fetches of one member of one group (KIP-932): which partitions it wants, and the epoch
 * that its next request has to carry. Partitions keep the order in which they came; one that gave records moves to the end.
 */
export class ShareSession {
  readonly groupId: string
  readonly memberId: string
  /** The connection that opened it, with which it ends. */
  readonly connectionId: string
  readonly #partitions = new Map<string, SessionPartition>()
  #nextEpoch: number = 1

  constructor(given: {
    readonly groupId: string
    readonly memberId: string
    readonly connectionId: string
    readonly partitions: readonly NamedPartition[]
  }) {
    this.groupId = given.groupId
    this.memberId = given.memberId
    this.connectionId = given.connectionId
    this.#add(given.partitions, false)
  }

  get nextEpoch(): number {
    return this.#nextEpoch
  }

  get partitions(): readonly SessionPartition[] {
    return [...this.#partitions.values()]
  }

  /** Adds what is new of `wanted`, then forgets: a partition in both lists is not in the session afterwards. */
  update(wanted: readonly NamedPartition[], forgotten: readonly Pick<NamedPartition, 'topicId' | 'partition'>[]): void {
    this.#add(wanted, true)
    for (const { topicId, partition } of forgotten) this.#partitions.delete(partitionKey(topicId, partition))
  }

  /** A request with the right epoch was taken. */
  advance(): void {
    this.#nextEpoch = nextSessionEpoch(this.#nextEpoch)
  }

  /** Whether an incremental answer has to tell of this partition; remembers what it tells. */
  admit(key: string, news: PartitionNews): boolean {
    const partition = this.#partitions.get(key)
    // Forgotten while the fetch was waiting.
    if (partition === undefined) return news.hasRecords || news.hasError
    const mustAnswer = partition.mustAnswer || news.hasRecords || news.hasError
    // Repeated until it is well again, and once more then.
    partition.mustAnswer = news.hasError
    if (news.hasRecords) {
      this.#partitions.delete(key)
      this.#partitions.set(key, partition)
    }
    return mustAnswer
  }

  #add(partitions: readonly NamedPartition[], mustAnswer: boolean): void {
    for (const { topicId, topic, partition } of partitions) {
      const key = partitionKey(topicId, partition)
      if (!this.#partitions.has(key)) this.#partitions.set(key, { topicId, topic, partition, mustAnswer })
    }
  }
}
