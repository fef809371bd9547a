import { ConsumerRecord, Producer } from '@milena/client'
import { ShareMessageListenerContainer, type ContainerEvent } from '@milena/container'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container, inject, injectable } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import {
  KafkaListener,
  kafkaModule,
  KafkaTokens,
  Record,
  startKafkaListeners,
  type KafkaListeners,
  type KafkaModuleOptions,
} from '../src/index.js'
import { keptLog } from './fake-kafka.js'

// What the DI container gives an application, on brokers.

const within = { timeout: 20_000, interval: 25 }

let running: KafkaListeners | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

interface Prepared {
  readonly di: Container
  readonly topic: string
  readonly group: string
  /** Starts the listeners. */
  readonly start: () => Promise<KafkaListeners>
  /** Produces one record for each value, in order. */
  readonly produce: (...values: readonly string[]) => Promise<void>
}

async function prepare(broker: TestBroker, options: Partial<KafkaModuleOptions> = {}): Promise<Prepared> {
  const topic = await broker.createTopic({ prefix: 'application' })
  const group = await broker.createGroup()
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: broker.bootstrapServers, groupId: group },
      logger: keptLog().logger,
      properties: { topic },
      ...options,
    }),
  )
  return {
    di,
    topic,
    group,
    start: async () => {
      running = await startKafkaListeners(di, { signals: false })
      return running
    },
    produce: async (...values) => {
      for (const value of values) await di.get(Producer).send({ topic, value })
    },
  }
}

@injectable()
class UnitOfWork {
  readonly done: string[] = []
}

@injectable()
class Repository {
  constructor(private readonly unit: UnitOfWork) {}
  save(value: string): UnitOfWork {
    this.unit.done.push(value)
    return this.unit
  }
}

const units: UnitOfWork[] = []

@injectable()
class OrderListener {
  constructor(
    private readonly unit: UnitOfWork,
    private readonly repository: Repository,
  ) {}

  @KafkaListener({ id: 'orders', topics: '${topic}', maxInFlight: 5 })
  async onOrder(@Record() record: ConsumerRecord): Promise<void> {
    const value = String(record.value)
    this.unit.done.push(`begin ${value}`)
    await new Promise((resolve) => setImmediate(resolve))
    units.push(this.repository.save(`save ${value}`))
    if (record.deliveryCount === 1 && value === 'again') throw new Error('once more')
  }
}

describeOnBrokers('request scope', (broker) => {
  it('is one object for the whole of one record’s work and another for the next, also of records that run side by side', async () => {
    units.length = 0
    const { di, group, start, produce } = await prepare(broker, { listeners: [OrderListener] })
    di.bind(UnitOfWork).toSelf().inRequestScope()
    di.bind(Repository).toSelf().inRequestScope()
    di.bind(OrderListener).toSelf().inTransientScope()
    await start()
    await produce('a', 'b', 'c', 'd', 'e', 'f')
    await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
    expect(units.map(({ done }) => done).toSorted()).toEqual(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((value) => [`begin ${value}`, `save ${value}`]),
    )
    expect(new Set(units).size).toBe(6)
  })

  it('begins anew when a record is delivered again, and a recoverer in it shares the unit of its listener', async () => {
    units.length = 0
    const recovered: UnitOfWork[] = []
    @injectable()
    class Recoverer {
      constructor(private readonly unit: UnitOfWork) {}
      recover(): 'RELEASE' {
        recovered.push(this.unit)
        return 'RELEASE'
      }
    }
    const { di, group, start, produce } = await prepare(broker, { listeners: [OrderListener] })
    di.bind(UnitOfWork).toSelf().inRequestScope()
    di.bind(Repository).toSelf().inTransientScope()
    di.bind(OrderListener).toSelf().inTransientScope()
    di.bind(Recoverer).toSelf().inTransientScope()
    di.bind(KafkaTokens.ShareConsumerRecordRecoverer).toService(Recoverer)
    await start()
    await produce('again')
    await vi.waitFor(() => expect(units).toHaveLength(2), within)
    await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
    expect(recovered).toEqual([units[0]])
    expect(recovered[0]).toBe(units[0])
    expect(units[1]).not.toBe(units[0])
  })
})

