import { Admin, ConsumerRecord, Producer, ShareConsumer } from '@milena/client'
import {
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  ListenerEndpointRegistry,
  ShareConsumerStoppingEvent,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { Container, inject, injectable } from 'inversify'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  EventListener,
  Header,
  Headers,
  KafkaListener,
  kafkaModule,
  KafkaTokens,
  Payload,
  Record,
  startKafkaListeners,
  type KafkaModuleOptions,
} from '../src/index.js'
import { SecretRedaction } from '../src/secret-redaction.js'
import { FakeKafka, keptLog, quiet } from './fake-kafka.js'

const silent = keptLog().logger

/** A DI container with kafkaModule over a fake cluster. */
function application(options: Partial<KafkaModuleOptions> & { readonly kafka?: FakeKafka } = {}) {
  const { kafka = new FakeKafka(), ...given } = options
  const di = new Container()
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

@injectable()
class Orders {
  readonly seen: unknown[] = []
}

describe('an application without a listener', () => {
  const nothing = expect.stringMatching(/^warn: No listener is registered, .*kafkaModule\(\{ .*listeners: \[/)

  it('starts, as endpoints may be registered later, and says once that nothing will be received', async () => {
    class Observer {
      @EventListener(ConsumerStoppedEvent)
      stopped(): void {}
    }
    for (const listeners of [[], [Observer]]) {
      const { logger, lines } = keptLog()
      const running = await startKafkaListeners(application({ listeners, logger }).di)
      await running.stop()
      expect(lines.filter((line) => line.startsWith('warn'))).toEqual([nothing])
    }
  })

  it('is not one whose only listener waits to be started', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders', autoStartup: false })
      onOrder(@Payload() _order: unknown): void {}
    }
    const { logger, lines } = keptLog()
    const running = await startKafkaListeners(application({ listeners: [Listener], logger }).di)
    await running.stop()
    expect(lines).not.toContainEqual(nothing)
  })
})

describe('a decorated listener', () => {
  it('is called on its instance from the DI container with what its parameters ask for, and the record is accepted', async () => {
    @injectable()
    class Listener {
      constructor(private readonly orders: Orders) {}
      @KafkaListener({ topics: 'orders' })
      onOrder(
        @Headers() headers: unknown,
        @Payload(z.object({ id: z.string() })) order: unknown,
        record: ConsumerRecord,
        @Header('trace') trace: string | undefined,
        consumer: ShareConsumer,
      ): void {
        this.orders.seen.push([order, trace, record, headers, consumer])
      }
    }
    const { di, kafka } = application({ listeners: [Listener] })
    di.bind(Orders).toSelf().inSingletonScope()
    const running = await startKafkaListeners(di)
    const record = await kafka.bring('orders', Buffer.from('{"id":"a"}'), { trace: 't-1' })
    expect(di.get(Orders).seen).toEqual([[{ id: 'a' }, 't-1', record, record.headers, kafka.members[0]?.consumer]])
    expect(kafka.answers).toEqual(['ACCEPT 0'])
    await running.stop()
    expect(kafka.members[0]?.closed).toBe(true)
  })

  it('that throws, or whose payload is refused, leaves the record to the recoverer of its factory', async () => {
    const errors: unknown[] = []
    class Listener {
      @KafkaListener({ topics: 'orders' })
      onOrder(@Payload(z.object({ id: z.string() })) order: { id: string }): void {
        if (order.id === 'bad') throw new Error('bad order')
      }
    }
    const kafka = new FakeKafka()
    const recoverer = (_record: unknown, error: unknown) => {
      errors.push(error)
      return 'RELEASE' as const
    }
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: { default: { ...kafka.factory, shareConsumerRecordRecoverer: recoverer } },
    })
    const running = await startKafkaListeners(di)
    await kafka.bring('orders', Buffer.from('{"id":"bad"}'))
    await kafka.bring('orders', Buffer.from('{"id":7}'))
    await kafka.bring('orders', Buffer.from('no json'))
    await kafka.bring('orders', Buffer.from('{"id":"good"}'))
    expect(kafka.answers).toEqual(['RELEASE 0', 'RELEASE 1', 'RELEASE 2', 'ACCEPT 3'])
    expect(errors.map((error) => (error as Error).name)).toEqual([
      'Error',
      'PayloadValidationError',
      'PayloadValidationError',
    ])
    await running.stop()
  })

  it('runs with the settings of its decorator, placeholders resolved, in a container of its own', async () => {
    class Listener {
      @KafkaListener({
        id: 'a',
        topics: '${topic}',
        groupId: '${group:one}',
        concurrency: '2',
        clientIdPrefix: 'orders',
      })
      @KafkaListener({ topics: 'other', properties: { 'max.poll.records': 5 } })
      on(@Record() _record: unknown): void {}
    }
    const { di, kafka } = application({ listeners: [Listener], properties: { topic: 'orders' } })
    const running = await startKafkaListeners(di)
    expect(kafka.members.map((member) => [member.subscribed, member.request.groupId, member.request.clientId])).toEqual(
      [
        [['orders'], 'one', 'orders-0'],
        [['orders'], 'one', 'orders-1'],
        [['other'], undefined, 'Listener.on-2-0'],
      ],
    )
    expect(kafka.members[2]?.request.properties).toMatchObject({ 'max.poll.records': 5 })
    expect(running.registry.allContainers.map((container) => container.id)).toEqual(['a', 'Listener.on-2'])
    await running.stop()
  })

  it('takes its group from where it is set nearest, by either spelling', async () => {
    class Listener {
      @KafkaListener({ id: 'own', topics: 't', groupId: 'a' })
      @KafkaListener({ id: 'own setting', topics: 't', properties: { 'group.id': 'b' } })
      @KafkaListener({ id: 'of the factory', topics: 't' })
      @KafkaListener({ id: 'of the consumers', topics: 't', containerFactory: 'plain' })
      on(): void {}
    }
    const kafka = new FakeKafka({ groupId: 'd' })
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: {
        default: { ...kafka.factory, properties: { 'group.id': 'c' } },
        plain: kafka.factory,
      },
    })
    const running = await startKafkaListeners(di)
    expect(running.registry.allContainers.map((container) => container.groupId)).toEqual(['a', 'b', 'c', 'd'])
    await running.stop()
  })

  it('takes placeholders in the options of its container factory and in consumer settings too', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders' })
      on(): void {}
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      properties: { team: 'north' },
      containerFactories: {
        default: { ...kafka.factory, groupId: '${team}-workers', properties: { 'client.rack': '${rack:r1}' } },
      },
    })
    const running = await startKafkaListeners(di)
    expect(kafka.members[0]?.request.groupId).toBe('north-workers')
    expect(kafka.members[0]?.request.properties).toMatchObject({ 'client.rack': 'r1' })
    await running.stop()
  })

  it('with autoStartup false waits until it is started by hand', async () => {
    class Listener {
      @KafkaListener({ id: 'later', topics: 'orders', autoStartup: false })
      on(): void {}
    }
    const { di, kafka } = application({ listeners: [Listener] })
    const running = await startKafkaListeners(di)
    expect(kafka.members).toEqual([])
    await running.registry.getListenerContainer('later')?.start()
    expect(kafka.members).toHaveLength(1)
    await running.stop()
    expect(running.registry.getListenerContainer('later')?.state).toBe('stopped')
  })

  it('uses the container factory that it names, whose parts may come out of the DI container', async () => {
    @injectable()
    class Lenient {
      readonly recover = () => 'ACCEPT' as const
    }
    class Listener {
      @KafkaListener({ topics: 'orders', containerFactory: 'lenient' })
      on(): void {
        throw new Error('never mind')
      }
    }
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Listener],
      containerFactories: {
        lenient: (get) => ({ ...kafka.factory, shareConsumerRecordRecoverer: get(Lenient).recover, concurrency: 2 }),
      },
    })
    di.bind(Lenient).toSelf()
    const running = await startKafkaListeners(di)
    expect(kafka.members).toHaveLength(2)
    await kafka.bring('orders', null)
    expect(kafka.answers).toEqual(['ACCEPT 0', 'ACCEPT 0'])
    await running.stop()
  })

  it('also finds a container factory that was bound by hand', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders', containerFactory: 'mine' })
      on(): void {}
    }
    const { di, kafka } = application({ listeners: [Listener] })
    di.bind(KafkaTokens.containerFactory('mine')).toDynamicValue((context) =>
      context.get(KafkaTokens.containerFactory('default')),
    )
    const running = await startKafkaListeners(di)
    expect(kafka.members).toHaveLength(1)
    await running.stop()
  })
})

