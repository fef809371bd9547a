import { ConsumerRecord } from '@milena/client'
import {
  ConsumerStartedEvent,
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
  type ContainerEvent,
  type ShareConsumerRecordRecoverer,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { Container, injectable } from 'inversify'
import { describe, expect, it } from 'vitest'
import {
  EventListener,
  KafkaListener,
  kafkaModule,
  KafkaTokens,
  startKafkaListeners,
  type BoundKafkaListenerEndpoint,
  type KafkaModuleOptions,
} from '../src/index.js'
import { FakeKafka, keptLog, quiet } from './fake-kafka.js'

// What kafkaModule is not told, but finds in the DI container.

const silent = keptLog().logger

/** A DI container with kafkaModule over a fake cluster; `before` binds what has to be there when the module is loaded. */
function application(
  options: Partial<KafkaModuleOptions> & { readonly kafka?: FakeKafka; readonly before?: (di: Container) => void } = {},
) {
  const { kafka = new FakeKafka(), before, ...given } = options
  const di = new Container()
  before?.(di)
  di.load(
    kafkaModule({
      client: { bootstrapServers: 'nowhere:1' },
      logger: silent,
      containerFactories: { default: kafka.factory },
      ...given,
    }),
  )
  return { di, kafka }
}

const unsignalled = { signals: false }

class Failing {
  @KafkaListener({ topics: 'orders' })
  on(): void {
    throw new Error('no')
  }
}

class Quiet {
  @KafkaListener({ id: 'quiet', topics: 'orders' })
  on(): void {}
}

describe('a container factory named by a symbol', () => {
  const MANUAL = Symbol('manual')

  it('is one of containerFactories, or one that is bound under that symbol', async () => {
    const OWN = Symbol('own')
    class Listener {
      @KafkaListener({ id: 'a', topics: 'orders', containerFactory: MANUAL })
      @KafkaListener({ id: 'b', topics: 'orders', containerFactory: OWN })
      on(): void {}
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: { [MANUAL]: { ...kafka.factory, concurrency: 2 } },
    })
    di.bind(OWN).toDynamicValue(
      () =>
        new ShareListenerContainerFactory({
          consumerFactory: kafka.factory.consumerFactory,
          runtime: kafka.factory.runtime,
          logger: silent,
        }),
    )
    const running = await startKafkaListeners(di, unsignalled)
    expect(running.registry.allContainers.map(({ id, concurrency }) => [id, concurrency])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    await running.stop()
  })

  it('that is not there is told with the names of those that are', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders', containerFactory: Symbol('other') })
      on(): void {}
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: { [MANUAL]: kafka.factory, fast: kafka.factory },
    })
    await expect(startKafkaListeners(di, unsignalled)).rejects.toThrow(
      /^Listener\.on\(\): There is no container factory Symbol\(other\)\. Known are 'fast', Symbol\(manual\);/,
    )
  })
})

describe('a container factory bound under a plain text', () => {
  it('is found by that name', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders', containerFactory: 'plainly' })
      on(): void {}
    }
    const { di, kafka } = application({ listeners: [Listener] })
    di.bind('plainly').toDynamicValue((context) => context.get(KafkaTokens.containerFactory('default')))
    const running = await startKafkaListeners(di, unsignalled)
    expect(kafka.members).toHaveLength(1)
    await running.stop()
  })
})

