import { json, string, type Deserializer, type ShareConsumer } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { DefaultShareConsumerFactory, type ShareConsumerFactoryListener } from '../src/index.js'
import { KeptLog } from './container-harness.js'

const bootstrapServers = 'localhost:9092'

describe('the default share consumer factory', () => {
  test('makes consumers with its own group and client id, or with those asked for', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'own', clientId: 'me' })
    const [one, other] = [
      factory.createShareConsumer(),
      factory.createShareConsumer({ groupId: 'theirs', clientId: 'them' }),
    ]
    expect([one.groupId, one.clientId]).toEqual(['own', 'me'])
    expect([other.groupId, other.clientId]).toEqual(['theirs', 'them'])
    await Promise.all([one.close(), other.close()])
  })

  test('tells its group, by whichever name it was given', () => {
    expect(new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g' }).groupId).toBe('g')
    expect(new DefaultShareConsumerFactory({ bootstrapServers, properties: { 'group.id': 'p' } }).groupId).toBe('p')
    expect(new DefaultShareConsumerFactory({ bootstrapServers }).groupId).toBeUndefined()
  })

  test('what is asked for wins over its own settings, by whichever name each was given', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, properties: { 'group.id': 'own' } })
    const asked = factory.createShareConsumer({ groupId: 'asked' })
    const inProperties = factory.createShareConsumer({ properties: { groupId: 'in properties' } })
    expect(asked.groupId).toBe('asked')
    expect(inProperties.groupId).toBe('in properties')
    await Promise.all([asked.close(), inProperties.close()])
  })

  test('without any group: a usage error that names the three places', () => {
    expect(() => new DefaultShareConsumerFactory({ bootstrapServers }).createShareConsumer()).toThrow(
      /no groupId: set it on the listener, in the container properties, or in the options of the consumer factory/,
    )
  })

  test("wrong settings are refused when a consumer is made, in the client's words", () => {
    const factory = new DefaultShareConsumerFactory({
      bootstrapServers,
      groupId: 'g',
      properties: { 'max.pol.records': 5 },
    })
    expect(() => factory.createShareConsumer()).toThrow(KafkaUsageError)
    expect(() => factory.createShareConsumer()).toThrow(/max\.poll\.records/)
    expect(() => factory.createShareConsumer({ properties: { 'auto.offset.reset': 'earliest' } })).toThrow(
      /share\.auto\.offset\.reset/,
    )
  })

  test('copies its options: a later change touches nothing', async () => {
    const options = {
      bootstrapServers,
      groupId: 'g',
      properties: { 'max.poll.records': 5 } as Record<string, unknown>,
      valueDeserializer: json(),
    }
    const factory = new DefaultShareConsumerFactory(options)
    options.properties['no.such.property'] = 1
    options.groupId = 'changed'
    const consumer = factory.createShareConsumer()
    expect(consumer.groupId).toBe('g')
    await consumer.close()
  })

  test('an acknowledgement mode of its own that a container overrules is warned of, once', async () => {
    const log = new KeptLog()
    const factory = new DefaultShareConsumerFactory({
      bootstrapServers,
      groupId: 'g',
      acknowledgementMode: 'implicit',
      logger: log.logger(),
    })
    const consumers = [1, 2].map(() => factory.createShareConsumer({ acknowledgementMode: 'explicit' }))
    expect(log.at('warn')).toMatchObject([{ facts: { given: 'implicit', used: 'explicit' } }])
    // In implicit mode it would refuse this for another reason.
    expect(() => consumers[0]?.acknowledge({ topic: 't', partition: 0, offset: 1 })).toThrow(
      /cannot be acknowledged by position/,
    )
    await Promise.all(consumers.map((consumer) => consumer.close()))
  })
})

/** A deserialiser that keeps what is done with it. */
class Noting implements Deserializer<string> {
  readonly story: string[] = []

  configure(configs: Readonly<Record<string, unknown>>, isKey: boolean): void {
    this.story.push(`configure ${isKey ? 'key' : 'value'} for ${String(configs['client.id'])}`)
  }

  deserialize(): string {
    return 'noted'
  }

  close(): void {
    this.story.push('close')
  }
}