describe('the scope of a listener class', () => {
  const made: object[] = []
  @injectable()
  class Listener {
    constructor() {
      made.push(this)
    }
    @KafkaListener({ topics: 'orders' })
    on(): void {
      used.push(this)
    }
  }
  const used: object[] = []
  const run = async (bind: (di: Container) => void): Promise<number> => {
    made.length = 0
    used.length = 0
    const { di, kafka } = application({ listeners: [Listener] })
    bind(di)
    const running = await startKafkaListeners(di)
    await kafka.bring('orders', 1)
    await kafka.bring('orders', 2)
    await running.stop()
    expect(kafka.answers).toEqual(['ACCEPT 0', 'ACCEPT 1'])
    return new Set(used).size
  }

  it('is singleton unless it is bound otherwise: one instance for all records', async () => {
    expect(await run(() => undefined)).toBe(1)
    expect(made).toHaveLength(1)
  })

  it('bound as a singleton or a constant is one instance, too', async () => {
    expect(await run((di) => di.bind(Listener).toSelf().inSingletonScope())).toBe(1)
    expect(await run((di) => di.bind(Listener).toConstantValue(new Listener()))).toBe(1)
  })

  it('transient or request: each record has its own instance', async () => {
    expect(await run((di) => di.bind(Listener).toSelf().inTransientScope())).toBe(2)
    expect(await run((di) => di.bind(Listener).toSelf().inRequestScope())).toBe(2)
  })

  it('works where an instance is made asynchronously', async () => {
    expect(
      await run((di) =>
        di
          .bind(Listener)
          .toDynamicValue(() => Promise.resolve(new Listener()))
          .inSingletonScope(),
      ),
    ).toBe(1)
    expect(
      await run((di) =>
        di
          .bind(Listener)
          .toDynamicValue(() => Promise.resolve(new Listener()))
          .inTransientScope(),
      ),
    ).toBe(2)
  })
})

