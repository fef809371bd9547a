/** A partition with both of its names: share sessions speak of topic ids, people of topic names. */
export interface TopicIdPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
}

/**
 * The partitions that this member has to do with, one object each for its whole life, so that they can be
 * compared by identity and used as map keys everywhere else.
 */
export class SharePartitions {
  readonly #byTopicId = new Map<string, TopicIdPartition[]>()

  of(topicId: string, topic: string, partition: number): TopicIdPartition {
    let partitions = this.#byTopicId.get(topicId)
    if (partitions === undefined) this.#byTopicId.set(topicId, (partitions = []))
    return (partitions[partition] ??= Object.freeze({ topic, topicId, partition }))
  }

  /** The partition of that id, when it was named before. */
  find(topicId: string, partition: number): TopicIdPartition | undefined {
    return this.#byTopicId.get(topicId)?.[partition]
  }
}
