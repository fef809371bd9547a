import { expect, expectTypeOf, test } from 'vitest'
import { Admin, Producer, ShareConsumer, type ShareConsumerOptions } from '../../src/index.js'

// What these calls say is checked by the compiler (tsc -b tsconfig.check.json): a line that no longer fails is an error there.

const bootstrapServers = 'localhost:9092'
const groupId = 'workers'
/** As a properties file of a Java client gives it. */
const properties: Readonly<Record<string, string>> = { 'bootstrap.servers': bootstrapServers, 'group.id': groupId }

test('the brokers and the group are named as options, or in properties', async () => {
  const made = [
    new ShareConsumer({ bootstrapServers, groupId }),
    new ShareConsumer({ properties }),
    new ShareConsumer({ bootstrapServers, properties: { 'group.id': groupId } }),
    new ShareConsumer({ groupId, properties: { 'bootstrap.servers': bootstrapServers } }),
  ]
  for (const consumer of made) {
    expect(consumer.groupId).toBe(groupId)
    expectTypeOf(consumer).toEqualTypeOf<ShareConsumer<Buffer | null, Buffer | null>>()
    await consumer.close()
  }
  for (const client of [
    new Producer({ bootstrapServers }),
    new Producer({ properties: { 'bootstrap.servers': bootstrapServers } }),
    new Admin({ bootstrapServers }),
    new Admin({ properties: { 'bootstrap.servers': bootstrapServers } }),
  ])
    await client.close()
})

test('keys and values are inferred from deserialisers and serialisers, whichever names the brokers', async () => {
  const valueDeserializer = (value: Buffer | null): number => value?.length ?? 0
  for (const consumer of [
    new ShareConsumer({ bootstrapServers, groupId, valueDeserializer, keyDeserializer: (key) => String(key) }),
    new ShareConsumer({ properties, valueDeserializer, keyDeserializer: (key) => String(key) }),
  ]) {
    expectTypeOf(consumer).toEqualTypeOf<ShareConsumer<string, number>>()
    await consumer.close()
  }
  const producer = new Producer({
    properties: { 'bootstrap.servers': 'a:1' },
    valueSerializer: (n: number) => Buffer.from(`${n}`),
  })
  expectTypeOf(producer).toExtend<Producer<never, number>>()
  await producer.close()
})

test('options that were written down before are taken', async () => {
  interface Own extends ShareConsumerOptions<string, number> {
    readonly own?: string
  }
  class Mine<K, V> extends ShareConsumer<K, V> {
    constructor(options: ShareConsumerOptions<K, V>) {
      super(options)
    }
  }
  const { own, ...options }: Own = { bootstrapServers, groupId, own: 'x' }
  const some: Partial<ShareConsumerOptions<string, number>> = { maxPollRecords: 5 }
  expect(own).toBe('x')
  const made = new Mine({ ...options, ...some })
  expectTypeOf(made).toEqualTypeOf<Mine<string, number>>()
  expectTypeOf<ConstructorParameters<typeof ShareConsumer>[0]['groupId']>().toEqualTypeOf<string>()
  await made.close()
})

test('where neither names them the compiler says so, and the call names the remedy', () => {
  // @ts-expect-error: groupId is missing
  expect(() => new ShareConsumer({ bootstrapServers })).toThrow(/groupId is missing: the name of the share group/)
  // @ts-expect-error: bootstrapServers is missing
  expect(() => new ShareConsumer({ groupId })).toThrow(/bootstrapServers is missing.*e\.g\. bootstrapServers: 'local/)
  // @ts-expect-error: both are missing
  expect(() => new ShareConsumer({})).toThrow(/\(1\) bootstrapServers is missing.*\(2\) groupId is missing/)
  // @ts-expect-error: bootstrapServers is missing
  expect(() => new Producer({})).toThrow(/bootstrapServers is missing/)
  // @ts-expect-error: bootstrapServers is missing
  expect(() => new Admin({})).toThrow(/bootstrapServers is missing/)
  // What is in properties the compiler does not know.
  expect(() => new ShareConsumer({ properties: {} })).toThrow(/\(1\) bootstrapServers is missing.*\(2\) groupId is/)
})

test('misspelt options, and values of the wrong type, are still refused', () => {
  // @ts-expect-error: it is maxPollRecords
  expect(() => new ShareConsumer({ bootstrapServers, groupId, maxPolRecords: 5 })).toThrow(/did you mean/)
  // @ts-expect-error: it is maxPollRecords
  expect(() => new ShareConsumer({ properties, maxPolRecords: 5 })).toThrow(/did you mean/)
  // @ts-expect-error: a group has a name
  expect(() => new ShareConsumer({ properties: {}, bootstrapServers, groupId: 5 })).toThrow(/groupId/)
})
