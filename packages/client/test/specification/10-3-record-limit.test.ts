import { describe, expect } from 'vitest'
import { numbered, receive, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('With a record limit', () => {
  onVirtualCluster(
    'one broker at a time is asked for records; the others are asked for nothing, or not at all',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer({ acquireMode: 'record_limit', maxPollRecords: 5 })
      for (const partition of [0, 1, 2]) cluster.append(numbered(20), partition)
      const records = await cluster.receive(consumer, 60, (record) => consumer.acknowledge(record))
      expect(records.every(({ deliveryCount }) => deliveryCount === 1)).toBe(true)
      const asking = cluster
        .shareRequests()
        .flatMap(({ api, nodeId, at, body }) =>
          api === 'ShareFetch' && 'maxRecords' in body && body.maxRecords > 0 ? [{ nodeId, at, body }] : [],
        )
      expect(new Set(asking.map(({ nodeId }) => nodeId)).size).toBe(3)
      for (const { body } of asking) expect(body).toMatchObject({ maxRecords: 5, shareAcquireMode: 1 })
      for (const fetch of cluster.fetches()) {
        if (fetch.maxRecords > 0) continue
        expect(fetch).toMatchObject({ maxWaitMs: 0, minBytes: 0, maxBytes: 0, maxRecords: 0, batchSize: 0 })
      }
      // No more than one poll's worth is ever held: nothing sits locked at one broker while another is worked off.
      expect(await cluster.until(consumer.commitSync())).toBeDefined()
    },
  )

  onVirtualCluster('no more is acquired than a poll hands out, over all brokers', { brokers: 3 }, async (cluster) => {
    const consumer = cluster.consumer({ acquireMode: 'record_limit', maxPollRecords: 5 })
    for (const partition of [0, 1, 2]) cluster.append(numbered(20), partition)
    const records = await cluster.receive(consumer, 1)
    expect(records.length).toBeLessThanOrEqual(5)
    await cluster.clock.advance(5_000)
    const acquired = [0, 1, 2].flatMap((index) =>
      (cluster.partition(index)?.records ?? []).filter(({ state }) => state === 'ACQUIRED'),
    )
    expect(acquired.reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0)).toBe(5)
    for (const record of records) consumer.acknowledge(record)
  })
})

onEveryBroker('A record limit', (sentence) => {
  sentence('is a hard one: no poll hands out more, and batches are cut for it', async (groups, broker) => {
    const topic = await broker.createTopic({ partitions: 3 })
    const groupId = await broker.createGroup()
    for (const partition of [0, 1, 2]) {
      await groups.produce(
        topic,
        numbered(20, `${partition}-`).map((value) => ({ value, partition })),
        { lingerMs: 50 },
      )
    }
    const consumer = groups.explicit(groupId, {
      properties: { 'share.acquire.mode': 'record_limit', 'max.poll.records': 7 },
    })
    consumer.subscribe([topic])
    const seen: string[] = []
    for (let polls = 0; polls < 60 && seen.length < 60; polls++) {
      const records = await consumer.poll(2_000)
      expect(records.count).toBeLessThanOrEqual(7)
      for (const record of records) {
        expect(record.deliveryCount).toBe(1)
        consumer.acknowledge(record)
      }
      seen.push(...texts(records.records))
    }
    expect(new Set(seen).size).toBe(60)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  sentence('of one brings one record at a time, in order', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(5), { lingerMs: 50 })
    const consumer = groups.explicit(groupId, { acquireMode: 'record_limit', maxPollRecords: 1 })
    consumer.subscribe([topic])
    const records = await receive(consumer, 5, { each: (record) => consumer.acknowledge(record) })
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
  })
})
