import {
  FindCoordinator,
  KafkaConnectionError,
  Metadata,
  RecordBatchBuilder,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
  type RequestOf,
  type ResponseInput,
} from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { expect } from 'vitest'
import type { ShareConsumerOptions } from '../../src/config/share-consumer-config.js'
import { engineOf, ShareConsumer } from '../../src/share/share-consumer.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import { ScriptedNetwork, type ScriptedConnection, type ScriptedNode, type SeenRequest } from '../scripted-network.js'

export type FetchRequest = RequestOf<typeof ShareFetch>
export type AcknowledgeRequest = RequestOf<typeof ShareAcknowledge>
export type HeartbeatRequest = RequestOf<typeof ShareGroupHeartbeat>
export type FetchAnswer = ResponseInput<typeof ShareFetch>
export type AcknowledgeAnswer = ResponseInput<typeof ShareAcknowledge>
export type HeartbeatAnswer = ResponseInput<typeof ShareGroupHeartbeat>
type AcknowledgingTopics = AcknowledgeRequest['topics']

/** A request as a leader got it. */
export type ShareRequest =
  | { readonly api: 'ShareFetch'; readonly at: number; readonly body: FetchRequest }
  | { readonly api: 'ShareAcknowledge'; readonly at: number; readonly body: AcknowledgeRequest }

/** What a test does with a request instead of the usual answer: an answer of its own, none (undefined), or a broken connection. */
export type Instead = FetchAnswer | AcknowledgeAnswer | 'cut' | undefined

/** Offsets to be acquired by the next fetch. */
export interface Gift {
  readonly topic?: string
  readonly partition?: number
  readonly first: number
  readonly last: number
  readonly deliveryCount?: number
  /** The record's value; default `v<offset>`. */
  readonly value?: (offset: number) => Buffer | null
  /** The bytes as they are, in place of records made here. */
  readonly bytes?: Buffer
}

export interface GroupTopic {
  readonly topicId: string
  /** The node that leads each partition. */
  readonly leaders: number[]
  leaderEpoch: number
}

/** What a broker finds before it looks at the session: GROUP_AUTHORIZATION_FAILED, UNSUPPORTED_VERSION. */
const NOT_CONSUMED: ReadonlySet<number> = new Set([30, 35])

export const LOCK_MS = 30_000
export const HEARTBEAT_MS = 5_000

/**
 * A cluster in memory for one member, in virtual time. It answers as brokers do and checks what they would refuse: what it finds
 * is in `faults`, which every test expects to be empty.
 */
export class ScriptedGroup {
  readonly clock = new VirtualClock()
  readonly network = new ScriptedNetwork()
  readonly leaders = new Map<number, ScriptedLeader>()
  readonly topics = new Map<string, GroupTopic>()
  readonly faults: string[] = []
  readonly warnings: string[] = []
  readonly errors: string[] = []
  readonly heartbeats: (HeartbeatRequest & { readonly at: number })[] = []
  /** Takes the place of the coordinator's usual answer: a member of epoch 1 that is assigned every partition. */
  heartbeat: (request: HeartbeatRequest) => HeartbeatAnswer | undefined = (request) => this.welcome(request)
  lockMs = LOCK_MS
  readonly #consumers: ShareConsumer<unknown, unknown>[] = []

  constructor({ nodes = 1 }: { readonly nodes?: number } = {}) {
    for (let nodeId = 1; nodeId <= nodes; nodeId++)
      this.leaders.set(nodeId, new ScriptedLeader(this, this.network.add(nodeId)))
    for (const { node } of this.leaders.values()) {
      node.on(Metadata, ({ topics }) =>
        this.#metadata((topics ?? []).flatMap(({ name }) => (name === null ? [] : [name]))),
      )
      node.on(FindCoordinator, ({ coordinatorKeys }) => ({
        throttleTimeMs: 0,
        coordinators: coordinatorKeys.map((key) => ({
          key,
          nodeId: 1,
          host: 'broker-1',
          port: 9092,
          errorCode: 0,
          errorMessage: null,
        })),
      }))
    }
    this.leader(1).node.on(ShareGroupHeartbeat, (request) => {
      this.heartbeats.push({ ...request, at: this.clock.now() })
      return this.heartbeat(request)
    })
  }