describe('a factory bound under the name of ours and under its plain text', () => {
  it('is the one under the name of ours', async () => {
    class Listener {
      @KafkaListener({ id: 'a', topics: 'orders', containerFactory: 'twice' })
      @KafkaListener({ id: 'b', topics: 'orders', containerFactory: 'analytic' })
      on(): void {}
    }
    const kafka = new FakeKafka()
    const [ours, plain] = ['ours', 'plain'].map((groupId) => {
      const factory = new FakeKafka({ groupId })
      return {
        consumers: factory,
        containers: new ShareListenerContainerFactory({ ...factory.factory, logger: silent }),
      }
    })
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: { analytic: { ...kafka.factory, consumerFactory: 'analytics' } },
    })
    di.bind('twice').toConstantValue(plain?.containers)
    di.bind(KafkaTokens.containerFactory('twice')).toConstantValue(ours?.containers as never)
    di.bind('analytics').toConstantValue(plain?.consumers)
    di.bind(KafkaTokens.consumerFactory('analytics')).toConstantValue(ours?.consumers as never)
    await startKafkaListeners(di, unsignalled).catch(() => undefined)
    const { registry } = di.get(KafkaTokens.Listeners)
    expect(registry.allContainers.map(({ groupId }) => groupId)).toEqual(['ours', 'ours'])
    await registry.stop()
  })
})

describe('a consumer factory', () => {
  it('that is bound before the module makes the consumers of every container factory that names none', async () => {
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Quiet],
      containerFactories: { default: { runtime: kafka.factory.runtime } },
      before: (each) => each.bind(KafkaTokens.ShareConsumerFactory).toConstantValue(kafka.factory.consumerFactory),
    })
    const running = await startKafkaListeners(di, unsignalled)
    expect(kafka.members).toHaveLength(1)
    await running.stop()
  })

  it('is chosen by its name, by a symbol, or by a class', async () => {
    const OTHER = Symbol('other')
    const kafka = new FakeKafka()
    @injectable()
    class OwnFactory {
      createShareConsumer = kafka.createShareConsumer.bind(kafka)
      addListener(): void {}
      removeListener(): boolean {
        return false
      }
      readonly groupId = 'own'
    }
    class Listener {
      @KafkaListener({ id: 'a', topics: 't', containerFactory: 'byName' })
      @KafkaListener({ id: 'b', topics: 't', containerFactory: 'bySymbol' })
      @KafkaListener({ id: 'c', topics: 't', containerFactory: 'byClass' })
      on(): void {}
    }
    const { runtime } = kafka.factory
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: {
        byName: { runtime, consumerFactory: 'analytics' },
        bySymbol: { runtime, consumerFactory: OTHER },
        byClass: { runtime, consumerFactory: OwnFactory },
      },
    })
    di.bind(OwnFactory).toSelf().inSingletonScope()
    di.bind(KafkaTokens.consumerFactory('analytics')).toConstantValue(kafka.factory.consumerFactory)
    di.bind(KafkaTokens.consumerFactory(OTHER)).toConstantValue(kafka.factory.consumerFactory)
    const running = await startKafkaListeners(di, unsignalled)
    expect(running.registry.allContainers.map(({ groupId }) => groupId)).toEqual(['fake-group', 'fake-group', 'own'])
    await running.stop()
  })

  it('that nobody has bound, or that is none, is told with the remedy', async () => {
    class Listener {
      @KafkaListener({ topics: 't', containerFactory: 'a' })
      @KafkaListener({ topics: 't', containerFactory: 'b' })
      on(): void {}
    }
    const { di } = application({
      listeners: [Listener],
      containerFactories: { a: { consumerFactory: 'nobody' }, b: { consumerFactory: 'wrong' } },
    })
    di.bind('wrong').toConstantValue(7)
    const message = await startKafkaListeners(di, unsignalled).catch((error: unknown) => String(error))
    expect(message).toMatch(
      /wants the consumer factory 'nobody'.*Bind it: di\.bind\(KafkaTokens\.consumerFactory\('nobody'\)\)/,
    )
    expect(message).toMatch(
      /A number is bound there, which is no consumer factory\. Bind a DefaultShareConsumerFactory/,
    )
  })

  it('of the DI container hears of all consumers that containers make with the client options', () => {
    const { di } = application({ containerFactories: { default: {}, other: {} } })
    const shared = di.get(KafkaTokens.ShareConsumerFactory)
    expect(shared).toBeInstanceOf(DefaultShareConsumerFactory)
    for (const name of ['default', 'other']) {
      expect(di.get(KafkaTokens.containerFactory(name)).consumerFactory).toBe(shared)
    }
  })
})

