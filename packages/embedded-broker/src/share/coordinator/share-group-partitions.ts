import type { Uuid } from '@milena/protocol'
import type { TopicCatalog, TopicEntry } from '../../topics/topic-catalog.js'
import type { ShareAssignment } from './simple-assignor.js'

/** What the coordinator of share groups asks of the topics. */
export type ShareGroupTopics = Pick<TopicCatalog, 'byName' | 'byId'>

/** Partitions of one topic that begin to be share partitions of a group. */
export interface NewSharePartitions {
  readonly topic: TopicEntry
  readonly partitions: readonly number[]
  /** They were added to a topic of which the group has others. */
  readonly isKnownTopic: boolean
}

/** Which share partitions a group has: only those that are initialised are assigned. */
export class ShareGroupPartitions {
  readonly #initialized = new Map<Uuid, Set<number>>()
  readonly #initializing = new Map<Uuid, Set<number>>()

  /** Of these topics, the partitions that are unknown so far. From now on they count as being initialised. */
  begin(topics: Iterable<TopicEntry>): NewSharePartitions[] {
    const begun: NewSharePartitions[] = []
    for (const topic of topics) {
      const initialized = this.#initialized.get(topic.id)
      const initializing = this.#initializing.get(topic.id)
      if ((initialized?.size ?? 0) + (initializing?.size ?? 0) >= topic.partitions.length) continue
      const partitions = topic.partitions
        .map((partition) => partition.index)
        .filter((index) => initialized?.has(index) !== true && initializing?.has(index) !== true)
      for (const index of partitions) add(this.#initializing, topic.id, index)
      begun.push({ topic, partitions, isKnownTopic: initialized !== undefined })
    }
    return begun
  }

  /** What began is done. What was deleted meanwhile stays deleted. */
  finish(topicId: Uuid, partitions: readonly number[]): void {
    for (const index of partitions) {
      if (this.#initializing.get(topicId)?.has(index) === true) this.set(topicId, index)
    }
  }

  /** It is initialised. */
  set(topicId: Uuid, partition: number): void {
    const initializing = this.#initializing.get(topicId)
    initializing?.delete(partition)
    if (initializing?.size === 0) this.#initializing.delete(topicId)
    add(this.#initialized, topicId, partition)
  }

  /** @returns whether it had any of the topic */
  deleteTopic(topicId: Uuid): boolean {
    const wasInitializing = this.#initializing.delete(topicId)
    return this.#initialized.delete(topicId) || wasInitializing
  }

  /** The initialised ones of a topic, ascending. */
  of(topicId: Uuid): readonly number[] {
    return [...(this.#initialized.get(topicId) ?? [])].toSorted((a, b) => a - b)
  }

  /** Topics of which it has initialised partitions. */
  get topicIds(): Iterable<Uuid> {
    return this.#initialized.keys()
  }

  /** The initialised ones of these topics. */
  among(topics: Iterable<TopicEntry>): ShareAssignment {
    const found = new Map<Uuid, readonly number[]>()
    for (const { id } of topics) if (this.#initialized.has(id)) found.set(id, this.of(id))
    return found
  }
}

function add(to: Map<Uuid, Set<number>>, topicId: Uuid, partition: number): void {
  const partitions = to.get(topicId)
  if (partitions === undefined) to.set(topicId, new Set([partition]))
  else partitions.add(partition)
}