  leader(nodeId = 1): ScriptedLeader {
    const found = this.leaders.get(nodeId)
    if (found === undefined) throw new Error(`There is no node ${nodeId}.`)
    return found
  }

  topic(name = 'orders', leaders: readonly number[] = [1]): GroupTopic {
    const topic = {
      topicId: `${String(this.topics.size + 1).padStart(21, 'A')}Q`,
      leaders: [...leaders],
      leaderEpoch: 1,
    }
    this.topics.set(name, topic)
    return topic
  }

  topicName(topicId: string): string {
    for (const [name, topic] of this.topics) if (topic.topicId === topicId) return name
    throw new Error(`There is no topic with id ${topicId}.`)
  }

  welcome({ memberId, memberEpoch }: HeartbeatRequest): HeartbeatAnswer {
    const assignment = memberEpoch === 0 ? { topicPartitions: this.everything() } : null
    return { ...this.#answer(memberId, memberEpoch < 0 ? memberEpoch : 1), assignment }
  }

  everything(): { topicId: string; partitions: number[] }[] {
    return [...this.topics.values()].map(({ topicId, leaders }) => ({
      topicId,
      partitions: leaders.map((_, index) => index),
    }))
  }

  /** A heartbeat's answer that assigns nothing (an empty list) or says nothing about it (null). */
  unassigned(
    { memberId, memberEpoch }: HeartbeatRequest,
    assignment: { topicPartitions: [] } | null = null,
  ): HeartbeatAnswer {
    return { ...this.#answer(memberId, memberEpoch < 0 ? memberEpoch : 1), assignment }
  }

  refuse({ memberId }: HeartbeatRequest, errorCode: number, errorMessage: string | null = null): HeartbeatAnswer {
    return { ...this.#answer(memberId, 0), errorCode, errorMessage, heartbeatIntervalMs: 0, assignment: null }
  }

  consumer<V = Buffer | null>(
    options: Partial<ShareConsumerOptions<Buffer | null, V>> = {},
  ): ShareConsumer<Buffer | null, V> {
    const logger: Logger = {
      ...silentLogger,
      warn: (_, message) => this.warnings.push(message),
      error: (_, message) => this.errors.push(message),
    }
    const made = new ShareConsumer<Buffer | null, V>({
      bootstrapServers: 'broker-1:9092',
      groupId: 'workers',
      logger,
      runtime: { clock: this.clock, random: new SeededRandom(7), transport: this.network },
      ...options,
    })
    this.#consumers.push(made)
    return made
  }

  /** A consumer that is subscribed to every topic there is (made if there is none), and its engine. */
  subscribed<V = Buffer | null>(
    options: Partial<ShareConsumerOptions<Buffer | null, V>> = {},
  ): { consumer: ShareConsumer<Buffer | null, V>; engine: ShareEngine<Buffer | null, V> } {
    if (this.topics.size === 0) this.topic()
    const consumer = this.consumer(options)
    consumer.subscribe([...this.topics.keys()])
    return { consumer, engine: engineOf(consumer) }
  }

  /** Lets time pass until the promise is settled, or fails. */
  async until<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    let done = false
    const watched = promise.finally(() => (done = true))
    watched.catch(() => undefined)
    await this.clock.advance(0)
    for (let spent = 0; !done && spent < limitMs;) {
      const step = spent < 2_000 ? 1 : 50
      await this.clock.advance(step)
      spent += step
    }
    if (!done) throw new Error(`Nothing came within ${limitMs} ms.`)
    return watched
  }

  /** How long something takes, in virtual milliseconds. */
  async timed<T>(promise: Promise<T>, limitMs?: number): Promise<{ value: T; tookMs: number }> {
    const startedAt = this.clock.now()
    const value = await this.until(promise, limitMs)
    return { value, tookMs: this.clock.now() - startedAt }
  }

  /** Closes every consumer; nothing is left behind. */
  async end(): Promise<void> {
    for (const consumer of this.#consumers)
      await this.until(consumer.close({ timeoutMs: 1_000 }).catch(() => undefined))
    expect(this.faults).toEqual([])
  }

  #answer(memberId: string, memberEpoch: number) {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      memberId,
      memberEpoch,
      heartbeatIntervalMs: HEARTBEAT_MS,
    }
  }

  #metadata(names: readonly string[]): ResponseInput<typeof Metadata> {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      clusterId: 'scripted',
      controllerId: 1,
      brokers: [...this.leaders.values()].map(({ node }) => ({
        nodeId: node.nodeId,
        host: node.host,
        port: node.port,
      })),
      topics: names.map((name) => {
        const topic = this.topics.get(name)
        if (topic === undefined) return { errorCode: 3, name, topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitions: [] }
        const partitions = topic.leaders.map((leaderId, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId,
          leaderEpoch: topic.leaderEpoch,
          replicaNodes: [leaderId],
          isrNodes: [leaderId],
          offlineReplicas: [],
        }))
        return { errorCode: 0, name, topicId: topic.topicId, partitions }
      }),
    }
  }
}

