import { ErrorCode, KafkaBrokerError, KafkaConnectionError } from '@milena/protocol'
import { describe, expect } from 'vitest'
import { numbered, receive, results } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster, type VirtualCluster } from './virtual-cluster.js'

/** A consumer that holds as many records of partition 0 as were asked for. */
async function holding(cluster: VirtualCluster, count = 1) {
  cluster.append(numbered(count))
  const consumer = cluster.consumer({ maxPollRecords: 100 })
  const records = await cluster.receive(consumer, count)
  return { consumer, records }
}

describe('A commit', () => {
  for (const code of ['COORDINATOR_NOT_AVAILABLE', 'KAFKA_STORAGE_ERROR', 'REQUEST_TIMED_OUT'] as const) {
    onVirtualCluster(
      `that a partition answers with ${code} is sent again by itself, the same offsets, until it succeeds`,
      {},
      async (cluster) => {
        const { consumer, records } = await holding(cluster, 3)
        cluster.broker.intercept(
          'ShareAcknowledge',
          () => ({ do: 'fail', errorCode: ErrorCode[code], partitions: [{ topic: 'orders' }] }),
          { times: 2 },
        )
        for (const record of records) consumer.acknowledge(record)
        expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
        const sent = cluster.shareRequests().flatMap(({ batches }) => batches)
        expect(sent.length).toBeGreaterThanOrEqual(3)
        expect(new Set(sent.map((batch) => JSON.stringify(batch)))).toEqual(new Set(['[0,0,2,[1]]']))
        expect(cluster.partition()?.startOffset).toBe(3)
      },
    )
  }

  onVirtualCluster(
    'that fails until its time is over is restored: poll() is refused, and the next commit sends the same',
    {},
    async (cluster) => {
      const { consumer, records } = await holding(cluster, 2)
      const failing = cluster.broker.intercept('ShareAcknowledge', () => ({
        do: 'fail',
        errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
        partitions: [{ topic: 'orders' }],
      }))
      for (const record of records) consumer.acknowledge(record)
      const failed = await cluster.until(consumer.commitSync({ timeoutMs: 2_000 }))
      expect([...failed.values()]).toHaveLength(1)
      expect([...failed.values()][0]).toBeDefined()
      expect(await cluster.outcome(consumer.poll(100))).toHaveProperty('code')
      failing.stop()
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      await expect(cluster.until(consumer.poll(100))).resolves.toMatchObject({ isEmpty: true })
      expect(cluster.partition()?.startOffset).toBe(2)
    },
  )

  for (const code of [
    'NOT_LEADER_OR_FOLLOWER',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INVALID_RECORD_STATE',
    'TOPIC_AUTHORIZATION_FAILED',
  ] as const) {
    onVirtualCluster(
      `that a partition answers with ${code} is final: reported, and not sent again`,
      {},
      async (cluster) => {
        const { consumer, records } = await holding(cluster)
        cluster.broker.intercept(
          'ShareAcknowledge',
          () => ({ do: 'fail', errorCode: ErrorCode[code], partitions: [{ topic: 'orders' }] }),
          { times: 1 },
        )
        for (const record of records) consumer.acknowledge(record)
        expect(await cluster.commit(consumer)).toEqual({ 0: code })
        const sent = cluster.shareRequests().flatMap(({ batches }) => batches)
        expect(sent).toEqual([[0, 0, 0, [1]]])
        // The barrier is down again.
        const outcome = await cluster.outcome(consumer.poll(100))
        expect(outcome).not.toHaveProperty('code', 'NOT_ACKNOWLEDGED')
      },
    )
  }

  onVirtualCluster(
    'tells the broker, the transport and an answer that leaves a partition out apart',
    {},
    async (cluster) => {
      const { consumer, records } = await holding(cluster, 3)
      const [first, second, third] = records
      if (first === undefined || second === undefined || third === undefined) throw new Error('three were written')
      const failures: unknown[] = []
      const commitOf = async (record: typeof first): Promise<void> => {
        consumer.acknowledge(record)
        const commit = cluster.until(consumer.commitAsync())
        failures.push(...(await commit).values())
      }
      cluster.broker.intercept(
        'ShareAcknowledge',
        () => ({ do: 'fail', errorCode: ErrorCode.INVALID_RECORD_STATE, partitions: [{ topic: 'orders' }] }),
        { times: 1 },
      )
      await commitOf(first)
      cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'cut' }), { times: 1 })
      await commitOf(second)
      expect(failures[0]).toSatisfy(KafkaBrokerError.is)
      expect(failures[1]).toSatisfy(KafkaConnectionError.is)
      // An answer for a partition that nobody asked about, with the one that was asked about left out.
      const [again] = await cluster.receive(consumer, 1)
      cluster.broker.intercept(
        'ShareAcknowledge',
        () => ({ do: 'change', answer: (body) => ({ ...body, responses: [] }) }),
        { times: 1 },
      )
      if (again === undefined) throw new Error('it comes again')
      consumer.acknowledge(again)
      const missing = [...(await cluster.until(consumer.commitAsync())).values()]
      expect(missing[0]).toMatchObject({ code: 'INVALID_RECORD_STATE' })
    },
  )

  onVirtualCluster('that is asynchronous returns before the broker answers', {}, async (cluster) => {
    const { consumer, records } = await holding(cluster)
    cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'delay', ms: 5_000 }), { times: 1 })
    for (const record of records) consumer.acknowledge(record)
    let settled = false
    const handle = consumer.commitAsync().finally(() => (settled = true))
    await cluster.clock.advance(4_000)
    expect(settled).toBe(false)
    expect(results(await cluster.until(handle))).toEqual({ 0: 'ok' })
  })

  onVirtualCluster('without a verdict in its time says so, and never rejects', {}, async (cluster) => {
    const { consumer, records } = await holding(cluster)
    cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'delay', ms: 5_000 }), { times: 1 })
    for (const record of records) consumer.acknowledge(record)
    const result = await cluster.until(consumer.commitSync({ timeoutMs: 1_000 }))
    expect([...result.values()].map((error) => error?.name)).toEqual(['KafkaTimeoutError'])
    await cluster.clock.advance(10_000)
    expect(cluster.partition()?.startOffset).toBe(1)
  })

  onVirtualCluster(
    'goes to the broker that handed the record out, also when another leads by now',
    { brokers: 3 },
    async (cluster) => {
      const { consumer, records } = await holding(cluster)
      const old = cluster.partition()?.nodeId ?? 0
      cluster.broker.forgetRequests()
      cluster.broker.moveLeader({ topic: 'orders', partition: 0, to: (old % 3) + 1 })
      for (const record of records) consumer.acknowledge(record)
      const result = Object.values(await cluster.commit(consumer))
      expect(result).toHaveLength(1)
      expect(result[0]).toMatch(/UNKNOWN_TOPIC_OR_PARTITION|NOT_LEADER_OR_FOLLOWER|NETWORK_EXCEPTION/)
      for (const { acknowledged, nodeId } of cluster.shareRequests()) {
        if (acknowledged.includes(0)) expect(nodeId).toBe(old)
      }
      const [again] = await cluster.receive(consumer, 1)
      expect([again?.offset, again?.deliveryCount]).toEqual([0, 1])
    },
  )

  onVirtualCluster('async, then sync, then close, go out in that order', {}, async (cluster) => {
    const { consumer, records } = await holding(cluster, 3)
    const [first, second, third] = records
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were written')
    cluster.broker.forgetRequests()
    consumer.acknowledge(first)
    const handle = consumer.commitAsync()
    consumer.acknowledge(second)
    await cluster.until(consumer.commitSync())
    consumer.acknowledge(third)
    await cluster.until(consumer.close())
    expect(results(await handle)).toEqual({ 0: 'ok' })
    const offsets = cluster.shareRequests().flatMap(({ batches }) => batches.map(([, from, to]) => [from, to]))
    expect(offsets.flat()).toEqual(offsets.flat().toSorted((a, b) => a - b))
    expect(offsets.at(-1)?.[1]).toBe(2)
  })
})

