import { ConsumerRecord, Producer } from '@milena/client'
import {
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  PayloadValidationError,
  ShareConsumerStoppingEvent,
} from '@milena/container'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  EventListener,
  Header,
  Headers,
  KafkaListener,
  kafkaModule,
  Payload,
  Record,
  startKafkaListeners,
  type ContainerFactoryOptions,
  type KafkaListeners,
} from '../src/index.js'
import { keptLog } from './fake-kafka.js'

const OrderSchema = z.object({ id: z.string(), amount: z.number().positive() })
type Order = z.infer<typeof OrderSchema>

interface Seen {
  readonly order: Order
  readonly traceId: string | null | undefined
  readonly headerNames: readonly string[]
  readonly partition: number
  readonly deliveryCount: number
}

class OrderListener {
  readonly seen: Seen[] = []
  readonly story: string[] = []

  @KafkaListener({ id: 'orders', topics: '${topic}', groupId: '${group}', concurrency: '${members:1}' })
  async onOrder(
    @Header('trace-id') traceId: string | null | undefined,
    @Payload(OrderSchema) order: Order,
    @Headers() headers: ConsumerRecord['headers'],
    @Record() record: ConsumerRecord,
  ): Promise<void> {
    await Promise.resolve()
    const { partition, deliveryCount } = record
    this.seen.push({ order, traceId, headerNames: headers.map(({ key }) => key), partition, deliveryCount })
  }

  @EventListener(ConsumerStartingEvent, ConsumerStartedEvent, ShareConsumerStoppingEvent, ConsumerStoppedEvent)
  told(event: ConsumerStartingEvent | ConsumerStartedEvent | ShareConsumerStoppingEvent | ConsumerStoppedEvent): void {
    this.story.push(`${event.type} ${event.clientId}`)
  }
}

let running: KafkaListeners | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

interface Application {
  readonly listener: OrderListener
  readonly producer: Producer
  readonly topic: string
  readonly group: string
}

/** A started OrderListener on a topic and a group of its own, which begins with the topic's first record. */
async function start(
  broker: TestBroker,
  { members = 1, factory = {} }: { readonly members?: number; readonly factory?: ContainerFactoryOptions } = {},
): Promise<Application> {
  const topic = await broker.createTopic({ prefix: 'orders', partitions: 2 })
  const group = await broker.createGroup()
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: broker.bootstrapServers },
      containerFactories: { default: factory },
      listeners: [OrderListener],
      logger: keptLog().logger,
      properties: { topic, group, members },
    }),
  )
  di.bind(OrderListener).toSelf().inSingletonScope()
  running = await startKafkaListeners(di)
  return { listener: di.get(OrderListener), producer: di.get(Producer), topic, group }
}

/** What the broker has confirmed to the members of the listener so far. */
function confirmed(): { readonly accepted: number; readonly rejected: number } {
  const members = [...(running?.registry.getListenerContainer('orders')?.metrics().values() ?? [])]
  const sum = (name: 'accepted' | 'rejected') => members.reduce((all, { broker }) => all + broker[name], 0)
  return { accepted: sum('accepted'), rejected: sum('rejected') }
}

const within = { timeout: 15_000, interval: 25 }

describeOnBrokers('a decorated listener', (broker) => {
  it('gets payload, headers and record of everything that was produced; all is accepted, and the lag goes to 0', async () => {
    const { listener, producer, topic, group } = await start(broker)
    const ids = Array.from({ length: 40 }, (_, index) => `order-${index}`)
    await Promise.all(
      ids.map((id, index) =>
        producer.send({
          topic,
          key: id,
          value: JSON.stringify({ id, amount: index + 1 }),
          headers: index === 0 ? [] : [{ key: 'trace-id', value: Buffer.from(`trace-${index}`) }],
        }),
      ),
    )
    await vi.waitFor(() => expect(confirmed()).toEqual({ accepted: 40, rejected: 0 }), within)
    await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)

    const seen = listener.seen.toSorted((a, b) => a.order.amount - b.order.amount)
    expect(seen.map(({ order }) => order.id)).toEqual(ids)
    expect(seen[0]).toMatchObject({ traceId: undefined, headerNames: [], deliveryCount: 1 })
    expect(seen[7]).toMatchObject({ traceId: 'trace-7', headerNames: ['trace-id'], deliveryCount: 1 })
    expect(new Set(seen.map(({ partition }) => partition))).toEqual(new Set([0, 1]))
  })

  it('is not called with a payload that its schema refuses: the recoverer decides, and the broker takes the REJECT', async () => {
    const errors: unknown[] = []
    const shareConsumerRecordRecoverer = (_record: unknown, error: unknown) => {
      errors.push(error)
      return 'REJECT' as const
    }
    const { listener, producer, topic, group } = await start(broker, { factory: { shareConsumerRecordRecoverer } })
    await Promise.all(
      [JSON.stringify({ id: 'good', amount: 1 }), JSON.stringify({ id: 'bad', amount: -1 }), 'no JSON'].map(
        (value, index) =>
          // Both partitions get some: the broker tells no lag for one that the group never read from.
          producer.send({ topic, value, partition: index % 2 }),
      ),
    )
    await vi.waitFor(() => expect(confirmed()).toEqual({ accepted: 1, rejected: 2 }), within)
    await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
    expect(listener.seen.map(({ order }) => order.id)).toEqual(['good'])
    const refused = errors.flatMap((error) =>
      PayloadValidationError.is(error) ? error.issues.map(({ path }) => path) : [error],
    )
    expect(refused.map(String).toSorted((a, b) => a.localeCompare(b))).toEqual(['', 'amount'])
  })

  it('with concurrency 3 is three members of its group by the time startKafkaListeners resolves', async () => {
    const { group } = await start(broker, { members: 3 })
    const [description] = await broker.admin.describeShareGroups([group])
    expect(description?.members.map(({ clientId }) => clientId).toSorted()).toEqual([
      'orders-0',
      'orders-1',
      'orders-2',
    ])
  })

  it('tells its life in order to @EventListener methods', async () => {
    const { listener } = await start(broker)
    await running?.stop()
    expect(listener.story).toEqual([
      'consumerStarting orders-0',
      'consumerStarted orders-0',
      'shareConsumerStopping orders-0',
      'consumerStopped orders-0',
    ])
  })
})
