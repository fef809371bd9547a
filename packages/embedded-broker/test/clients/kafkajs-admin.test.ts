import { describeOnBrokers } from '@milena/tools-test-brokers'
import { ConfigResourceTypes, type Admin } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafkaJs, numbered, produce, readAll } from './kafkajs-client.js'

describeOnBrokers("KafkaJS's admin client", (broker) => {
  let admin: Admin
  beforeAll(async () => {
    admin = kafkaJs(broker, { retry: { retries: 0 } }).admin()
    await admin.connect()
  })
  afterAll(() => admin.disconnect())

  it('describes the cluster', async () => {
    const { brokers, controller, clusterId } = await admin.describeCluster()
    expect(brokers).toEqual([{ nodeId: 1, host: '127.0.0.1', port: Number(broker.bootstrapServers.split(':').at(-1)) }])
    expect(controller).toBe(1)
    expect(clusterId).toMatch(/^[\w-]{22}$/)
  })

  it('creates, grows, describes and deletes topics', async () => {
    const topic = broker.uniqueName('topic')
    const wanted = { topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '86400000' }] }
    expect(await admin.createTopics({ topics: [wanted] })).toBe(true)
    expect(await admin.createTopics({ topics: [wanted] })).toBe(false)
    await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    await expect(admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })).rejects.toMatchObject({
      type: 'INVALID_PARTITIONS',
    })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions.toSorted((a, b) => a.partitionId - b.partitionId)).toEqual(
      [0, 1, 2].map((partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader: 1,
        replicas: [1],
        isr: [1],
        offlineReplicas: [],
      })),
    )
    expect(await admin.listTopics()).toContain(topic)
    await admin.deleteTopics({ topics: [topic] })
    await expect.poll(() => admin.listTopics()).not.toContain(topic)
    await expect(admin.fetchTopicMetadata({ topics: [topic] })).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  it.each([
    ['a name with blanks', { topic: 'not a name' }, 'INVALID_TOPIC_EXCEPTION'],
    ['more replicas than brokers', { topic: 'replicas', replicationFactor: 3 }, 'INVALID_REPLICATION_FACTOR'],
    ['no partitions', { topic: 'partitions', numPartitions: 0 }, 'INVALID_PARTITIONS'],
    [
      'an unknown configuration',
      { topic: 'config', configEntries: [{ name: 'retention', value: '1' }] },
      'INVALID_CONFIG',
    ],
  ])('is refused a topic with %s', async (_, topic, type) => {
    await expect(admin.createTopics({ topics: [topic] })).rejects.toMatchObject({
      errors: [expect.objectContaining({ type })],
    })
  })

  it('describes and alters configurations of a topic', async () => {
    const topic = await broker.createTopic({ configs: { 'retention.ms': '86400000' } })
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
    const configNames = ['retention.ms', 'cleanup.policy']
    const described = async () => {
      const answer = await admin.describeConfigs({ resources: [{ ...resource, configNames }], includeSynonyms: false })
      const entries = answer.resources[0]?.configEntries ?? []
      return Object.fromEntries(
        entries.map(({ configName, configValue, isDefault }) => [configName, { configValue, isDefault }]),
      )
    }
    const first = await described()
    expect(first['retention.ms']?.configValue).toBe('86400000')
    expect(first['cleanup.policy']?.configValue).toBe('delete')
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '60000' }] }],
    })
    expect((await described())['retention.ms']?.configValue).toBe('60000')
    await expect(
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: 'long' }] }],
      }),
    ).rejects.toMatchObject({ type: 'INVALID_CONFIG' })
  })

  it('tells offsets, also by time, and deletes records before one', async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 10))
    const [partition] = await admin.fetchTopicOffsets(topic)
    expect(partition).toEqual({ partition: 0, offset: '10', high: '10', low: '0' })
    expect(await admin.fetchTopicOffsetsByTimestamp(topic, 1)).toEqual([{ partition: 0, offset: '0' }])
    expect(await admin.fetchTopicOffsetsByTimestamp(topic, Date.now() + 60_000)).toEqual([
      { partition: 0, offset: '10' },
    ])
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] })
    expect((await admin.fetchTopicOffsets(topic))[0]).toMatchObject({ high: '10', low: '7' })
    expect((await readAll(broker, topic, 3)).map(({ value }) => String(value))).toEqual([
      'value-7',
      'value-8',
      'value-9',
    ])
  })

  it('lists, describes and deletes consumer groups, and tells their offsets', async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 10))
    const groupId = broker.uniqueName('readers')
    const consumer = kafkaJs(broker).consumer({ groupId, maxWaitTimeInMs: 100 })
    await consumer.connect()
    const joined = new Promise((resolve) => consumer.on(consumer.events.FETCH, resolve))
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ autoCommit: false, eachMessage: async () => undefined })
    await joined

    expect((await admin.listGroups()).groups).toContainEqual({ groupId, protocolType: 'consumer' })
    const [group] = (await admin.describeGroups([groupId])).groups
    expect(group).toMatchObject({ errorCode: 0, groupId, state: 'Stable', protocol: 'RoundRobinAssigner' })
    expect(group?.members).toHaveLength(1)
    expect(group?.members[0]).toMatchObject({ clientId: 'kafkajs', clientHost: expect.stringContaining('127.0.0.1') })
    await expect(admin.deleteGroups([groupId])).rejects.toMatchObject({
      groups: [expect.objectContaining({ groupId, errorCode: 68 })],
    })
    await consumer.commitOffsets([{ topic, partition: 0, offset: '4' }])
    await consumer.disconnect()

    const offsets = await admin.fetchOffsets({ groupId, topics: [topic] })
    expect(offsets).toEqual([{ topic, partitions: [{ partition: 0, offset: '4', metadata: null }] }])
    expect(await admin.deleteGroups([groupId])).toMatchObject([{ groupId, errorCode: 0 }])
    expect((await admin.describeGroups([groupId])).groups[0]?.state).toBe('Dead')
  })
})
