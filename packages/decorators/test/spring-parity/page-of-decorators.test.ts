import { ConsumerRecord, Producer, string } from '@milena/client'
import { ShareAcknowledgment } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { describe, expect, it, vi } from 'vitest'
import {
  Ack,
  DeliveryCount,
  KafkaListener,
  kafkaModule,
  Record,
  startKafkaListeners,
  type KafkaListenerOptions,
} from '../../src/index.js'
import { FakeKafka, keptLog } from '../fake-kafka.js'

// Statements of Spring's page that only decorators can show.

type Texts = ConsumerRecord<string | null, string | null>

describe('A decorated listener in MANUAL mode', () => {
  it('S-99. without a parameter for the acknowledgment fails the start, naming class and method; nothing joins', async () => {
    class Forgetful {
      @KafkaListener({ topics: 'orders', containerFactory: 'manual' })
      onOrder(@Record() record: ConsumerRecord): void {
        void record
      }
    }
    class Mindful {
      @KafkaListener({ topics: 'orders', containerFactory: 'manual' })
      onOrder(@Record() record: ConsumerRecord, @Ack() acknowledgment: ShareAcknowledgment): void {
        void record
        acknowledgment.acknowledge()
      }
    }
    for (const [listener, members] of [
      [Forgetful, 0],
      [Mindful, 1],
    ] as const) {
      const kafka = new FakeKafka()
      const di = new Container()
      di.load(
        kafkaModule({
          client: { bootstrapServers: 'nowhere:1' },
          logger: keptLog().logger,
          containerFactories: { manual: { ...kafka.factory, shareAckMode: 'MANUAL' } },
          listeners: [listener],
        }),
      )
      const starting = startKafkaListeners(di, { signals: false })
      if (members === 0) {
        const error = await starting.catch((reason: unknown) => reason)
        expect(KafkaUsageError.is(error)).toBe(true)
        expect(error).toMatchObject({ message: expect.stringMatching(/Forgetful\.onOrder.*MANUAL.*acknowledgment/s) })
      } else await (await starting).stop()
      expect(kafka.members).toHaveLength(members)
    }
  })
})

describe('The options of a decorated listener', () => {
  it('S-27. know no partitions, patterns or batches: each is refused at the start with the reason, class and method', async () => {
    for (const [options, told] of [
      [{ topicPartitions: [{ topic: 'orders', partitions: [0] }] }, /cannot choose partitions/],
      [{ topicPattern: 'orders-.*' }, /topics by name/],
      [{ topics: /orders-.*/ }, /pattern.*topics by name/],
      [{ topics: 'orders', batch: 'true' }, /one by one/],
    ] as const) {
      class Regular {
        onOrder(@Record() record: ConsumerRecord): void {
          void record
        }
      }
      const method = Object.getOwnPropertyDescriptor(Regular.prototype, 'onOrder') ?? {}
      // As from JavaScript: TypeScript does not know these options.
      KafkaListener(options as unknown as KafkaListenerOptions)(Regular.prototype, 'onOrder', method)
      const kafka = new FakeKafka()
      const di = new Container()
      di.load(
        kafkaModule({
          client: { bootstrapServers: 'nowhere:1' },
          logger: keptLog().logger,
          containerFactories: { default: kafka.factory },
          listeners: [Regular],
        }),
      )
      const error = await startKafkaListeners(di, { signals: false }).catch((reason: unknown) => reason)
      expect(KafkaUsageError.is(error)).toBe(true)
      expect(error).toMatchObject({ message: expect.stringMatching(told) })
      expect(error).toMatchObject({ message: expect.stringContaining('Regular.onOrder') })
      expect(kafka.members).toEqual([])
    }
  })
})

describeOnBrokers('A decorated listener', (broker) => {
  it('S-162. is told how often its record was delivered', async () => {
    class Counting {
      readonly seen: number[] = []
      @KafkaListener({ id: 'counting', topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
      onOrder(
        @Record() _record: Texts,
        @DeliveryCount() count: number,
        @Ack() acknowledgment: ShareAcknowledgment,
      ): void {
        this.seen.push(count)
        if (count < 3) acknowledgment.release()
        else acknowledgment.acknowledge()
      }
    }
    const [topic, group] = await Promise.all([broker.createTopic(), broker.createGroup()])
    const di = new Container()
    di.load(
      kafkaModule({
        client: { bootstrapServers: broker.bootstrapServers, valueDeserializer: string() },
        listeners: [Counting],
        logger: keptLog().logger,
        properties: { topic, group },
      }),
    )
    di.bind(Counting).toSelf().inSingletonScope()
    await di.get(Producer).send({ topic, value: 'v' })
    const running = await startKafkaListeners(di, { signals: false })
    try {
      await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), { timeout: 15_000, interval: 25 })
    } finally {
      await running.stop()
    }
    expect(di.get(Counting).seen).toEqual([1, 2, 3])
  })
})