describe('a recoverer', () => {
  it('that is bound decides for every container factory that has none of its own', async () => {
    class Listener extends Failing {
      @KafkaListener({ topics: 'orders', containerFactory: 'own' })
      other(): void {
        throw new Error('no')
      }
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: {
        default: kafka.factory,
        own: { ...kafka.factory, shareConsumerRecordRecoverer: () => 'REJECT' },
      },
    })
    di.bind(KafkaTokens.ShareConsumerRecordRecoverer).toConstantValue(() => 'RELEASE')
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 1)
    expect(kafka.answers.toSorted()).toEqual(['REJECT 0', 'RELEASE 0'])
    await running.stop()
  })

  it('is an object with recover(), named by its class; in request scope it shares the request of its listener', async () => {
    @injectable()
    class UnitOfWork {
      readonly events: string[] = []
    }
    const seen: [UnitOfWork, UnitOfWork][] = []
    let inListener: UnitOfWork | undefined
    @injectable()
    class Recoverer {
      constructor(readonly unit: UnitOfWork) {}
      recover(): 'RELEASE' {
        if (inListener !== undefined) seen.push([inListener, this.unit])
        return 'RELEASE'
      }
    }
    @injectable()
    class Listener {
      constructor(readonly unit: UnitOfWork) {}
      @KafkaListener({ topics: 'orders' })
      on(): void {
        inListener = this.unit
        throw new Error('no')
      }
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: { default: { ...kafka.factory, shareConsumerRecordRecoverer: Recoverer } },
    })
    di.bind(UnitOfWork).toSelf().inRequestScope()
    di.bind(Recoverer).toSelf().inTransientScope()
    di.bind(Listener).toSelf().inTransientScope()
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 1)
    await kafka.bring('orders', 2)
    expect(kafka.answers).toEqual(['RELEASE 0', 'RELEASE 1'])
    expect(seen).toHaveLength(2)
    for (const [listener, recoverer] of seen) expect(recoverer).toBe(listener)
    expect(seen[0]?.[0]).not.toBe(seen[1]?.[0])
    await running.stop()
  })
})

describe.each([
  ['at once', false],
  ['after a while', true],
] as const)('a listener of which it is found out %s that it cannot be made for a record', (_when, asynchronous) => {
  const fails = (): Promise<never> => {
    const error = new Error('the database is away')
    if (asynchronous) return Promise.reject(error)
    throw error
  }

  it('leaves the record to the recoverer, which is made alone', async () => {
    const errors: string[] = []
    @injectable()
    class Recoverer {
      recover(_record: unknown, error: unknown): 'RELEASE' {
        errors.push((error as Error).message)
        return 'RELEASE'
      }
    }
    let away = false
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Quiet],
      containerFactories: { default: { ...kafka.factory, shareConsumerRecordRecoverer: Recoverer } },
    })
    di.bind(Recoverer).toSelf().inTransientScope()
    di.bind(Quiet).toDynamicValue(() => {
      if (away) return fails()
      return asynchronous ? Promise.resolve(new Quiet()) : new Quiet()
    })
    const running = await startKafkaListeners(di, unsignalled)
    away = true
    await kafka.bring('orders', 1)
    away = false
    await kafka.bring('orders', 2)
    expect(kafka.answers).toEqual(['RELEASE 0', 'ACCEPT 1'])
    expect(errors).toEqual(['the database is away'])
    await running.stop()
  })
})