/** The state behind a leader, for tests that want more than a script. Partitions are named as `orders-0`. */
export interface LeaderModel {
  acquire(partitions: readonly string[], maxRecords: number): Gift[]
  /** The record is this member's no more, or (RENEW) for longer. */
  acknowledged(partition: string, offset: number, type: number): void
  /** The session ended: what it held is available again. */
  ended(held: ReadonlySet<string>): void
}

interface Session {
  readonly connection: ScriptedConnection
  epoch: number
  /** What this member holds, as `topic-partition@offset`. */
  readonly held: Set<string>
  readonly partitions: Set<string>
}

/** A broker as partition leader: share sessions, long polls, acknowledgements. */
export class ScriptedLeader {
  readonly requests: ShareRequest[] = []
  /** What became of each offset, as `orders-0@5 ACCEPT`. */
  readonly stored: string[] = []
  session: Session | undefined
  /** The error code for the acknowledgements of one partition; default: what a broker would find. */
  acknowledgeError: ((partition: string) => number | undefined) | undefined
  /** The error code for fetching from one partition. */
  fetchError: ((partition: string) => number) | undefined
  /** Decides what there is to acquire, in place of give(). */
  model: LeaderModel | undefined
  /** The next answer is the last thing on its connection. */
  answerAndCut = false
  /** How long a request lies about before it is looked at, in milliseconds. */
  delay: (() => number) | undefined
  /** What goes with such an error. */
  hint: { leaderId: number; leaderEpoch: number; endpoints: number[]; errors?: readonly number[] } | undefined
  readonly #instead: {
    readonly api: ShareRequest['api']
    readonly act: (body: FetchRequest | AcknowledgeRequest) => Instead
  }[] = []
  readonly #gifts: Gift[] = []
  #given = new Set<string>()
  #outstanding = 0
  #parked: (() => void) | undefined

  constructor(
    readonly group: ScriptedGroup,
    readonly node: ScriptedNode,
  ) {
    node.on(
      ShareFetch,
      (body, seen) =>
        this.#received(seen, { api: 'ShareFetch', at: group.clock.now(), body }) as Promise<FetchAnswer | undefined>,
    )
    node.on(
      ShareAcknowledge,
      (body, seen) =>
        this.#received(seen, { api: 'ShareAcknowledge', at: group.clock.now(), body }) as Promise<
          AcknowledgeAnswer | undefined
        >,
    )
  }

  get fetches(): (FetchRequest & { readonly at: number })[] {
    return this.requests.flatMap((request) =>
      request.api === 'ShareFetch' ? [{ ...request.body, at: request.at }] : [],
    )
  }

  get acknowledges(): (AcknowledgeRequest & { readonly at: number })[] {
    return this.requests.flatMap((request) =>
      request.api === 'ShareAcknowledge' ? [{ ...request.body, at: request.at }] : [],
    )
  }

  /** Records for the next fetch, the parked one if there is one. Each call is an answer's worth. */
  give(...gifts: Gift[]): void {
    this.#gifts.push(...gifts)
    this.wake()
  }

  /** Ends a long poll. */
  wake(): void {
    this.#parked?.()
  }

  /** Does something else with the next request of an API. */
  next(api: ShareRequest['api'], act: (body: FetchRequest | AcknowledgeRequest) => Instead): void {
    this.#instead.push({ api, act })
  }

  /** Refuses the next request of an API as a whole. */
  refuseNext(api: ShareRequest['api'], errorCode: number, errorMessage: string | null = null): void {
    this.next(api, () => ({
      throttleTimeMs: 0,
      errorCode,
      errorMessage,
      acquisitionLockTimeoutMs: 0,
      responses: [],
      nodeEndpoints: [],
    }))
  }

  /** The connections break. */
  cut(): void {
    this.#endSession()
    this.node.cut(new Error('reset by peer'))
  }

  async #received(seen: SeenRequest, request: ShareRequest): Promise<Instead> {
    this.requests.push(request)
    this.#outstanding++
    if (this.#outstanding > 1) this.#fault(`${request.api} was sent while another request was out`)
    try {
      const delayMs = this.delay?.() ?? 0
      if (delayMs > 0) await new Promise<void>((resolve) => this.group.clock.setTimer(resolve, delayMs))
      const answer = await this.#handle(seen, request)
      if (!this.answerAndCut || answer === undefined || answer === 'cut') return answer
      this.answerAndCut = false
      const api = request.api === 'ShareFetch' ? ShareFetch : ShareAcknowledge
      seen.connection.answer(api, seen, answer)
      seen.connection.end()
      return undefined
    } finally {
      this.#outstanding--
    }
  }

  async #handle(seen: SeenRequest, request: ShareRequest): Promise<Instead> {
    if (this.session?.connection.isOpen === false) this.#endSession()
    this.#check(request)
    const index = this.#instead.findIndex(({ api }) => api === request.api)
    const [instead] = index < 0 ? [] : this.#instead.splice(index, 1)
    if (instead !== undefined) {
      const answer = instead.act(request.body)
      if (answer === 'cut') {
        this.cut()
        return undefined
      }
      if (this.session !== undefined && answer !== undefined && !NOT_CONSUMED.has(answer.errorCode ?? 0))
        this.session.epoch++
      return answer
    }
    const refused = this.#enterSession(seen.connection, request)
    const top = { throttleTimeMs: 0, errorMessage: null, nodeEndpoints: this.#endpoints() }
    if (refused !== 0) return { ...top, errorCode: refused, acquisitionLockTimeoutMs: 0, responses: [] }
    const results = this.#acknowledged(request.body.topics)
    if (request.api === 'ShareAcknowledge') {
      if (request.body.shareSessionEpoch === -1) this.#endSession()
      const responses = byTopic(results, ({ partition, errorCode }) => ({
        partitionIndex: partition,
        errorCode,
        errorMessage: null,
        currentLeader: this.#currentLeader(errorCode),
      }))
      return { ...top, errorCode: 0, acquisitionLockTimeoutMs: this.group.lockMs, responses }
    }
    const { session } = this
    this.#acquireFromModel(request.body.maxRecords)
    if (this.#gifts.length === 0 && request.body.maxWaitMs > 0 && request.body.maxRecords > 0 && !this.#allFail()) {
      await this.#park(request.body.maxWaitMs)
      if (session === this.session && seen.connection.isOpen) this.#acquireFromModel(request.body.maxRecords)
    }
    if (session !== this.session || session?.connection.isOpen === false) return undefined
    return {
      ...top,
      errorCode: 0,
      acquisitionLockTimeoutMs: this.group.lockMs,
      responses: this.#acquire(request.body, results),
    }
  }

  #enterSession(connection: ScriptedConnection, { api, body }: ShareRequest): number {
    const { shareSessionEpoch: epoch } = body
    if (epoch === 0) {
      if (api === 'ShareAcknowledge') return 123
      this.#endSession()
      this.session = { connection, epoch: 1, held: new Set(), partitions: new Set() }
    } else {
      if (this.session === undefined || this.session.connection !== connection) return 122
      if (epoch !== -1 && epoch !== this.session.epoch) return 123
      this.session.epoch++
    }
    if (api === 'ShareFetch') {
      for (const partition of named(body.forgottenTopicsData)) this.session.partitions.delete(this.#name(...partition))
      for (const { topicId, partitions } of body.topics) {
        for (const { partitionIndex } of partitions) this.session.partitions.add(this.#name(topicId, partitionIndex))
      }
    }
    return 0
  }

  #endSession(): void {
    const { session } = this
    this.session = undefined
    if (session !== undefined) this.model?.ended(session.held)
    this.wake()
  }

  #acquireFromModel(maxRecords: number): void {
    const partitions = [...(this.session?.partitions ?? [])].filter(
      (partition) => (this.fetchError?.(partition) ?? 0) === 0,
    )
    if (this.model !== undefined && maxRecords > 0 && this.#gifts.length === 0)
      this.#gifts.push(...this.model.acquire(partitions, maxRecords))
  }

  #park(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.group.clock.setTimer(resolve, ms)
      this.#parked = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #allFail(): boolean {
    const partitions = [...(this.session?.partitions ?? [])]
    return partitions.every((partition) => (this.fetchError?.(partition) ?? 0) !== 0)
  }

  #acknowledged(topics: AcknowledgingTopics): { topicId: string; partition: number; errorCode: number }[] {
    const results: { topicId: string; partition: number; errorCode: number }[] = []
    for (const { topicId, partitions } of topics) {
      for (const { partitionIndex, acknowledgementBatches } of partitions) {
        if (acknowledgementBatches.length === 0) continue
        const partition = this.#name(topicId, partitionIndex)
        const answers = acknowledgementBatches.flatMap(perOffset)
        const scripted = this.acknowledgeError?.(partition)
        const held = answers.every(([offset]) => this.session?.held.has(`${partition}@${offset}`))
        const errorCode = scripted ?? (held ? 0 : 121)
        results.push({ topicId, partition: partitionIndex, errorCode })
        if (errorCode !== 0) continue
        for (const [offset, type] of answers) {
          this.stored.push(`${partition}@${offset} ${['GAP', 'ACCEPT', 'RELEASE', 'REJECT', 'RENEW'][type] ?? type}`)
          if (type !== 4) this.session?.held.delete(`${partition}@${offset}`)
          this.model?.acknowledged(partition, offset, type)
        }
      }
    }
    return results
  }

  #acquire(
    { maxRecords }: FetchRequest,
    results: readonly { topicId: string; partition: number; errorCode: number }[],
  ): FetchAnswer['responses'] {
    const entries = new Map<
      string,
      { topicId: string; partition: number; acknowledgeErrorCode: number; errorCode: number; gifts: Gift[] }
    >()
    const entry = (topicId: string, partition: number) => {
      const key = this.#name(topicId, partition)
      const found = entries.get(key) ?? { topicId, partition, acknowledgeErrorCode: 0, errorCode: 0, gifts: [] }
      entries.set(key, found)
      return found
    }
    for (const { topicId, partition, errorCode } of results) entry(topicId, partition).acknowledgeErrorCode = errorCode
    for (const partition of this.session?.partitions ?? []) {
      const errorCode = this.fetchError?.(partition) ?? 0
      if (errorCode !== 0) entry(...this.#place(partition)).errorCode = errorCode
    }
    if (maxRecords > 0) {
      for (const gift of this.#gifts.splice(0)) {
        const topic = this.group.topics.get(gift.topic ?? 'orders')
        if (topic === undefined) throw new Error(`There is no topic ${gift.topic}.`)
        const of = entry(topic.topicId, gift.partition ?? 0)
        of.gifts.push(gift)
        for (let offset = gift.first; offset <= gift.last; offset++) {
          const name = `${this.#name(topic.topicId, gift.partition ?? 0)}@${offset}`
          this.session?.held.add(name)
          this.#given.add(name)
        }
      }
    }
    return byTopic([...entries.values()], ({ partition, errorCode, acknowledgeErrorCode, gifts }) => ({
      partitionIndex: partition,
      errorCode,
      errorMessage: null,
      acknowledgeErrorCode,
      acknowledgeErrorMessage: null,
      currentLeader: this.#currentLeader(errorCode === 0 ? acknowledgeErrorCode : errorCode),
      records: Buffer.concat(gifts.map((gift) => gift.bytes ?? recordsOf(gift))),
      acquiredRecords: gifts.map(({ first, last, deliveryCount = 1 }) => ({
        firstOffset: first,
        lastOffset: last,
        deliveryCount,
      })),
    }))
  }

  #check({ api, body }: ShareRequest): void {
    const { shareSessionEpoch: epoch, topics, isRenewAck } = body
    for (const { topicId, partitions } of topics) {
      for (const { partitionIndex, acknowledgementBatches } of partitions) {
        const partition = this.#name(topicId, partitionIndex)
        if (epoch === 0 && acknowledgementBatches.length > 0)
          this.#fault(`${api} of epoch 0 carries acknowledgements for ${partition}`)
        let behind = -1
        for (const batch of acknowledgementBatches) {
          const { firstOffset, lastOffset, acknowledgeTypes } = batch
          const length = lastOffset - firstOffset + 1
          if (firstOffset <= behind || length < 1)
            this.#fault(`${api} has batches of ${partition} out of order: ${JSON.stringify(acknowledgementBatches)}`)
          if (acknowledgeTypes.length !== 1 && acknowledgeTypes.length !== length)
            this.#fault(`${api} has ${acknowledgeTypes.length} types for ${length} offsets`)
          if (acknowledgeTypes.includes(4) && !isRenewAck) this.#fault(`${api} renews without saying so`)
          behind = lastOffset
          for (const [offset] of perOffset(batch)) {
            const name = `${partition}@${offset}`
            if (this.session !== undefined && !this.session.held.has(name) && !this.#given.has(name))
              this.#fault(`${api} acknowledges ${name}, which was never given`)
          }
        }
      }
    }
  }

  #fault(what: string): void {
    this.group.faults.push(what)
  }

  #currentLeader(errorCode: number): { leaderId: number; leaderEpoch: number } {
    const isHint = this.hint !== undefined && (this.hint.errors ?? [6, 74]).includes(errorCode)
    return isHint && this.hint !== undefined
      ? { leaderId: this.hint.leaderId, leaderEpoch: this.hint.leaderEpoch }
      : { leaderId: 0, leaderEpoch: 0 }
  }

  #endpoints(): FetchAnswer['nodeEndpoints'] {
    return (this.hint?.endpoints ?? []).map((nodeId) => {
      const { host, port } = this.group.leader(nodeId).node
      return { nodeId, host, port, rack: null }
    })
  }

  #name(topicId: string, partition: number): string {
    return `${this.group.topicName(topicId)}-${partition}`
  }

  #place(name: string): [topicId: string, partition: number] {
    const dash = name.lastIndexOf('-')
    const topic = this.group.topics.get(name.slice(0, dash))
    if (topic === undefined) throw new KafkaConnectionError(`There is no partition ${name}.`)
    return [topic.topicId, Number(name.slice(dash + 1))]
  }
}

