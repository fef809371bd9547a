import 'reflect-metadata'
import { kafkaModule, startKafkaListeners, type KafkaListeners } from '@milena/decorators'
import { EmbeddedBroker, silentLogger, VirtualClock } from '@milena/embedded-broker'
import { Container } from 'inversify'
import { PaymentListener, paymentRecoverer } from './payment-listener.js'
import { PaymentGateway, type Payment } from './payments.js'

/** A gateway that does what the test says, and notes what it is asked for. */
export class PretendedGateway extends PaymentGateway {
  /** The ids of the payments, and at which virtual millisecond they came. */
  readonly charges: { readonly id: string; readonly atMs: number }[] = []
  /** What the next charge does; none left: it succeeds. */
  readonly next: (() => Promise<void>)[] = []

  constructor(private readonly now: () => number) {
    super()
  }

  override async charge({ id }: Payment): Promise<void> {
    this.charges.push({ id, atMs: this.now() })
    await this.next.shift()?.()
  }
}

/** The listener on a broker of its own: in this process, in memory, and in a time that moves only when a test says so. */
export class PaymentBench implements AsyncDisposable {
  private constructor(
    readonly broker: EmbeddedBroker<VirtualClock>,
    readonly gateway: PretendedGateway,
    private readonly kafka: KafkaListeners,
  ) {}

  static async start(): Promise<PaymentBench> {
    const broker = await EmbeddedBroker.start({
      clock: new VirtualClock(),
      network: 'memory',
      topics: ['payments', { name: 'dlq.payments', configs: { 'errors.deadletterqueue.group.enable': 'true' } }],
    })
    broker.setGroupConfig('cashiers', {
      'share.auto.offset.reset': 'earliest',
      'errors.deadletterqueue.topic.name': 'dlq.payments',
      'errors.deadletterqueue.copy.record.enable': 'true',
    })
    const { bootstrapServers, runtime } = broker
    const gateway = new PretendedGateway(() => broker.clock.now())
    const di = new Container()
    di.bind(PaymentGateway).toConstantValue(gateway)
    di.load(
      kafkaModule({
        client: { bootstrapServers, runtime },
        containerFactories: { default: { shareConsumerRecordRecoverer: paymentRecoverer, runtime } },
        listeners: [PaymentListener],
        logger: silentLogger,
      }),
    )
    // Joining takes a little time, which is virtual here: somebody has to move it.
    const kafka = await broker.advanceUntil(startKafkaListeners(di))
    return new PaymentBench(broker, gateway, kafka)
  }

  /** Puts payments into the topic, without a producer. */
  pay(...ids: string[]): void {
    this.broker.append(
      'payments',
      ids.map((id) => ({ value: JSON.stringify({ id, cents: 100 }) })),
    )
  }

  /** Moves time on until so many payments are finished: accepted, or given up. */
  async untilFinished(count: number): Promise<void> {
    await this.broker.advanceUntil(() => this.broker.inspect().sharePartitions[0]?.startOffset === count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.advanceUntil(this.kafka.stop())
    await this.broker.stop()
  }
}
