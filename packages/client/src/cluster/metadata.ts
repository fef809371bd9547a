import { ErrorCode, isRetriable, Metadata, ZERO_UUID } from '@milena/protocol'
import type { RequestInput, ResponseOf, Uuid } from '@milena/protocol'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import { abandonable } from './abandonable.js'
import { brokerError } from './broker-error.js'

/** A broker as the cluster's metadata names it. */
export interface BrokerNode {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** One partition of a topic as the metadata describes it. */
export interface PartitionMetadata {
  readonly index: number
  /** The node that leads it; -1 when it has no leader at the moment. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
}

/** A topic as the metadata describes it. One that does not exist is kept too, with its error code and no partitions. */
export interface TopicMetadata {
  readonly name: string
  /** ZERO_UUID while the topic does not exist. */
  readonly topicId: Uuid
  /** 0, or what the broker said about the topic, such as UNKNOWN_TOPIC_OR_PARTITION (3). */
  readonly errorCode: number
  readonly isInternal: boolean
  /** By partition index: `partitions[3].index === 3`. */
  readonly partitions: readonly PartitionMetadata[]
}

/** A broker's word about who leads a partition now, taken from an answer's CurrentLeader and NodeEndpoints. */
export interface LeaderHint {
  readonly topicId: Uuid
  readonly partition: number
  readonly nodeId: number
  readonly epoch: number
  /** Where that node listens, when the answer told it. */
  readonly endpoint?: BrokerNode | undefined
}

/** How refresh() is done. */
export interface RefreshOptions {
  /** Topics to ask for in addition to the wanted ones. */
  readonly topics?: readonly string[] | undefined
  /** Whatever else is in the cache goes: the answer replaces it all. */
  readonly full?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** What ClusterMetadata needs from outside. `fetch` does one Metadata request with retries and rejects when it gives up. */
export interface ClusterMetadataOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metadataMaxAgeMs: number
  readonly metadataTopicCacheTtlMs: number | null
  readonly fetch: (body: RequestInput<typeof Metadata>) => Promise<ResponseOf<typeof Metadata>>
}

interface Entry {
  topic: TopicMetadata
  refreshedAt: number
}

interface Flight {
  readonly topics: Set<string>
  full: boolean
  done: Promise<void>
}

/**
 * What this client knows of the cluster: brokers, topics, who leads which partition. A cache; refresh() and leader hints are
 * the only ways into it. A refresh asks only for the topics that somebody wants and leaves the others as they are.
 */
export class ClusterMetadata {
  readonly #options: ClusterMetadataOptions
  readonly #topics = new Map<string, Entry>()
  readonly #names = new Map<Uuid, string>()
  readonly #brokers = new Map<number, BrokerNode>()
  readonly #wanted = new Map<string, number>()
  readonly #missing = new Set<string>()
  readonly #listeners = new Set<() => void>()
  #clusterId: string | undefined
  #controllerId = -1
  #running: Flight | undefined
  #next: Flight | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(options: ClusterMetadataOptions) {
    this.#options = options
  }

  /** Undefined until the first refresh. */
  get clusterId(): string | undefined {
    return this.#clusterId
  }

  /** The node to which cluster-wide changes are sent; undefined when none is known. */
  get controllerId(): number | undefined {
    return this.#controllerId < 0 ? undefined : this.#controllerId
  }

  /** All brokers of the last refresh. */
  get brokers(): readonly BrokerNode[] {
    return [...this.#brokers.values()]
  }

  /** All topics in the cache, those that do not exist included. */
  get topics(): readonly TopicMetadata[] {
    return [...this.#topics.values()].map((entry) => entry.topic)
  }

  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)?.topic
  }

  topicById(id: Uuid): TopicMetadata | undefined {
    const name = this.#names.get(id)
    return name === undefined ? undefined : this.topic(name)
  }

  broker(nodeId: number): BrokerNode | undefined {
    return this.#brokers.get(nodeId)
  }

  /** Who leads a partition; undefined when that is not known or nobody does. */
  leader(topicId: Uuid, partition: number): { nodeId: number; epoch: number } | undefined {
    const found = this.topicById(topicId)?.partitions[partition]
    return found === undefined || found.leaderId < 0 ? undefined : { nodeId: found.leaderId, epoch: found.leaderEpoch }
  }

