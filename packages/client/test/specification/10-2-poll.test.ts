import { ErrorCode, KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { describe, expect } from 'vitest'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { numbered, receive, receiveFor, results, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('poll', () => {
  onVirtualCluster('throws a stored error of the membership before anything else', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    await cluster.first(consumer)
    cluster.broker.intercept('ShareGroupHeartbeat', () => ({
      do: 'fail',
      errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    }))
    await cluster.clock.advance(10_000)
    // The record of the last poll is not acknowledged: the older error comes first.
    expect(await cluster.outcome(consumer.poll(100))).toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
  })

  onVirtualCluster(
    'accepts, in implicit mode, what the last one returned, and not before: until then it is only acquired',
    {},
    async (cluster) => {
      const consumer = cluster.consumer({ acknowledgementMode: 'implicit' })
      cluster.append(numbered(3))
      await cluster.receive(consumer, 3)
      await cluster.clock.advance(5_000)
      expect(cluster.partition()).toMatchObject({ startOffset: 0, records: [{ state: 'ACQUIRED', lastOffset: 2 }] })
      await cluster.until(consumer.poll(0))
      await cluster.clock.advance(1_000)
      expect(cluster.partition()?.startOffset).toBe(3)
    },
  )

  onVirtualCluster(
    'merges neighbouring offsets: 500 accepted records are one batch with one type',
    {},
    async (cluster) => {
      const consumer = cluster.consumer({ acknowledgementMode: 'implicit', maxPollRecords: 500 })
      cluster.append(numbered(500))
      await cluster.receive(consumer, 500)
      await cluster.until(consumer.poll(100))
      await cluster.clock.advance(1_000)
      expect(cluster.shareRequests().flatMap(({ batches }) => batches)).toEqual([[0, 0, 499, [1]]])
    },
  )

  onVirtualCluster('lets acknowledgements ride on the next fetch where one goes out anyway', {}, async (cluster) => {
    const consumer = cluster.consumer({ acknowledgementMode: 'implicit', maxPollRecords: 10, prefetch: 0 })
    for (let batch = 0; batch < 20; batch++) cluster.append(numbered(10))
    await cluster.receive(consumer, 200)
    const carrying = cluster.shareRequests().filter(({ acknowledged }) => acknowledged.length > 0)
    expect(carrying.length).toBeGreaterThan(10)
    expect(carrying.filter(({ api }) => api === 'ShareFetch').length).toBeGreaterThan(carrying.length / 2)
  })

  onVirtualCluster(
    'returns what one broker has without waiting for another one that is slow',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.broker.intercept('ShareFetch', () => ({ do: 'delay', ms: 20_000 }), {
        when: ({ nodeId }) => nodeId === 2,
      })
      await cluster.clock.advance(1_000)
      cluster.append(['slow'], 1)
      cluster.append(['quick'], 2)
      const began = cluster.clock.now()
      const [record] = await cluster.receive(consumer)
      expect(String(record?.value)).toBe('quick')
      expect(cluster.clock.now() - began).toBeLessThan(1_000)
      if (record !== undefined) consumer.acknowledge(record)
      const [late] = await cluster.receive(consumer)
      expect(String(late?.value)).toBe('slow')
    },
  )

  onVirtualCluster(
    'asks all leaders at once, before the first of them has answered',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.broker.forgetRequests()
      await cluster.settle(consumer, 1_000)
      const firsts = cluster.broker.brokerIds.map((nodeId) => cluster.shareRequests(nodeId)[0]?.at ?? 0)
      expect(Math.max(...firsts) - Math.min(...firsts)).toBeLessThan(500)
    },
  )

  onVirtualCluster(
    'returns the records of the others when the fetch of one broker fails, whose session begins anew',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.broker.intercept('ShareFetch', () => ({ do: 'fail', errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH }), {
        times: 1,
        when: ({ nodeId }) => nodeId === 1,
      })
      for (const partition of [0, 1, 2]) cluster.append([`of ${partition}`], partition)
      cluster.broker.forgetRequests()
      const records = await cluster.receive(consumer, 3, (record) => consumer.acknowledge(record))
      expect(new Set(texts(records))).toEqual(new Set(['of 0', 'of 1', 'of 2']))
      // An answer that was lost with its session brings its record once more.
      await cluster.settle(consumer, 3_000, (record) => consumer.acknowledge(record))
      expect(cluster.shareRequests(1).some(({ epoch }) => epoch === 0)).toBe(true)
      for (const nodeId of [2, 3]) expect(cluster.shareRequests(nodeId).every(({ epoch }) => epoch > 0)).toBe(true)
    },
  )

  onVirtualCluster('throws no failed acknowledgement: that is told to the callback', {}, async (cluster) => {
    const consumer = cluster.consumer({ acknowledgementMode: 'implicit' })
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    cluster.append(['v'])
    await cluster.first(consumer)
    await cluster.clock.advance(31_000)
    // Its lock is gone, so the implicit answer is late.
    await cluster.settle(consumer, 500)
    expect(verdicts[0]).toMatchObject({ error: { code: 'INVALID_RECORD_STATE' } })
  })
})

