import { ConsumerRecord, Producer, ShareConsumer, type RecordHeaders } from '@milena/client'
import { ProcessingDeadlineError, type ShareAcknowledgment } from '@milena/container'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container, injectable } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import {
  Ack,
  Consumer,
  DeliveryCount,
  Header,
  Headers,
  KafkaHandler,
  KafkaListener,
  kafkaModule,
  Key,
  NoHandlerError,
  Offset,
  Partition,
  Payload,
  Record,
  Signal,
  startKafkaListeners,
  Timestamp,
  Topic,
  type KafkaListeners,
  type KafkaModuleOptions,
  type ListenerClass,
  type PayloadOf,
} from '../src/index.js'
import { keptLog } from './fake-kafka.js'

const within = { timeout: 15_000, interval: 25 }

let running: KafkaListeners | undefined
let producer: Producer | undefined
afterEach(async () => {
  await running?.stop()
  await producer?.close()
  running = undefined
  producer = undefined
})

interface Place {
  readonly topic: string
  readonly group: string
}

async function placeOn(broker: TestBroker): Promise<Place> {
  return { topic: await broker.createTopic({ prefix: 'orders' }), group: await broker.createGroup() }
}

/** Starts a listener class; its topic and its group are `${topic}` and `${group}`. */
async function start<T extends object>(
  broker: TestBroker,
  listenerClass: ListenerClass<T> & (new () => T),
  place: Place,
  options: Partial<KafkaModuleOptions> & { readonly bind?: (di: Container) => void } = {},
): Promise<T> {
  const { bind, properties, ...given } = options
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: broker.bootstrapServers },
      listeners: [listenerClass],
      logger: keptLog().logger,
      properties: [{ ...place }, ...(properties === undefined ? [] : [properties].flat())],
      ...given,
    }),
  )
  di.bind(listenerClass).toSelf().inSingletonScope()
  bind?.(di)
  running = await startKafkaListeners(di)
  return di.get(listenerClass)
}

async function send(broker: TestBroker, { topic }: Place, ...values: readonly unknown[]): Promise<void> {
  producer ??= new Producer({ bootstrapServers: broker.bootstrapServers })
  for (const value of values) {
    await producer.send({
      topic,
      key: 'k-1',
      value: typeof value === 'string' ? value : JSON.stringify(value),
      headers: [
        { key: 'trace', value: Buffer.from('t-1') },
        { key: 'empty', value: null },
      ],
    })
  }
}

const finished = (broker: TestBroker, { group }: Place) =>
  vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), within)

const Created = z.object({ type: z.literal('created'), id: z.string() })
const Paid = z.object({ type: z.literal('paid'), amount: z.number() })

