import { KafkaError } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { Backoff } from '../cluster/backoff.js'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { routeAssigned, routeEagerly, stillSubscribed, type AssignedPartitions, type Routing } from './routing.js'
import type { SharePartitions, TopicIdPartition } from './share-partition.js'

// From subscription, assignment and metadata to what is fetched from which broker.
//
// Rules kept here
// - Routes again whenever one of the three changes, and refreshes the metadata (with back-off) while something in it is
//   missing: a topic that does not exist yet, a partition without a leader.
// - A refresh that fails is told once and tried again; it never ends the member.

export interface PartitionRouterListener {
  /** What to fetch from each leader, replacing what was before. */
  routed(byNode: ReadonlyMap<number, ReadonlySet<TopicIdPartition>>): void
  /** A subscribed topic has appeared. */
  topicsAppeared(): void
  failed(error: KafkaError): void
}

export class PartitionRouter {
  readonly #context: KafkaClientContext
  readonly #partitions: SharePartitions
  readonly #listener: PartitionRouterListener
  readonly #backoff: Backoff
  readonly #stopListening: () => void
  #unwant: (() => void) | undefined
  #topics: readonly string[] = []
  #known = 0
  #joined = false
  #assigned: AssignedPartitions | undefined
  #refreshing = false
  #again = false
  #timer: Timer | undefined
  #closed = false

  constructor(context: KafkaClientContext, partitions: SharePartitions, listener: PartitionRouterListener) {
    this.#context = context
    this.#partitions = partitions
    this.#listener = listener
    this.#backoff = context.backoff()
    this.#stopListening = context.metadata.onChange(() => this.#reroute())
  }

  /** Replaces the topics. */
  subscribe(topics: readonly string[]): void {
    this.#unwant?.()
    this.#unwant = this.#context.metadata.want(topics)
    this.#topics = topics
    this.#known = 0
    this.#route()
    this.refresh()
  }

  /** The coordinator knows the member: fetching may begin, from everywhere until an assignment comes. */
  joined(): void {
    this.#joined = true
    this.#reroute()
  }

  /** Null: there is none any more. */
  assigned(assignment: AssignedPartitions | null): void {
    this.#assigned = assignment ?? undefined
    if (assignment === null) this.#joined = false
    this.#reroute()
  }

  /** The metadata is known to be out of date. */
  refresh(): void {
    if (this.#closed) return
    if (this.#refreshing) this.#again = true
    else if (this.#timer === undefined) void this.#refresh()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unwant?.()
    this.#stopListening()
  }

  async #refresh(): Promise<void> {
    this.#refreshing = true
    this.#again = false
    try {
      await this.#context.metadata.refresh({ topics: this.#topics })
    } catch (error) {
      if (this.#closed) return
      this.#again = true
      this.#listener.failed(KafkaError.is(error) ? error : new KafkaError(String(error), { cause: error }))
    } finally {
      this.#refreshing = false
    }
    if (this.#closed) return
    const { incomplete } = this.#route()
    if (incomplete || this.#again) this.#later()
    else this.#backoff.reset()
  }

  #later(): void {
    this.#timer ??= this.#context.clock.setTimer(() => {
      this.#timer = undefined
      void this.#refresh()
    }, this.#backoff.next())
  }

  #reroute(): void {
    const { incomplete } = this.#route()
    if (incomplete && !this.#refreshing) this.refresh()
  }

  #route(): Routing {
    const { metadata } = this.#context
    const eager = routeEagerly(this.#topics, metadata, this.#partitions)
    const routing =
      this.#assigned !== undefined
        ? routeAssigned(stillSubscribed(this.#assigned, this.#topics, metadata), metadata, this.#partitions)
        : this.#joined
          ? eager
          : { byNode: new Map<number, ReadonlySet<TopicIdPartition>>(), incomplete: eager.incomplete }
    const known = this.#topics.filter((topic) => (metadata.topic(topic)?.partitions.length ?? 0) > 0).length
    const appeared = known > this.#known
    this.#known = known
    if (!this.#closed) {
      this.#listener.routed(routing.byNode)
      if (appeared) this.#listener.topicsAppeared()
    }
    return { byNode: routing.byNode, incomplete: routing.incomplete || eager.incomplete }
  }
}
