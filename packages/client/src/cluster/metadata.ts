import { ErrorCode, isRetriable, Metadata, ZERO_UUID } from '@milena/protocol'
import type { RequestInput, ResponseOf, Uuid } from '@milena/protocol'
import type { Clock, Logger, Timer } from '@milena/protocol/runtime'
import { abandonable } from './abandonable.js'
import type { Backoff } from './backoff.js'
import { brokerError } from './broker-error.js'
import { topicOf, type AnsweredTopic, type BrokerNode, type LeaderHint, type TopicMetadata } from './topic-metadata.js'

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
  readonly allowAutoCreateTopics: boolean
  /** Pauses between failed periodic refreshes. */
  readonly backoff: Backoff
  readonly fetch: (body: RequestInput<typeof Metadata>) => Promise<ResponseOf<typeof Metadata>>
}

interface Entry {
  topic: TopicMetadata
  /** When a broker last told of it without an error, or first told of its error. */
  readonly refreshedAt: number
}

interface Flight {
  readonly topics: Set<string>
  full: boolean
  done: Promise<void>
}

/**
 * What this client knows of the cluster: brokers, topics, who leads which partition. A cache; refresh() and leader hints are
 * the only ways into it.
 *
 * Rules kept here
 * - A partial refresh asks for the topics that somebody wants, and keeps the others as they are. A full one, every
 *   metadataMaxAgeMs or on request, asks for the same and replaces the whole cache.
 * - A topic that was not refreshed with success for metadataTopicCacheTtlMs goes, unless somebody wants it and it has no error.
 *   Until then an error that passes by takes nothing away from what was known; that a topic does not exist does so at once.
 * - Leader epochs only grow, so that a broker that lags behind undoes nothing; except after startOver().
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
  #fullAt: number | undefined
  /** When the periodic refresh is tried again after it failed. */
  #retryAt: number | undefined
  /** What is known of leaders may be newer than what comes, and is wrong all the same. */
  #doubtful = false
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
      this.#schedule()
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

  /** Takes in where a broker listens, told by an answer other than Metadata. It may have moved since the last of those. */
  addBroker(broker: BrokerNode): void {
    const known = this.#brokers.get(broker.nodeId)
    if (known === undefined || known.host !== broker.host || known.port !== broker.port)
      this.#brokers.set(broker.nodeId, broker)
  }

  /** Gives up all brokers, and the word of those that are known about leaders; topics stay until the next answer. */
  startOver(): void {
    this.#brokers.clear()
    this.#controllerId = -1
    this.#doubtful = true
  }

  /** Stops the periodic refresh and forgets nothing more. */
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
      allowAutoTopicCreation: this.#options.allowAutoCreateTopics,
      includeTopicAuthorizedOperations: false,
    })
    if (response.errorCode !== ErrorCode.NONE) throw brokerError(Metadata.name, response.errorCode, null)
    this.#apply(response, full || this.#warnOfAnother(response.clusterId))
  }

  #warnOfAnother(clusterId: string | null): boolean {
    if (this.#clusterId === undefined || clusterId === null || clusterId === this.#clusterId) return false
    this.#options.logger.warn(
      { before: this.#clusterId, now: clusterId },
      `The brokers that answer now belong to another cluster (${clusterId}) than before (${this.#clusterId}). Its topics and groups are used from here on; if that is not meant, correct bootstrapServers.`,
    )
    return true
  }

  #apply(response: ResponseOf<typeof Metadata>, full: boolean): void {
    const now = this.#options.clock.now()
    if (full || this.#topics.size === 0) {
      this.#fullAt = now
      this.#retryAt = undefined
    }
    if (full) {
      const told = new Set(response.topics.map((topic) => topic.name))
      for (const name of this.#topics.keys()) if (!told.has(name)) this.#forget(name)
    }
    this.#clusterId = response.clusterId ?? this.#clusterId
    this.#controllerId = response.controllerId
    if (response.brokers.length > 0) {
      this.#brokers.clear()
      for (const { nodeId, host, port, rack } of response.brokers)
        this.#brokers.set(nodeId, { nodeId, host, port, rack })
    }
    for (const answered of response.topics)
      if (answered.name !== null) this.#take(answered, answered.name, { now, full })
    this.#doubtful = false
    this.#evict(now)
    this.#changed()
  }

  #take(answered: AnsweredTopic, name: string, { now, full }: { readonly now: number; readonly full: boolean }): void {
    const before = this.#topics.get(name)
    const failed = answered.errorCode !== ErrorCode.NONE
    if (before !== undefined && failed && !full && answered.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
      before.topic = { ...before.topic, errorCode: answered.errorCode }
      this.#noteMissing(before.topic)
      return
    }
    const topic = topicOf(answered, name, this.#doubtful ? undefined : before?.topic)
    if (before !== undefined && before.topic.topicId !== topic.topicId) this.#names.delete(before.topic.topicId)
    this.#topics.set(name, { topic, refreshedAt: failed && !full ? (before?.refreshedAt ?? now) : now })
    if (topic.topicId !== ZERO_UUID) this.#names.set(topic.topicId, name)
    this.#noteMissing(topic)
  }

  #forget(name: string): void {
    const entry = this.#topics.get(name)
    if (entry === undefined) return
    this.#topics.delete(name)
    this.#names.delete(entry.topic.topicId)
    if (!this.#wanted.has(name)) this.#missing.delete(name)
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
        `Topic '${topic.name}' does not exist. ${this.#options.allowAutoCreateTopics ? 'The brokers may create it if auto.create.topics.enable is set; else' : 'It is not created by this client:'} create it, with Admin.createTopics() for instance; it is picked up as soon as it is there.`,
      )
    } else if (!isRetriable(topic.errorCode)) {
      this.#missing.add(topic.name)
      const error = brokerError(Metadata.name, topic.errorCode, null, `topic '${topic.name}'`)
      this.#options.logger.warn({ topic: topic.name, code: error.code }, error.message)
    }
  }

  // So that the cache does not grow with every name that was ever asked for.
  #evict(now: number): boolean {
    let evicted = false
    for (const [name, entry] of this.#topics) {
      if (this.#evictedAt(name, entry) > now) continue
      this.#forget(name)
      evicted = true
    }
    return evicted
  }

  #evictedAt(name: string, { topic, refreshedAt }: Entry): number {
    const ttl = this.#options.metadataTopicCacheTtlMs
    return ttl === null || (topic.errorCode === ErrorCode.NONE && this.#wanted.has(name)) ? Infinity : refreshedAt + ttl
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

  /** When the next periodic refresh is due; Infinity when nothing is wanted. */
  get #agedAt(): number {
    if (this.#wanted.size === 0) return Infinity
    this.#fullAt ??= this.#options.clock.now()
    return this.#retryAt ?? this.#fullAt + this.#options.metadataMaxAgeMs
  }

  #schedule(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#closed) return
    let dueAt = this.#agedAt
    for (const [name, entry] of this.#topics) dueAt = Math.min(dueAt, this.#evictedAt(name, entry))
    if (dueAt === Infinity) return
    const { clock } = this.#options
    this.#timer = clock.setTimer(() => this.#due(), Math.max(1, dueAt - clock.now()), { unref: true })
  }

  #due(): void {
    const now = this.#options.clock.now()
    if (this.#evict(now)) this.#changed()
    if (now >= this.#agedAt) this.#refreshAll()
    else this.#schedule()
  }

  #refreshAll(): void {
    const { backoff, clock, logger } = this.#options
    this.#timer = undefined
    this.refresh({ full: true }).then(
      () => backoff.reset(),
      (error: unknown) => {
        if (this.#closed) return
        const told = this.#retryAt !== undefined
        this.#retryAt = clock.now() + backoff.next()
        this.#schedule()
        logger[told ? 'debug' : 'warn'](
          { err: error },
          'the periodic metadata refresh failed; it is tried again until it succeeds',
        )
      },
    )
  }
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  for (const item of part) if (!whole.has(item)) return false
  return true
}