  /** Keeps topics fresh (every metadataMaxAgeMs) until the returned function is called. Does not fetch by itself. */
  want(topics: readonly string[]): () => void {
    for (const topic of topics) this.#wanted.set(topic, (this.#wanted.get(topic) ?? 0) + 1)
    this.#schedule()
    let given = true
    return () => {
      if (!given) return
      given = false
      for (const topic of topics) {
        const left = (this.#wanted.get(topic) ?? 1) - 1
        if (left > 0) this.#wanted.set(topic, left)
        else this.#wanted.delete(topic)
      }
    }
  }

  /** Calls `listener` after each change of the cache. Returns the function that stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Asks the cluster for the wanted topics and those given. Callers that come while a request for the same topics runs share
   * it; others share one that follows. Retries with back-off; rejects when no broker could be reached in time.
   */
  refresh(options: RefreshOptions = {}): Promise<void> {
    const topics = new Set([...this.#wanted.keys(), ...(options.topics ?? [])])
    const flight = this.#board(topics, options.full ?? false)
    return options.signal === undefined ? flight : abandonable(flight, options.signal)
  }

  /** Takes in a leader that a broker named, if it is newer than what is known. */
  updateLeader(hint: LeaderHint): void {
    const { topicId, partition, nodeId, epoch, endpoint } = hint
    const name = this.#names.get(topicId)
    const entry = name === undefined ? undefined : this.#topics.get(name)
    const known = entry?.topic.partitions[partition]
    if (entry === undefined || known === undefined || nodeId < 0 || epoch <= known.leaderEpoch) return
    if (endpoint !== undefined) this.#brokers.set(endpoint.nodeId, endpoint)
    const partitions = [...entry.topic.partitions]
    partitions[partition] = { ...known, leaderId: nodeId, leaderEpoch: epoch }
    entry.topic = { ...entry.topic, partitions }
    this.#changed()
  }

  /** Takes in where a broker listens, told by an answer other than Metadata. */
  addBroker(broker: BrokerNode): void {
    if (!this.#brokers.has(broker.nodeId)) this.#brokers.set(broker.nodeId, broker)
  }

  /** Stops the periodic refresh. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#listeners.clear()
  }

  #board(topics: Set<string>, full: boolean): Promise<void> {
    const running = this.#running
    if (running === undefined) return this.#depart(topics, full)
    if (isSubset(topics, running.topics) && (running.full || !full)) return running.done
    if (this.#next === undefined) {
      const next: Flight = { topics, full, done: running.done }
      next.done = running.done
        .catch(() => undefined)
        .then(() => {
          this.#next = undefined
          return this.#depart(new Set([...next.topics, ...this.#wanted.keys()]), next.full)
        })
      this.#next = next
    } else {
      for (const topic of topics) this.#next.topics.add(topic)
      this.#next.full ||= full
    }
    return this.#next.done
  }

  #depart(topics: Set<string>, full: boolean): Promise<void> {
    const done = this.#fetch(topics, full).finally(() => {
      this.#running = undefined
      this.#schedule()
    })
    this.#running = { topics, full, done }
    return done
  }

  async #fetch(topics: ReadonlySet<string>, full: boolean): Promise<void> {
    const response = await this.#options.fetch({
      topics: [...topics].map((name) => ({ name, topicId: ZERO_UUID })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
    })
    if (response.errorCode !== ErrorCode.NONE) throw brokerError(Metadata.name, response.errorCode, null)
    if (full) this.#forgetAllBut(new Set(response.topics.map((topic) => topic.name)))
    this.#apply(response)
  }

  #forgetAllBut(kept: ReadonlySet<string | null>): void {
    for (const name of this.#topics.keys()) if (!kept.has(name)) this.#forget(name)
  }

  #forget(name: string): void {
    const entry = this.#topics.get(name)
    if (entry === undefined) return
    this.#topics.delete(name)
    this.#names.delete(entry.topic.topicId)
    this.#missing.delete(name)
  }

  #apply(response: ResponseOf<typeof Metadata>): void {
    const now = this.#options.clock.now()
    this.#clusterId = response.clusterId ?? this.#clusterId
    this.#controllerId = response.controllerId
    if (response.brokers.length > 0) {
      this.#brokers.clear()
      for (const { nodeId, host, port, rack } of response.brokers)
        this.#brokers.set(nodeId, { nodeId, host, port, rack })
    }
    for (const answered of response.topics) {
      if (answered.name === null) continue
      const before = this.#topics.get(answered.name)?.topic
      const topic = topicOf(answered, answered.name, before)
      if (before !== undefined && before.topicId !== topic.topicId) this.#names.delete(before.topicId)
      this.#topics.set(topic.name, { topic, refreshedAt: now })
      if (topic.topicId !== ZERO_UUID) this.#names.set(topic.topicId, topic.name)
      this.#noteMissing(topic)
    }
    this.#evict(now)
    this.#changed()
  }

  #noteMissing(topic: TopicMetadata): void {
    if (topic.errorCode === ErrorCode.NONE) {
      this.#missing.delete(topic.name)
      return
    }
    if (this.#missing.has(topic.name) || !this.#wanted.has(topic.name)) return
    if (topic.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
      this.#missing.add(topic.name)
      this.#options.logger.warn(
        { topic: topic.name },
        `Topic '${topic.name}' does not exist. It is not created by this client: create it, with Admin.createTopics() for instance; it is picked up as soon as it is there.`,
      )
    } else if (!isRetriable(topic.errorCode)) {
      this.#missing.add(topic.name)
      const error = brokerError(Metadata.name, topic.errorCode, null, `topic '${topic.name}'`)
      this.#options.logger.warn({ topic: topic.name, code: error.code }, error.message)
    }
  }

  // Entries that nobody refreshed for a while go, so that the cache does not grow with every name that was ever asked for.
  #evict(now: number): void {
    const ttl = this.#options.metadataTopicCacheTtlMs
    if (ttl === null) return
    for (const [name, { refreshedAt }] of this.#topics) {
      if (now - refreshedAt >= ttl && !this.#wanted.has(name)) this.#forget(name)
    }
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a listener of metadata changes threw')
      }
    }
  }

  #schedule(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#closed || this.#wanted.size === 0) return
    this.#timer = this.#options.clock.setTimer(() => this.#age(), this.#options.metadataMaxAgeMs, { unref: true })
  }

  #age(): void {
    this.#timer = undefined
    if (this.#closed || this.#wanted.size === 0) return
    this.refresh({ full: true }).catch((error: unknown) => {
      if (this.#closed) return
      this.#options.logger.warn(
        { err: error },
        'the periodic metadata refresh failed; the next one follows after metadataMaxAgeMs',
      )
    })
  }
}

type AnsweredTopic = ResponseOf<typeof Metadata>['topics'][number]

function topicOf(answered: AnsweredTopic, name: string, before: TopicMetadata | undefined): TopicMetadata {
  const sameTopic = before !== undefined && before.topicId === answered.topicId
  const partitions: PartitionMetadata[] = []
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of answered.partitions.toSorted(
    byIndex,
  )) {
    if (partitionIndex !== partitions.length) break // a hole: what lies beyond it comes with a later refresh
    const known = sameTopic ? before.partitions[partitionIndex] : undefined
    // A broker that lags behind must not undo what a hint or another broker told later (KIP-951, KIP-320).
    const stale = known !== undefined && known.leaderEpoch > leaderEpoch
    partitions.push({
      index: partitionIndex,
      leaderId: stale ? known.leaderId : leaderId,
      leaderEpoch: stale ? known.leaderEpoch : leaderEpoch,
      replicaNodes,
      isrNodes,
    })
  }
  return { name, topicId: answered.topicId, errorCode: answered.errorCode, isInternal: answered.isInternal, partitions }
}

function byIndex(a: AnsweredTopic['partitions'][number], b: AnsweredTopic['partitions'][number]): number {
  return a.partitionIndex - b.partitionIndex
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  for (const item of part) if (!whole.has(item)) return false
  return true
}
