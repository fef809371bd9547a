import { EmbeddedBroker, type SeenRequest, type SharePartitionView } from '@milena/embedded-broker'
import { KafkaError, type RequestOf, type ShareAcknowledge, type ShareFetch } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { it } from 'vitest'
import { ShareConsumer, type ConsumerRecord, type ShareConsumerOptions } from '../../src/index.js'
import { results } from '../share/real-group.js'

// What only the wire or the clock shows: a share consumer on a whole embedded cluster, in memory and on virtual time.

type Bytes = Buffer | null

export interface VirtualClusterOptions {
  readonly brokers?: 1 | 3
  /** Of the topic `orders`. Default: one for each broker, led by them in turn. */
  readonly partitions?: number
  readonly groupConfigs?: Readonly<Record<string, string>>
  readonly serverProperties?: Readonly<Record<string, string>>
}

/** A ShareFetch or a ShareAcknowledge as a broker got it. */
export interface SeenShareRequest {
  readonly api: 'ShareFetch' | 'ShareAcknowledge'
  readonly nodeId: number
  readonly at: number
  readonly epoch: number
  /** Partitions of `orders` that it names, and those of them that carry acknowledgements. */
  readonly named: readonly number[]
  readonly acknowledged: readonly number[]
  readonly forgotten: readonly number[]
  /** Partition, first and last offset, types. */
  readonly batches: readonly (readonly [number, number, number, readonly number[]])[]
  readonly body: RequestOf<typeof ShareFetch> | RequestOf<typeof ShareAcknowledge>
}

export class VirtualCluster {
  /** What consumers logged as warnings and errors. */
  readonly warnings: string[] = []
  readonly #consumers: ShareConsumer<Bytes, never>[] = []

  private constructor(readonly broker: EmbeddedBroker<VirtualClock>) {}

  static async open(options: VirtualClusterOptions = {}): Promise<VirtualCluster> {
    const { brokers = 1, partitions = brokers, groupConfigs = {}, serverProperties = {} } = options
    const broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(932),
      brokers,
      topics: [{ name: 'orders', partitions, replicationFactor: brokers }],
      serverProperties,
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest', ...groupConfigs })
    return new VirtualCluster(broker)
  }

  get clock(): VirtualClock {
    return this.broker.clock
  }

  /** A consumer in explicit mode, subscribed to `orders`. */
  consumer<V = Bytes>(options: Partial<ShareConsumerOptions<Bytes, V>> = {}): ShareConsumer<Bytes, V> {
    const note = (_: object, message: string): void => void this.warnings.push(message)
    const made = new ShareConsumer<Bytes, V>({
      bootstrapServers: this.broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: 'explicit',
      logger: { ...silentLogger, warn: note, error: note },
      runtime: this.broker.runtime,
      ...options,
    })
    made.subscribe(['orders'])
    this.#consumers.push(made as ShareConsumer<Bytes, never>)
    return made
  }

  append(values: readonly string[], partition = 0): void {
    this.broker.append(
      'orders',
      values.map((value) => ({ value })),
      { partition },
    )
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.broker.advanceUntil(promise)
  }

  /** What a promise comes to, the error that it is rejected with included. */
  outcome<T>(promise: Promise<T>): Promise<T | KafkaError> {
    return this.until(
      promise.catch((error: unknown) => {
        if (KafkaError.is(error)) return error
        throw error
      }),
    )
  }

  /** Polls until so many records came. `each` answers them. */
  async receive<V>(
    consumer: ShareConsumer<Bytes, V>,
    count = 1,
    each: (record: ConsumerRecord<Bytes, V>) => void = () => undefined,
  ): Promise<ConsumerRecord<Bytes, V>[]> {
    const records: ConsumerRecord<Bytes, V>[] = []
    for (let polls = 0; records.length < count && polls < 200; polls++) {
      for (const record of await this.until(consumer.poll(1_000))) {
        records.push(record)
        each(record)
      }
    }
    return records
  }