describe('an event listener', () => {
  it('hears the events of all containers in their order, and only those that it names', async () => {
    const story: string[] = []
    class Listener {
      @KafkaListener({ id: 'a', topics: 'orders' })
      on(): void {}

      @EventListener(ConsumerStartingEvent, ConsumerStartedEvent, ShareConsumerStoppingEvent, ConsumerStoppedEvent)
      told(
        event: ConsumerStartingEvent | ConsumerStartedEvent | ShareConsumerStoppingEvent | ConsumerStoppedEvent,
      ): void {
        story.push(`${event.type} ${event.clientId}`)
      }
    }
    class Watcher {
      @EventListener(ConsumerStoppedEvent)
      stopped(event: ConsumerStoppedEvent): void {
        story.push(`watcher: ${event.reason}`)
      }
    }
    const { di } = application({ listeners: [Listener, Watcher] })
    const running = await startKafkaListeners(di)
    await running.stop()
    expect(story).toEqual([
      'consumerStarting a-0',
      'consumerStarted a-0',
      'shareConsumerStopping a-0',
      'consumerStopped a-0',
      'watcher: NORMAL',
    ])
  })

  it('that throws or rejects is logged; the others and the container go on', async () => {
    const heard: string[] = []
    class Bad {
      @EventListener(ConsumerStartedEvent)
      throws(): void {
        throw new Error('no')
      }
      @EventListener(ConsumerStartedEvent)
      rejects(): Promise<void> {
        return Promise.reject(new Error('no'))
      }
    }
    class Listener {
      @KafkaListener({ topics: 'orders' })
      on(): void {}
      @EventListener(ConsumerStartedEvent)
      started(): void {
        heard.push('started')
      }
    }
    const { logger, lines } = keptLog()
    const { di, kafka } = application({ listeners: [Bad, Listener], logger })
    const running = await startKafkaListeners(di)
    await kafka.bring('orders', 1)
    expect(heard).toEqual(['started'])
    expect(kafka.answers).toEqual(['ACCEPT 0'])
    expect(lines.filter((line) => line.startsWith('error'))).toEqual([
      "error: Bad.throws() failed on 'consumerStarted'. The container is not affected; mend the method.",
      "error: Bad.rejects() failed on 'consumerStarted'. The container is not affected; mend the method.",
    ])
    await running.stop()
  })
})

