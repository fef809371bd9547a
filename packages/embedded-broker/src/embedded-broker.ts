import { KafkaUsageError } from '@milena/protocol'
import type { Clock, Random, Transport } from '@milena/protocol/runtime'
import type { PeerCertificate } from 'node:tls'
import { advanceUntil, type AdvanceOptions, type Expected } from './advance-until.js'
import type { BrokerCluster } from './broker-cluster.js'
import type { BrokerNode } from './broker-node.js'
import { buildCluster } from './build-cluster.js'
import {
  resolveOptions,
  type EmbeddedBrokerOptions,
  type InitialTopic,
  type ResolvedOptions,
} from './embedded-broker-options.js'
import { allHandlers } from './handlers/all-handlers.js'
import { inspectCluster, type ClusterView } from './inspection.js'
import { ClientConnection, type ConnectionSink } from './server/client-connection.js'
import { Dispatcher } from './server/dispatcher.js'
import {
  Interceptors,
  type ApiNamed,
  type InterceptAction,
  type InterceptedApi,
  type InterceptedRequest,
  type Interception,
  type InterceptOptions,
} from './server/intercept.js'
import { MemoryNetwork } from './server/memory-network.js'
import { RequestHistory, type SeenRequest } from './server/request-history.js'
import { TcpListener } from './server/tcp-listener.js'
import {
  appendRecords,
  readRecords,
  type AppendedRecords,
  type RecordToAppend,
  type StoredRecord,
} from './stored-records.js'
import { Conditions } from './until.js'

/** What Milena's clients take as their `runtime` option to share the broker's time and reach it in memory. */
export interface BrokerRuntime<C extends Clock = Clock> {
  readonly clock: C
  readonly random: Random
  readonly transport: Transport
}

const DEFAULT_UNTIL_MS = 10_000

/**
 * A Kafka cluster in this process: real wire protocol, share groups, nothing on disk. For tests, demos and development.
 *
 * ```ts
 * await using broker = await EmbeddedBroker.start({ topics: ['orders:3'] })
 * const consumer = new ShareConsumer({ bootstrapServers: broker.bootstrapServers, groupId: 'workers' })
 * ```
 *
 * What it does as Kafka does and what not: the table in this package's README.
 */
export class EmbeddedBroker<C extends Clock = Clock> implements AsyncDisposable {
  /** The broker's time; a VirtualClock given at the start is moved with `broker.clock.advance(ms)`. */
  readonly clock: C
  /** Reaches the brokers without a port. */
  readonly transport: Transport
  readonly #options: ResolvedOptions
  readonly #cluster: BrokerCluster
  readonly #conditions: Conditions
  readonly #interceptors = new Interceptors()
  readonly #history: RequestHistory
  readonly #dispatcher: Dispatcher
  readonly #memory = new MemoryNetwork()
  readonly #listeners = new Map<BrokerNode, TcpListener>()
  readonly #restarting = new Map<BrokerNode, Promise<void>>()
  #connections = 0
  #stopping: Promise<void> | undefined

