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

  async function startOf(groupId: string): Promise<number | null | undefined> {
    return (await cluster.admin.listShareGroupOffsets(groupId))[0]?.startOffset
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

  it('leaves what was finished finished: only the rest comes again', async () => {
    const topic = await cluster.createTopic()
    const groupId = await cluster.createGroup({ 'share.record.lock.duration.ms': '30000' })
    for (const value of numbered(10)) await groups.produce(topic, [value])
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const finished = new Set([4, 6, 7, 8, 9])
    await receive(consumer, 10, {
      each: (record) => {
        if (finished.has(record.offset)) consumer.acknowledge(record)
      },
    })
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    const leader = await leaderOf(topic)
    await leader.kill()
    await consumer.close({ timeoutMs: 1_000 }).catch(() => undefined)
    const next = groups.explicit(groupId, { maxPollRecords: 100 })
    next.subscribe([topic])
    const rest = await receive(next, 5, { limitMs: 60_000, each: (record) => next.acknowledge(record) })
    expect(rest.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual(
      [0, 1, 2, 3, 5].map((offset) => [offset, 1]),
    )
    expect(results(await next.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
    // What was finished behind a hole of the state that the new leader found is passed over with the next records only; and a
    // described start is one write behind.
    expect(await startOf(groupId)).toBe(0)
    for (const start of [6, 11]) {
      await groups.produce(topic, ['more'])
      await receive(next, 1, { each: (record) => next.acknowledge(record) })
      expect(results(await next.commitSync())).toEqual({ 0: 'ok' })
      expect(await startOf(groupId)).toBe(start)
      await groups.untilLag(groupId, 0)
    }
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
