import { json, string, type Deserializer, type ShareConsumer } from '@milena/client'
import { expect, expectTypeOf, test } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
  type KafkaSettings,
} from '../src/index.js'

const bootstrapServers = 'localhost:9092'

class Upper implements Deserializer<string> {
  deserialize(data: Buffer | null): string {
    return (data?.toString() ?? '').toUpperCase()
  }
}

interface Order {
  readonly id: number
}

test('a consumer factory takes its types from its deserialisers, wherever they are given', () => {
  expectTypeOf(new DefaultShareConsumerFactory({ bootstrapServers })).toEqualTypeOf<
    DefaultShareConsumerFactory<Buffer | null, Buffer | null>
  >()
  expectTypeOf(new DefaultShareConsumerFactory({ bootstrapServers, valueDeserializer: json<Order>() })).toEqualTypeOf<
    DefaultShareConsumerFactory<Buffer | null, Order>
  >()
  expectTypeOf(new DefaultShareConsumerFactory({ bootstrapServers, valueDeserializer: Upper })).toEqualTypeOf<
    DefaultShareConsumerFactory<Buffer | null, string>
  >()
  const supplied = new DefaultShareConsumerFactory(
    { bootstrapServers },
    { keyDeserializer: string(), valueDeserializerSupplier: () => json<Order>() },
  )
  expectTypeOf(supplied).toEqualTypeOf<DefaultShareConsumerFactory<string | null, Order>>()
  expectTypeOf(supplied.createShareConsumer).returns.toEqualTypeOf<ShareConsumer<string | null, Order>>()
})

test('a container has the types of its factory', () => {
  const factory = new DefaultShareConsumerFactory({ bootstrapServers, valueDeserializer: json<Order>() })
  const container = new ShareMessageListenerContainer(factory, { topics: 'orders' })
  container.setupMessageListener((record) => {
    expectTypeOf(record.value).toEqualTypeOf<Order>()
  })
  const made = new ShareListenerContainerFactory({ consumerFactory: factory }).createContainer('orders')
  expectTypeOf(made).toEqualTypeOf(container)
})

test('a map of Kafka’s names is taken as it is; misspelt options are not', () => {
  const settings: KafkaSettings = { 'bootstrap.servers': bootstrapServers, 'value.deserializer': Upper }
  new DefaultShareConsumerFactory<string, string>(settings)
  new DefaultShareConsumerFactory({ ...settings, groupId: 'g', 'max.poll.records': '5' })
  // @ts-expect-error: it is maxPollRecords
  new DefaultShareConsumerFactory({ bootstrapServers, maxPolRecords: 5 })
  // @ts-expect-error: neither a deserialiser nor the name of one
  expect(() => new DefaultShareConsumerFactory({ bootstrapServers, valueDeserializer: 5 })).toThrow(/deserializer/)
})
