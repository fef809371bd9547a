import { ErrorCode, KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { describe, expect } from 'vitest'
import { numbered, receive, receiveFor, results, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms))

describe('A renewal', () => {
  onVirtualCluster(
    'travels in a request that says so, and that fetches nothing if it is a fetch',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      cluster.broker.forgetRequests()
      consumer.acknowledge(record, 'RENEW')
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      for (const { batches, body, api } of cluster.shareRequests()) {
        if (!batches.some(([, , , types]) => types.includes(4))) continue
        expect(body.isRenewAck).toBe(true)
        if (api === 'ShareFetch') expect(body).toMatchObject({ maxWaitMs: 0, minBytes: 0, maxBytes: 0, maxRecords: 0 })
      }
      expect(cluster.shareRequests().some(({ batches }) => batches.some(([, , , types]) => types.includes(4)))).toBe(
        true,
      )
      consumer.acknowledge(record)
    },
  )

  onVirtualCluster('brings the record back, first and once, before anything new is fetched', {}, async (cluster) => {
    const consumer = cluster.consumer({ maxPollRecords: 100 })
    cluster.append(['kept', 'done'])
    const [kept, done] = await cluster.receive(consumer, 2)
    if (kept === undefined || done === undefined) throw new Error('two were written')
    cluster.append(['new'])
    await cluster.clock.advance(1_000)
    consumer.acknowledge(kept, 'RENEW')
    consumer.acknowledge(done)
    expect([...(await cluster.until(consumer.poll(1_000)))]).toEqual([kept])
    expect(kept.deliveryCount).toBe(1)
    consumer.acknowledge(kept)
    const [fresh] = await cluster.receive(consumer, 1, (record) => consumer.acknowledge(record))
    expect(String(fresh?.value)).toBe('new')
    expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
    await cluster.settle(consumer)
    expect(cluster.partition()?.startOffset).toBe(3)
  })

  onVirtualCluster('that fails lets go of the record, and the commit says why', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    const record = await cluster.first(consumer)
    cluster.broker.intercept(
      'ShareAcknowledge',
      () => ({ do: 'fail', errorCode: ErrorCode.INVALID_RECORD_STATE, partitions: [{ topic: 'orders' }] }),
      { times: 1 },
    )
    consumer.acknowledge(record, 'RENEW')
    expect(await cluster.commit(consumer)).toEqual({ 0: 'INVALID_RECORD_STATE' })
    // No poll waits for its answer any more.
    expect((await cluster.until(consumer.poll(100))).isEmpty).toBe(true)
  })

  onVirtualCluster(
    'may bring a new lock duration, which shows with the next poll and not before',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      expect(consumer.acquisitionLockTimeoutMs).toBeUndefined()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      expect(consumer.acquisitionLockTimeoutMs).toBe(30_000)
      cluster.broker.setGroupConfig('workers', { 'share.record.lock.duration.ms': '20000' })
      consumer.acknowledge(record, 'RENEW')
      await cluster.commit(consumer)
      expect(consumer.acquisitionLockTimeoutMs).toBe(30_000)
      await cluster.until(consumer.poll(100))
      expect(consumer.acquisitionLockTimeoutMs).toBe(20_000)
      consumer.acknowledge(record)
    },
  )
})

onEveryBroker('A renewed record', (sentence) => {
  sentence(
    'stays with its member beyond its lock, is one delivery, and takes one final answer',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '1500' })
      await groups.produce(topic, ['v'])
      const consumer = groups.explicit(groupId)
      consumer.subscribe([topic])
      const [record] = await receive(consumer, 1)
      if (record === undefined) throw new Error('nothing came')
      const other = groups.explicit(groupId)
      other.subscribe([topic])
      const elsewhere = receiveFor(other, 2_500)
      for (let renewals = 0; renewals < 4; renewals++) {
        consumer.acknowledge(record, 'RENEW')
        expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
        await pause(600)
        expect((await consumer.poll(500)).records).toEqual([record])
      }
      consumer.acknowledge(record)
      expect(() => consumer.acknowledge(record)).toThrow(KafkaUsageError)
      expect(() => consumer.acknowledge(record, 'RENEW')).toThrow(KafkaUsageError)
      expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
      expect(await elsewhere).toEqual([])
      await groups.untilLag(groupId, 0)
      expect(consumer.metrics()).toMatchObject({ acquired: 1, redelivered: 0, renewed: 4, accepted: 1 })
    },
  )

  sentence('may be released instead: it comes again, counted', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(1))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'RENEW')
    expect(texts((await consumer.poll(1_000)).records)).toEqual(['v0'])
    consumer.acknowledge(record, 'RELEASE')
    const [again] = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each) })
    expect(again?.deliveryCount).toBe(2)
  })

  sentence('is refused where the group forbids it, which is told and costs no other answer', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const forbidding = broker.setGroupConfig(groupId, { 'share.renew.acknowledge.enable': 'false' })
    if (!broker.isSince('4.3')) {
      // Before 4.3 every group may renew.
      await expect(forbidding).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
      return
    }
    await forbidding
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record, ...others] = await receive(consumer, 3)
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'RENEW')
    for (const other of others) consumer.acknowledge(other)
    const [error] = (await consumer.commitSync()).values()
    expect(error).toMatchObject({ code: 'INVALID_RECORD_STATE' })
    expect(String(error)).toMatch(/share\.renew\.acknowledge\.enable=false/)
    expect(String(error)).toMatch(/Renewing acquisition locks is not enabled for the group/)
    expect(consumer.metrics()).toMatchObject({ accepted: 2, failed: 1 })
    consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
  })
})