describeOnBrokers('an application of bound parts', (broker) => {
  it('runs endpoints and containers without decorators; its publisher hears all of them; one more is registered while it runs', async () => {
    const seen: string[] = []
    const heard: string[] = []
    const listen = (who: string) => (record: ConsumerRecord<unknown, unknown>) =>
      seen.push(`${who} ${String(record.value)}`)
    const { di, topic, start, produce } = await prepare(broker)
    const groups = await Promise.all([broker.createGroup(), broker.createGroup(), broker.createGroup()])
    di.bind(KafkaTokens.EventPublisher).toConstantValue((event: ContainerEvent) =>
      heard.push(`${event.type} ${event.containerId}`),
    )
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      id: 'endpoint',
      topics: '${topic}',
      groupId: groups[0],
      listener: listen('endpoint'),
    })
    di.bind(KafkaTokens.ListenerContainer).toDynamicValue((context) => {
      const container = new ShareMessageListenerContainer(context.get(KafkaTokens.ShareConsumerFactory), {
        id: 'by-hand',
        topics: topic,
        groupId: groups[1],
      })
      container.setupMessageListener(listen('by-hand'))
      return container
    })
    const { registry } = await start()
    const late = registry.registerListenerContainer(
      { id: 'late', topics: topic, groupId: groups[2], listener: listen('late') },
      di.get(KafkaTokens.containerFactory('default')),
      { startImmediately: true },
    )
    await late.start()
    await produce('v')
    await vi.waitFor(() => expect(seen.toSorted()).toEqual(['by-hand v', 'endpoint v', 'late v']), within)
    for (const group of groups) await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
    expect(running?.health()).toMatchObject({
      status: 'up',
      containers: [{ id: 'endpoint' }, { id: 'by-hand' }, { id: 'late' }],
    })
    await running?.stop()
    for (const id of ['endpoint', 'by-hand', 'late']) {
      expect(heard.filter((each) => each.endsWith(` ${id}`))).toEqual([
        `consumerStarting ${id}`,
        `consumerStarted ${id}`,
        `shareConsumerStopping ${id}`,
        `consumerStopped ${id}`,
      ])
    }
  })

  it('takes nothing while a container is paused, and goes on when it is resumed', async () => {
    const seen: string[] = []
    const { di, start, produce } = await prepare(broker)
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      id: 'paused',
      topics: '${topic}',
      listener: (record) => seen.push(String(record.value)),
    })
    const { registry } = await start()
    await produce('before')
    await vi.waitFor(() => expect(seen).toEqual(['before']), within)
    const container = registry.getListenerContainer('paused')
    container?.pause()
    await produce('meanwhile')
    expect(running?.health().containers[0]?.state).toBe('paused')
    expect(seen).toEqual(['before'])
    container?.resume()
    await vi.waitFor(() => expect(seen).toEqual(['before', 'meanwhile']), within)
  })

  it('that a listener stops from inside has that record accepted, and everything is closed', async () => {
    let ended = false
    @injectable()
    class Last {
      constructor(@inject(KafkaTokens.Listeners) private readonly kafka: KafkaListeners) {}
      @KafkaListener({ id: 'last', topics: '${topic}' })
      async on(): Promise<void> {
        await this.kafka.stop()
        ended = true
      }
    }
    const { di, group, start, produce } = await prepare(broker, { listeners: [Last] })
    await start()
    const producer = di.get(Producer)
    await produce('stop')
    await running?.whenStopped()
    expect(ended).toBe(true)
    await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)
    await running?.stop()
    await expect(producer.send({ topic: 't', value: 'v' })).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