describe('what kafkaModule binds', () => {
  class Listener {
    @KafkaListener({ topics: 'orders' })
    on(): void {}
  }

  it('is one producer, admin, registry and logger, which other classes may ask for', async () => {
    @injectable()
    class Service {
      constructor(
        readonly producer: Producer,
        readonly admin: Admin,
        readonly registry: ListenerEndpointRegistry,
        @inject(KafkaTokens.Logger) readonly logger: unknown,
      ) {}
    }
    const { di } = application({
      listeners: [Listener],
      client: {
        bootstrapServers: '${kafka:nowhere:1}',
        maxPollRecords: 7,
        valueDeserializer: (data) => data,
        properties: { 'max.poll.records': 7 },
      },
    })
    di.bind(Service).toSelf()
    const service = di.get(Service)
    expect(service.producer).toBeInstanceOf(Producer)
    expect(service.admin).toBeInstanceOf(Admin)
    expect(service.logger).toBe(silent)
    expect(di.get(Producer)).toBe(service.producer)
    const running = await startKafkaListeners(di)
    expect(service.registry).toBe(running.registry)
    await running.stop()
    await expect(service.producer.send({ topic: 't', value: Buffer.from('x') })).rejects.toThrow(/closed/i)
  })

  it('logs through pino when no logger is given', () => {
    const { di } = application({ listeners: [Listener], logger: undefined as never })
    expect(di.get(KafkaTokens.Logger)).toMatchObject({ level: 'info' })
  })

  it('starts and stops containers that were made in code and are bound under its name for them', async () => {
    const { di, kafka } = application({ listeners: [Listener] })
    const seen: unknown[] = []
    di.bind(KafkaTokens.ListenerContainer).toDynamicValue((context) => {
      const container = context.get(KafkaTokens.containerFactory('default')).createContainer('by-hand')
      container.setupMessageListener((record: ConsumerRecord<unknown, unknown>) => seen.push(record.value))
      return container
    })
    const running = await startKafkaListeners(di)
    await kafka.bring('by-hand', 'v')
    expect(seen).toEqual(['v'])
    await running.stop()
    expect(kafka.members.map((member) => member.closed)).toEqual([true, true])
  })
})

describe('stopping', () => {
  class Listener {
    @KafkaListener({ id: 'a', topics: 'orders' })
    on(): void {}
  }

  it('may be asked for twice', async () => {
    const { di } = application({ listeners: [Listener] })
    const running = await startKafkaListeners(di)
    await Promise.all([running.stop(), running.stop()])
    await running.stop()
  })

  it('is what whenStopped() waits for', async () => {
    const { di } = application({ listeners: [Listener] })
    const running = await startKafkaListeners(di)
    let ended = false
    const end = running.whenStopped().then(() => (ended = true))
    await quiet()
    expect(ended).toBe(false)
    await running.stop()
    await end
  })
})

