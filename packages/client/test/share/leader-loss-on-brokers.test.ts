import { silentLogger } from '@milena/protocol/runtime'
import { describeOnClusters } from '@milena/tools-test-brokers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Producer } from '../../src/index.js'
import { numbered, RealGroups, receive, results, texts } from './real-group.js'

describeOnClusters('The loss of a leader', { brokers: 3 }, (cluster) => {
  const groups = new RealGroups(cluster)

  beforeEach(async () => {
    // Whoever was killed is up again, and in sync.
    const topic = await cluster.createTopic()
    await vi.waitFor(
      async () => {
        const [described] = await cluster.admin.describeTopics([topic])
        expect(described?.partitions[0]?.inSyncReplicas).toHaveLength(3)
      },
      { timeout: 30_000 },
    )
  })

  afterEach(() => groups.close())

  async function leaderOf(topic: string) {
    const [described] = await cluster.admin.describeTopics([topic])
    const leaderId = described?.partitions[0]?.leaderId
    const leader = cluster.brokers.find(({ nodeId }) => nodeId === leaderId)
    if (leader === undefined) throw new Error(`nobody leads ${topic}: ${leaderId}`)
    return leader
  }

  it('costs the records in work no delivery, as long as nothing of it was written down', async () => {
    const topic = await cluster.createTopic()
    const groupId = await cluster.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const first = await receive(consumer, 3, {
      each: (record) => consumer.acknowledge(record, record.offset === 1 ? 'RELEASE' : 'ACCEPT'),
    })
    expect(texts(first)).toEqual(numbered(3))
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    const [second] = await receive(consumer, 1)
    expect([second?.offset, second?.deliveryCount]).toEqual([1, 2])

    const leader = await leaderOf(topic)
    await leader.kill()
    if (second !== undefined) consumer.acknowledge(second)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'NETWORK_EXCEPTION' })
    // Its release was written: one delivery. Who held it when the leader died was not.
    const [again] = await receive(consumer, 1, { limitMs: 60_000, each: (record) => consumer.acknowledge(record) })
    expect([again?.offset, again?.deliveryCount]).toEqual([1, 2])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
    await leader.restart()
  }, 120_000)

  it('loses or doubles no record of a producer, and leaves their order', async () => {
    const topic = await cluster.createTopic()
    const groupId = await cluster.createGroup()
    const values = numbered(2_000)
    const leader = await leaderOf(topic)
    const producer = new Producer({
      bootstrapServers: cluster.bootstrapServers,
      logger: silentLogger,
      batchSize: 500,
      retryBackoffMs: 20,
    })
    const sending = values.map((value) => producer.send({ topic, partition: 0, value }))
    // Some are written, most are not.
    await sending[100]
    await Promise.all([leader.kill(), ...sending])
    await producer.close()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const records = await receive(consumer, values.length, { limitMs: 60_000 })
    expect(texts(records)).toEqual(values)
    expect(records.map(({ offset }) => offset)).toEqual(values.map((_, index) => index))
    await leader.restart()
  }, 120_000)
})