describe('a request-scoped service', () => {
  it('is one object for filter, listener and error handler of a record', async () => {
    @injectable()
    class UnitOfWork {}
    const units: [string, UnitOfWork][] = []
    @injectable()
    class Filter {
      constructor(readonly unit: UnitOfWork) {}
      filter(record: ConsumerRecord<unknown, unknown>): boolean {
        units.push([`filter ${record.offset}`, this.unit])
        return record.value !== 'skip'
      }
    }
    @injectable()
    class Handler {
      constructor(readonly unit: UnitOfWork) {}
      handleError(record: ConsumerRecord<unknown, unknown>): 'RELEASE' {
        units.push([`handler ${record.offset}`, this.unit])
        return 'RELEASE'
      }
    }
    @injectable()
    class Listener {
      constructor(readonly unit: UnitOfWork) {}
      @KafkaListener({ topics: 'orders', filter: Filter, errorHandler: Handler })
      on(record: ConsumerRecord<unknown, unknown>): void {
        units.push([`listener ${record.offset}`, this.unit])
        throw new Error('no')
      }
    }
    const { di, kafka } = application({ listeners: [Listener] })
    di.bind(UnitOfWork).toSelf().inRequestScope()
    di.bind(Filter).toSelf().inTransientScope()
    di.bind(Handler).toSelf().inTransientScope()
    di.bind(Listener).toSelf().inTransientScope()
    const running = await startKafkaListeners(di, unsignalled)
    for (const value of ['a', 'skip', 'b']) await kafka.bring('orders', value)
    await running.stop()
    expect(kafka.answers).toEqual(['RELEASE 0', 'ACCEPT 1', 'RELEASE 2'])
    expect(units.map(([who]) => who)).toEqual([
      'filter 0',
      'listener 0',
      'handler 0',
      'filter 1',
      'filter 2',
      'listener 2',
      'handler 2',
    ])
    const of = (who: string) => units.find(([name]) => name === who)?.[1]
    expect(of('listener 0')).toBe(of('filter 0'))
    expect(of('handler 0')).toBe(of('filter 0'))
    expect(of('filter 2')).not.toBe(of('filter 0'))
    expect(of('handler 2')).toBe(of('listener 2'))
  })

  it('is one object for all methods of a class that hear one event, and another for the next event', async () => {
    const heard: [string, object][] = []
    @injectable()
    class Watcher {
      @EventListener(ConsumerStartedEvent)
      one(event: ConsumerStartedEvent): void {
        heard.push([event.clientId, this])
      }
      @EventListener(ConsumerStartedEvent)
      two(event: ConsumerStartedEvent): void {
        heard.push([event.clientId, this])
      }
    }
    class Listener {
      @KafkaListener({ id: 'a', topics: 't', concurrency: 2 })
      on(): void {}
    }
    const { di } = application({ listeners: [Listener, Watcher] })
    di.bind(Watcher).toSelf().inRequestScope()
    const running = await startKafkaListeners(di, unsignalled)
    await running.stop()
    const of = (clientId: string) => new Set(heard.filter(([id]) => id === clientId).map(([, watcher]) => watcher))
    expect(heard).toHaveLength(4)
    expect(of('a-0').size).toBe(1)
    expect(of('a-1').size).toBe(1)
    expect(new Set([...of('a-0'), ...of('a-1')]).size).toBe(2)
  })
})

describe('property sources in the DI container', () => {
  it('are asked after those of the module and before the environment, in their order', async () => {
    class Listener {
      @KafkaListener({ topics: ['${a}', '${b}', '${c}', '${MILENA_TEST_TOPIC}'] })
      on(): void {}
    }
    process.env['MILENA_TEST_TOPIC'] = 'of-the-environment'
    const { di, kafka } = application({ listeners: [Listener], properties: { a: 'of-the-module' } })
    di.bind(KafkaTokens.PropertySource).toConstantValue({ a: 'no', b: 'of-the-first' })
    di.bind(KafkaTokens.PropertySource).toDynamicValue(() =>
      Promise.resolve((name: string) => (name === 'MILENA_TEST_TOPIC' ? undefined : 'of-the-second')),
    )
    const running = await startKafkaListeners(di, unsignalled)
    delete process.env['MILENA_TEST_TOPIC']
    expect(kafka.members[0]?.subscribed).toEqual([
      'of-the-module',
      'of-the-first',
      'of-the-second',
      'of-the-environment',
    ])
    await running.stop()
  })
})

