import { KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import type { AcknowledgementVerdict, ShareConsumer } from '../../src/index.js'
import { numbered, RealGroups, receive, receiveFirst, receiveFor, results, texts, type Received } from './real-group.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms))

/** Polls until something comes, and not once more. */
async function firstPolled(consumer: ShareConsumer): Promise<readonly Received[]> {
  for (;;) {
    const { records } = await consumer.poll(10_000)
    if (records.length > 0) return records
  }
}

describeOnBrokers('a record of a share group', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('that the next poll accepted is not delivered again, and the lag is 0', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(10))
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const records = await receive(consumer, 10)
    expect(texts(records)).toEqual(numbered(10))
    expect(new Set(records.map(({ deliveryCount }) => deliveryCount))).toEqual(new Set([1]))
    expect(await receiveFor(consumer, 500)).toEqual([])
    await groups.untilLag(groupId, 0)
    await consumer.close()
    const next = groups.consumer(groupId)
    next.subscribe([topic])
    expect(await receiveFor(next, 1_500)).toEqual([])
  })

  it('that was accepted explicitly is not delivered again; the commit says so for each partition', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    await groups.produce(topic, [...numbered(5), ...numbered(5).map((value) => ({ value, partition: 1 }))])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    const records = await receive(consumer, 10, { each: (record) => consumer.acknowledge(record) })
    expect(records).toHaveLength(10)
    await consumer.commitSync()
    expect(verdicts.map(({ error }) => error)).toEqual(verdicts.map(() => undefined))
    expect(new Set(verdicts.map(({ partition }) => partition.partition))).toEqual(new Set([0, 1]))
    expect(verdicts.reduce((sum, { counts }) => sum + counts.accept, 0)).toBe(10)
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 500)).toEqual([])
    expect(consumer.metrics()).toMatchObject({ acquired: 10, accepted: 10, failed: 0, stale: 0, lost: 0 })
  })

  it('that was released comes again with delivery count 2, and is finished then', async () => {
    const { groupId, consumer } = await groups.explicitOf(numbered(3))
    await receive(consumer, 3, {
      each: (record) => consumer.acknowledge(record, record.offset === 1 ? 'RELEASE' : 'ACCEPT'),
    })
    const startedAt = systemClock.now()
    const again = await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) })
    expect(again).toMatchObject([{ offset: 1, deliveryCount: 2 }])
    expect(systemClock.now() - startedAt).toBeLessThan(5_000)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  it('that was rejected never comes again', async () => {
    const { groupId, consumer } = await groups.explicitOf(numbered(3))
    await receive(consumer, 3, {
      each: (record) => consumer.acknowledge(record, record.offset === 1 ? 'REJECT' : 'ACCEPT'),
    })
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 1_000)).toEqual([])
    expect(consumer.metrics()).toMatchObject({ accepted: 2, rejected: 1 })
  })

  it('that is released every time is archived after the fifth delivery', async () => {
    const { groupId, consumer } = await groups.explicitOf(['poison'])
    const counts = (await receive(consumer, 5, { each: (record) => consumer.acknowledge(record, 'RELEASE') })).map(
      ({ deliveryCount }) => deliveryCount,
    )
    expect(counts).toEqual([1, 2, 3, 4, 5])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 1_000)).toEqual([])
  })

  it('holds up the next poll until it is acknowledged, and takes one acknowledgement', async () => {
    const { consumer } = await groups.explicitOf(numbered(2))
    const records = await firstPolled(consumer)
    await expect(consumer.poll(10)).rejects.toSatisfy(KafkaUsageError.is)
    for (const record of records) consumer.acknowledge(record)
    for (const record of records) expect(() => consumer.acknowledge(record, 'RELEASE')).toThrow(KafkaUsageError)
    await consumer.poll(10)
    await consumer.commitSync()
    expect(consumer.metrics().released).toBe(0)
  })

  it('is committed in parts, synchronously or not', async () => {
    const { groupId, consumer } = await groups.explicitOf(numbered(4), { maxPollRecords: 100 })
    const records = await firstPolled(consumer)
    expect(records).toHaveLength(4)
    const [a, b, ...rest] = records
    if (a === undefined || b === undefined) throw new Error('there are four')
    consumer.acknowledge(a)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 3)
    consumer.acknowledge(b)
    expect(results(await consumer.commitAsync())).toEqual({ 0: 'ok' })
    for (const record of rest) consumer.acknowledge(record)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(results(await consumer.commitSync())).toEqual({})
  })

  it('is committed without waiting for others to come', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['only'])
    for (const mode of ['implicit', 'explicit'] as const) {
      const consumer = groups.consumer(groupId, { acknowledgementMode: mode, fetchMaxWaitMs: 10_000 })
      consumer.subscribe([topic])
      const record = await receiveFirst(consumer)
      if (mode === 'explicit') consumer.acknowledge(record)
      const startedAt = systemClock.now()
      await consumer.commitSync()
      expect(systemClock.now() - startedAt).toBeLessThan(3_000)
      await groups.produce(topic, ['another'])
      await consumer.close()
    }
  })
})

