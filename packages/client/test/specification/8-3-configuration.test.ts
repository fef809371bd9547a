import { KafkaUsageError } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { describe, expect, it, vi } from 'vitest'
import { ShareConsumer, type ShareConsumerOptions } from '../../src/index.js'
import { numbered, receive, results } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

const make = (options: Partial<ShareConsumerOptions>) =>
  new ShareConsumer({ bootstrapServers: 'localhost:9092', groupId: 'workers', logger: silentLogger, ...options })

describe('A share consumer at its construction', () => {
  it('needs a bootstrap address and a group id, and connects to nothing', async () => {
    expect(() => make({ groupId: undefined } as never)).toThrow(KafkaUsageError)
    expect(() => make({ groupId: '' })).toThrow(/groupId/)
    expect(() => make({ bootstrapServers: undefined } as never)).toThrow(/bootstrapServers/)
    const consumer = make({})
    expect([consumer.groupId, consumer.clientId]).toEqual(['workers', 'milena-share-consumer'])
    await consumer.close()
  })

  it.each([
    ['auto.offset.reset', 'earliest', /share\.auto\.offset\.reset/],
    ['enable.auto.commit', 'false', /acknowledgementMode/],
    ['group.instance.id', 'a', /static members/],
    ['isolation.level', 'read_committed', /share\.isolation\.level/],
    ['partition.assignment.strategy', 'range', /broker assigns/],
    ['interceptor.classes', 'a.B', /Java classes/],
    ['session.timeout.ms', '45000', /share\.session\.timeout\.ms/],
    ['heartbeat.interval.ms', '5000', /share\.heartbeat\.interval\.ms/],
    ['group.protocol', 'consumer', /share groups/],
    ['group.remote.assignor', 'uniform', /broker assigns/],
  ])("refuses %s, as Java's does, and names what to do instead", (name, value, remedy) => {
    const error = (() => {
      try {
        make({ properties: { [name]: value } })
      } catch (thrown) {
        return thrown
      }
      return undefined
    })()
    expect(error).toSatisfy(KafkaUsageError.is)
    expect(error).toMatchObject({ message: expect.stringContaining(name) as string })
    expect(String(error)).toMatch(remedy)
  })

  it.each([
    [{ acknowledgementMode: 'automatic' as never }, /acknowledgementMode/],
    [{ properties: { 'share.acknowledgement.mode': 'EXPLICITLY' } }, /acknowledgementMode is 'EXPLICITLY'/],
    [{ properties: { 'share.acquire.mode': 'all' } }, /acquireMode is 'all'/],
    [{ maxPollRecords: 0 }, /maxPollRecords/],
    [{ fetchMaxWaitMs: -1 }, /fetchMaxWaitMs/],
    [{ heartbeatIntervalMs: 5_000, sessionTimeoutMs: 5_000 }, /heartbeatIntervalMs/],
  ])('refuses %j', (options, fault) => {
    expect(() => make(options)).toThrow(fault)
  })
})

describe('On the wire', () => {
  onVirtualCluster("a share consumer asks for what its options say, by Kafka's names", {}, async (cluster) => {
    const consumer = cluster.consumer({
      properties: {
        'max.poll.records': 40,
        'fetch.min.bytes': 10,
        'fetch.max.bytes': 1_000,
        'fetch.max.wait.ms': '300',
        'share.acquire.mode': 'record_limit',
        'client.rack': 'cellar',
      },
    })
    await cluster.settle(consumer)
    expect(cluster.fetches()[0]).toMatchObject({
      maxRecords: 40,
      batchSize: 40,
      minBytes: 10,
      maxBytes: 1_000,
      maxWaitMs: 300,
      shareAcquireMode: 1,
    })
    expect(cluster.heartbeats()[0]?.rackId).toBe('cellar')
    expect(cluster.group?.members).toMatchObject([{ rackId: 'cellar' }])
  })

  onVirtualCluster(
    "a share consumer has Kafka's defaults for what it waits for and how much may come",
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      expect(cluster.fetches().at(-1)).toMatchObject({ maxWaitMs: 500, minBytes: 1 })
      for (const { maxBytes } of cluster.fetches()) expect(maxBytes).toBeLessThanOrEqual(52_428_800)
      expect(cluster.heartbeats()[0]).toMatchObject({ rackId: null })
    },
  )
})

onEveryBroker('Options', (sentence) => {
  sentence('are all optional but the address and the group', async (groups, broker) => {
    const topic = await broker.createTopic({ partitions: 3 })
    const groupId = await broker.createGroup()
    await groups.produce(
      topic,
      [0, 1, 2].map((partition) => ({ value: 'v', partition })),
    )
    const consumer = new ShareConsumer({ bootstrapServers: broker.bootstrapServers, groupId })
    try {
      consumer.subscribe([topic])
      const records = await receive(consumer, 3)
      expect(records.map(({ partition }) => partition).sort()).toEqual([0, 1, 2])
      await consumer.commitSync()
      await groups.untilLag(groupId, 0)
    } finally {
      await consumer.close()
    }
  })

  sentence('may come with a dead first address', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.consumer(groupId, { bootstrapServers: `127.0.0.1:1,${broker.bootstrapServers}` })
    consumer.subscribe([topic])
    expect(await receive(consumer, 1)).toHaveLength(1)
  })

  sentence('bound the bytes of an answer softly: a larger record comes all the same', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['x'.repeat(10_000)])
    const consumer = groups.explicit(groupId, { fetchMaxBytes: 100 })
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each) })
    expect(record?.value).toHaveLength(10_000)
  })

  sentence('of the group that came with 4.3 are refused by an older broker, by name', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '1000' })
    const setting = broker.setGroupConfig(groupId, {
      'share.delivery.count.limit': '2',
      'share.renew.acknowledge.enable': 'false',
      'share.partition.max.record.locks': '100',
    })
    if (!broker.isSince('4.3')) {
      await expect(setting).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
      return
    }
    await setting
    await groups.produce(topic, numbered(1))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'RENEW')
    expect(results(await consumer.commitSync())).toEqual({ 0: 'INVALID_RECORD_STATE' })
    // It is held by its first lock, and comes back with that.
    const [again] = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each, 'RELEASE') })
    expect(again).toBe(record)
    const [second] = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each, 'RELEASE') })
    expect(second?.deliveryCount).toBe(2)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  sentence('of the group that came with 4.4 are refused by an older broker, by name', async (_, broker) => {
    const groupId = await broker.createGroup()
    const setting = broker.setGroupConfig(groupId, { 'errors.deadletterqueue.topic.name': 'dlq.orders' })
    if (broker.isSince('4.4')) await expect(setting).resolves.toBeUndefined()
    else await expect(setting).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  })

  sentence('such as the rack are told to the coordinator', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId, { clientRack: 'cellar', clientId: 'with-a-rack' })
    consumer.subscribe([topic])
    await vi.waitFor(
      async () => {
        await consumer.poll(100)
        const [described] = await broker.admin.describeShareGroups([groupId])
        expect(described?.members).toMatchObject([{ clientId: 'with-a-rack', rackId: 'cellar' }])
      },
      { timeout: 10_000 },
    )
  })
})
