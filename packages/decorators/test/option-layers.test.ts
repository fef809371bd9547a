import { Producer } from '@milena/client'
import { resolveShareConsumerConfig } from '@milena/client/internal'
import { DefaultShareConsumerFactory } from '@milena/container'
import { Container } from 'inversify'
import { describe, expect, it } from 'vitest'
import { kafkaModule, KafkaTokens, type KafkaClientOptions, type KafkaProducerOptions } from '../src/index.js'
import { keptLog } from './fake-kafka.js'

function application(client: KafkaClientOptions, own: KafkaClientOptions, producer: KafkaProducerOptions = {}) {
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: 'module:1', groupId: 'g', ...client },
      producer,
      logger: keptLog().logger,
      containerFactories: { own: { client: own } },
    }),
  )
  return di
}

/** What a consumer of the container factory is made with. */
function consumerConfig(client: KafkaClientOptions, own: KafkaClientOptions) {
  const { consumerFactory } = application(client, own).get(KafkaTokens.containerFactory('own'))
  if (!(consumerFactory instanceof DefaultShareConsumerFactory)) throw new Error('it has another consumer factory')
  const { bootstrapServers } = consumerFactory
  return { ...resolveShareConsumerConfig(consumerFactory.configurationProperties as never), bootstrapServers }
}

describe('client options of a container factory', () => {
  it.each<[KafkaClientOptions, KafkaClientOptions]>([
    [{ maxPollRecords: 10 }, { maxPollRecords: 5 }],
    [{ maxPollRecords: 10 }, { properties: { 'max.poll.records': 5 } }],
    [{ properties: { 'max.poll.records': 10 } }, { maxPollRecords: 5 }],
    [{ properties: { 'max.poll.records': '10' } }, { properties: { maxPollRecords: 5 } }],
  ])('win over those of the module by whichever name: %j, %j', (client, own) => {
    expect(consumerConfig(client, own).maxPollRecords).toBe(5)
  })

  it('reach the cluster that they name', () => {
    const module = { properties: { 'bootstrap.servers': 'a:1' } }
    expect(consumerConfig(module, { bootstrapServers: 'b:1' }).bootstrapServers).toEqual(['b:1'])
    expect(consumerConfig(module, {}).bootstrapServers).toEqual(['a:1'])
  })
})

describe('a list among the client options', () => {
  it('may hold placeholders', () => {
    const client = { bootstrapServers: ['${absent.server:a:1}', 'b:2'] }
    expect(consumerConfig(client, {}).bootstrapServers).toEqual(['a:1', 'b:2'])
  })
})

describe('the group of a container factory', () => {
  it.each(['group.id', 'groupId'])('is its groupId, whatever its properties say of %s', (name) => {
    const di = new Container()
    di.load(
      kafkaModule({
        client: { bootstrapServers: 'module:1', groupId: 'of the module' },
        logger: keptLog().logger,
        containerFactories: {
          both: { groupId: 'own', properties: { [name]: 'other' } },
          one: { properties: { [name]: 'other' } },
          none: {},
        },
      }),
    )
    const groupOf = (factory: string) => di.get(KafkaTokens.containerFactory(factory)).createContainer('t').groupId
    expect([groupOf('both'), groupOf('one'), groupOf('none')]).toEqual(['own', 'other', 'of the module'])
  })
})

describe('options of the Producer', () => {
  it('win over those of the client by whichever name', async () => {
    const client = { bootstrapTimeoutMs: 20, properties: { 'bootstrap.servers': '127.0.0.1:9' } }
    const producer = application(client, {}, { bootstrapServers: '127.0.0.1:1' }).get(Producer)
    await expect(producer.send({ topic: 't', value: 'v' })).rejects.toThrow(/127\.0\.0\.1:1\b/)
    await producer.close()
  })
})