describe('an event publisher in the DI container', () => {
  it('hears every event of every container, however that was made; one that throws, rejects or hangs keeps nobody from anything', async () => {
    const heard: string[] = []
    const { di, kafka } = application({ listeners: [Quiet] })
    di.bind(KafkaTokens.EventPublisher).toConstantValue(() => {
      throw new Error('no')
    })
    di.bind(KafkaTokens.EventPublisher).toConstantValue({ publish: () => Promise.reject(new Error('no')) })
    di.bind(KafkaTokens.EventPublisher).toConstantValue(() => new Promise(() => undefined))
    di.bind(KafkaTokens.EventPublisher).toConstantValue({
      publish: (event: ContainerEvent) => heard.push(`${event.type} ${event.clientId}`),
    })
    const { consumerFactory, runtime } = kafka.factory
    const byHand = new ShareMessageListenerContainer(
      consumerFactory,
      { id: 'by-hand', topics: 'orders' },
      { logger: silent, runtime },
    )
    byHand.setupMessageListener(() => undefined)
    di.bind(KafkaTokens.ListenerContainer).toConstantValue(byHand)
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 1)
    await running.stop()
    const life = ['consumerStarting', 'consumerStarted', 'shareConsumerStopping', 'consumerStopped']
    for (const id of ['quiet-0', 'by-hand-0']) {
      expect(heard.filter((each) => each.endsWith(` ${id}`))).toEqual(life.map((type) => `${type} ${id}`))
    }
    expect(kafka.answers).toEqual(['ACCEPT 0', 'ACCEPT 0'])
  })

  it('hears those that are registered later, too, by whichever container factory', async () => {
    const seen: string[] = []
    const kafka = new FakeKafka()
    const { di } = application({ kafka, listeners: [Quiet] })
    di.bind(KafkaTokens.EventPublisher).toConstantValue((event) => void seen.push(event.containerId))
    const running = await startKafkaListeners(di, unsignalled)
    const own = new ShareListenerContainerFactory<unknown, unknown>({
      ...kafka.factory,
      containerProperties: { groupId: 'g' },
      logger: silent,
    })
    const listener = (): void => undefined
    running.registry.registerListenerContainer({ id: 'registered', topics: 't', listener }, own)
    const adopted = own.createContainer({ id: 'adopted', topics: 't' })
    adopted.setupMessageListener(listener)
    running.registry.adopt(adopted)
    await running.registry.start()
    await running.stop()
    expect(new Set(seen)).toEqual(new Set(['quiet', 'registered', 'adopted']))
  })
})

describe('listener classes in the DI container', () => {
  it('listen like those of the module, each once', async () => {
    class Other {
      @KafkaListener({ id: 'other', topics: 'orders' })
      on(): void {}
    }
    const { di } = application({ listeners: [Quiet] })
    di.bind(KafkaTokens.ListenerClass).toConstantValue(Quiet)
    di.bind(KafkaTokens.ListenerClass).toConstantValue(Other)
    const running = await startKafkaListeners(di, unsignalled)
    expect(running.registry.getListenerContainerIds()).toEqual(['quiet', 'other'])
    await running.stop()
  })
})

