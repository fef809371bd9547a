import { string, type ConsumerRecord } from '@milena/client'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { KafkaError, RequestOf, ShareAcknowledge } from '@milena/protocol'
import { SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareMessageListenerContainer,
  type ContainerEvent,
  type ContainerProperties,
  type ShareListener,
} from '../src/index.js'
import { deferred, KeptLog } from './container-harness.js'

// What takes minutes of a broker's time, over the real client and a whole broker: no test of these may take 100 ms.

type Values = ConsumerRecord<Buffer | null, string | null>

/** A container with an embedded broker below it, in memory and in virtual time. */
class Bench {
  readonly events: ContainerEvent[] = []
  readonly log = new KeptLog()
  #appended = 0
  readonly #containers: ShareMessageListenerContainer<Buffer | null, string | null>[] = []

  private constructor(readonly broker: EmbeddedBroker<VirtualClock>) {}

  static async open(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Bench> {
    const broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(7),
      ...options,
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    return new Bench(broker)
  }

  /** A started container on `orders`. */
  async container(
    listener: ShareListener<Buffer | null, string | null>,
    properties: ContainerProperties = {},
  ): Promise<ShareMessageListenerContainer<Buffer | null, string | null>> {
    const { broker } = this
    const container = new ShareMessageListenerContainer(
      new DefaultShareConsumerFactory<Buffer | null, string | null>({
        bootstrapServers: broker.bootstrapServers,
        valueDeserializer: string(),
        logger: this.log.logger(),
        runtime: broker.runtime,
      }),
      { topics: 'orders', groupId: 'workers', ...properties },
      { runtime: broker.runtime, eventPublisher: { publish: (event) => this.events.push(event) } },
    )
    container.setupMessageListener(listener)
    this.#containers.push(container)
    await broker.advanceUntil(container.start())
    return container
  }

  /** Appends so many records; `v7` is the one at offset 7. */
  append(count: number): void {
    this.broker.append(
      'orders',
      numbered(count).map(() => ({ value: `v${this.#appended++}` })),
    )
  }

  /** Acknowledgements that failed: `orders-0 3-5 CODE`. */
  get failures(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'acknowledgmentFailed'
        ? event.ranges.map(
            ({ firstOffset, lastOffset }) =>
              `${event.topic}-${event.partition} ${firstOffset}-${lastOffset} ${(event.cause as KafkaError).code}`,
          )
        : [],
    )
  }

  /** What the leader of orders-0 keeps of the group. */
  get partition() {
    return this.broker.inspect().sharePartitions.find(({ topic }) => topic === 'orders')
  }

  /** Waits until the leader has the group's position there: everything before it is finished. */
  async untilFinished(offset: number, stepMs = 10): Promise<void> {
    await this.broker.advanceUntil(() => this.partition?.startOffset === offset, { stepMs })
  }