  private constructor(options: ResolvedOptions) {
    this.#options = options
    this.#conditions = new Conditions()
    this.clock = options.clock as C
    this.transport = this.#memory
    this.#history = new RequestHistory(options.rememberedRequests)
    this.#cluster = buildCluster(options, this.#conditions.changed)
    this.#dispatcher = new Dispatcher({
      cluster: this.#cluster,
      handlers: allHandlers,
      interceptors: this.#interceptors,
      history: this.#history,
    })
  }

  /**
   * Starts a cluster; resolves when clients may connect, which takes milliseconds.
   *
   * Rejects with a KafkaUsageError for options that make no sense, and a KafkaConnectionError when a port is taken.
   */
  static async start<C extends Clock = Clock>(options: EmbeddedBrokerOptions<C> = {}): Promise<EmbeddedBroker<C>> {
    const broker = new EmbeddedBroker<C>(resolveOptions(options))
    try {
      for (const node of broker.#cluster.nodes) await broker.#open(node)
      broker.#liveBrokersChanged()
      for (const topic of broker.#options.topics) broker.createTopic(topic)
    } catch (error) {
      await broker.stop()
      throw error
    }
    return broker
  }

  /** The addresses of all brokers, as clients take them: `127.0.0.1:40001,127.0.0.1:40002`. */
  get bootstrapServers(): string {
    return this.#cluster.nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  }

  /** Given as the `runtime` option of Milena's clients and containers, it lets them share this broker's clock and memory transport. */
  get runtime(): BrokerRuntime<C> {
    return { clock: this.clock, random: this.#options.random, transport: this.transport }
  }

  /** The ids of the brokers, from 1. */
  get brokerIds(): readonly number[] {
    return this.#cluster.nodes.map(({ id }) => id)
  }

  // Topics and records

  /** Creates a topic. Throws KafkaUsageError saying why it cannot be. */
  createTopic(topic: InitialTopic): void {
    const { name, partitions, replicationFactor, configs } = topic
    const created = this.#cluster.topics.create({
      name,
      numPartitions: partitions ?? 1,
      replicationFactor: replicationFactor ?? this.brokerIds.length,
      configs: configs ?? {},
    })
    if ('errorMessage' in created) throw new KafkaUsageError(created.errorMessage)
  }

  /** Appends records to a partition, as one batch and without a client; what waits for them is woken. */
  append(
    topic: string,
    records: readonly RecordToAppend[],
    options: { readonly partition?: number } = {},
  ): AppendedRecords {
    return appendRecords(this.#cluster, { topic, partition: options.partition ?? 0, records })
  }

  /** All records that a partition holds now, control records left out. */
  records(topic: string, options: { readonly partition?: number } = {}): Promise<StoredRecord[]> {
    return readRecords(this.#cluster, { topic, partition: options.partition ?? 0 })
  }

  /** Sets configurations of a group, such as `share.auto.offset.reset`; null takes one back. Throws KafkaUsageError as Kafka refuses. */
  setGroupConfig(groupId: string, configs: Readonly<Record<string, string | null>>): void {
    this.#cluster.configs.setGroup(groupId, configs)
    this.#conditions.changed()
  }

  // Failures

  /** Kills a broker: its connections are cut, what it kept in memory is gone, its partitions move to brokers that live. */
  async kill(brokerId: number): Promise<void> {
    const node = this.#node(brokerId)
    if (!node.isAlive) return
    node.isAlive = false
    node.thaw()
    node.share.crash()
    node.cutConnections()
    this.#memory.unlisten(`${node.host}:${node.port}`)
    const listener = this.#listeners.get(node)
    this.#listeners.delete(node)
    this.#liveBrokersChanged()
    await listener?.close()
  }

  /**
   * Starts a killed broker again, on its old port; it leads what nobody leads. A broker that lives is left as it is. Throws
   * KafkaUsageError once the whole was stopped.
   */
  async restart(brokerId: number): Promise<void> {
    const node = this.#node(brokerId)
    if (node.isAlive) return
    let restarting = this.#restarting.get(node)
    if (restarting === undefined) {
      restarting = this.#open(node).finally(() => this.#restarting.delete(node))
      this.#restarting.set(node, restarting)
    }
    await restarting
    this.#liveBrokersChanged()
  }

  /** Gives a partition to another broker, as a reassignment does: the old leader forgets what it knew in memory. */
  moveLeader(given: { readonly topic: string; readonly partition?: number; readonly to: number }): void {
    const topic = this.#cluster.topics.byName(given.topic)
    const partition = topic?.partitions[given.partition ?? 0]
    if (topic === undefined || partition === undefined) {
      throw new KafkaUsageError(`There is no partition ${given.partition ?? 0} of a topic "${given.topic}" to move.`)
    }
    const node = this.#node(given.to)
    if (!node.isAlive) throw new KafkaUsageError(`Broker ${given.to} is not alive. Restart it before it may lead.`)
    this.#cluster.topics.moveLeader(topic.id, partition.index, node.id)
    this.#conditions.changed()
  }

  /** Lets a broker (default: all) take connections and bytes but answer nothing, until thaw(). */
  freeze(brokerId?: number): void {
    for (const node of this.#chosen(brokerId)) node.freeze()
  }

  thaw(brokerId?: number): void {
    for (const node of this.#chosen(brokerId)) node.thaw()
  }

  /** Cuts the connections of one client, or all of them; the brokers live on. */
  cutConnections(filter: { readonly clientId?: string; readonly broker?: number } = {}): void {
    for (const node of this.#chosen(filter.broker)) {
      for (const connection of [...node.connections]) {
        if (filter.clientId === undefined || connection.clientId === filter.clientId) connection.close()
      }
    }
  }

  // Looking

  /**
   * Puts a hook between requests and the broker: it sees every request of the API (`*`: of all) and says what becomes of it.
   * The newest hook that fits decides.
   *
   * ```ts
   * broker.intercept('ShareAcknowledge', () => ({ do: 'drop' }), { times: 1 })    // one acknowledgement's answer gets lost
   * ```
   */
  intercept<Name extends InterceptedApi>(
    api: Name,
    hook: (
      request: InterceptedRequest<ApiNamed<Name>>,
    ) => InterceptAction<ApiNamed<Name>> | Promise<InterceptAction<ApiNamed<Name>>>,
    options: InterceptOptions<ApiNamed<Name>> = {},
  ): Interception {
    if (api !== '*' && !allHandlers.some((handler) => handler.api.name === api)) {
      throw new KafkaUsageError(
        `The embedded broker serves no API "${String(api)}". It has Kafka's names, e.g. ShareFetch, or * for all.`,
      )
    }
    return this.#interceptors.add(api, hook, options)
  }

  /** The latest requests, oldest first. */
  requests(
    filter: { readonly api?: InterceptedApi; readonly clientId?: string; readonly broker?: number } = {},
  ): SeenRequest[] {
    const { api, clientId, broker } = filter
    return this.#history
      .list()
      .filter(
        (request) =>
          (api === undefined || api === '*' || request.api === api) &&
          (clientId === undefined || request.clientId === clientId) &&
          (broker === undefined || request.nodeId === broker),
      )
  }

  /** Forgets the requests seen so far. */
  forgetRequests(): void {
    this.#history.clear()
  }

  /** Everything as it is now, in plain objects: brokers, topics, groups, share partitions with record states, sessions. */
  inspect(): ClusterView {
    return inspectCluster(this.#cluster)
  }

  /**
   * Resolves, with what the predicate returns, as soon as that is truthy; looked at after every change of the broker. Instead
   * of sleeping in tests. Rejects with a KafkaTimeoutError after `timeoutMs` of real time (default 10 s), which tells how
   * things stand. A virtual clock is not moved by it.
   */
  until<T>(predicate: () => T, options: { readonly timeoutMs?: number } = {}): Promise<T> {
    return this.#conditions.until(predicate, options.timeoutMs ?? DEFAULT_UNTIL_MS, () =>
      JSON.stringify(this.inspect(), undefined, 2),
    )
  }

  /**
   * Moves the virtual clock on until a promise settles or a predicate is truthy, and resolves with its value (rejects with its
   * error). For what takes time of its own: the broker's and, where they were given its `runtime`, its clients'. Rejects with a
   * KafkaTimeoutError when that takes more than `maxMs` of virtual time (default 60,000), and with a KafkaUsageError on a real
   * clock.
   *
   * ```ts
   * await broker.advanceUntil(container.start())
   * await broker.advanceUntil(() => seen.length === 3)
   * ```
   */
  advanceUntil<T>(expected: Expected<T>, options: AdvanceOptions = {}): Promise<T> {
    return advanceUntil(this.clock, expected, options, () => JSON.stringify(this.inspect(), undefined, 2))
  }

  /** Ends all connections and frees ports, timers and memory. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    for (const node of this.#cluster.nodes) {
      node.isAlive = false
      node.thaw()
      node.cutConnections()
      node.share.crash()
      this.#memory.unlisten(`${node.host}:${node.port}`)
    }
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    this.#cluster.close()
    this.#conditions.close()
    await Promise.all(listeners.map((listener) => listener.close()))
  }

  async #open(node: BrokerNode): Promise<void> {
    this.#refuseStopped()
    if (this.#options.network === 'tcp') {
      const listener = await TcpListener.open({
        host: this.#options.host,
        port: node.port,
        tls: this.#cluster.security.tls,
        accept: (sink, clientHost, peer) => this.#accept(node, sink, clientHost, peer),
        onRefused: (why) => {
          this.#options.logger.warn({ node: node.id }, `Broker ${node.id} refused a connection: ${why}.`)
        },
      })
      if (this.#stopping !== undefined) await listener.close()
      this.#refuseStopped()
      this.#listeners.set(node, listener)
      node.port = listener.port
    }
    this.#memory.listen(`${node.host}:${node.port}`, (sink, clientHost) =>
      this.#accept(node, sink, clientHost, undefined),
    )
    node.isAlive = true
  }

  #refuseStopped(): void {
    if (this.#stopping === undefined) return
    throw new KafkaUsageError('This embedded broker was stopped for good. Start another with EmbeddedBroker.start().')
  }

  #accept(
    node: BrokerNode,
    sink: ConnectionSink,
    clientHost: string,
    peer: PeerCertificate | undefined,
  ): ClientConnection | undefined {
    if (!node.isAlive) return undefined
    const connection = new ClientConnection({
      id: String(++this.#connections),
      clientHost: `/${clientHost.replace(/^::ffff:/, '')}`,
      node,
      cluster: this.#cluster,
      server: this.#dispatcher,
      sink,
      identity: this.#cluster.security.newConnection(peer),
    })
    node.connections.add(connection)
    return connection
  }

  #liveBrokersChanged(): void {
    this.#cluster.topics.liveBrokersChanged(this.#cluster.liveNodes.map(({ id }) => id))
    this.#conditions.changed()
  }

  #node(id: number): BrokerNode {
    const node = this.#cluster.node(id)
    if (node === undefined) {
      throw new KafkaUsageError(`There is no broker ${id}. This cluster has: ${this.brokerIds.join(', ')}.`)
    }
    return node
  }

  #chosen(id: number | undefined): readonly BrokerNode[] {
    return id === undefined ? this.#cluster.nodes : [this.#node(id)]
  }
}