describeOnBrokers('the lock of a record', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('runs out: a later acknowledgement is reported as failed, and the record comes again with delivery count 2', async () => {
    const { groupId, consumer } = await groups.explicitOf(['late'], {
      group: { 'share.record.lock.duration.ms': '1000' },
    })
    const record = await receiveFirst(consumer)
    expect(consumer.acquisitionLockTimeoutMs).toBe(1_000)
    expect(record.lockExpiresAt).toBeLessThanOrEqual(systemClock.wallTime() + 1_000)
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    await pause(2_500)
    consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'INVALID_RECORD_STATE' })
    expect(verdicts).toMatchObject([{ error: { code: 'INVALID_RECORD_STATE' } }])
    const again = await receive(consumer, 1, { each: (each) => consumer.acknowledge(each) })
    expect(again).toMatchObject([{ offset: 0, deliveryCount: 2 }])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
  })

  it('is renewed for as long as the application wants', async () => {
    const { topic, groupId, consumer } = await groups.explicitOf(['long'], {
      group: { 'share.record.lock.duration.ms': '2000' },
    })
    const record = await receiveFirst(consumer)
    const other = groups.explicit(groupId)
    other.subscribe([topic])
    const elsewhere = receiveFor(other, 4_500)
    const first = record.lockExpiresAt
    for (let i = 0; i < 6; i++) {
      consumer.acknowledge(record, 'RENEW')
      expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
      await pause(700)
      expect((await consumer.poll(1_000)).records).toEqual([record])
    }
    expect(record.lockExpiresAt).toBeGreaterThan(first + 3_000)
    expect(record.deliveryCount).toBe(1)
    consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    expect(await elsewhere).toEqual([])
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics()).toMatchObject({ acquired: 1, renewed: 6, accepted: 1, failed: 0 })
  })

  it('runs out while the record waits in the buffer: it is not handed out then, but when it was acquired anew', async () => {
    const { topic, groupId, consumer } = await groups.explicitOf(['first'], {
      group: { 'share.record.lock.duration.ms': '1000' },
      prefetch: 100,
      maxPollRecords: 10,
    })
    const first = await receiveFirst(consumer)
    await groups.produce(topic, ['second'])
    await pause(2_500)
    consumer.acknowledge(first, 'RELEASE')
    await consumer.commitSync()
    const later = await receive(consumer, 2, {
      each: (record) => {
        expect(record.lockExpiresAt).toBeGreaterThan(systemClock.wallTime())
        consumer.acknowledge(record)
      },
    })
    expect(texts(later).sort()).toEqual(['first', 'second'])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })
})

describeOnBrokers('close()', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it.each(['implicit', 'explicit'] as const)(
    'gives unfinished records to the next member at once (%s mode)',
    async (acknowledgementMode) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
      await groups.produce(topic, numbered(5))
      const consumer = groups.consumer(groupId, { acknowledgementMode, maxPollRecords: 100 })
      consumer.subscribe([topic])
      const records = await receive(consumer, 5)
      expect(records).toHaveLength(5)
      if (acknowledgementMode === 'explicit') for (const record of records.slice(0, 2)) consumer.acknowledge(record)
      await consumer.close()
      const left = acknowledgementMode === 'explicit' ? [2, 3, 4] : [0, 1, 2, 3, 4]
      const next = groups.consumer(groupId)
      next.subscribe([topic])
      const startedAt = systemClock.now()
      const again = await receive(next, left.length)
      expect(systemClock.now() - startedAt).toBeLessThan(8_000)
      expect(again.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual(
        left.map((offset) => [offset, 2]),
      )
      await next.commitSync()
      await groups.untilLag(groupId, 0)
    },
  )

  it('gives back what was fetched ahead, too', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(200), { lingerMs: 0, batchSize: 100 })
    const consumer = groups.consumer(groupId, { maxPollRecords: 10, prefetch: 100 })
    consumer.subscribe([topic])
    await receive(consumer, 10)
    await pause(300)
    await consumer.close()
    const next = groups.consumer(groupId)
    next.subscribe([topic])
    const startedAt = systemClock.now()
    expect(new Set((await receive(next, 200)).map(({ offset }) => offset)).size).toBe(200)
    expect(systemClock.now() - startedAt).toBeLessThan(10_000)
    await next.commitSync()
    await groups.untilLag(groupId, 0)
  })

  it('leaves the group, and is quick', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId, { clientId: 'leaver' })
    consumer.subscribe([topic])
    await consumer.poll(200)
    expect((await broker.admin.describeShareGroups([groupId]))[0]?.members).toMatchObject([
      { clientId: 'leaver', memberId: consumer.memberId },
    ])
    const startedAt = systemClock.now()
    await consumer.close()
    expect(systemClock.now() - startedAt).toBeLessThan(2_000)
    expect((await broker.admin.describeShareGroups([groupId]))[0]).toMatchObject({ state: 'Empty', members: [] })
  })
})