  async first<V>(consumer: ShareConsumer<Bytes, V>): Promise<ConsumerRecord<Bytes, V>> {
    const [record] = await this.receive(consumer)
    if (record === undefined) throw new Error('nothing came')
    return record
  }

  /** Polls for a while, in which nothing is expected: every assignment and session is settled then. `each` answers what comes. */
  async settle<V>(
    consumer: ShareConsumer<Bytes, V>,
    ms = 3_000,
    each: (record: ConsumerRecord<Bytes, V>) => void = () => undefined,
  ): Promise<void> {
    const end = this.clock.now() + ms
    while (this.clock.now() < end) for (const record of await this.until(consumer.poll(100))) each(record)
  }

  async commit<V>(consumer: ShareConsumer<Bytes, V>): Promise<Record<number, string>> {
    return results(await this.until(consumer.commitSync()))
  }

  /** The group's share partition of `orders` at its leader. */
  partition(index = 0): SharePartitionView | undefined {
    return this.broker
      .inspect()
      .sharePartitions.find(({ topic, partition }) => topic === 'orders' && partition === index)
  }

  get group() {
    return this.broker.inspect().shareGroups.find(({ groupId }) => groupId === 'workers')
  }

  /** The share requests that the brokers got, oldest first. */
  shareRequests(nodeId?: number): SeenShareRequest[] {
    return this.broker
      .requests()
      .filter(({ api }) => api === 'ShareFetch' || api === 'ShareAcknowledge')
      .filter((request) => nodeId === undefined || request.nodeId === nodeId)
      .map(readShareRequest)
  }

  fetches(nodeId?: number): RequestOf<typeof ShareFetch>[] {
    return this.shareRequests(nodeId).flatMap(({ api, body }) =>
      api === 'ShareFetch' ? [body as RequestOf<typeof ShareFetch>] : [],
    )
  }

  heartbeats() {
    return this.broker.requests({ api: 'ShareGroupHeartbeat' }).map(({ at, nodeId, body }) => ({
      at,
      nodeId,
      ...(body as {
        memberId: string
        memberEpoch: number
        rackId: string | null
        subscribedTopicNames: readonly string[] | null
      }),
    }))
  }

  async end(): Promise<void> {
    this.broker.thaw()
    for (const consumer of this.#consumers) await this.until(consumer.close().catch(() => undefined))
    await this.broker.stop()
  }
}

function readShareRequest({ api, nodeId, at, body }: SeenRequest): SeenShareRequest {
  const request = body as RequestOf<typeof ShareFetch>
  const partitions = request.topics.flatMap((topic) => topic.partitions)
  const acknowledging = partitions.filter((partition) => partition.acknowledgementBatches.length > 0)
  return {
    api: api as SeenShareRequest['api'],
    nodeId,
    at,
    epoch: request.shareSessionEpoch,
    named: partitions.map(({ partitionIndex }) => partitionIndex).sort(),
    acknowledged: acknowledging.map(({ partitionIndex }) => partitionIndex).sort(),
    forgotten: (api === 'ShareFetch' ? request.forgottenTopicsData : []).flatMap((topic) => topic.partitions).sort(),
    batches: acknowledging.flatMap(({ partitionIndex, acknowledgementBatches }) =>
      acknowledgementBatches.map(
        (batch) => [partitionIndex, batch.firstOffset, batch.lastOffset, [...batch.acknowledgeTypes]] as const,
      ),
    ),
    body: request,
  }
}

/** A test on a cluster of its own. */
export function onVirtualCluster(
  sentence: string,
  options: VirtualClusterOptions,
  test: (cluster: VirtualCluster) => Promise<void>,
): void {
  it(sentence, async () => {
    const cluster = await VirtualCluster.open(options)
    try {
      await test(cluster)
    } finally {
      await cluster.end()
    }
  })
}
