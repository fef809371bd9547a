import { string, type ConsumerRecord, type ShareConsumerOptions } from '@milena/client'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { KafkaError } from '@milena/protocol'
import { SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import { expect, it } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareMessageListenerContainer,
  type ContainerEvent,
  type ContainerProperties,
  type ShareListener,
} from '../src/index.js'
import { KeptLog } from './container-harness.js'

export type Values = ConsumerRecord<Buffer | null, string | null>

/** A container with an embedded broker below it, in memory and in virtual time. */
export class Bench {
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
    consumers: Partial<ShareConsumerOptions<Buffer | null, string | null>> = {},
  ): Promise<ShareMessageListenerContainer<Buffer | null, string | null>> {
    const { broker } = this
    const container = new ShareMessageListenerContainer(
      new DefaultShareConsumerFactory<Buffer | null, string | null>({
        bootstrapServers: broker.bootstrapServers,
        valueDeserializer: string(),
        logger: this.log.logger(),
        runtime: broker.runtime,
        ...consumers,
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

export const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `v${index}`)
export const told = ({ value, deliveryCount }: Values): string => `${value} ${deliveryCount}`

/** Alone they take 10 to 60 ms; a processor that others use, too, takes longer for the same. */
const PROCESSOR_MS = 100

/** Held to processor time; the best of five counts. */
export const quickly = (
  name: string,
  test: (bench: Bench) => Promise<void>,
  options?: EmbeddedBrokerOptions<VirtualClock>,
) =>
  it(name, { retry: 4 }, async () => {
    const began = process.cpuUsage()
    const bench = await Bench.open({ topics: ['orders'], ...options })
    try {
      await test(bench)
    } finally {
      await bench.end()
    }
    const { user, system } = process.cpuUsage(began)
    expect((user + system) / 1_000).toBeLessThan(PROCESSOR_MS)
  })

/** The same for what takes more of the machine's time. */
export const calmly = (
  name: string,
  test: (bench: Bench) => Promise<void>,
  options?: EmbeddedBrokerOptions<VirtualClock>,
) =>
  it(name, async () => {
    const bench = await Bench.open({ topics: ['orders'], ...options })
    try {
      await test(bench)
    } finally {
      await bench.end()
    }
  })

/** Everything is loaded and compiled once. */
export async function warmUp(): Promise<void> {
  const bench = await Bench.open({ topics: ['orders'] })
  bench.append(3)
  await bench.container(() => undefined)
  await bench.untilFinished(3)
  await bench.end()
}