describe('an endpoint in the DI container', () => {
  it('is a listener without decorators, with placeholders, in the container factory that it names', async () => {
    const seen: unknown[] = []
    const { di, kafka } = application({ properties: { topic: 'orders', team: 'north' } })
    di.bind(KafkaTokens.containerFactory('slow')).toDynamicValue((context) =>
      context.get(KafkaTokens.containerFactory('default')),
    )
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      id: 'plain',
      topics: '${topic}',
      groupId: '${team}-workers',
      info: '${kept as it is}',
      listener: (record: ConsumerRecord<unknown, unknown>) => seen.push(record.value),
    })
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      topics: ['other'],
      containerFactory: 'slow',
      listener: () => undefined,
    })
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 'v')
    expect(seen).toEqual(['v'])
    expect(running.registry.getListenerContainer('plain')).toMatchObject({
      groupId: 'north-workers',
      info: '${kept as it is}',
    })
    expect(kafka.members.map(({ subscribed }) => subscribed)).toEqual([['orders'], ['other']])
    await running.stop()
  })

  it('may be an instance of a class, and name several topics and its container factory in placeholders', async () => {
    const kafka = new FakeKafka()
    const seen: string[] = []
    class OrderEndpoint {
      readonly id = 'of-class'
      readonly topics = ['${topics}', 'c']
      readonly containerFactory = '${factory}'
      readonly #seen = seen
      readonly store = 'its own affair'
      get filter() {
        return ({ offset }: { readonly offset: number }) => offset !== 1
      }
      listener(record: ConsumerRecord<unknown, unknown>): void {
        this.#seen.push(`${record.topic} ${this.store}`)
      }
    }
    const { di } = application({
      kafka,
      properties: { topics: ['a', 'b'], factory: 'second' },
      containerFactories: { second: kafka.factory },
    })
    di.bind(KafkaTokens.Endpoint).to(OrderEndpoint)
    const running = await startKafkaListeners(di, unsignalled)
    expect(running.registry.getListenerContainer('of-class')?.topics).toEqual(['a', 'b', 'c'])
    for (const topic of ['a', 'b', 'c']) await kafka.bring(topic, 1)
    expect(seen).toEqual(['a its own affair', 'c its own affair'])
    await running.stop()
  })

  it('refuses what it does not know, and what it cannot have with the reason', async () => {
    const { di } = application()
    const wrong = {
      topics: 'orders',
      listener: () => undefined,
      maxInflight: 1,
      topicPattern: 'x',
      shareAckMode: 'MANUAL',
      syncShareCommits: true,
    }
    di.bind(KafkaTokens.Endpoint).toConstantValue(wrong)
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      topics: 'o',
      listener: () => undefined,
      autoStartup: 'no' as never,
    })
    const failure = await startKafkaListeners(di, unsignalled).catch(String)
    expect(failure).toMatch(/'maxInflight' is not a setting of an endpoint; did you mean 'maxInFlight'\?/)
    expect(failure).toMatch(/'topicPattern' cannot be set: a share group subscribes to topics by name/)
    expect(failure).toMatch(/'shareAckMode' cannot be set: here it is called ackMode/)
    expect(failure).toMatch(/'syncShareCommits' cannot be set: it belongs into the container properties/)
    expect(failure).toMatch(/autoStartup must be true or false/)
  })

  it('may be registered while everything runs', async () => {
    const { di, kafka } = application({ listeners: [Quiet] })
    const running = await startKafkaListeners(di, unsignalled)
    running.registry.registerListenerContainer(
      { id: 'late', topics: 'late', listener: (_record: ConsumerRecord<string | null, { id: string }>) => undefined },
      di.get(KafkaTokens.containerFactory('default')),
      { startImmediately: true },
    )
    await quiet()
    await kafka.bring('late', 1)
    expect(kafka.answers).toEqual(['ACCEPT 0'])
    await running.stop()
    expect(kafka.members.every(({ closed }) => closed)).toBe(true)
  })
})

describe('what is bound', () => {
  it('may name the types of its records', async () => {
    interface Order {
      readonly id: string
    }
    const seen: string[] = []
    const kafka = new FakeKafka()
    const { di } = application({ kafka })
    const consumers = new DefaultShareConsumerFactory<string, Order>({ bootstrapServers: 'nowhere:1' })
    const factory = new ShareListenerContainerFactory({ consumerFactory: consumers })
    const recover: ShareConsumerRecordRecoverer<string, Order> = ({ value }) =>
      value.id === 'a' ? 'RELEASE' : 'REJECT'
    di.bind(KafkaTokens.consumerFactory('typed')).toConstantValue(consumers)
    di.bind(KafkaTokens.containerFactory('typed')).toConstantValue(factory)
    di.bind(KafkaTokens.ShareConsumerRecordRecoverer).toConstantValue(recover)
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      topics: 'orders',
      filter: (record: ConsumerRecord<string, Order>) => record.value.id !== '',
      listener: (record: ConsumerRecord<string, Order>) => {
        seen.push(record.value.id)
        throw new Error('no')
      },
    })
    const running = await startKafkaListeners(di, unsignalled)
    for (const id of ['a', '', 'b']) await kafka.bring('orders', { id })
    await running.stop()
    expect(seen).toEqual(['a', 'b'])
    expect(kafka.answers).toEqual(['RELEASE 0', 'ACCEPT 1', 'REJECT 2'])
  })
})