describe('its settings', () => {
  test("may be a map of Kafka's names, the client's own names, or both mixed", async () => {
    for (const options of [
      { 'bootstrap.servers': bootstrapServers, 'group.id': 'g', 'client.id': 'c', 'max.poll.records': '5' },
      { bootstrapServers, groupId: 'g', clientId: 'c', maxPollRecords: 5 },
      { 'bootstrap.servers': bootstrapServers, groupId: 'g', properties: { clientId: 'c' } },
    ]) {
      const factory = new DefaultShareConsumerFactory(options)
      expect(factory.groupId).toBe('g')
      expect(factory.bootstrapServers).toEqual([bootstrapServers])
      const consumer = factory.createShareConsumer()
      expect([consumer.groupId, consumer.clientId]).toEqual(['g', 'c'])
      await consumer.close()
    }
  })

  test('can be looked at as they were given, and not be changed', () => {
    const given = { 'bootstrap.servers': bootstrapServers, 'group.id': 'g' }
    const factory = new DefaultShareConsumerFactory(given)
    expect(factory.configurationProperties).toEqual(given)
    given['group.id'] = 'other'
    expect(factory.configurationProperties['group.id']).toBe('g')
    expect(() => Object.assign(factory.configurationProperties, { 'group.id': 'other' })).toThrow(TypeError)
  })

  test('what is no object of settings is refused', () => {
    for (const wrong of [null, undefined, 'localhost:9092', [], { bootstrapServers, properties: 'group.id=g' }]) {
      expect(() => new DefaultShareConsumerFactory(wrong as never)).toThrow(KafkaUsageError)
    }
  })

  test('an admin client of the same cluster takes those that it knows', async () => {
    const factory = new DefaultShareConsumerFactory({
      'bootstrap.servers': bootstrapServers,
      groupId: 'g',
      maxPollRecords: 5,
      'request.timeout.ms': 1000,
    })
    await factory.createAdmin().close()
    const wrong = new DefaultShareConsumerFactory({ 'bootstrap.servers': bootstrapServers, 'request.timeout.ms': -1 })
    expect(() => wrong.createAdmin()).toThrow(/requestTimeoutMs/)
  })

  test("of two names for one of them Kafka's wins, for an admin client as for a consumer", async () => {
    const factory = new DefaultShareConsumerFactory({
      bootstrapServers: '127.0.0.1:9',
      bootstrapTimeoutMs: 20,
      properties: { 'bootstrap.servers': '127.0.0.1:1' },
      logger: new KeptLog().logger(),
    })
    const admin = factory.createAdmin()
    await expect(admin.listTopics()).rejects.toThrow(/127\.0\.0\.1:1\b/)
    await admin.close()
  })

  test('the addresses that it tells for messages hold no user and no password', () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers: ['a:1', 'me:secret@b:2'] })
    expect(factory.bootstrapServers).toEqual(['a:1'])
  })
})

