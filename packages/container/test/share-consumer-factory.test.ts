import { json, type ShareConsumer } from '@milena/client'
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

  test('can be removed; the list that is given out changes nothing', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g' })
    let heard = 0
    const listener = { consumerAdded: () => heard++ }
    factory.addListener(listener)
    expect(factory.listeners).toEqual([listener])
    ;(factory.listeners as ShareConsumerFactoryListener[]).pop()
    expect(factory.removeListener(listener)).toBe(true)
    expect(factory.removeListener(listener)).toBe(false)
    await factory.createShareConsumer().close()
    expect(heard).toBe(0)
  })

  test('one that throws is logged, and harms neither the consumer nor the other listeners', async () => {
    const log = new KeptLog()
    const factory = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g', logger: log.logger() })
    let heard = 0
    factory.addListener({
      consumerAdded: () => {
        throw new Error('listener')
      },
    })
    factory.addListener({ consumerAdded: () => heard++ })
    await factory.createShareConsumer().close()
    expect(heard).toBe(1)
    expect(log.at('error')).toHaveLength(1)
  })
})
