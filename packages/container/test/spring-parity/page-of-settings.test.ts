import { string, type ShareConsumer } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, describe, expect, it } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
  type ShareConsumerFactory,
} from '../../src/index.js'
import { ContainerHarness } from '../container-harness.js'
import { containerOn, numbered, produce, stopContainers, untilLagIsZero } from '../container-on-brokers.js'
import { eventually, placeOn, untilLagIs } from './share-containers.js'

// Statements of Spring's page about factories, properties and recoverers.

afterEach(stopContainers)

const bootstrapServers = 'localhost:9092'

/** Why these container properties are refused. */
function refusalOf(properties: Record<string, unknown>): string {
  try {
    void new ContainerHarness({ properties })
  } catch (error) {
    expect(KafkaUsageError.is(error)).toBe(true)
    return (error as Error).message
  }
  throw new Error('they were not refused')
}

describe('A consumer factory', () => {
  it('S-11. asks a supplier of deserialisers for each consumer: every member has one of its own', async () => {
    const supplied: object[] = []
    const factory = new DefaultShareConsumerFactory<string | null, Buffer | null>(
      { bootstrapServers, groupId: 'g' },
      {
        keyDeserializerSupplier: () => {
          const own = { deserialize: (data: Buffer | null) => data?.toString() ?? null }
          supplied.push(own)
          return own
        },
      },
    )
    const consumers = ['a', 'b', 'c'].map((clientId) => factory.createShareConsumer({ clientId }))
    expect(new Set(supplied).size).toBe(3)
    await Promise.all(consumers.map((consumer) => consumer.close()))
  })

  it('S-12. configures deserialisers once for each consumer, and leaves ready ones alone with configureDeserializers off', async () => {
    for (const configureDeserializers of [undefined, true, false]) {
      const calls: [unknown, boolean][] = []
      const deserializer = {
        configure: (configs: Readonly<Record<string, unknown>>, isKey: boolean) => {
          calls.push([configs['group.id'], isKey])
        },
        deserialize: (data: Buffer | null) => data,
      }
      const factory = new DefaultShareConsumerFactory<Buffer | null, Buffer | null>(
        { 'bootstrap.servers': bootstrapServers, 'group.id': 'g' },
        { keyDeserializer: deserializer, valueDeserializer: deserializer, configureDeserializers },
      )
      await factory.createShareConsumer().close()
      const expected = [
        ['g', true],
        ['g', false],
      ]
      expect(calls).toEqual(configureDeserializers === false ? [] : expected)
    }
  })
})

describe('Container properties', () => {
  it('S-19. that only regular containers have are refused by name, with the reason or the name that they have here', () => {
    for (const [name, told] of [
      ['commonErrorHandler', /no seek/],
      ['consumerRebalanceListener', /share group/],
      ['recordMessageConverter', /converter/],
      ['transactionManager', /transaction/],
      ['pollTimeout', /pollTimeoutMs/],
      ['shutdownTimeout', /shutdownTimeoutMs/],
      ['topic', /did you mean 'topics'/],
    ] as const) {
      const refusal = refusalOf({ [name]: 'x' })
      expect(refusal).toMatch(/^Container 'orders'/)
      expect(refusal).toContain(`'${name}'`)
      expect(refusal).toMatch(told)
    }
  })

  it('S-27. know no partitions of one’s own choice', () => {
    expect(refusalOf({ topicPartitions: [{ topic: 'orders', partition: 0 }] })).toMatch(/deals records out itself/)
  })

  it('S-28. know no topic patterns, as a property or among the topics', () => {
    expect(refusalOf({ topicPattern: 'orders-.*' })).toMatch(/topics by name/)
    for (const topics of [/orders-.*/, ['orders', /returns-.*/]]) {
      expect(refusalOf({ topics })).toMatch(/pattern.*topics by name/)
    }
  })

  it('S-29. know no offsets: modes of committing them are refused with what to use instead', () => {
    for (const ackMode of ['RECORD', 'BATCH', 'TIME', 'COUNT', 'MANUAL_IMMEDIATE']) {
      expect(refusalOf({ ackMode })).toMatch(/no offset is committed; use shareAckMode/)
      expect(refusalOf({ shareAckMode: ackMode })).toMatch(/no offset is committed/)
    }
  })

  it('S-155. know no CommonErrorHandler: the refusal names the recoverer and the error handler of a listener', () => {
    const refusal = refusalOf({ commonErrorHandler: () => undefined })
    expect(refusal).toContain('no offset')
    expect(refusal).toContain('shareConsumerRecordRecoverer')
    expect(refusal).toContain('errorHandler')
  })

  it('S-169. know no batch listeners: records are delivered and answered one by one', () => {
    expect(refusalOf({ batchListener: true })).toMatch(/one by one/)
  })
})