describe('its deserialisers', () => {
  const settings = { bootstrapServers, groupId: 'g' }
  const open = async (factory: DefaultShareConsumerFactory<unknown, unknown>, clientIds: readonly string[]) => {
    for (const consumer of clientIds.map((clientId) => factory.createShareConsumer({ clientId })))
      await consumer.close()
  }

  test('given as instances are configured for each consumer, and closed with the last that uses them', async () => {
    const [key, value] = [new Noting(), new Noting()]
    const factory = new DefaultShareConsumerFactory(settings, { keyDeserializer: key, valueDeserializer: value })
    const consumers = ['a', 'b'].map((clientId) => factory.createShareConsumer({ clientId }))
    await consumers[0]?.close()
    expect(key.story).toEqual(['configure key for a', 'configure key for b'])
    await consumers[1]?.close()
    expect(key.story.at(-1)).toBe('close')
    expect(value.story).toEqual(['configure value for a', 'configure value for b', 'close'])
  })

  test('given as instances and configured already are left alone', async () => {
    const value = new Noting()
    await open(new DefaultShareConsumerFactory(settings, { valueDeserializer: value, configureDeserializers: false }), [
      'a',
    ])
    expect(value.story).toEqual([])
  })

  test('that are made by the factory, from a class or a name, are configured whatever is said of those that are given', async () => {
    const made: ByClass[] = []
    class ByClass extends Noting {
      constructor() {
        super()
        made.push(this)
      }
    }
    const named = { ...settings, 'key.deserializer': 'StringDeserializer', 'value.deserializer': ByClass }
    const factory = new DefaultShareConsumerFactory<unknown, unknown>(named, { configureDeserializers: false })
    await open(factory, ['a'])
    expect(made.map(({ story }) => story)).toEqual([['configure value for a', 'close']])
  })

  test('given as suppliers are made for each consumer, and closed with it', async () => {
    const made: Noting[] = []
    const supplier = () => made[made.push(new Noting()) - 1] as Noting
    await open(new DefaultShareConsumerFactory(settings, { valueDeserializerSupplier: supplier }), ['a', 'b', 'c'])
    expect(made.map(({ story }) => story)).toEqual(
      ['a', 'b', 'c'].map((clientId) => [`configure value for ${clientId}`, 'close']),
    )
  })

  test('may be set afterwards, as instance or supplier; consumers made later use them', async () => {
    const [first, second] = [new Noting(), new Noting()]
    const factory = new DefaultShareConsumerFactory<unknown, unknown>(settings)
    factory.setKeyDeserializer(first)
    factory.setValueDeserializer(first)
    await open(factory, ['a'])
    factory.setKeyDeserializerSupplier(() => second)
    factory.setValueDeserializerSupplier(() => second)
    factory.setConfigureDeserializers(false)
    await open(factory, ['b'])
    expect(first.story).toEqual(['configure key for a', 'configure value for a', 'close'])
    expect(second.story).toEqual(['close'])
  })

  test('may be named in the settings: as class, instance, function, or by the name of one of Kafka', async () => {
    const instance = new Noting()
    for (const named of [Noting, instance, () => 'x', 'StringDeserializer', 'JsonDeserializer']) {
      await open(new DefaultShareConsumerFactory({ ...settings, 'value.deserializer': named }), ['a'])
    }
    const full = 'org.apache.kafka.common.serialization.StringDeserializer'
    await open(new DefaultShareConsumerFactory({ ...settings, properties: { 'key.deserializer': full } }), ['a'])
    expect(instance.story).toEqual(['configure value for a', 'close'])
  })

  test('of the container beat those given to the factory, and those its settings', async () => {
    const [inSettings, given, asked] = [new Noting(), new Noting(), new Noting()]
    const factory = new DefaultShareConsumerFactory<unknown, unknown>(
      { ...settings, 'value.deserializer': inSettings },
      { valueDeserializer: given },
    )
    await factory.createShareConsumer({ clientId: 'a', properties: { 'value.deserializer': asked } }).close()
    await open(factory, ['b'])
    expect(asked.story).toEqual(['configure value for a', 'close'])
    expect(given.story).toEqual(['configure value for b', 'close'])
    expect(inSettings.story).toEqual([])
  })

  test.each([
    [
      { 'value.deserializer': 'StringDeserialiser' },
      /no deserializer 'StringDeserialiser' here; did you mean 'StringDes/,
    ],
    [{ keyDeserializer: 5 }, /keyDeserializer must be a deserializer: an object with deserialize/],
    [{ 'key.deserializer': {} }, /keyDeserializer must be a deserializer/],
  ])('that are none are refused when the factory is made: %o', (wrong, told) => {
    expect(() => new DefaultShareConsumerFactory({ ...settings, ...(wrong as object) })).toThrow(told)
  })

  test('that are none are refused where they are set, and an instance beside a supplier too', () => {
    const factory = new DefaultShareConsumerFactory<unknown, unknown>(settings)
    expect(() => factory.setValueDeserializer({} as never)).toThrow(/valueDeserializer must be a deserializer/)
    expect(() => factory.setKeyDeserializerSupplier('x' as never)).toThrow(/keyDeserializerSupplier must be a function/)
    expect(() => factory.setConfigureDeserializers(1 as never)).toThrow(/true or false/)
    factory.setValueDeserializerSupplier(() => undefined as never)
    expect(() => factory.createShareConsumer()).toThrow(
      /What valueDeserializerSupplier returned must be a deserializer/,
    )
    const both = { keyDeserializer: string(), keyDeserializerSupplier: string }
    expect(() => new DefaultShareConsumerFactory(settings, both)).toThrow(/either keyDeserializer or keyDeserializerS/)
  })

  test('what configure() or a supplier throws is thrown to who asked for the consumer; nothing is left open', () => {
    const [key, value] = [new Noting(), new Noting()]
    value.configure = () => {
      throw new Error('no schema registry')
    }
    const factory = new DefaultShareConsumerFactory(settings, { keyDeserializer: key, valueDeserializer: value })
    expect(() => factory.createShareConsumer({ clientId: 'a' })).toThrow('no schema registry')
    expect(key.story).toEqual(['configure key for a', 'close'])
  })

  test('of a consumer that cannot be made are closed', () => {
    const [key, value] = [new Noting(), new Noting()]
    const factory = new DefaultShareConsumerFactory(settings, { keyDeserializer: key, valueDeserializer: value })
    const wrong = { clientId: 'a', properties: { 'max.poll.records': -1 } }
    expect(() => factory.createShareConsumer(wrong)).toThrow(/max\.?poll\.?records/i)
    expect([key.story, value.story]).toEqual([
      ['configure key for a', 'close'],
      ['configure value for a', 'close'],
    ])
  })

  test('what wants to be waited for while it is configured, or supplied, is refused', () => {
    const value = Object.assign(new Noting(), { configure: () => Promise.reject(new Error('late')) })
    expect(() => new DefaultShareConsumerFactory(settings, { valueDeserializer: value }).createShareConsumer()).toThrow(
      /configure\(\) of the value deserializer returned a promise.*configureDeserializers to false/,
    )
    const supplier = () => Promise.reject(new Error('late')) as never
    expect(() =>
      new DefaultShareConsumerFactory(settings, { valueDeserializerSupplier: supplier }).createShareConsumer(),
    ).toThrow(/must be a deserializer/)
  })

  test('one that cannot be closed is logged, and does not matter', async () => {
    const log = new KeptLog()
    const value = new Noting()
    value.close = () => {
      throw new Error('close')
    }
    const factory = new DefaultShareConsumerFactory({ ...settings, logger: log.logger() }, { valueDeserializer: value })
    await factory.createShareConsumer().close()
    expect(log.at('error')).toMatchObject([{ message: expect.stringContaining('could not be closed') as string }])
  })
})