describe('what is bound wrongly', () => {
  it('is told all at once, each with its place and the remedy, before anything is made', async () => {
    class Needy {
      @KafkaListener({ id: 'quiet', topics: 't', containerFactory: 'broken' })
      on(): void {}
    }
    const { di, kafka } = application({ listeners: [Quiet, Needy] })
    di.bind(KafkaTokens.containerFactory('broken')).toConstantValue({ concurrency: 3 } as never)
    di.bind(KafkaTokens.EventPublisher).toConstantValue('publisher' as never)
    di.bind(KafkaTokens.EventPublisher).toConstantValue({ publishEvent: () => undefined } as never)
    di.bind(KafkaTokens.PropertySource).toConstantValue(7 as never)
    di.bind(KafkaTokens.ShareConsumerRecordRecoverer).toConstantValue({ recoverer: () => 'ACCEPT' } as never)
    di.bind(KafkaTokens.ListenerClass).toConstantValue(new Quiet() as never)
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      listener: () => undefined,
    } as unknown as BoundKafkaListenerEndpoint)
    di.bind(KafkaTokens.Endpoint).toConstantValue({
      id: 'e',
      topics: 't',
      listener: () => undefined,
      containerFactory: 'none',
    })
    di.bind(KafkaTokens.ListenerContainer).toConstantValue(new Date() as never)
    const error: unknown = await startKafkaListeners(di, unsignalled).catch((reason: unknown) => reason)
    expect(KafkaUsageError.is(error)).toBe(true)
    expect((error as Error).message.split('\n  - ')).toEqual([
      'The listeners cannot be started, for 10 reasons:',
      expect.stringMatching(/^KafkaTokens\.PropertySource: A number is bound there, .* Bind an object of names/),
      expect.stringMatching(
        /^KafkaTokens\.EventPublisher \(1 of 2\): A text is bound there, .* Bind a function \(event\)/,
      ),
      expect.stringMatching(/^KafkaTokens\.EventPublisher \(2 of 2\): An object is bound there/),
      expect.stringMatching(/^KafkaTokens\.ListenerClass: .* no class\. Bind the class itself/),
      expect.stringMatching(/^Needy\.on\(\): The id 'quiet' is taken by Quiet\.on\(\)/),
      expect.stringMatching(/^Needy\.on\(\): An object is bound there, which is no container factory/),
      expect.stringMatching(
        /^KafkaTokens\.Endpoint \(1 of 2\): .* no endpoint\. Bind an object with topics and listener/,
      ),
      expect.stringMatching(/^KafkaTokens\.Endpoint \(2 of 2\) 'e': There is no container factory 'none'/),
      expect.stringMatching(/^KafkaTokens\.ListenerContainer: An instance of Date is bound there/),
      expect.stringMatching(
        /^The recoverer of container factory 'default': An object is bound there, .* recover\(record, error\)/,
      ),
    ])
    expect(kafka.members).toEqual([])
  })

  it('is also what could not start: an endpoint that does not fit its mode, a container that lacks something', async () => {
    const kafka = new FakeKafka()
    const { di } = application({ kafka, listeners: [Quiet] })
    const listener = (_record: ConsumerRecord): void => undefined
    di.bind(KafkaTokens.Endpoint).toConstantValue({ id: 'm', topics: 'orders', ackMode: 'MANUAL', listener, phase: 1 })
    const container = new ShareMessageListenerContainer(kafka, { id: 'bare', groupId: 'g' }, { logger: silent })
    di.bind(KafkaTokens.ListenerContainer).toConstantValue(container)
    const failure = await startKafkaListeners(di, unsignalled).catch(String)
    expect(failure).toMatch(
      /for 2 reasons:\n {2}- KafkaTokens.Endpoint 'm': .*MANUAL.*\n {2}- KafkaTokens.ListenerContainer: .*no listener/,
    )
    expect(kafka.members).toEqual([])
  })

  it('names what throws when it is made', async () => {
    const { di } = application({ listeners: [Quiet] })
    di.bind(KafkaTokens.EventPublisher).toDynamicValue(() => {
      throw new Error('no publisher today')
    })
    await expect(startKafkaListeners(di, unsignalled)).rejects.toThrow(
      /^KafkaTokens\.EventPublisher: The DI container cannot make it: no publisher today/,
    )
  })

  it('tells of a container whose id another has', async () => {
    const { di } = application({ listeners: [Quiet] })
    const { consumerFactory } = new FakeKafka().factory
    const container = new ShareMessageListenerContainer(consumerFactory, { id: 'quiet', topics: 't' })
    di.bind(KafkaTokens.ListenerContainer).toConstantValue(container)
    await expect(startKafkaListeners(di, unsignalled)).rejects.toThrow(
      /KafkaTokens\.ListenerContainer 'quiet': The id 'quiet' is taken by Quiet\.on\(\)/,
    )
  })

  it('is also a logger that is none, or one that is bound besides that of the module', async () => {
    const wrong = application({
      listeners: [Quiet],
      before: (di) => di.bind(KafkaTokens.Logger).toConstantValue({ info: () => undefined } as never),
    })
    await expect(startKafkaListeners(wrong.di, unsignalled)).rejects.toThrow(
      /KafkaTokens\.Logger: An object is bound there, which is no logger\. Bind a pino logger/,
    )
  })
})

