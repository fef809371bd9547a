import type { ClusterMetadata } from '../cluster/metadata.js'
import type { SharePartitions, TopicIdPartition } from './share-partition.js'

// Which partitions this member fetches from, and which broker leads each. Pure over the metadata.
//
// Rules kept here
// - Until the first non-empty assignment a member fetches from all partitions of its topics, within a bound: leaders do
//   not look at membership, and the assignment of a new group takes a second (KIP-932, specification section 16).
// - An assignment replaces the one before; there is no revocation handshake. What of it is not subscribed to any more is not
//   fetched from, also before the coordinator has heard of that.
// - A topic id that the metadata cannot name yet is kept aside until it can.

/** A partition count from which on a member waits for its assignment rather than fetch from everywhere. */
const EAGER_PARTITIONS = 64

/** As the coordinator tells it. */
export type AssignedPartitions = readonly { readonly topicId: string; readonly partitions: readonly number[] }[]

export interface Routing {
  /** By leader. */
  readonly byNode: ReadonlyMap<number, ReadonlySet<TopicIdPartition>>
  /** Some partition has no known leader or name yet: the metadata should be refreshed. */
  readonly incomplete: boolean
}

/** Routes an assignment to the leaders of its partitions. */
export function routeAssigned(
  assigned: AssignedPartitions,
  metadata: ClusterMetadata,
  partitions: SharePartitions,
): Routing {
  const router = new Router(metadata, partitions)
  for (const { topicId, partitions: indices } of assigned) {
    const topic = metadata.topicById(topicId)
    if (topic === undefined) router.incomplete = true
    else for (const index of indices) router.add(topicId, topic.name, index)
  }
  return router
}

/** What of an assignment is subscribed to, or cannot be named yet. */
export function stillSubscribed(
  assigned: AssignedPartitions,
  topics: readonly string[],
  metadata: ClusterMetadata,
): AssignedPartitions {
  return assigned.filter(({ topicId }) => {
    const topic = metadata.topicById(topicId)
    return topic === undefined || topics.includes(topic.name)
  })
}

/** Routes all partitions of the subscribed topics, as if they were assigned. */
export function routeEagerly(
  topics: Iterable<string>,
  metadata: ClusterMetadata,
  partitions: SharePartitions,
): Routing {
  const router = new Router(metadata, partitions)
  let count = 0
  for (const name of topics) {
    const topic = metadata.topic(name)
    if (topic === undefined || topic.partitions.length === 0) router.incomplete = true
    else {
      count += topic.partitions.length
      if (count > EAGER_PARTITIONS) return { byNode: new Map(), incomplete: router.incomplete }
      for (const { index } of topic.partitions) router.add(topic.topicId, name, index)
    }
  }
  return router
}

class Router implements Routing {
  readonly byNode = new Map<number, Set<TopicIdPartition>>()
  incomplete = false
  readonly #metadata: ClusterMetadata
  readonly #partitions: SharePartitions

  constructor(metadata: ClusterMetadata, partitions: SharePartitions) {
    this.#metadata = metadata
    this.#partitions = partitions
  }

  add(topicId: string, topic: string, index: number): void {
    const leader = this.#metadata.leader(topicId, index)
    if (leader === undefined) {
      this.incomplete = true
      return
    }
    let led = this.byNode.get(leader.nodeId)
    if (led === undefined) this.byNode.set(leader.nodeId, (led = new Set()))
    led.add(this.#partitions.of(topicId, topic, index))
  }
}
