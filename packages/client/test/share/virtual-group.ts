import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { ShareConsumer, type ConsumerRecord, type ShareConsumerOptions } from '../../src/index.js'

type Bytes = Buffer | null
export type Received = ConsumerRecord<Bytes, Bytes>

/** The group `workers` of the topic `orders` on a whole broker, in memory and in virtual time; it begins with the first record. */
export class VirtualGroup {
  readonly #consumers: ShareConsumer[] = []

  constructor(readonly broker: EmbeddedBroker<VirtualClock>) {}

  /** `seed` decides all that is left to chance. */
  static async startBroker(
    seed: number,
    options: EmbeddedBrokerOptions<VirtualClock> = {},
  ): Promise<EmbeddedBroker<VirtualClock>> {
    const broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(seed),
      topics: ['orders'],
      ...options,
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    return broker
  }

  /** A consumer of `orders` that answers its records itself; closed with the group. */
  consumer(options: Partial<ShareConsumerOptions> = {}): ShareConsumer {
    const made = new ShareConsumer({
      bootstrapServers: this.broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: 'explicit',
      logger: silentLogger,
      runtime: this.broker.runtime,
      ...options,
    })
    made.subscribe(['orders'])
    this.#consumers.push(made)
    return made
  }

  async end(closing?: { readonly timeoutMs: number }): Promise<void> {
    for (const consumer of this.#consumers) await this.broker.advanceUntil(consumer.close(closing))
    await this.broker.stop()
  }
}