onEveryBroker('A commit', (sentence) => {
  sentence(
    'has one entry for each partition that had answers, and none when there were none',
    async (groups, broker) => {
      const topic = await broker.createTopic({ partitions: 3 })
      const groupId = await broker.createGroup()
      await groups.produce(
        topic,
        [0, 1, 2].map((partition) => ({ value: 'v', partition })),
      )
      const consumer = groups.explicit(groupId)
      consumer.subscribe([topic])
      expect(results(await consumer.commitSync())).toEqual({})
      const records = await receive(consumer, 3, {
        // A released one could come back before another partition's has come at all.
        each: (record) => consumer.acknowledge(record, record.partition === 2 ? 'REJECT' : 'ACCEPT'),
      })
      expect(records).toHaveLength(3)
      await consumer.commitSync()
      await groups.untilLag(groupId, 0)
      expect(results(await consumer.commitSync())).toEqual({})
    },
  )

  sentence('in explicit mode may be one of a part: the rest stays out', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const [first, ...rest] = await receive(consumer, 3)
    if (first === undefined) throw new Error('nothing came')
    consumer.acknowledge(first)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 2)
    for (const record of rest) consumer.acknowledge(record)
    expect(results(await consumer.commitAsync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
  })

  sentence('in implicit mode accepts all of the last poll', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(4))
    const consumer = groups.consumer(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    await receive(consumer, 4)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics()).toMatchObject({ accepted: 4 })
  })

  sentence('is done when it resolves: the lag is what is left', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['first'])
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) })
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    await groups.produce(topic, numbered(5))
    await receive(consumer, 5, { each: (record) => consumer.acknowledge(record) })
    await consumer.commitSync()
    expect(await broker.lag(groupId)).toBe(0)
  })
})