describe('what is bound besides that of the module', () => {
  it.each([
    ['a logger', (di: Container) => di.bind(KafkaTokens.Logger).toConstantValue(silent), 'KafkaTokens.Logger: '],
    [
      'a consumer factory',
      (di: Container) => di.bind(KafkaTokens.ShareConsumerFactory).toConstantValue(new FakeKafka()),
      "Quiet.on(): The consumer factory of container factory 'default': ",
    ],
  ])('is told with the way out: %s', async (_what, bind, where) => {
    const { runtime } = new FakeKafka().factory
    const { di } = application({ listeners: [Quiet], containerFactories: { default: { runtime } } })
    bind(di)
    const message = await startKafkaListeners(di, unsignalled).then(String, (error: Error) => error.message)
    expect(message).toMatch(/: It is bound more than once\. .* bind yours before di\.load/)
    expect(message.startsWith(where)).toBe(true)
  })

  it('is told of a container factory, too', async () => {
    const { di } = application({ listeners: [Quiet] })
    di.bind(KafkaTokens.containerFactory('default')).toConstantValue({} as never)
    await expect(startKafkaListeners(di, unsignalled)).rejects.toThrow(
      /^Quiet\.on\(\): The container factory 'default' is bound more than once\. Give one of them another name/,
    )
  })

  it('may replace it by rebind()', async () => {
    const { logger, lines } = keptLog()
    const { di } = application({ listeners: [Quiet] })
    di.rebind(KafkaTokens.Logger).toConstantValue(logger)
    const running = await startKafkaListeners(di, unsignalled)
    await running.stop()
    expect(lines).toContain("info: Container 'quiet' is running.")
  })
})

describe('a logger that is bound before the module is loaded', () => {
  it('is what everything logs to', async () => {
    const { logger, lines } = keptLog()
    const { di } = application({
      listeners: [Quiet],
      logger: undefined as never,
      before: (each) => each.bind(KafkaTokens.Logger).toConstantValue(logger),
    })
    const running = await startKafkaListeners(di, unsignalled)
    await running.stop()
    expect(lines).toContain("info: Container 'quiet' is running.")
  })
})
