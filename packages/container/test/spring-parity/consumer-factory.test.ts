import { string, type Deserializer, type ShareConsumer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, describe, expect, it } from 'vitest'
import { DefaultShareConsumerFactory, type ShareConsumerFactoryListener } from '../../src/index.js'
import { numbered, produce, untilLagIsZero } from '../container-on-brokers.js'
import { placeOn } from './share-containers.js'

type Texts = ShareConsumer<string | null, string | null>

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((consumer) => consumer.close()))
})

/** Polls until something comes. */
async function valuesOf(consumer: Texts): Promise<(string | null)[]> {
  for (let polls = 0; polls < 20; polls++) {
    const records = await consumer.poll(500)
    if (records.count > 0) return [...records].map(({ value }) => value)
  }
  return []
}

const texts = (): Deserializer<string | null> => string()

class TextDeserializer implements Deserializer<string | null> {
  deserialize(data: Buffer | null): string | null {
    return data?.toString() ?? null
  }
}

describe('The share consumer factory', () => {
  it('1. holds the configuration it was made with, which nobody can change afterwards', () => {
    const given = { 'bootstrap.servers': 'localhost:9092', 'group.id': 'g', 'max.poll.records': 5 }
    const factory = new DefaultShareConsumerFactory(given)
    given['max.poll.records'] = 6
    expect(factory.configurationProperties).toEqual({
      'bootstrap.servers': 'localhost:9092',
      'group.id': 'g',
      'max.poll.records': 5,
    })
    expect(Object.isFrozen(factory.configurationProperties)).toBe(true)
    expect(factory.groupId).toBe('g')
  })

  it('3. takes and loses listeners; the list that it gives out cannot be changed', async () => {
    const factory = new DefaultShareConsumerFactory({ bootstrapServers: 'localhost:9092', groupId: 'g' })
    const heard: string[] = []
    const listener: ShareConsumerFactoryListener = {
      consumerAdded: (id) => heard.push(`added ${id}`),
      consumerRemoved: (id) => heard.push(`removed ${id}`),
    }
    factory.addListener(listener)
    expect(factory.listeners).toEqual([listener])
    // Refused, or without effect: a frozen list as well as a copy will do.
    Reflect.set(factory.listeners, 0, undefined)
    Reflect.set(factory.listeners, 1, listener)
    await factory.createShareConsumer({ clientId: 'one' }).close()
    expect(factory.listeners).toEqual([listener])
    expect(factory.removeListener(listener)).toBe(true)
    expect(factory.removeListener(listener)).toBe(false)
    await factory.createShareConsumer({ clientId: 'two' }).close()
    expect(factory.listeners).toEqual([])
    expect(heard).toEqual(['added one', 'removed one'])
  })
})

describeOnBrokers('The share consumer factory', (broker) => {
  it('2. takes deserialisers by setter and by constructor, as instances or suppliers, and by name in the configuration', async () => {
    const { topic } = await placeOn(broker)
    await produce(broker, topic, ['v0'])
    const configs = { 'bootstrap.servers': broker.bootstrapServers }
    const bySetter = new DefaultShareConsumerFactory<string | null, string | null>(configs)
    bySetter.setKeyDeserializer(texts())
    bySetter.setValueDeserializer(texts())
    const bySupplierSetter = new DefaultShareConsumerFactory<string | null, string | null>(configs)
    bySupplierSetter.setKeyDeserializerSupplier(texts)
    bySupplierSetter.setValueDeserializerSupplier(texts)
    const named = { 'key.deserializer': 'StringDeserializer', 'value.deserializer': TextDeserializer }
    for (const factory of [
      bySetter,
      bySupplierSetter,
      new DefaultShareConsumerFactory<string | null, string | null>(configs, {
        keyDeserializer: texts(),
        valueDeserializer: texts(),
      }),
      new DefaultShareConsumerFactory<string | null, string | null>(configs, {
        keyDeserializerSupplier: texts,
        valueDeserializerSupplier: texts,
      }),
      new DefaultShareConsumerFactory<string | null, string | null>({ ...configs, ...named }),
    ]) {
      const consumer = factory.createShareConsumer({ groupId: await broker.createGroup() })
      open.push(consumer)
      consumer.subscribe([topic])
      expect(await valuesOf(consumer)).toEqual(['v0'])
    }
  })

  it('4. makes a consumer with its group id and its client id, which consumes', async () => {
    const { topic, groupId } = await placeOn(broker)
    await produce(broker, topic, numbered(3))
    const factory = new DefaultShareConsumerFactory<string | null, string | null>({
      bootstrapServers: broker.bootstrapServers,
      groupId,
      clientId: 'made-by-factory',
      valueDeserializer: string(),
    })
    const consumer = factory.createShareConsumer()
    open.push(consumer)
    consumer.subscribe([topic])
    const seen: (string | null)[] = []
    while (seen.length < 3) seen.push(...(await valuesOf(consumer)))
    await consumer.commitSync()
    expect(seen).toEqual(numbered(3))
    const [group] = await broker.admin.describeShareGroups([groupId])
    expect(group?.members).toMatchObject([{ clientId: 'made-by-factory' }])
    await untilLagIsZero(broker, groupId)
  })

  it('5. makes consumers of one group that share its records out among them', async () => {
    const { topic, groupId } = await placeOn(broker)
    await produce(broker, topic, numbered(60))
    const factory = new DefaultShareConsumerFactory<string | null, string | null>({
      bootstrapServers: broker.bootstrapServers,
      groupId,
      valueDeserializer: string(),
      properties: { 'share.acquire.mode': 'record_limit', 'max.poll.records': 10 },
    })
    const consumers = [1, 2, 3].map((number) => factory.createShareConsumer({ clientId: `member-${number}` }))
    open.push(...consumers)
    const shares: (string | null)[][] = []
    for (const consumer of consumers) {
      consumer.subscribe([topic])
      // Nobody has answered by now: the next one can only get what the ones before it did not.
      shares.push(await valuesOf(consumer))
    }
    expect(shares.map(({ length }) => length > 0 && length <= 10)).toEqual([true, true, true])
    const all = shares.flat()
    while (all.length < 60)
      for (const consumer of consumers) all.push(...[...(await consumer.poll(200))].map(({ value }) => value))
    await Promise.all(consumers.map((consumer) => consumer.commitSync()))
    expect(all).toHaveLength(60)
    expect(new Set(all)).toEqual(new Set(numbered(60)))
    await untilLagIsZero(broker, groupId)
  })
})