  async end(): Promise<void> {
    for (const container of this.#containers) await this.broker.advanceUntil(container.stop({ timeoutMs: 1_000 }))
    await this.broker.stop()
  }
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `v${index}`)
const told = ({ value, deliveryCount }: Values): string => `${value} ${deliveryCount}`

/** The machine may be busy: the best of five counts. */
const quickly = (name: string, test: (bench: Bench) => Promise<void>, options?: EmbeddedBrokerOptions<VirtualClock>) =>
  it(name, { retry: 4 }, async () => {
    const began = performance.now()
    const bench = await Bench.open({ topics: ['orders'], ...options })
    try {
      await test(bench)
    } finally {
      await bench.end()
    }
    expect(performance.now() - began).toBeLessThan(100)
  })

beforeAll(async () => {
  // Everything is loaded and compiled once.
  const bench = await Bench.open({ topics: ['orders'] })
  bench.append(3)
  await bench.container(() => undefined)
  await bench.untilFinished(3)
  await bench.end()
})

/** An acknowledgement, on a fetch or by itself. */
function acknowledges(request: { readonly api: string; readonly body: unknown }): boolean {
  const { topics = [] } = request.body as Partial<RequestOf<typeof ShareAcknowledge>>
  return (
    (request.api === 'ShareAcknowledge' || request.api === 'ShareFetch') &&
    topics.some(({ partitions }) => partitions.some((each) => each.acknowledgementBatches.length > 0))
  )
}

describe('A lock that runs out under a listener', () => {
  quickly('gives its records to the next delivery; the late answer is told as failed', async (bench) => {
    const { broker } = bench
    const hung = deferred()
    const deliveries: string[] = []
    bench.append(3)
    await bench.container(async (record) => {
      deliveries.push(told(record))
      if (record.offset === 0 && record.deliveryCount === 1) await hung.promise
    })
    await broker.advanceUntil(() => deliveries.length === 1)
    const [held] = bench.partition?.records ?? []
    expect(held).toMatchObject({ firstOffset: 0, lastOffset: 2, state: 'ACQUIRED', deliveryCount: 1 })
    expect(held?.lockLeftMs).toBeGreaterThan(29_000)

    await broker.clock.advance(30_000)
    expect(bench.partition?.records).toEqual([{ firstOffset: 0, lastOffset: 2, state: 'AVAILABLE', deliveryCount: 1 }])
    hung.resolve()
    await bench.untilFinished(3)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 2', 'v2 2'])
    expect(bench.failures).toEqual(['orders-0 0-0 INVALID_RECORD_STATE'])
  })

  quickly('is archived by the broker when that happens to it every time', async (bench) => {
    const { broker } = bench
    broker.setGroupConfig('workers', { 'share.delivery.count.limit': '2' })
    const deliveries: string[] = []
    const hung = deferred()
    bench.append(1)
    await bench.container(async (record) => {
      deliveries.push(told(record))
      await hung.promise
    })
    await broker.clock.advance(31_000)
    const second = await bench.container((record) => void deliveries.push(told(record)), { clientId: 'second' })
    await bench.untilFinished(1)
    await broker.clock.advance(31_000)
    expect(second.state).toBe('running')
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    hung.resolve()
  })
})

describe('A leader that changes', () => {
  quickly(
    'takes no record along: what was being worked on is delivered anew by the next one',
    async (bench) => {
      const { broker } = bench
      const hung = deferred()
      const deliveries: string[] = []
      bench.append(20)
      await bench.container(async (record) => {
        deliveries.push(told(record))
        if (record.offset === 9) await hung.promise
      })
      await broker.advanceUntil(() => deliveries.length === 10)
      expect(bench.partition?.nodeId).toBe(1)

      broker.moveLeader({ topic: 'orders', to: 2 })
      expect(bench.partition).toBeUndefined()
      hung.resolve()
      await bench.untilFinished(20)
      expect(bench.partition?.nodeId).toBe(2)
      expect(broker.inspect().shareSessions.map(({ nodeId }) => nodeId)).toContain(2)
      // The next leader knows nothing of the first deliveries.
      expect(new Set(deliveries)).toEqual(new Set(numbered(20).map((value) => `${value} 1`)))
      expect(deliveries.filter((each) => each === 'v9 1')).toHaveLength(2)
      expect(bench.failures).toEqual([expect.stringMatching(/^orders-0 0-\d+ UNKNOWN_TOPIC_OR_PARTITION$/)])
      expect(bench.log.at('error')).toEqual([])
    },
    { brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] },
  )

  quickly(
    'because it was killed leaves the container to go on with the next one, and with all when it is back',
    async (bench) => {
      const { broker } = bench
      const deliveries: string[] = []
      bench.append(5)
      const container = await bench.container((record) => void deliveries.push(told(record)))
      await bench.untilFinished(5)
      const leader = bench.partition?.nodeId ?? -1

      await broker.kill(leader)
      bench.append(5)
      await bench.untilFinished(10)
      expect(bench.partition?.nodeId).not.toBe(leader)
      await broker.restart(leader)
      broker.moveLeader({ topic: 'orders', to: leader })
      bench.append(5)
      await bench.untilFinished(15)
      expect(bench.partition?.nodeId).toBe(leader)
      expect(container.state).toBe('running')
      expect(deliveries).toEqual(numbered(15).map((value) => `${value} 1`))
      expect(bench.failures).toEqual([])
    },
    { brokers: 3, topics: [{ name: 'orders', replicationFactor: 3 }] },
  )

  quickly('that freezes is given up, and its records are delivered when it thaws', async (bench) => {
    const { broker } = bench
    const deliveries: string[] = []
    await bench.container((record) => void deliveries.push(told(record)))
    broker.freeze()
    bench.append(3)
    await broker.clock.advance(100_000)
    expect(deliveries).toEqual([])
    broker.thaw()
    await bench.untilFinished(3)
    expect(deliveries.map((each) => each.split(' ')[0])).toEqual(['v0', 'v1', 'v2'])
  })
})

describe('An acknowledgement that is lost', () => {
  quickly('on its way leaves the record to be delivered again', async (bench) => {
    const { broker } = bench
    const lost = broker.intercept('*', () => ({ do: 'cut' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1)
    expect(lost.count).toBe(1)
    // The first has seen only that the connection died; the second took the record's answer.
    expect(broker.requests({}).filter(acknowledges)).toHaveLength(2)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(bench.failures).toEqual(['orders-0 0-0 NETWORK_EXCEPTION'])
  })

  quickly('together with its answer is told as failed, and the broker has it all the same', async (bench) => {
    const { broker } = bench
    broker.intercept('*', () => ({ do: 'cut', when: 'after' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1)
    bench.append(1)
    await bench.untilFinished(2)
    expect(deliveries).toEqual(['v0 1', 'v1 1'])
    expect(bench.failures).toEqual(['orders-0 0-0 NETWORK_EXCEPTION'])
  })

  quickly('because nobody answers is given up after the request timeout', async (bench) => {
    const { broker } = bench
    broker.intercept('*', () => ({ do: 'drop', what: 'request' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1, 100)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(broker.clock.now()).toBeGreaterThan(29_000)
  })
})