describe('A recoverer', () => {
  /** What becomes of a record whose listener throws, and what is told. */
  async function outcomeWith(recoverer: () => never): Promise<ContainerHarness> {
    const harness = new ContainerHarness({
      properties: { shareConsumerRecordRecoverer: recoverer },
      listener: () => {
        throw new Error('bad order')
      },
    })
    await harness.run(1)
    return harness
  }

  it('S-151. that answers RENEW, which finishes nothing, has its record rejected', async () => {
    const harness = await outcomeWith(() => 'RENEW' as never)
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
    expect(harness.events.filter(({ type }) => type === 'recovererFailed')).toHaveLength(1)
    expect(harness.log.lines.some(({ facts }) => /RENEW/.test(String(facts['err'])))).toBe(true)
  })

  it('S-152. that throws has its record rejected, and both errors are told', async () => {
    const cause = new Error('recoverer')
    const harness = await outcomeWith(() => {
      throw cause
    })
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
    expect(harness.events.filter(({ type }) => type === 'recovererFailed')).toMatchObject([
      { cause, listenerError: { message: 'bad order' } },
    ])
    expect(harness.log.at('error').map(({ facts }) => facts['err'])).toContain(cause)
  })
})

describeOnBrokers('A container', (broker) => {
  it('S-04. runs on a consumer factory of one’s own', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(2))
    const made: string[] = []
    const shipped = new DefaultShareConsumerFactory<Buffer | null, string | null>({
      bootstrapServers: broker.bootstrapServers,
      valueDeserializer: string(),
    })
    const own: ShareConsumerFactory<Buffer | null, string | null> = {
      createShareConsumer(request): ShareConsumer<Buffer | null, string | null> {
        made.push(String(request.clientId))
        return shipped.createShareConsumer(request)
      },
      addListener: () => undefined,
      removeListener: () => false,
    }
    const seen: (string | null)[] = []
    const container = new ShareMessageListenerContainer(own, { id: 'own', topics: place.topic, groupId: place.groupId })
    container.setupMessageListener(({ value }) => void seen.push(value))
    try {
      await container.start()
      await untilLagIsZero(broker, place.groupId)
    } finally {
      await container.stop()
    }
    expect(seen).toEqual(numbered(2))
    expect(made).toEqual(['own-0'])
  })

  it('S-05. runs on a factory that was made from a map of Kafka’s names', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(2))
    const factory = new DefaultShareConsumerFactory<string | null, string | null>({
      'bootstrap.servers': broker.bootstrapServers,
      'group.id': place.groupId,
      'key.deserializer': 'org.apache.kafka.common.serialization.StringDeserializer',
      'value.deserializer': 'StringDeserializer',
    })
    const seen: (string | null)[] = []
    const container = new ShareMessageListenerContainer(factory, { topics: place.topic })
    container.setupMessageListener(({ value }) => void seen.push(value))
    try {
      await container.start()
      await untilLagIsZero(broker, place.groupId)
    } finally {
      await container.stop()
    }
    expect(seen).toEqual(numbered(2))
  })

  it('S-87. applies the settings of its group when it starts, and tells what it changed', async () => {
    const topic = await broker.createTopic()
    const groupId = broker.uniqueName('group')
    await produce(broker, topic, numbered(2))
    const seen: (string | null)[] = []
    const { container, log } = containerOn(
      broker,
      { topics: topic, groupId, groupConfigs: { 'share.auto.offset.reset': 'earliest' } },
      ({ value }) => void seen.push(value),
    )
    await container.start()
    const settings = async () => (await broker.admin.describeConfigs([{ type: 'group', name: groupId }]))[0]?.entries
    expect((await settings())?.get('share.auto.offset.reset')).toMatchObject({ value: 'earliest', isDefault: false })
    await untilLagIsZero(broker, groupId)
    expect(seen).toEqual(numbered(2))
    expect(log.at('info').map(({ message }) => message)).toContainEqual(
      expect.stringContaining('share.auto.offset.reset: latest -> earliest'),
    )
  })

  it('S-88. begins with what comes after it joined, by default, and at the beginning with earliest', async () => {
    for (const [reset, first] of [
      [undefined, 'after'],
      ['earliest', 'before'],
    ] as const) {
      const topic = await broker.createTopic()
      const groupId = broker.uniqueName('group')
      await produce(broker, topic, ['before'])
      const factory = new ShareListenerContainerFactory<Buffer | null, string | null>({
        consumerFactory: new DefaultShareConsumerFactory({
          bootstrapServers: broker.bootstrapServers,
          valueDeserializer: string(),
        }),
        containerProperties: {
          groupId,
          ...(reset === undefined ? {} : { groupConfigs: { shareAutoOffsetReset: reset } }),
        },
      })
      const seen: (string | null)[] = []
      const container = factory.createContainer(topic)
      container.setupMessageListener(({ value }) => void seen.push(value))
      try {
        await container.start()
        // The group takes its position with its first fetch, some time after it has joined.
        await eventually(async () => {
          await produce(broker, topic, ['after'])
          expect(seen).toContain('after')
        })
        await untilLagIs(broker, groupId, 0)
      } finally {
        await container.stop()
      }
      expect(seen).toContain('after')
      expect(seen[0]).toBe(first)
    }
  })
})