describe('its listeners', () => {
  test('hear of each consumer when it is made and when it is closed, with the same id, also when closing fails', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g' })
    const heard: [string, string, ShareConsumer<unknown, unknown>][] = []
    const listener: ShareConsumerFactoryListener = {
      consumerAdded: (id, consumer) => void heard.push(['added', id, consumer]),
      consumerRemoved: (id, consumer) => void heard.push(['removed', id, consumer]),
    }
    factory.addListener(listener)
    const one = factory.createShareConsumer({ clientId: 'orders-0' })
    const twin = factory.createShareConsumer({ clientId: 'orders-0' })
    await one.close()
    await one.close()
    await twin.close()
    expect(heard.map(([what, id]) => `${what} ${id}`)).toEqual([
      'added orders-0',
      'added orders-0.1',
      'removed orders-0',
      'removed orders-0.1',
    ])
    expect(heard[2]?.[2]).toBe(one)
  })

  test('can be removed; the list that is given out cannot be changed', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g' })
    let heard = 0
    const listener = { consumerAdded: () => heard++ }
    factory.addListener(listener)
    expect(factory.listeners).toEqual([listener])
    expect(() => (factory.listeners as ShareConsumerFactoryListener[]).pop()).toThrow(TypeError)
    expect(factory.removeListener(listener)).toBe(true)
    expect(factory.removeListener(listener)).toBe(false)
    await factory.createShareConsumer().close()
    expect(heard).toBe(0)
  })

  test('one that throws, or rejects, is logged, and harms neither the consumer nor the other listeners', async () => {
    const log = new KeptLog()
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g', logger: log.logger() })
    let heard = 0
    factory.addListener({
      consumerAdded: () => {
        throw new Error('listener')
      },
    })
    factory.addListener({ consumerAdded: () => Promise.reject(new Error('listener, later')) })
    factory.addListener({ consumerAdded: () => heard++ })
    await factory.createShareConsumer().close()
    expect(heard).toBe(1)
    expect(log.at('error')).toHaveLength(2)
  })
})