describe('a start that fails', () => {
  it('rejects with the cause and stops the containers that had started', async () => {
    class Listener {
      @KafkaListener({ id: 'a', topics: 'good' })
      @KafkaListener({ id: 'b', topics: 'bad', groupId: 'bad' })
      on(): void {}
    }
    const kafka = new FakeKafka()
    kafka.beforeMember = ({ groupId }) => {
      if (groupId === 'bad') throw new KafkaUsageError('the group is bad')
    }
    const { di } = application({ kafka, listeners: [Listener] })
    await expect(startKafkaListeners(di)).rejects.toThrow('the group is bad')
    expect(kafka.members.every((member) => member.closed)).toBe(true)
    expect(di.get(ListenerEndpointRegistry).getListenerContainer('a')?.state).toBe('stopped')
  })

  it('also stops containers that were made in code, and closes the Producer', async () => {
    class Listener {
      @KafkaListener({ topics: 'bad', groupId: 'bad' })
      on(): void {}
    }
    const kafka = new FakeKafka()
    kafka.beforeMember = ({ groupId }) => {
      if (groupId === 'bad') throw new KafkaUsageError('the group is bad')
    }
    const { di } = application({ kafka, listeners: [Listener] })
    di.bind(KafkaTokens.ListenerContainer).toDynamicValue((context) => {
      const container = context.get(KafkaTokens.containerFactory('default')).createContainer('by-hand')
      container.setupMessageListener(() => undefined)
      return container
    })
    const producer = di.get(Producer)
    await expect(startKafkaListeners(di)).rejects.toThrow('the group is bad')
    expect(kafka.members.map((member) => [member.subscribed, member.closed])).toEqual([[['by-hand'], true]])
    await expect(producer.send({ topic: 't', value: Buffer.from('x') })).rejects.toThrow(/closed/i)
  })
})

describe('an unreachable cluster', () => {
  it('ends the start with one error that names the address and what to check', async () => {
    class Listener {
      @KafkaListener({ topics: 'orders', groupId: 'g' })
      on(): void {}
    }
    const { di } = application({
      listeners: [Listener],
      client: { bootstrapServers: '127.0.0.1:1', bootstrapTimeoutMs: 200 },
      containerFactories: { default: {} },
    })
    await expect(startKafkaListeners(di)).rejects.toThrow(/127\.0\.0\.1:1.*Check bootstrapServers/)
  })
})

