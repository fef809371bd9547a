import { ConsumerRecord, Producer, ShareConsumer, string } from '@milena/client'
import { ListenerEndpointRegistry, ShareAcknowledgment, type BrokerCounts } from '@milena/container'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import {
  Ack,
  Consumer,
  KafkaListener,
  kafkaModule,
  Record,
  startKafkaListeners,
  type KafkaListeners,
  type KafkaModuleOptions,
} from '../../src/index.js'
import { keptLog } from '../fake-kafka.js'

type Texts = ConsumerRecord<string | null, string | null>
type ListenerClass<T> = new () => T

let running: KafkaListeners | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

/** An application of one listener class on a topic and a group of its own, with records in the topic. */
class Application<T> {
  constructor(
    readonly listener: T,
    private readonly broker: TestBroker,
    private readonly di: Container,
    readonly groupId: string,
  ) {}

  /** Waits until the group has finished everything and the broker has confirmed so much to the listener's members. */
  async untilFinished(counts: Partial<BrokerCounts>): Promise<void> {
    const within = { timeout: 15_000, interval: 25 }
    await vi.waitFor(async () => expect(await this.broker.lag(this.groupId)).toBe(0), within)
    const container = this.di.get(ListenerEndpointRegistry).getListenerContainer('listener')
    await vi.waitFor(() => {
      const [member] = container?.metrics().values() ?? []
      expect(member?.broker).toMatchObject(counts)
    }, within)
  }

  get registry(): ListenerEndpointRegistry {
    return this.di.get(ListenerEndpointRegistry)
  }
}

async function start<T extends object>(
  broker: TestBroker,
  listener: ListenerClass<T>,
  values: readonly string[],
  containerFactories: NonNullable<KafkaModuleOptions['containerFactories']> = {
    default: {},
    manual: { shareAckMode: 'MANUAL' },
  },
): Promise<Application<T>> {
  const [topic, group] = await Promise.all([broker.createTopic({ prefix: 'queue' }), broker.createGroup()])
  const di = new Container()
  di.load(
    kafkaModule({
      client: {
        bootstrapServers: broker.bootstrapServers,
        keyDeserializer: string(),
        valueDeserializer: string(),
      },
      containerFactories,
      listeners: [listener],
      logger: keptLog().logger,
      properties: { topic, group },
    }),
  )
  di.bind(listener).toSelf().inSingletonScope()
  const producer = di.get(Producer)
  for (const value of values) await producer.send({ topic, value })
  running = await startKafkaListeners(di, { signals: false })
  return new Application(di.get(listener), broker, di, group)
}

const QUEUE = { id: 'listener', topics: '${topic}', groupId: '${group}' } as const

