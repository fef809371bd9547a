import { ErrorCode } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { describe, expect } from 'vitest'
import { numbered, receive, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('close', () => {
  onVirtualCluster(
    'sends what is answered with epoch -1, to every broker with a session, also where nothing was answered, and leaves once',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(numbered(2), 1)
      const [first] = await cluster.receive(consumer, 2)
      if (first !== undefined) consumer.acknowledge(first)
      cluster.broker.forgetRequests()
      await cluster.until(consumer.close())
      const last = cluster.broker.brokerIds.map((nodeId) => cluster.shareRequests(nodeId).at(-1))
      expect(last).toMatchObject([{ epoch: -1 }, { epoch: -1 }, { epoch: -1 }])
      const [batch] = cluster.shareRequests().flatMap(({ batches }) => batches)
      expect([batch?.[0], batch?.[1], batch?.[3][0]]).toEqual([1, 0, 1])
      const leave = cluster.heartbeats().filter(({ memberEpoch }) => memberEpoch === -1)
      expect(leave).toHaveLength(1)
      expect(cluster.group).toMatchObject({ state: 'Empty' })
    },
  )

  onVirtualCluster('is one for all who call it, and terminal', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    cluster.broker.forgetRequests()
    await cluster.until(Promise.all([consumer.close(), consumer.close()]))
    await cluster.until(consumer.close())
    expect(cluster.heartbeats().map(({ memberEpoch }) => memberEpoch)).toEqual([-1])
    expect(cluster.shareRequests().filter(({ epoch }) => epoch === -1)).toHaveLength(1)
    expect(await cluster.outcome(consumer.poll(1))).toMatchObject({ code: 'CLOSED' })
  })

  onVirtualCluster('takes no five seconds when a broker is frozen, or gone', { brokers: 3 }, async (cluster) => {
    for (const harm of ['freeze', 'kill'] as const) {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      if (harm === 'freeze') cluster.broker.freeze(2)
      else await cluster.broker.kill(2)
      const began = cluster.clock.now()
      await cluster.outcome(consumer.close())
      expect(cluster.clock.now() - began).toBeLessThan(5_000)
      if (harm === 'freeze') cluster.broker.thaw(2)
    }
  })

  onVirtualCluster('leaves no connection and no timer', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    await cluster.first(consumer)
    await cluster.until(consumer.close())
    await cluster.clock.advance(0)
    expect(cluster.broker.inspect().brokers.flatMap(({ connections }) => connections)).toEqual([])
    cluster.broker.forgetRequests()
    await cluster.clock.advance(600_000)
    expect(cluster.broker.requests()).toEqual([])
  })

  onVirtualCluster('tells a failed leave only when all else is closed', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    cluster.broker.intercept(
      'ShareGroupHeartbeat',
      () => ({ do: 'fail', errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }),
      { when: ({ body }) => body.memberEpoch === -1 },
    )
    const outcome = await cluster.until(
      consumer.close().then(
        () => 'closed',
        (error: unknown) => error,
      ),
    )
    expect(outcome).toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
    await cluster.clock.advance(0)
    expect(cluster.broker.inspect().brokers.flatMap(({ connections }) => connections)).toEqual([])
  })

  onVirtualCluster(
    'gives the rest to a member whose fetch is issued then, and to one that waits already when its wait is over',
    {},
    async (cluster) => {
      const consumer = cluster.consumer({ maxPollRecords: 100 })
      cluster.append(numbered(10))
      await cluster.receive(consumer, 10)
      const waiting = cluster.consumer()
      await cluster.settle(waiting)
      await cluster.until(consumer.close())
      const began = cluster.clock.now()
      const records = await cluster.receive(waiting, 10, (record) => waiting.acknowledge(record))
      expect(records).toHaveLength(10)
      expect(cluster.clock.now() - began).toBeLessThanOrEqual(600)
    },
  )
})

onEveryBroker('close', (sentence) => {
  sentence(
    'in implicit mode accepts nothing of the last poll: another member has it at once',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
      await groups.produce(topic, numbered(10))
      const consumer = groups.consumer(groupId, { maxPollRecords: 100 })
      consumer.subscribe([topic])
      expect(texts(await receive(consumer, 10))).toHaveLength(10)
      await consumer.close()
      const next = groups.consumer(groupId, { maxPollRecords: 100 })
      next.subscribe([topic])
      const began = systemClock.now()
      const again = await receive(next, 10)
      expect(again.map(({ deliveryCount }) => deliveryCount)).toEqual(Array(10).fill(2))
      expect(systemClock.now() - began).toBeLessThan(5_000)
    },
  )

  sentence('in explicit mode sends what is answered unchanged, and gives back the rest', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(4))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const records = await receive(consumer, 4)
    for (const record of records) {
      if (record.offset === 0) consumer.acknowledge(record, 'ACCEPT')
      if (record.offset === 1) consumer.acknowledge(record, 'REJECT')
      if (record.offset === 2) consumer.acknowledge(record, 'RELEASE')
    }
    await consumer.close()
    const next = groups.explicit(groupId, { maxPollRecords: 100 })
    next.subscribe([topic])
    const again = await receive(next, 2, { each: (record) => next.acknowledge(record) })
    expect(again.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
      [2, 2],
      [3, 2],
    ])
    await next.commitSync()
    await groups.untilLag(groupId, 0)
  })

  sentence('is quick, also in the middle of a poll, and idempotent', async (groups, broker) => {
    const topic = await broker.createTopic()
    const consumer = groups.consumer(await broker.createGroup())
    consumer.subscribe([topic])
    await consumer.poll(500)
    const polled = consumer.poll(60_000).catch((error: unknown) => error)
    const began = systemClock.now()
    await Promise.all([consumer.close(), consumer.close()])
    expect(await polled).toMatchObject({ code: 'CLOSED' })
    expect(systemClock.now() - began).toBeLessThan(3_000)
  })
})