/** A batch of records at these offsets. */
export function recordsOf({ first, last, value = (offset) => Buffer.from(`v${offset}`) }: Gift): Buffer {
  const builder = new RecordBatchBuilder({ baseOffset: first })
  for (let offset = first; offset <= last; offset++)
    builder.append({ timestamp: 1_000, key: null, value: value(offset) })
  const bytes = builder.build()
  if (bytes instanceof Promise) throw new Error('Records without compression take no time.')
  return bytes
}

/** Each acknowledged offset of a request, as `orders-0@5 ACCEPT` would be. */
export function acknowledged({ topics }: { readonly topics: AcknowledgingTopics }): [offset: number, type: number][] {
  return topics.flatMap(({ partitions }) =>
    partitions.flatMap(({ acknowledgementBatches }) => acknowledgementBatches.flatMap(perOffset)),
  )
}

function perOffset({
  firstOffset,
  lastOffset,
  acknowledgeTypes,
}: AcknowledgingTopics[number]['partitions'][number]['acknowledgementBatches'][number]): [number, number][] {
  return Array.from({ length: lastOffset - firstOffset + 1 }, (_, i) => [
    firstOffset + i,
    acknowledgeTypes[acknowledgeTypes.length === 1 ? 0 : i] ?? -1,
  ])
}

function named(topics: FetchRequest['forgottenTopicsData']): [topicId: string, partition: number][] {
  return topics.flatMap(({ topicId, partitions }) =>
    [...partitions].map((partition): [string, number] => [topicId, partition]),
  )
}

function byTopic<T extends { readonly topicId: string }, P>(
  items: readonly T[],
  make: (item: T) => P,
): { topicId: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>()
  for (const item of items) topics.set(item.topicId, [...(topics.get(item.topicId) ?? []), make(item)])
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }))
}