describeOnBrokers('A decorated listener', (broker) => {
  it('7. receives what was produced, and each record is accepted', async () => {
    class Plain {
      readonly seen: (string | null)[] = []
      @KafkaListener(QUEUE)
      listen(@Record() { value }: Texts): void {
        this.seen.push(value)
      }
    }
    const application = await start(broker, Plain, ['a', 'b', 'c'])
    await application.untilFinished({ accepted: 3, redelivered: 0 })
    expect(application.listener.seen).toEqual(['a', 'b', 'c'])
  })

  it('8. with an acknowledgment acknowledges each record by itself', async () => {
    class Acknowledging {
      readonly seen: [string | null, boolean][] = []
      @KafkaListener({ ...QUEUE, containerFactory: 'manual' })
      listen(record: ConsumerRecord<null, string>, acknowledgment: ShareAcknowledgment): void {
        const before = acknowledgment.isAcknowledged
        acknowledgment.acknowledge()
        this.seen.push([record.value, before])
      }
    }
    const application = await start(broker, Acknowledging, ['a', 'b', 'c'])
    await application.untilFinished({ accepted: 3, redelivered: 0 })
    expect(application.listener.seen).toEqual([
      ['a', false],
      ['b', false],
      ['c', false],
    ])
  })

  it('9. gets the consumer, and acknowledgment and consumer, in any order, by type and by decorator', async () => {
    class ConsumerAware {
      readonly seen: unknown[] = []
      @KafkaListener(QUEUE)
      listen(consumer: ShareConsumer, @Record() record: Texts): void {
        this.seen.push(record.value, consumer)
      }
    }
    const aware = await start(broker, ConsumerAware, ['a'])
    await aware.untilFinished({ accepted: 1 })
    expect(aware.listener.seen).toEqual(['a', expect.any(ShareConsumer)])
    await running?.stop()

    class Both {
      readonly seen: unknown[] = []
      @KafkaListener({ ...QUEUE, containerFactory: 'manual' })
      listen(
        @Ack() acknowledgment: ShareAcknowledgment,
        @Consumer() consumer: ShareConsumer,
        record: ConsumerRecord<null, string>,
      ): void {
        this.seen.push(record.value, consumer.clientId, Object.keys(consumer.metrics()).length > 0)
        acknowledgment.acknowledge()
      }
    }
    const both = await start(broker, Both, ['a'])
    await both.untilFinished({ accepted: 1 })
    expect(both.listener.seen).toEqual(['a', 'listener-0', true])
  })

  it('10. accepts, releases and rejects as it likes: each has its effect, and the released record comes back', async () => {
    class Mixed {
      readonly seen: string[] = []
      @KafkaListener({ ...QUEUE, containerFactory: 'manual' })
      async listen(@Record() record: Texts, @Ack() acknowledgment: ShareAcknowledgment): Promise<void> {
        await Promise.resolve()
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        if (record.value === 'reject') acknowledgment.reject()
        else if (record.value === 'release' && record.deliveryCount === 1) acknowledgment.release()
        else acknowledgment.acknowledge()
      }
    }
    const application = await start(broker, Mixed, ['accept', 'release', 'reject', 'accept too'])
    await application.untilFinished({ accepted: 3, released: 1, rejected: 1, redelivered: 1 })
    expect(application.listener.seen.toSorted()).toEqual([
      'accept 1',
      'accept too 1',
      'reject 1',
      'release 1',
      'release 2',
    ])
  })

  it('11. that throws has its record rejected, and goes on with the others', async () => {
    class Throwing {
      readonly seen: string[] = []
      @KafkaListener(QUEUE)
      listen(@Record() record: Texts): void {
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        if (record.value === 'bad') throw new Error('cannot be processed')
      }
    }
    const application = await start(broker, Throwing, ['a', 'bad', 'b', 'c'])
    await application.untilFinished({ accepted: 3, rejected: 1, released: 0, redelivered: 0 })
    expect(application.listener.seen).toEqual(['a 1', 'bad 1', 'b 1', 'c 1'])
    expect(application.registry.getListenerContainer('listener')?.state).toBe('running')
  })

  it('12. has the acknowledgement mode of the container properties of its factory, or one of its own that beats it', async () => {
    class ByFactory {
      readonly seen: unknown[] = []
      @KafkaListener(QUEUE)
      listen(@Record() _record: Texts, @Ack({ optional: true }) acknowledgment: ShareAcknowledgment | undefined): void {
        this.seen.push(acknowledgment === undefined ? 'none' : 'one')
        acknowledgment?.acknowledge()
      }
    }
    for (const [shareAckMode, expected] of [
      ['MANUAL', 'one'],
      ['EXPLICIT', 'none'],
      ['IMPLICIT', 'none'],
    ] as const) {
      const application = await start(broker, ByFactory, ['a'], { default: { shareAckMode } })
      const container = application.registry.getListenerContainer('listener')
      expect(container?.containerProperties.shareAckMode).toBe(shareAckMode)
      await application.untilFinished({ accepted: 1 })
      expect(application.listener.seen).toEqual([expected])
      await running?.stop()
    }

    class ByListener {
      readonly seen: unknown[] = []
      @KafkaListener({ ...QUEUE, ackMode: 'MANUAL' })
      listen(@Record() _record: Texts, @Ack() acknowledgment: ShareAcknowledgment): void {
        acknowledgment.acknowledge()
        this.seen.push(acknowledgment.isAcknowledged)
      }
    }
    const application = await start(broker, ByListener, ['a'], { default: { shareAckMode: 'EXPLICIT' } })
    await application.untilFinished({ accepted: 1 })
    expect(application.listener.seen).toEqual([true])
  })
})
