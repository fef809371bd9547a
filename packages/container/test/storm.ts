import { Producer, string } from '@milena/client'
import { EmbeddedBroker, type InterceptAction, type Interception } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { DefaultShareConsumerFactory, RELEASING, ShareMessageListenerContainer } from '../src/index.js'

export const PARTITIONS = 3

type Container = ShareMessageListenerContainer<Buffer | null, string | null>

/** How long everything may take once it was mended, in virtual milliseconds. */
const PATIENCE = { maxMs: 600_000, stepMs: 100 }

/**
 * A producer, two containers of one group, three brokers, and everything that can go wrong between them, in an order that a
 * seed decides. Nothing but virtual time passes; the same seed gives the same storm.
 */
export class Storm {
  /** Values in the order in which they were sent: `0`, `1`, `2` … */
  readonly sent: string[] = []
  /** What the producer was told: the value at each offset of each partition. */
  readonly places = Array.from({ length: PARTITIONS }, () => new Map<number, string>())
  /** Values that a listener returned from. */
  readonly done = new Set<string>()
  /** The latest delivery count of each value that a listener saw. */
  readonly deliveries = new Map<string, number>()
  /** What happened, with the time. */
  readonly story: string[] = []
  readonly #random: SeededRandom
  readonly #producer: Producer
  readonly #containers: readonly Container[]
  readonly #sends: Promise<unknown>[] = []
  readonly #hooks: Interception[] = []
  readonly #restarts: Promise<void>[] = []
  readonly #happenings: readonly (() => void | Promise<void>)[] = [
    () => this.#kill(),
    () => this.#restart(),
    () => this.#moveLeader(),
    () => this.#cut(),
    () => this.#lose(),
    () => this.#freeze(),
    () => this.#stopContainer(),
    () => this.#send(this.#below(PARTITIONS), 1 + this.#below(20)),
    () => this.#send(this.#below(PARTITIONS), 1 + this.#below(20)),
    () => this.#send(this.#below(PARTITIONS), 1 + this.#below(20)),
  ]

  private constructor(
    readonly broker: EmbeddedBroker<VirtualClock>,
    seed: number,
    /** What the broker logged as its own mistakes. */
    readonly defects: readonly string[],
  ) {
    this.#random = new SeededRandom(seed)
    this.#producer = new Producer({
      bootstrapServers: broker.bootstrapServers,
      logger: silentLogger,
      runtime: broker.runtime,
      deliveryTimeoutMs: PATIENCE.maxMs,
    })
    this.#containers = [1, 2].map((concurrency) => this.#container(concurrency))
  }

  static async open(seed: number): Promise<Storm> {
    const defects: string[] = []
    const logger: Logger = { ...silentLogger, error: (_, message) => void defects.push(message) }
    const broker = await EmbeddedBroker.start({
      brokers: 3,
      version: (['4.4', '4.3', '4.2'] as const)[seed % 3] ?? '4.4',
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(seed),
      topics: [{ name: 'orders', partitions: PARTITIONS, replicationFactor: 3 }],
      serverProperties: {
        'group.share.min.record.lock.duration.ms': '1000',
        // A cut connection costs a record a delivery, and here are many.
        'group.share.delivery.count.limit': '10',
      },
      logger,
    })
    broker.setGroupConfig('workers', {
      'share.auto.offset.reset': 'earliest',
      'share.record.lock.duration.ms': '5000',
    })
    const storm = new Storm(broker, seed, defects)
    // A client that has never reached its cluster gives up sooner than one that has.
    storm.#send(0, 1)
    await broker.advanceUntil(Promise.all(storm.#sends))
    for (const container of storm.#containers) await broker.advanceUntil(container.start())
    return storm
  }

  /** So many things happen, some time apart. */
  async rage(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.#happenings[this.#below(this.#happenings.length)]?.()
      await this.broker.clock.advance(this.#below(4_000))
    }
  }

  /** Mends everything, and waits until all is sent and finished. */
  async calm(): Promise<void> {
    const { broker } = this
    this.#say('calm')
    broker.thaw()
    for (const hook of this.#hooks) hook.stop()
    for (const id of broker.brokerIds) await broker.restart(id)
    await broker.advanceUntil(Promise.all(this.#restarts), PATIENCE)
    await broker.advanceUntil(Promise.all(this.#sends), PATIENCE)
    await broker.advanceUntil(() => this.#isFinished(), PATIENCE)
  }

  async end(): Promise<void> {
    await this.broker.advanceUntil(this.#producer.close())
    for (const container of this.#containers) await this.broker.advanceUntil(container.stop({ timeoutMs: 2_000 }))
    await this.broker.stop()
  }

  #container(concurrency: number): Container {
    const { broker } = this
    const container = new ShareMessageListenerContainer(
      new DefaultShareConsumerFactory<Buffer | null, string | null>({
        bootstrapServers: broker.bootstrapServers,
        valueDeserializer: string(),
        logger: silentLogger,
        runtime: broker.runtime,
      }),
      { topics: 'orders', groupId: 'workers', concurrency, shareConsumerRecordRecoverer: RELEASING },
      { runtime: broker.runtime, logger: silentLogger },
    )
    container.setupMessageListener(async ({ value, deliveryCount }) => {
      this.deliveries.set(String(value), deliveryCount)
      await new Promise<void>((resolve) => broker.clock.setTimer(resolve, this.#below(300)))
      if (this.#below(20) === 0) throw new Error('try again')
      this.done.add(String(value))
    })
    return container
  }

  #send(partition: number, count: number): void {
    this.#say(`send ${count} to ${partition}`)
    for (let i = 0; i < count; i++) {
      const value = `${this.sent.length}`
      this.sent.push(value)
      const sending = this.#producer
        .send({ topic: 'orders', partition, value })
        .then(({ offset }) => this.places[partition]?.set(offset, value))
      // Told by calm().
      sending.catch(() => undefined)
      this.#sends.push(sending)
    }
  }

  async #kill(): Promise<void> {
    const { brokers } = this.broker.inspect()
    if (brokers.filter(({ isAlive }) => isAlive).length < 2) return
    await this.broker.kill(this.#aBroker('kill'))
  }

  #restart(): Promise<void> {
    return this.broker.restart(this.#aBroker('restart'))
  }

  #moveLeader(): void {
    const partition = this.#below(PARTITIONS)
    const to = this.#aBroker(`move ${partition} to`)
    if (this.broker.inspect().brokers.some(({ id, isAlive }) => id === to && isAlive)) {
      this.broker.moveLeader({ topic: 'orders', partition, to })
    }
  }

  #cut(): void {
    this.broker.cutConnections({ broker: this.#aBroker('cut') })
  }

  #freeze(): void {
    if (this.#below(2) === 0) {
      this.broker.freeze(this.#aBroker('freeze'))
    } else {
      this.#say('thaw')
      this.broker.thaw()
    }
  }

  /** Something happens to the next requests of a kind. */
  #lose(): void {
    const actions: InterceptAction[] = [
      { do: 'drop' },
      { do: 'drop', what: 'request' },
      { do: 'cut' },
      { do: 'cut', when: 'after' },
      { do: 'delay', ms: this.#below(8_000) },
    ]
    const apis = ['Produce', 'ShareFetch', 'ShareAcknowledge', 'ShareGroupHeartbeat', 'Metadata', undefined]
    const action = actions[this.#below(actions.length)]
    const api = apis[this.#below(apis.length)]
    const times = 1 + this.#below(3)
    this.#say(`${JSON.stringify(action)} ${times} ${api ?? 'of any'}`)
    const when = (request: { readonly api: string }): boolean => api === undefined || request.api === api
    this.#hooks.push(this.broker.intercept('*', () => action, { times, when }))
  }

  #stopContainer(): void {
    const container = this.#containers[this.#below(this.#containers.length)]
    if (container?.state !== 'running') return
    this.#say('stop')
    const again = async (): Promise<void> => {
      await container.stop({ timeoutMs: 5_000 })
      // A start while no broker answers fails, and may be tried again.
      while (container.state !== 'running') await container.start().catch(() => undefined)
    }
    this.#restarts.push(again())
  }

  /** No lag: finished records may lie above the start, as with Kafka. */
  #isFinished(): boolean {
    const { topics, sharePartitions } = this.broker.inspect()
    return (topics[0]?.partitions ?? []).every(({ partition, endOffset, leader }) => {
      const led = sharePartitions.find((each) => each.partition === partition && each.nodeId === leader)
      return endOffset === (led === undefined ? 0 : led.startOffset + led.deliveryCompleteCount)
    })
  }

  #aBroker(what: string): number {
    const id = 1 + this.#below(3)
    this.#say(`${what} ${id}`)
    return id
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  #say(what: string): void {
    this.story.push(`${this.broker.clock.now()} ${what}`)
  }
}
