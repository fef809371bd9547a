import type { ConsumerRecord, Producer as ProducerType } from '@milena/client'
import { Producer } from '@milena/client'
import { ListenerEndpointRegistry } from '@milena/container'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { Container, inject, injectable } from 'inversify'
import { pino } from 'pino'
import { describe, expect, it, vi } from 'vitest'
import {
  KafkaListener,
  kafkaModule,
  KafkaTokens,
  Record,
  startKafkaListeners,
  type KafkaListeners,
  type KafkaModuleOptions,
  type StartKafkaOptions,
} from '../src/index.js'
import { FakeKafka, keptLog, quiet } from './fake-kafka.js'

// The life of an application: how it starts, runs and ends, and what becomes of it when somebody interferes.

const silent = keptLog().logger
const unsignalled = { signals: false }

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

class Orders {
  @KafkaListener({ id: 'orders', topics: 'orders', containerGroup: 'front' })
  on(): void {}
}

/** Something that can be waited for, and the way to bring it about. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

describe('an application', () => {
  it('runs from its start to its stop, and says so; its health tells of every container', async () => {
    const { di } = application({ listeners: [Orders] })
    const handle = di.get(KafkaTokens.Listeners)
    expect(handle.isRunning).toBe(false)
    expect(handle.health()).toEqual({ status: 'down', containers: [] })
    const running = await startKafkaListeners(di, unsignalled)
    expect(running).toBe(handle)
    expect(running.isRunning).toBe(true)
    expect(running.health()).toMatchObject({
      status: 'up',
      containers: [{ id: 'orders', status: 'up', state: 'running', groupId: 'fake-group', topics: ['orders'] }],
    })
    expect(JSON.parse(JSON.stringify(running.health()))).toMatchObject({ status: 'up' })
    const end = running.stop()
    expect(running.isRunning).toBe(false)
    expect(running.health().status).toBe('down')
    await end
    expect(running.health()).toMatchObject({ status: 'down', containers: [{ id: 'orders', state: 'stopped' }] })
  })

  it('is stopped by `await using`', async () => {
    const { di, kafka } = application({ listeners: [Orders] })
    {
      await using running = await startKafkaListeners(di, unsignalled)
      expect(running.isRunning).toBe(true)
    }
    expect(kafka.members.map(({ closed }) => closed)).toEqual([true])
  })

  it('is paused and resumed by the registry, by id and by group', async () => {
    const { di, kafka } = application({ listeners: [Orders] })
    const running = await startKafkaListeners(di, unsignalled)
    const container = running.registry.getListenerContainer('orders')
    container?.pause()
    expect(running.health().containers[0]?.state).toBe('paused')
    container?.resume()
    await kafka.bring('orders', 1)
    expect(kafka.answers).toEqual(['ACCEPT 0'])
    await running.registry.getContainerGroup('front')?.stop()
    expect(container?.state).toBe('stopped')
    await running.stop()
  })

  it('starts low phases first and stops high ones first, containers that were made in code among them', async () => {
    const story: string[] = []
    class Listener {
      @KafkaListener({ id: 'last', topics: 't', phase: 10 })
      @KafkaListener({ id: 'first', topics: 't', phase: -1 })
      on(): void {}
    }
    const { di } = application({ listeners: [Listener] })
    di.bind(KafkaTokens.EventPublisher).toConstantValue((event) => story.push(`${event.type} ${event.containerId}`))
    di.bind(KafkaTokens.ListenerContainer).toDynamicValue((context) => {
      const container = context.get(KafkaTokens.containerFactory('default')).createContainer('by-hand')
      container.setupMessageListener(() => undefined)
      return container
    })
    const running = await startKafkaListeners(di, unsignalled)
    await running.stop()
    const of = (type: string) => story.filter((each) => each.startsWith(`${type} `)).map((each) => each.split(' ')[1])
    expect(of('consumerStarted')).toEqual(['first', 'share-container', 'last'])
    expect(of('consumerStopped')).toEqual(['last', 'share-container', 'first'])
  })

  it('may be asked for by what it is made of', async () => {
    @injectable()
    class Page {
      constructor(@inject(KafkaTokens.Listeners) readonly kafka: KafkaListeners) {}
      @KafkaListener({ topics: 't' })
      on(): void {}
    }
    const { di } = application({ listeners: [Page] })
    const running = await startKafkaListeners(di, unsignalled)
    expect(di.get(Page).kafka).toBe(running)
    await running.stop()
  })
})

describe('an application with a Producer', () => {
  it('waits for its unsent records for as long as its stop may take, and no longer', async () => {
    const { di } = application({ listeners: [Orders] })
    const running = await startKafkaListeners(di, unsignalled)
    const unsent = di.get(Producer).send({ topic: 'orders', value: Buffer.from('1') })
    const told = expect(unsent).rejects.toThrow(/close\(\) waited for 20 ms/)
    await running.stop({ timeoutMs: 20 })
    await told
  })
})

describe('an application that is stopping', () => {
  it('is told to be quicker by a further stop(), and not to take longer', async () => {
    class Hanging {
      @KafkaListener({ topics: 'orders' })
      on(): Promise<void> {
        return new Promise(() => undefined)
      }
    }
    const kafka = new FakeKafka()
    const clock = new VirtualClock()
    const runtime = { ...kafka.factory.runtime, clock }
    const { di } = application({
      kafka,
      listeners: [Hanging],
      containerFactories: { default: { ...kafka.factory, runtime } },
    })
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 1)
    let ended = false
    const end = running.stop({ timeoutMs: 9000 }).then(() => (ended = true))
    void running.stop({ timeoutMs: 20_000 })
    void running.stop({ timeoutMs: 500 })
    await clock.advance(250)
    await quiet()
    expect(ended).toBe(false)
    await clock.advance(250)
    await quiet()
    expect(ended).toBe(true)
    await end
  })
})

describe('an application that is stopped while it starts', () => {
  it('rejects its start with START_CANCELLED, and leaves nothing open', async () => {
    const { di, kafka } = application({ listeners: [Orders] })
    const joining = gate()
    kafka.join = () => joining.opened
    const start = startKafkaListeners(di, unsignalled).catch((error: unknown) => error)
    await quiet()
    expect(kafka.members).toHaveLength(1)
    const stopped = di.get(KafkaTokens.Listeners).stop()
    joining.open()
    await stopped
    expect(await start).toMatchObject({ code: 'START_CANCELLED' })
    expect(kafka.members.every(({ closed }) => closed)).toBe(true)
    expect(di.get(ListenerEndpointRegistry).getListenerContainer('orders')?.state).toBe('stopped')
  })

  it('while its parts are being made does not connect at all', async () => {
    const making = gate()
    const { di, kafka } = application({ listeners: [Orders] })
    let producer: ProducerType | undefined
    di.bind(KafkaTokens.PropertySource).toDynamicValue(async (context) => {
      await making.opened
      producer = context.get(Producer)
      return {}
    })
    const start = startKafkaListeners(di, unsignalled).catch((error: unknown) => error)
    await quiet()
    await di.get(KafkaTokens.Listeners).stop()
    making.open()
    expect(await start).toMatchObject({ code: 'START_CANCELLED' })
    expect(kafka.members).toEqual([])
    await expect(producer?.send({ topic: 't', value: 'v' })).rejects.toThrow(/closed/i)
  })

  it('by the registry is stopped, too', async () => {
    const { di, kafka } = application({ listeners: [Orders] })
    const joining = gate()
    kafka.join = () => joining.opened
    const start = startKafkaListeners(di, unsignalled).catch((error: unknown) => error)
    await quiet()
    const stopped = di.get(ListenerEndpointRegistry).stop()
    joining.open()
    await stopped
    expect(KafkaError.is(await start)).toBe(true)
    expect(kafka.members.every(({ closed }) => closed)).toBe(true)
  })
})

describe('starting an application again', () => {
  it('after a start that failed is refused with the way to do it', async () => {
    const kafka = new FakeKafka()
    kafka.beforeMember = () => {
      throw new Error('no brokers today')
    }
    const { di } = application({ kafka, listeners: [Orders] })
    await expect(startKafkaListeners(di, unsignalled)).rejects.toThrow('no brokers today')
    expect(di.get(KafkaTokens.Listeners)).toMatchObject({ isRunning: false })
    expect(di.get(KafkaTokens.Listeners).health()).toMatchObject({ status: 'down' })
    const again: unknown = await startKafkaListeners(di, unsignalled).catch((error: unknown) => error)
    expect(KafkaUsageError.is(again)).toBe(true)
    expect(String(again)).toMatch(/after a start that failed, load kafkaModule into a new DI container/)
  })

  it('that was stopped before it began is refused as cancelled', async () => {
    const { di, kafka } = application({ listeners: [Orders] })
    await di.get(KafkaTokens.Listeners).stop()
    await expect(startKafkaListeners(di, unsignalled)).rejects.toMatchObject({ code: 'START_CANCELLED' })
    expect(kafka.members).toEqual([])
  })
})

describe('a listener that stops its application', () => {
  it('is not waited for by itself: stop() resolves at once, the listener ends and is answered, then all is closed', async () => {
    const story: string[] = []
    const delivered = gate()
    class Other {
      @KafkaListener({ id: 'other', topics: 'orders' })
      on(): void {
        delivered.open()
      }
    }
    @injectable()
    class Listener {
      constructor(
        @inject(KafkaTokens.Listeners) private readonly kafka: KafkaListeners,
        private readonly producer: Producer,
      ) {}
      @KafkaListener({ id: 'self', topics: 'orders' })
      async on(): Promise<void> {
        await delivered.opened
        await this.kafka.stop()
        story.push('stop returned')
        // Closed only when the last listener has ended: what it sends fails for want of a broker, not because the producer is closed.
        await this.producer.send({ topic: 't', value: 'v' }).catch((error: unknown) => story.push(codeOf(error)))
        story.push('ended')
      }
    }
    const { di, kafka } = application({
      listeners: [Listener, Other],
      client: { bootstrapServers: '127.0.0.1:1', bootstrapTimeoutMs: 50 },
    })
    const running = await startKafkaListeners(di, unsignalled)
    void kafka.bring('orders', 1)
    await running.whenStopped()
    await running.stop()
    expect(story).toEqual(['stop returned', expect.not.stringMatching('CLOSED'), 'ended'])
    expect(kafka.answers).toEqual(['ACCEPT 0', 'ACCEPT 0'])
    await expect(di.get(Producer).close()).resolves.toBeUndefined()
  })

  it('together with a listener of another container that does so, too, waits for neither', async () => {
    let begun = 0
    let ended = 0
    const both = gate()
    @injectable()
    class Listener {
      constructor(@inject(KafkaTokens.Listeners) private readonly kafka: KafkaListeners) {}
      @KafkaListener({ id: 'one', topics: 'orders' })
      @KafkaListener({ id: 'two', topics: 'orders' })
      async on(): Promise<void> {
        if (++begun === 2) both.open()
        await both.opened
        await this.kafka.stop()
        ended++
      }
    }
    const { di, kafka } = application({ listeners: [Listener] })
    const running = await startKafkaListeners(di, unsignalled)
    void kafka.bring('orders', 1)
    await running.whenStopped()
    expect(ended).toBe(2)
    expect(kafka.answers).toEqual(['ACCEPT 0', 'ACCEPT 0'])
  })
})

describe('a log line about a record', () => {
  it('has container, member, topic, partition and offset as facts, with any pino logger', async () => {
    const lines: Record<string, unknown>[] = []
    const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line) as never) })
    class Listener {
      @KafkaListener({ id: 'orders', topics: 'orders' })
      on(@Record() record: ConsumerRecord): void {
        throw new Error(`no ${record.offset}`)
      }
    }
    const { di, kafka } = application({ listeners: [Listener], logger })
    const running = await startKafkaListeners(di, unsignalled)
    await kafka.bring('orders', 1)
    await running.stop()
    expect(lines.filter(({ level }) => level === 50)).toMatchObject([
      { container: 'orders', clientId: 'orders-0', topic: 'orders', partition: 0, offset: 0, err: { message: 'no 0' } },
    ])
    expect(lines.filter(({ level }) => level === 30).every(({ container }) => container === 'orders')).toBe(true)
  })
})

describe('signals', () => {
  const handlers = () => [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]

  it('are listened to while an application lives, once for all of them, and not any more when it has stopped', async () => {
    const before = handlers()
    const first = await startKafkaListeners(application({ listeners: [Orders] }).di)
    const second = await startKafkaListeners(application({ listeners: [Orders] }).di)
    expect(handlers()).toEqual(before.map((count) => count + 1))
    await first.stop()
    expect(handlers()).toEqual(before.map((count) => count + 1))
    await second.stop()
    expect(handlers()).toEqual(before)
  })

  it('are not listened to any more where the application was stopped before it began', async () => {
    const before = handlers()
    const { di } = application({ listeners: [Orders] })
    await di.get(KafkaTokens.Listeners).stop()
    await expect(startKafkaListeners(di)).rejects.toMatchObject({ code: 'START_CANCELLED' })
    expect(handlers()).toEqual(before)
  })

  it('are not listened to after a start that failed, nor where none or others are wanted', async () => {
    const before = handlers()
    await expect(startKafkaListeners(application({ listeners: [class Nothing {}] }).di)).rejects.toThrow(/Nothing/)
    expect(handlers()).toEqual(before)
    for (const { signals, hangups } of [
      { signals: false, hangups: 0 },
      { signals: [], hangups: 0 },
      { signals: ['SIGHUP'] as const, hangups: 1 },
    ]) {
      const running = await startKafkaListeners(application({ listeners: [Orders] }).di, { signals })
      expect([...handlers(), process.listenerCount('SIGHUP')]).toEqual([...before, hangups])
      await running.stop()
    }
  })

  it('that nobody waits for any more are not listened to while others are', async () => {
    const counts = () => [...handlers(), process.listenerCount('SIGHUP')]
    const [terms = 0, interrupts = 0, hangups = 0] = counts()
    const both = await startKafkaListeners(application({ listeners: [Orders] }).di, { signals: ['SIGHUP', 'SIGTERM'] })
    const other = await startKafkaListeners(application({ listeners: [Orders] }).di, { signals: ['SIGTERM'] })
    expect(counts()).toEqual([terms + 1, interrupts, hangups + 1])
    await both.stop()
    expect(counts()).toEqual([terms + 1, interrupts, hangups])
    await other.stop()
    expect(counts()).toEqual([terms, interrupts, hangups])
  })

  it.each([['SIGTERM'], [['SIGNOTHING']], [['SIGKILL']], [7]])('that are none are refused: %j', async (signals) => {
    const { di } = application({ listeners: [Orders] })
    await expect(startKafkaListeners(di, { signals } as unknown as StartKafkaOptions)).rejects.toThrow(
      /signals must be true, false, or a list of signals that can be handled/,
    )
  })
})

describe('a secret in the options', () => {
  const secret = 'open sesame ${'

  it.each([
    ['of a placeholder that is not closed', { sasl: { password: secret } }],
    ['in a dotted property', { properties: { 'ssl.key.password': secret } }],
    ['in a nested one', { sasl: { oauth: { clientSecret: secret } } }],
  ])('is not in the error %s, which names the option', async (_what, given) => {
    const { di } = application({
      listeners: [Orders],
      client: { bootstrapServers: 'nowhere:1', ...(given as object) },
      containerFactories: { default: {} },
    })
    const error = await startKafkaListeners(di, unsignalled).catch((reason: unknown) => String(reason))
    expect(error).toMatch(/The placeholder in (password|ssl\.key\.password|clientSecret) cannot be resolved/)
    expect(error).not.toContain('sesame')
  })

  it.each([
    [
      'of the client',
      { client: { bootstrapServers: 'nowhere:1', sasl: { mechanism: 'plain', username: 'ann', password: '${key}' } } },
    ],
    [
      'of a container factory',
      { containerFactories: { default: { client: { properties: { 'ssl.key.password': '${key}' } } } } },
    ],
  ])('%s that came from a placeholder is not written in messages of errors', (_where, given) => {
    const { di } = application({
      client: { bootstrapServers: 'nowhere:1' },
      logger: undefined as never,
      containerFactories: { default: {} },
      properties: { key: 'open sesame' },
      ...(given as object),
    })
    di.get(KafkaTokens.containerFactory('default'))
    const logger = di.get(KafkaTokens.Logger)
    const stream = Reflect.get(logger, pino.symbols.streamSym) as { write: (line: string) => unknown }
    const lines: string[] = []
    const write = vi.spyOn(stream, 'write').mockImplementation((line) => lines.push(line))
    logger.error({ err: new Error('a open sesame was refused') }, 'The login failed.')
    write.mockRestore()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/\[redacted\] was refused/)
    expect(lines[0]).not.toContain('sesame')
  })

  it('that the client refuses is not in that error either', async () => {
    const { di } = application({
      listeners: [Orders],
      client: {
        bootstrapServers: 'nowhere:1',
        groupId: 'g',
        properties: { 'sasl.jaas.config': 'password="open sesame"' },
      },
      containerFactories: { default: {} },
    })
    const error = await startKafkaListeners(di, unsignalled).catch((reason: unknown) => String(reason))
    expect(error).toMatch(/sasl\.jaas\.config/)
    expect(error).not.toContain('sesame')
  })
})

function codeOf(error: unknown): string {
  return KafkaError.is(error) ? error.code : String(error)
}
