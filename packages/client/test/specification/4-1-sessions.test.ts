import { describe, expect, it } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { Admin } from '../../src/index.js'
import { numbered, receive, results, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster, VirtualCluster } from './virtual-cluster.js'

describe('A share session', () => {
  onVirtualCluster(
    'exists for each broker: its first fetch has epoch 0, lists every partition wanted there, and carries no acknowledgement',
    { brokers: 3, partitions: 6 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      const leaders = new Map(
        cluster.broker.inspect().topics[0]?.partitions.map(({ partition, leader }) => [partition, leader]),
      )
      for (const nodeId of cluster.broker.brokerIds) {
        const [first] = cluster.shareRequests(nodeId)
        const led = [...leaders].filter(([, leader]) => leader === nodeId).map(([partition]) => partition)
        expect(first).toMatchObject({ api: 'ShareFetch', epoch: 0, named: led, acknowledged: [] })
      }
      expect(
        cluster.broker
          .inspect()
          .shareSessions.map(({ nodeId }) => nodeId)
          .sort(),
      ).toEqual([1, 2, 3])
    },
  )

  onVirtualCluster(
    'counts fetches and acknowledgements in one row, from 1 on and for each broker by itself',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      for (const partition of [0, 1, 2]) cluster.append(numbered(2), partition)
      await cluster.receive(consumer, 6, (record) => consumer.acknowledge(record))
      await cluster.commit(consumer)
      await cluster.settle(consumer)
      for (const nodeId of cluster.broker.brokerIds) {
        const seen = cluster.shareRequests(nodeId)
        expect(seen.map(({ epoch }) => epoch)).toEqual(seen.map((_, index) => index))
      }
      expect(cluster.shareRequests().some(({ api }) => api === 'ShareAcknowledge')).toBe(true)
    },
  )

  onVirtualCluster(
    'is incremental: later fetches name only what carries acknowledgements, and may name nothing',
    { partitions: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.append(['v'], 1)
      await cluster.receive(consumer, 1, (record) => consumer.acknowledge(record))
      await cluster.settle(consumer)
      const [first, ...later] = cluster.shareRequests()
      expect(first?.named).toEqual([0, 1, 2])
      for (const { named, acknowledged, forgotten } of later) {
        expect(named).toEqual(acknowledged)
        expect(forgotten).toEqual([])
      }
      expect(later.filter(({ named }) => named.length === 0).length).toBeGreaterThan(2)
    },
  )

  onVirtualCluster('is opened by a fetch only, never by an acknowledgement', { brokers: 3 }, async (cluster) => {
    const consumer = cluster.consumer()
    for (const partition of [0, 1, 2]) cluster.append(['v'], partition)
    await cluster.receive(consumer, 3, (record) => consumer.acknowledge(record))
    await cluster.commit(consumer)
    for (const { api, epoch } of cluster.shareRequests()) if (epoch === 0) expect(api).toBe('ShareFetch')
  })

  onVirtualCluster(
    'ends with epoch -1, in a request that may carry the last acknowledgements: what is held besides goes back, and the session is gone',
    {},
    async (cluster) => {
      // A second member, of another topic, whose session keeps the leader's memory of the group.
      cluster.broker.createTopic({ name: 'parcels' })
      const other = cluster.consumer()
      other.subscribe(['parcels'])
      await cluster.settle(other)
      cluster.broker.forgetRequests()
      const consumer = cluster.consumer()
      cluster.append(numbered(3))
      const [first] = await cluster.receive(consumer, 3)
      if (first !== undefined) consumer.acknowledge(first)
      await cluster.until(consumer.close())
      expect(cluster.shareRequests().filter(({ epoch }) => epoch === -1)).toMatchObject([{ api: 'ShareAcknowledge' }])
      expect(cluster.broker.inspect().shareSessions.map(({ memberId }) => memberId)).toEqual([other.memberId])
      expect(cluster.partition()).toMatchObject({
        startOffset: 1,
        records: [{ firstOffset: 1, lastOffset: 2, state: 'AVAILABLE', deliveryCount: 1 }],
      })
    },
  )

  onVirtualCluster(
    'forgets the old id of a topic that was created anew under its name, and takes up the new one',
    {},
    async (cluster) => {
      cluster.broker.createTopic({ name: 'parcels' })
      const consumer = cluster.consumer({ metadataMaxAgeMs: 2_000 })
      consumer.subscribe(['orders', 'parcels'])
      await cluster.settle(consumer)
      const idOf = (topic: string) => cluster.broker.inspect().topics.find(({ name }) => name === topic)?.id
      const old = idOf('orders')
      const admin = new Admin({ bootstrapServers: cluster.broker.bootstrapServers, runtime: cluster.broker.runtime })
      await cluster.until(admin.deleteTopics(['orders']))
      await cluster.until(admin.createTopics([{ name: 'orders' }]))
      await cluster.until(admin.close())
      cluster.append(['of the new one'])
      const record = await cluster.first(consumer)
      consumer.acknowledge(record)
      expect(String(record.value)).toBe('of the new one')
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      await cluster.settle(consumer)
      const fresh = idOf('orders')
      expect(fresh).not.toBe(old)
      expect(cluster.fetches().some(({ topics }) => topics.some(({ topicId }) => topicId === fresh))).toBe(true)
      expect(
        cluster.fetches().some(({ forgottenTopicsData }) => forgottenTopicsData.some(({ topicId }) => topicId === old)),
      ).toBe(true)
    },
  )

  onVirtualCluster(
    'still carries the acknowledgements of a partition that is not wanted any more, and forgets it only then',
    {},
    async (cluster) => {
      cluster.broker.createTopic({ name: 'parcels' })
      const consumer = cluster.consumer()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      consumer.subscribe(['parcels'])
      await cluster.clock.advance(5_000)
      expect(cluster.shareRequests().flatMap(({ forgotten }) => forgotten)).toEqual([])
      consumer.acknowledge(record)
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      await cluster.settle(consumer)
      const seen = cluster.shareRequests()
      const answered = seen.findIndex(({ acknowledged }) => acknowledged.length > 0)
      const forgotten = seen.findIndex((request) => request.forgotten.length > 0)
      expect(forgotten).toBeGreaterThanOrEqual(answered)
      expect(cluster.broker.inspect().shareSessions[0]?.partitions).toEqual(['parcels-0'])
    },
  )

  it('has a connection of its own for each member, also where members share all others', async () => {
    const cluster = await VirtualCluster.open()
    const { broker } = cluster
    const context = KafkaClientContext.create(
      resolveClientConfig({ bootstrapServers: broker.bootstrapServers, runtime: broker.runtime }),
    )
    const { ShareConsumer } = await import('../../src/index.js')
    const members = [1, 2].map(
      () =>
        new ShareConsumer(
          { bootstrapServers: broker.bootstrapServers, groupId: 'workers', runtime: broker.runtime },
          context,
        ),
    )
    for (const member of members) {
      member.subscribe(['orders'])
      await cluster.until(member.poll(100))
    }
    const connections = broker.inspect().shareSessions.map(({ connectionId }) => connectionId)
    expect(new Set(connections).size).toBe(2)
    for (const member of members) await cluster.until(member.close())
    await cluster.until(context.release())
    await cluster.end()
  })
})

onEveryBroker('Sessions', (sentence) => {
  sentence('take the answer to a record of a topic that is not subscribed any more', async (groups, broker) => {
    const [old, other] = [await broker.createTopic(), await broker.createTopic()]
    const groupId = await broker.createGroup()
    await groups.produce(old, ['v'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([old])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    consumer.subscribe([other])
    await groups.produce(other, ['w'])
    consumer.acknowledge(record)
    expect(texts(await receive(consumer, 1, { each: (each) => consumer.acknowledge(each) }))).toEqual(['w'])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics()).toMatchObject({ accepted: 2, failed: 0, lost: 0 })
  })

  sentence('go on with a topic that was deleted and created anew', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['old'])
    const consumer = groups.explicit(groupId, { metadataMaxAgeMs: 500 })
    consumer.subscribe([topic])
    expect(texts(await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) }))).toEqual(['old'])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await broker.admin.deleteTopics([topic])
    await broker.admin.createTopics([{ name: topic }])
    await groups.produce(topic, ['new'])
    const [record] = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each) })
    expect([String(record?.value), record?.offset, record?.deliveryCount]).toEqual(['new', 0, 1])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
  })
})
