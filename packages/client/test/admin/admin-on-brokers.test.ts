import { KafkaBrokerError, KafkaUsageError } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Admin, Producer, ShareConsumer } from '../../src/index.js'

describeOnBrokers('an admin', (broker) => {
  let admin: Admin

  beforeAll(() => {
    admin = new Admin({ bootstrapServers: broker.bootstrapServers, logger: silentLogger })
  })

  afterAll(async () => {
    await admin.close()
    await admin.close()
  })

  it('creates topics that can be used at once, describes, lists and deletes them', async () => {
    const name = broker.uniqueName('topic')
    const [created] = await admin.createTopics([{ name, numPartitions: 4, configs: { 'retention.ms': '3600000' } }])
    expect(created).toMatchObject({ name, numPartitions: 4, existed: false })
    const [described] = await admin.describeTopics([name])
    expect(described).toMatchObject({ name, topicId: created?.topicId, isInternal: false })
    expect(described?.partitions.map((partition) => partition.index)).toEqual([0, 1, 2, 3])
    expect(
      described?.partitions.every((partition) => partition.leaderId >= 0 && partition.inSyncReplicas.length > 0),
    ).toBe(true)
    expect((await admin.listTopics()).map((topic) => topic.name)).toContain(name)
    await admin.deleteTopics([name])
    await expect.poll(async () => (await admin.listTopics()).map((topic) => topic.name)).not.toContain(name)
    await admin.deleteTopics([name], { ifExists: true })
    await expect(admin.deleteTopics([name])).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('refuses to create a topic that exists, unless told to leave it', async () => {
    const name = await broker.createTopic()
    const refusal: unknown = await admin.createTopics([{ name }]).catch((error: unknown) => error)
    expect(refusal).toSatisfy(KafkaBrokerError.is)
    expect(refusal).toMatchObject({ code: 'TOPIC_ALREADY_EXISTS', api: 'CreateTopics', retriable: false })
    expect(String(refusal)).toContain(name)
    expect(await admin.createTopics([{ name }], { ifNotExists: true })).toMatchObject([{ name, existed: true }])
  })

  it('can only check whether a topic could be created', async () => {
    const name = broker.uniqueName('topic')
    await admin.createTopics([{ name, numPartitions: 2 }], { validateOnly: true })
    await expect(admin.describeTopics([name])).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await expect(admin.createTopics([{ name, replicationFactor: 99 }], { validateOnly: true })).rejects.toMatchObject({
      code: 'INVALID_REPLICATION_FACTOR',
    })
    await expect(admin.createTopics([{ name, configs: { 'no.such.config': '1' } }])).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    })
  })

  it.each([
    [{ name: 'no pe' }, /legal topic name/],
    [{ name: 'a', numPartitions: 0 }, /numPartitions is 0/],
    [{ name: 'a', numPartitions: 1, replicaAssignments: [[1]] }, /either replicaAssignments/],
  ])('refuses %j before asking anybody', async (topic, message) => {
    const refusal: unknown = await admin.createTopics([topic]).catch((error: unknown) => error)
    expect(refusal).toSatisfy(KafkaUsageError.is)
    expect(String(refusal)).toMatch(message)
  })

  it('reads and changes the configuration of a topic, and sets it back', async () => {
    const name = await broker.createTopic()
    const read = async () => {
      const [config] = await admin.describeConfigs([{ type: 'topic', name, keys: ['retention.ms'] }])
      return config?.entries.get('retention.ms')
    }
    expect(await read()).toMatchObject({ isDefault: true })
    await admin.alterTopicConfigs(name, { 'retention.ms': '123456' })
    await expect.poll(read).toMatchObject({ value: '123456', isDefault: false })
    await admin.alterTopicConfigs(name, { 'retention.ms': null })
    await expect.poll(read).toMatchObject({ isDefault: true })
  })

  it('sets the configuration of a group that does not exist yet', async () => {
    const groupId = broker.uniqueName('group')
    await admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': 'earliest' })
    await expect
      .poll(async () =>
        (await admin.describeConfigs([{ type: 'group', name: groupId }]))[0]?.entries.get('share.auto.offset.reset'),
      )
      .toMatchObject({ value: 'earliest', isDefault: false })
    await expect(admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': 'sometimes' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    })
  })

  it('reads the configuration of a broker, which it names by its node id', async () => {
    const [first] = await admin.describeTopics([await broker.createTopic()])
    const nodeId = first?.partitions[0]?.leaderId ?? -1
    const [config] = await admin.describeConfigs([{ type: 'broker', name: `${nodeId}` }])
    expect(config?.entries.get('group.share.delivery.count.limit')?.value).toMatch(/^\d+$/)
    await expect(admin.describeConfigs([{ type: 'broker', name: 'first' }])).rejects.toSatisfy(KafkaUsageError.is)
  })

  it('describes a share group with its members, its positions and its lag', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    const producer = new Producer({ bootstrapServers: broker.bootstrapServers, logger: silentLogger })
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => producer.send({ topic, partition: index % 2, value: `${index}` })),
    )
    await producer.close()
    const consumer = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId,
      clientId: 'described',
      logger: silentLogger,
    })
    try {
      consumer.subscribe([topic])
      let read = 0
      while (read < 10) read += (await consumer.poll({ timeoutMs: 500 })).count
      await expect
        .poll(async () => (await admin.describeShareGroups([groupId]))[0]?.members[0]?.assignment, { timeout: 5_000 })
        .toMatchObject([{ topic, partitions: [0, 1] }])
      const [group] = await admin.describeShareGroups([groupId])
      expect(group).toMatchObject({ groupId, state: 'Stable', assignorName: 'simple' })
      expect(group?.members).toMatchObject([{ clientId: 'described', subscribedTopicNames: [topic] }])
      await consumer.commitSync()
      await expect
        .poll(async () => (await admin.listShareGroupOffsets(groupId)).toSorted((a, b) => a.partition - b.partition))
        .toMatchObject([
          { topic, partition: 0, lag: 0 },
          { topic, partition: 1, lag: 0 },
        ])
      expect(await admin.listShareGroupOffsets(groupId, { topics: { [topic]: [1] } })).toMatchObject([
        { partition: 1, lag: 0 },
      ])
    } finally {
      await consumer.close()
    }
  })

  it('tells what does not exist', async () => {
    const groupId = broker.uniqueName('group')
    await expect(admin.describeShareGroups([groupId])).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    expect(await admin.listShareGroupOffsets(groupId)).toEqual([])
    const topic = await broker.createTopic()
    expect(await admin.listShareGroupOffsets(groupId, { topics: { [topic]: [0] } })).toMatchObject([
      { topic, startOffset: null, lag: null },
    ])
  })
})