describeOnBrokers('the parameters of a listener', (broker) => {
  it('are given in any order, and the acknowledgment answers the record', async () => {
    class Listener {
      readonly calls: unknown[][] = []

      @KafkaListener({ topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
      on(
        @DeliveryCount() deliveryCount: number,
        @Ack() ack: ShareAcknowledgment,
        @Timestamp() timestamp: number,
        @Signal() signal: AbortSignal,
        @Payload(Created) created: PayloadOf<typeof Created>,
        @Partition() partition: number,
        @Header('trace', { required: true }) trace: string,
        @Key() key: Buffer,
        @Consumer() consumer: ShareConsumer,
        @Offset() offset: number,
        @Header('empty', { as: 'bytes' }) empty: Buffer | null | undefined,
        @Topic() topic: string,
        @Record() record: ConsumerRecord,
        @Headers() headers: RecordHeaders,
        @Payload() raw: Buffer,
        @Header('absent') absent = 'default',
      ): void {
        this.calls.push([deliveryCount, created, partition, trace, String(key), offset, empty, topic, absent])
        expect(signal.aborted).toBe(false)
        expect(timestamp).toBe(record.timestamp)
        expect(Object.keys(consumer.metrics())).not.toHaveLength(0)
        expect(headers).toBe(record.headers)
        expect(raw).toBe(record.value)
        if (deliveryCount === 1) ack.release()
        else ack.acknowledge()
      }
    }
    const place = await placeOn(broker)
    await send(broker, place, { type: 'created', id: 'a' })
    const { calls } = await start(broker, Listener, place)
    await finished(broker, place)
    const rest = [{ type: 'created', id: 'a' }, 0, 't-1', 'k-1', 0, null, place.topic, 'default']
    expect(calls).toEqual([
      [1, ...rest],
      [2, ...rest],
    ])
  })

  it('have an acknowledgment in MANUAL mode only: elsewhere it is undefined, with one warning unless it is optional', async () => {
    class Listener {
      readonly given: unknown[] = []
      @KafkaListener({ id: 'strict', topics: '${topic}', groupId: '${group}' })
      strict(@Ack() ack: ShareAcknowledgment): void {
        this.given.push(ack)
      }
      @KafkaListener({ id: 'optional', topics: '${topic}', groupId: '${group}', autoStartup: false })
      optional(@Ack({ optional: true }) ack: ShareAcknowledgment | undefined): void {
        this.given.push(ack)
      }
    }
    const place = await placeOn(broker)
    await send(broker, place, 'one', 'two')
    const { logger, lines } = keptLog()
    const { given } = await start(broker, Listener, place, { logger })
    await finished(broker, place)
    expect(given).toEqual([undefined, undefined])
    await running?.registry.getListenerContainer('strict')?.stop()
    await running?.registry.getListenerContainer('optional')?.start()
    await send(broker, place, 'three')
    await finished(broker, place)
    expect(given).toEqual([undefined, undefined, undefined])
    const warnings = lines.filter((line) => line.startsWith('warn') && line.includes('acknowledgment'))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('Listener.strict()')
  })

  it('must have one in MANUAL mode, wherever that is set; nothing joins before that is told', async () => {
    class Listener {
      @KafkaListener({ topics: '${topic}', groupId: '${group}' })
      on(@Payload() _value: unknown): void {}
      @KafkaListener({ topics: '${topic}', groupId: '${group}', ackMode: '${mode}' })
      also(@Payload() _value: unknown): void {}
    }
    const place = await placeOn(broker)
    const containerFactories = { default: { shareAckMode: 'MANUAL' as const } }
    const properties = { mode: 'manual' }
    await expect(start(broker, Listener, place, { containerFactories, properties })).rejects.toThrow(
      /for 2 reasons:\n {2}- Listener\.on\(\): .*MANUAL mode.*Add @Ack\(\).*\n {2}- Listener\.also\(\): .*MANUAL mode/,
    )
    const [group] = await broker.admin.describeShareGroups([place.group]).catch(() => [])
    expect(group?.members ?? []).toEqual([])
  })
})

describeOnBrokers('a class that listens itself', (broker) => {
  it('has each record handled by the first handler whose schema takes it, those of its base class included', async () => {
    class Base {
      readonly calls: unknown[] = []
      @KafkaHandler()
      created(@Payload(Created) { id }: PayloadOf<typeof Created>, @Ack() ack: ShareAcknowledgment): void {
        this.calls.push(`created ${id}`)
        ack.acknowledge()
      }
    }
    @KafkaListener({ topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
    class Listener extends Base {
      @KafkaHandler({ isDefault: true })
      rest(@Ack() ack: ShareAcknowledgment, @Payload() value: Buffer): void {
        this.calls.push(`rest ${String(value)}`)
        ack.reject()
      }
      @KafkaHandler()
      paid(
        @Offset() offset: number,
        @Ack() ack: ShareAcknowledgment,
        @Payload(Paid) { amount }: PayloadOf<typeof Paid>,
      ): void {
        this.calls.push(`paid ${amount} at ${offset}`)
        ack.acknowledge()
      }
    }
    const place = await placeOn(broker)
    await send(broker, place, { type: 'created', id: 'a' }, { type: 'paid', amount: 3 }, 'no json', { type: 'lost' })
    const { calls } = await start(broker, Listener, place)
    await finished(broker, place)
    expect(calls).toEqual(['created a', 'paid 3 at 1', 'rest no json', 'rest {"type":"lost"}'])
  })

  it('without a handler for a record leaves it to the recoverer, with a NoHandlerError', async () => {
    @KafkaListener({ topics: '${topic}', groupId: '${group}' })
    class Listener {
      readonly calls: unknown[] = []
      @KafkaHandler()
      paid(@Payload(Paid) { amount }: PayloadOf<typeof Paid>): void {
        this.calls.push(amount)
      }
    }
    const errors: unknown[] = []
    const shareConsumerRecordRecoverer = (_record: unknown, error: unknown) => {
      errors.push(error)
      return 'REJECT' as const
    }
    const place = await placeOn(broker)
    await send(broker, place, { type: 'created', id: 'a' }, { type: 'paid', amount: 3 })
    const containerFactories = { default: { shareConsumerRecordRecoverer } }
    const { calls } = await start(broker, Listener, place, { containerFactories })
    await finished(broker, place)
    expect(calls).toEqual([3])
    expect(errors).toEqual([expect.any(NoHandlerError)])
    expect(String(errors[0])).toContain(`at offset 0 of ${place.topic}-0. Listener.paid(): type: `)
  })
})

describeOnBrokers('a listener', (broker) => {
  it('listens as often as it is told to, each time in a container of its own', async () => {
    class Listener {
      readonly topics: string[] = []
      @KafkaListener({ id: 'one', topics: '${topic}', groupId: '${group}', info: 'first' })
      @KafkaListener({
        id: '${second.id}',
        topics: ['${second.topic}'],
        idIsGroup: true,
        containerFactory: '${factory}',
      })
      on(@Topic() topic: string): void {
        this.topics.push(topic)
      }
    }
    const place = await placeOn(broker)
    const second = await placeOn(broker)
    await send(broker, place, 'a')
    await send(broker, second, 'b')
    const { topics } = await start(broker, Listener, place, {
      containerFactories: { default: {}, other: { concurrency: 2 } },
      properties: { second: { id: second.group, topic: second.topic }, factory: 'other' },
    })
    await finished(broker, place)
    await finished(broker, second)
    expect(topics.toSorted()).toEqual([place.topic, second.topic].toSorted())
    const registry = running?.registry
    expect(registry?.getListenerContainer('one')?.info).toBe('first')
    expect(registry?.getListenerContainer('one')?.metrics().size).toBe(1)
    expect(registry?.getListenerContainer(second.group)?.metrics().size).toBe(2)
  })

  it('has its error handler asked before the recoverer, and is given only what its filter lets through', async () => {
    @injectable()
    class Handler {
      readonly asked: unknown[] = []
      handleError({ deliveryCount }: ConsumerRecord<unknown, unknown>, error: unknown) {
        this.asked.push([deliveryCount, String(error)])
        return deliveryCount === 1 ? ('RELEASE' as const) : undefined
      }
    }
    const paidOnly = Symbol('paidOnly')
    class Listener {
      readonly calls: unknown[] = []
      @KafkaListener({ topics: '${topic}', groupId: '${group}', errorHandler: Handler, filter: paidOnly })
      on(@Payload(Paid) { amount }: PayloadOf<typeof Paid>): void {
        this.calls.push(amount)
        if (amount < 0) throw new Error('nothing is owed')
      }
    }
    const place = await placeOn(broker)
    await send(broker, place, { type: 'created', id: 'a' }, { type: 'paid', amount: -1 }, { type: 'paid', amount: 5 })
    const handler = new Handler()
    const filter = (record: ConsumerRecord<unknown, unknown>) => String(record.value).includes('paid')
    const { calls } = await start(broker, Listener, place, {
      bind: (di) => {
        di.bind(Handler).toConstantValue(handler)
        di.bind(paidOnly).toConstantValue(filter)
      },
    })
    await finished(broker, place)
    expect(calls.toSorted()).toEqual([-1, -1, 5])
    expect(handler.asked).toEqual([
      [1, 'Error: nothing is owed'],
      [2, 'Error: nothing is owed'],
    ])
  })

  it('that takes longer than its deadline hears so by its signal, and the recoverer decides', async () => {
    const errors: unknown[] = []
    class Listener {
      readonly reasons: unknown[] = []
      @KafkaListener({ topics: '${topic}', groupId: '${group}', processingDeadlineMs: '${deadline}' })
      async on(@Signal() signal: AbortSignal): Promise<void> {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        this.reasons.push(signal.reason)
      }
    }
    const shareConsumerRecordRecoverer = (_record: unknown, error: unknown) => {
      errors.push(error)
      return 'REJECT' as const
    }
    const place = await placeOn(broker)
    await send(broker, place, 'slow')
    const { reasons } = await start(broker, Listener, place, {
      containerFactories: { default: { shareConsumerRecordRecoverer } },
      properties: { deadline: 50 },
    })
    await finished(broker, place)
    expect(errors).toEqual([expect.any(ProcessingDeadlineError)])
    expect(reasons).toEqual(errors)
  })
})
