import { EmbeddedBroker } from '@milena/embedded-broker'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let broker: EmbeddedBroker

beforeAll(async () => {
  broker = await EmbeddedBroker.start({
    topics: ['orders', 'payments'],
    security: {
      sasl: {
        users: [
          { name: 'alice', password: 'secret' },
          { name: 'b,o=b', password: 'pässword' },
        ],
      },
      authorization: {
        rules: [
          { principal: 'User:alice', operation: 'All', resourceType: 'Topic', name: '*' },
          { principal: 'User:alice', operation: 'Read', resourceType: 'Group', name: 'team-', patternType: 'prefixed' },
          { principal: 'User:alice', operation: 'Describe', resourceType: 'Group', name: '*' },
          { principal: 'User:b,o=b', operation: 'Describe', resourceType: 'Topic', name: 'orders' },
        ],
      },
    },
  })
})

afterAll(() => broker.stop())

function kafka(username: string, password: string, mechanism: SASLOptions['mechanism']): Kafka {
  return new Kafka({
    brokers: broker.bootstrapServers.split(','),
    clientId: 'kafkajs',
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    sasl: { mechanism, username, password } as SASLOptions,
  })
}

describe.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('KafkaJS over SASL %s', (mechanism) => {
  it('sends and consumes as a user that may', async () => {
    const client = kafka('alice', 'secret', mechanism)
    const producer = client.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: mechanism }] })
    await producer.disconnect()
    const consumer = client.consumer({ groupId: `team-${mechanism}` })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const read = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      void consumer.run({
        eachMessage: async ({ message }) => {
          if (String(message.value) === mechanism) resolve()
        },
      })
    })
    await read
    await consumer.disconnect()
    const view = broker.inspect().classicGroups.find(({ groupId }) => groupId === `team-${mechanism}`)
    expect(view).toMatchObject({ state: 'Empty', protocolType: 'consumer' })
    expect(view?.offsets).toHaveLength(1)
  })

  it('is refused what its user may not', async () => {
    const consumer = kafka('alice', 'secret', mechanism).consumer({ groupId: 'other' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders' })
    await expect(
      new Promise((_, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
        consumer.run({ eachMessage: async () => undefined }).catch(reject)
      }),
    ).rejects.toMatchObject({ type: 'GROUP_AUTHORIZATION_FAILED' })
    await consumer.disconnect()
    const producer = kafka('b,o=b', 'pässword', mechanism).producer()
    await producer.connect()
    await expect(producer.send({ topic: 'orders', messages: [{ value: 'x' }] })).rejects.toMatchObject({
      type: 'TOPIC_AUTHORIZATION_FAILED',
    })
    await producer.disconnect()
  })

  it.each([
    ['a wrong password', 'alice', 'guessed'],
    ['an unknown user', 'carol', 'secret'],
  ])('is not let in with %s', async (_, username, password) => {
    await expect(kafka(username, password, mechanism).admin().connect()).rejects.toThrow(
      /Authentication failed|authentication failed/i,
    )
  })
})
