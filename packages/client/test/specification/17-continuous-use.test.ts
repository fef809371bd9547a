import { systemClock } from '@milena/protocol/runtime'
import { describe, expect } from 'vitest'
import { numbered, receive, results } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms))

describe('Continuous consumption', () => {
  onVirtualCluster('never has two requests of one session under way', { brokers: 3 }, async (cluster) => {
    const consumer = cluster.consumer({ maxPollRecords: 5 })
    const underWay = new Map<number, number>()
    let most = 0
    const begun = (nodeId: number): void => {
      const now = (underWay.get(nodeId) ?? 0) + 1
      underWay.set(nodeId, now)
      most = Math.max(most, now)
    }
    const ended = (nodeId: number): void => void underWay.set(nodeId, (underWay.get(nodeId) ?? 0) - 1)
    const watched = [
      cluster.broker.intercept('ShareFetch', ({ nodeId }) => {
        begun(nodeId)
        return { do: 'change', answer: (body) => (ended(nodeId), body) }
      }),
      cluster.broker.intercept('ShareAcknowledge', ({ nodeId }) => {
        begun(nodeId)
        return { do: 'change', answer: (body) => (ended(nodeId), body) }
      }),
    ]
    for (const partition of [0, 1, 2]) cluster.append(numbered(20), partition)
    await cluster.receive(consumer, 60, (record) => consumer.acknowledge(record))
    await cluster.commit(consumer)
    for (const hook of watched) hook.stop()
    expect(most).toBe(1)
  })

  onVirtualCluster(
    'keeps fetches short while records of a broker are out, so that answers and renewals never wait behind one',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      await cluster.clock.advance(5_000)
      const began = cluster.clock.now()
      consumer.acknowledge(record, 'RENEW')
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      expect(cluster.clock.now() - began).toBeLessThanOrEqual(50)
      await cluster.until(consumer.poll(100))
      cluster.broker.forgetRequests()
      await cluster.clock.advance(10_000)
      // At most 60 requests a second to that broker.
      expect(cluster.shareRequests().length).toBeLessThanOrEqual(600)
      consumer.acknowledge(record)
      const answering = cluster.clock.now()
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      expect(cluster.clock.now() - answering).toBeLessThanOrEqual(50)
    },
  )

  onVirtualCluster('lets a broker with nothing to do hold up nobody else', { brokers: 3 }, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    const delays: number[] = []
    for (let round = 0; round < 20; round++) {
      cluster.append([`v${round}`], 1)
      const began = cluster.clock.now()
      await cluster.receive(consumer, 1, (record) => consumer.acknowledge(record))
      delays.push(cluster.clock.now() - began)
      await cluster.until(consumer.poll(37))
    }
    expect(delays.toSorted((a, b) => a - b)[10]).toBeLessThanOrEqual(50)
  })

  onVirtualCluster(
    'at the record locks that the broker grants is patient, and goes on when there is room',
    { groupConfigs: { 'share.partition.max.record.locks': '100' } },
    async (cluster) => {
      for (let batch = 0; batch < 30; batch++) cluster.append(numbered(10))
      const consumer = cluster.consumer({ maxPollRecords: 500 })
      const records = await cluster.receive(consumer, 100)
      cluster.broker.forgetRequests()
      await cluster.clock.advance(10_000)
      expect(cluster.shareRequests().length).toBeLessThan(600)
      for (const record of records) consumer.acknowledge(record)
      const more = await cluster.receive(consumer, 200, (record) => consumer.acknowledge(record))
      expect(more).toHaveLength(200)
      await cluster.commit(consumer)
      expect(cluster.partition()?.startOffset).toBe(300)
    },
  )
})

onEveryBroker('Continuous consumption', (sentence) => {
  sentence('goes on fetching while earlier records are unanswered', async (groups, broker) => {
    const topic = await broker.createTopic({ partitions: 3 })
    const groupId = await broker.createGroup()
    const consumer = groups.explicit(groupId, { acquireMode: 'record_limit' })
    consumer.subscribe([topic])
    await groups.produce(
      topic,
      numbered(30).map((value, index) => ({ value, partition: index % 3 })),
    )
    const held = []
    for await (const batch of consumer.batches({ maxInFlight: 100 })) {
      held.push(...batch)
      if (held.length >= 30) break
      if (held.length < 30) await groups.produce(topic, [{ value: 'more', partition: held.length % 3 }])
    }
    expect(held.length).toBeGreaterThanOrEqual(30)
    expect(held.every(({ deliveryCount }) => deliveryCount === 1)).toBe(true)
  })

  sentence('answers and renews at once beside an idle fetch', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    const tookMs: number[] = []
    for (let renewals = 0; renewals < 8; renewals++) {
      await pause(50 + 37 * renewals)
      const began = systemClock.now()
      consumer.acknowledge(record, 'RENEW')
      expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
      tookMs.push(systemClock.now() - began)
      await consumer.poll(0)
    }
    // Generous for a busy machine; a long poll of 500 ms in the way would show all the same.
    expect(tookMs.toSorted((a, b) => a - b)[4]).toBeLessThan(150)
    consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
  })
})