onEveryBroker('A poll', (sentence) => {
  sentence('without a subscription is a usage error', async (groups) => {
    const consumer = groups.consumer('nobody')
    await expect(consumer.poll(10)).rejects.toMatchObject({ code: 'NO_SUBSCRIPTION' })
  })

  sentence('of a topic without records ends empty with its timeout', async (groups, broker) => {
    const topic = await broker.createTopic()
    const consumer = groups.consumer(await broker.createGroup())
    consumer.subscribe([topic])
    await consumer.poll(1_000)
    const began = systemClock.now()
    expect((await consumer.poll(700)).isEmpty).toBe(true)
    const tookMs = systemClock.now() - began
    expect(tookMs).toBeGreaterThanOrEqual(690)
    expect(tookMs).toBeLessThan(1_500)
  })

  sentence('in explicit mode is refused while a record is open, which harms nothing', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(4))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const records = await receive(consumer, 4)
    for (const record of records.slice(0, 2)) consumer.acknowledge(record)
    const refusal = await consumer.poll(10).catch((error: unknown) => error)
    expect(refusal).toSatisfy(KafkaUsageError.is)
    expect(refusal).toMatchObject({ code: 'NOT_ACKNOWLEDGED' })
    expect(String(refusal)).toContain(`${topic}-0`)
    expect(String(refusal)).toContain('2')
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await expect(consumer.poll(10)).rejects.toMatchObject({ code: 'NOT_ACKNOWLEDGED' })
    for (const record of records.slice(2)) consumer.acknowledge(record)
    expect(await receiveFor(consumer, 500)).toEqual([])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics()).toMatchObject({ acquired: 4, accepted: 4 })
  })

  sentence('that is woken up rejects, once, and takes no record with it', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    await consumer.poll(100)
    const polled = consumer.poll(20_000)
    consumer.wakeup()
    await expect(polled).rejects.toMatchObject({ code: 'WAKEUP' })
    await groups.produce(topic, numbered(3))
    // Woken up before it is called: thrown before anything buffered is taken.
    // They may have come by now, to be handed out by this poll.
    const early = [...(await consumer.poll(0))]
    consumer.wakeup()
    await expect(consumer.poll(10_000)).rejects.toMatchObject({ code: 'WAKEUP' })
    const records = [...early, ...(await receive(consumer, 3 - early.length))]
    expect(records.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ])
  })

  sentence(
    'returns records of several partitions, those of each in the order of their offsets',
    async (groups, broker) => {
      const topic = await broker.createTopic({ partitions: 3 })
      const groupId = await broker.createGroup()
      await groups.produce(
        topic,
        numbered(60).map((value, index) => ({ value, partition: index % 3 })),
      )
      const consumer = groups.consumer(groupId)
      consumer.subscribe([topic])
      const records = await receive(consumer, 60)
      for (const partition of [0, 1, 2]) {
        const offsets = records.filter((record) => record.partition === partition).map(({ offset }) => offset)
        expect(offsets).toEqual(Array.from({ length: 20 }, (_, offset) => offset))
      }
    },
  )

  sentence('hands out about maxPollRecords, cutting no record batch', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    for (let batch = 0; batch < 4; batch++) await groups.produce(topic, numbered(10), { lingerMs: 50 })
    const consumer = groups.consumer(groupId, { maxPollRecords: 10, acquireMode: 'batch_optimized' })
    consumer.subscribe([topic])
    const sizes: number[] = []
    for (let sum = 0; sum < 40;) {
      const { count } = await consumer.poll(2_000)
      if (count > 0) sizes.push(count)
      sum += count
    }
    for (const size of sizes) expect(size).toBeLessThanOrEqual(20)
    expect(sizes.length).toBeGreaterThan(1)
  })

  sentence(
    'in implicit mode accepts the last one: what the process dies with comes again, counted',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
      await groups.produce(topic, ['a'])
      const consumer = groups.consumer(groupId)
      consumer.subscribe([topic])
      expect(texts(await receive(consumer, 1))).toEqual(['a'])
      await groups.produce(topic, ['b'])
      const [second] = await receive(consumer, 1)
      expect(String(second?.value)).toBe('b')
      await groups.untilLag(groupId, 1)
      await consumer.close()
      const next = groups.consumer(groupId)
      next.subscribe([topic])
      const [again] = await receive(next, 1)
      expect([String(again?.value), again?.deliveryCount]).toEqual(['b', 2])
    },
  )
})
