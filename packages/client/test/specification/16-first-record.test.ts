import { systemClock } from '@milena/protocol/runtime'
import { describe, expect } from 'vitest'
import { numbered, receive, receiveFor, texts } from '../share/real-group.js'
import { alterOffset } from './behind-the-back.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('A member without an assignment', () => {
  onVirtualCluster(
    'heartbeats after 50, 100, 200, 300 and 400 ms, then every 250 ms, and at the told interval once it has one',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer, 20_000)
      const times = [...new Set(cluster.heartbeats().map(({ at }) => at))]
      const first = times[0] ?? 0
      expect(times.slice(1, 4).map((at) => Math.round((at - first) / 10) * 10)).toEqual([50, 150, 350])
      const spacing = times.slice(1).map((at, index) => at - (times[index] ?? 0))
      expect(Math.max(...spacing.slice(0, 4))).toBeLessThanOrEqual(450)
      expect(spacing.at(-1)).toBeGreaterThan(4_500)
    },
  )

  onVirtualCluster(
    'fetches from the leaders of all partitions as soon as it has joined',
    { brokers: 3 },
    async (cluster) => {
      for (const partition of [0, 1, 2]) cluster.append(['v'], partition)
      const consumer = cluster.consumer()
      const records = await cluster.receive(consumer, 3, (record) => consumer.acknowledge(record))
      expect(records.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1])
      const joined = cluster.heartbeats()[0]?.at ?? 0
      for (const nodeId of cluster.broker.brokerIds) {
        expect((cluster.shareRequests(nodeId)[0]?.at ?? Infinity) - joined).toBeLessThan(200)
      }
    },
  )
})

onEveryBroker('The first record of a new group', (sentence) => {
  sentence('comes well before the assignment does, and costs no delivery', async (groups, broker) => {
    const topic = await broker.createTopic({ partitions: 3 })
    const groupId = await broker.createGroup()
    await groups.produce(
      topic,
      numbered(3).map((value, partition) => ({ value, partition })),
    )
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const began = systemClock.now()
    const records = [...(await consumer.poll(10_000))]
    // Java's consumer takes 5.3 s here; the assignment of a new group takes a second since 4.3.
    expect(systemClock.now() - began).toBeLessThan(950)
    for (const record of records) consumer.acknowledge(record)
    records.push(...(await receive(consumer, 3 - records.length, { each: (record) => consumer.acknowledge(record) })))
    expect(texts(records).sort()).toEqual(numbered(3))
    // Through the time when the assignment comes: nothing comes twice.
    expect(await receiveFor(consumer, 1_500)).toEqual([])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(records.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1])
    expect(consumer.metrics()).toMatchObject({ acquired: 3, redelivered: 0, accepted: 3 })
  })

  sentence('of one whose offsets were altered before is there as fast', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(3), { lingerMs: 0 })
    await alterOffset(broker, { groupId, topic, startOffset: 1 })
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const began = systemClock.now()
    const [record] = await receive(consumer, 1)
    expect(record?.offset).toBe(1)
    expect(systemClock.now() - began).toBeLessThan(950)
  })
})