describe('a mistake', () => {
  class Good {
    @KafkaListener({ id: 'same', topics: 'orders' })
    on(): void {}
  }
  class SameId {
    @KafkaListener({ id: 'same', topics: 'orders' })
    on(): void {}
  }
  class NoFactory {
    @KafkaListener({ topics: 'orders', containerFactory: 'manual' })
    on(): void {}
  }
  @injectable()
  class Needy {
    constructor(readonly orders: Orders) {}
    @KafkaListener({ topics: 'orders' })
    on(): void {}
  }

  const mistake = async (di: Container): Promise<string> => {
    const error: unknown = await startKafkaListeners(di).catch((reason: unknown) => reason)
    expect(KafkaUsageError.is(error)).toBe(true)
    return (error as Error).message
  }

  it('in an id that is given twice names both', async () => {
    const { di } = application({ listeners: [Good, SameId] })
    expect(await mistake(di)).toBe("SameId.on(): The id 'same' is taken by Good.on(). Give one of them another id.")
  })

  it('in the name of a container factory names those that there are', async () => {
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [NoFactory],
      containerFactories: { default: kafka.factory, fast: kafka.factory },
    })
    expect(await mistake(di)).toMatch(
      /^NoFactory\.on\(\): There is no container factory 'manual'\. Known are 'default', 'fast';/,
    )
  })

  it('of a listener without a group anywhere names class and method', async () => {
    const kafka = new FakeKafka({ groupId: undefined })
    const { di } = application({ kafka, listeners: [Good] })
    expect(await mistake(di)).toMatch(/^Good\.on\(\): It has no group\. Set groupId/)
    expect(kafka.members).toEqual([])
  })

  it('of a class whose dependencies are not bound names the class and the remedy', async () => {
    const { di } = application({ listeners: [Needy] })
    expect(await mistake(di)).toMatch(
      /^Needy: The DI container cannot make it: [^]*Orders[^]*Put @injectable\(\) on the class and bind/,
    )
  })

  it('of a class whose dependencies were imported as types says so, after what inversify says', async () => {
    // What tsc leaves of it. inversify takes that for a constructor without types.
    @injectable()
    @Reflect.metadata('design:paramtypes', [Function])
    class Erased {
      constructor(readonly orders: Orders) {}
      @KafkaListener({ topics: 'orders' })
      on(): void {}
    }
    const { di } = application({ listeners: [Erased] })
    expect(await mistake(di)).toMatch(
      /^Erased: The DI container cannot make it: [^]*[.!?] Put @injectable\(\) on the class .* import those classes as values .*@inject\(Service\)\.$/,
    )
  })

  it('in the settings of a factory names the listener that uses it', async () => {
    const kafka = new FakeKafka()
    const { di } = application({
      kafka,
      listeners: [Good],
      containerFactories: { default: { ...kafka.factory, concurency: 3 } as object },
    })
    expect(await mistake(di)).toMatch(
      /^Good\.on\(\): .*'concurency' is not a container property; did you mean 'concurrency'/,
    )
  })

  it('in the options of a factory that are none names the factory', async () => {
    const { di } = application({ listeners: [Good], containerFactories: { default: () => undefined as never } })
    expect(await mistake(di)).toMatch(/^Good\.on\(\): Container factory 'default' has no options\. Give it an object/)
  })

  it('is told with all others at once, and nothing was connected', async () => {
    const { di, kafka } = application({ listeners: [Good, SameId, NoFactory] })
    expect(await mistake(di)).toMatch(/for 2 reasons:\n {2}- SameId[^]*\n {2}- NoFactory/)
    expect(kafka.members).toEqual([])
  })

  it('of starting without kafkaModule, with two of them, or twice is explained', async () => {
    expect(await mistake(new Container())).toMatch(/found no kafkaModule in this DI container\. Load one first/)
    const { di } = application({ listeners: [Good] })
    const running = await startKafkaListeners(di)
    expect(await mistake(di)).toMatch(/was called before for this DI container.*after a start that failed/)
    await running.stop()
    di.load(kafkaModule({ client: {} }))
    expect(await mistake(di)).toMatch(/loaded more than once/)
  })

  it.each([
    ['no client', {}, /kafkaModule needs the client options/],
    ['a client that is null', { client: null }, /kafkaModule needs the client options/],
    ['an unknown option', { client: {}, listener: [] }, /does not know 'listener'\. Known are client/],
    ['listeners that are no classes', { client: {}, listeners: [{}] }, /must be a list of classes/],
  ])('in the options of kafkaModule is told when it is made: %s', (_name, options, message) => {
    expect(() => kafkaModule(options as unknown as KafkaModuleOptions)).toThrow(message)
  })

  it('in the consumer settings of a listener is told by class and method, with all others, before anything joins', async () => {
    class Wrong {
      @KafkaListener({ topics: 'a', groupId: 'g', properties: { 'max.poll.recrods': 5 } })
      one(): void {}
      @KafkaListener({ topics: 'b', groupId: 'g', properties: { 'max.poll.records': 'many' }, phase: 1 })
      two(): void {}
      @KafkaListener({ topics: 'c', groupId: 'g', phase: -1 })
      right(): void {}
    }
    const di = new Container()
    di.load(kafkaModule({ client: { bootstrapServers: 'nowhere:1' }, logger: keptLog().logger, listeners: [Wrong] }))
    const failure = await startKafkaListeners(di, { signals: false }).catch(String)
    expect(failure).toMatch(/for 2 reasons/)
    expect(failure).toMatch(
      /Wrong\.one\(\): .*'max\.poll\.recrods' is not a known property; did you mean 'max\.poll\.records'\?/,
    )
    expect(failure).toMatch(/Wrong\.two\(\): .*maxPollRecords is 'many'/)
  })

  it('in the settings of a listener may be logged: its secrets are known by then', async () => {
    class Secretive {
      @KafkaListener({ topics: 'a', groupId: 'g', properties: { 'ssl.key.password': '${own.secret:hunter22}' } })
      on(): void {}
    }
    const learn = vi.spyOn(SecretRedaction.prototype, 'learn')
    const di = new Container()
    di.load(
      kafkaModule({ client: { bootstrapServers: 'nowhere:1' }, logger: keptLog().logger, listeners: [Secretive] }),
    )
    await expect(startKafkaListeners(di, { signals: false })).rejects.toThrow(/ssl\.key\.password/)
    expect(learn).toHaveBeenCalledWith({ properties: { 'ssl.key.password': 'hunter22' } })
    learn.mockRestore()
  })

  it('in a mode of offset commits is told with the reason', async () => {
    class Offsets {
      @KafkaListener({ topics: 'a', groupId: 'g', ackMode: '${own.mode:record}' })
      on(): void {}
    }
    const di = new Container()
    di.load(kafkaModule({ client: { bootstrapServers: 'nowhere:1' }, logger: keptLog().logger, listeners: [Offsets] }))
    await expect(startKafkaListeners(di, { signals: false })).rejects.toThrow(
      /Offsets\.on\(\): ackMode is 'RECORD'; it must be .*RECORD is a mode of offset commits, and records are acknowledged one by one/,
    )
  })

  it('of group settings with placeholders is none', async () => {
    class Settings {
      @KafkaListener({
        topics: 'a',
        autoStartup: false,
        groupConfigs: {
          'share.auto.offset.reset': '${own.reset:earliest}',
          'share.record.lock.duration.ms': '${own.lock:20000}',
        },
      })
      on(): void {}
    }
    const di = new Container()
    di.load(
      kafkaModule({
        client: { bootstrapServers: 'nowhere:1', groupId: 'g' },
        logger: keptLog().logger,
        listeners: [Settings],
        containerFactories: { default: { groupConfigs: { shareSessionTimeoutMs: '${own.session:30000}' } } },
      }),
    )
    const running = await startKafkaListeners(di, { signals: false })
    expect(running.registry.allContainers[0]?.containerProperties.groupConfigs).toEqual({
      'share.auto.offset.reset': 'earliest',
      'share.record.lock.duration.ms': '20000',
      'share.session.timeout.ms': '30000',
    })
    await running.stop()
  })

  it('in a placeholder of a secret does not quote it', async () => {
    class Wrong {
      @KafkaListener({ topics: 'a', groupId: 'g', properties: { 'ssl.key.password': 'hunter22${' } })
      one(): void {}
    }
    const di = new Container()
    di.load(kafkaModule({ client: { bootstrapServers: 'nowhere:1' }, logger: keptLog().logger, listeners: [Wrong] }))
    const failure = await startKafkaListeners(di, { signals: false }).catch(String)
    expect(failure).toMatch(/Wrong\.one\(\): The placeholder in properties\['ssl\.key\.password'\] cannot be resolved/)
    expect(failure).not.toContain('hunter22')
  })

  it('of a client without bootstrapServers is told by the start', async () => {
    const { di } = application({ listeners: [Good], client: { groupId: 'g' }, containerFactories: { default: {} } })
    await expect(startKafkaListeners(di)).rejects.toThrow(/bootstrapServers/)
  })
})
