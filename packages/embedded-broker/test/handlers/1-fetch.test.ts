import { EndTxn, ErrorCode, errorName, Fetch, InitProducerId, ZERO_UUID } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { VirtualClock } from '@milena/protocol/runtime'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'
import { batchesIn, DataClient, dataWorld, fetchPartition, must, transactional } from './data-client.js'

const running: EmbeddedBroker[] = []

async function world(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const made = await dataWorld(options)
  running.push(made.broker)
  return made
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

/** Whether a promise is settled once all that is waiting has run. */
async function isSettled(promise: Promise<unknown>, clock: VirtualClock): Promise<boolean> {
  let settled = false
  void promise.then(() => (settled = true))
  await clock.advance(0)
  return settled
}

describe('Fetch', () => {
  it.each([4, 7, 11, 12])('gives the batches from an offset on, by name (version %i)', async (version) => {
    const { data } = await world()
    for (let i = 0; i < 3; i++) await data.produce(batchOf(2))
    const fetched = await data.fetch({ fetchOffset: 3 }, { version })
    expect(batchesIn(fetched.records)).toEqual([
      [2, 3],
      [4, 5],
    ])
    expect(fetched).toMatchObject({ errorCode: 0, highWatermark: 6, lastStableOffset: 6, abortedTransactions: null })
  })

  it('gives them by id since version 13', async () => {
    const { data } = await world()
    await data.produce(batchOf(2))
    const topicId = await data.topicId()
    const topics = [{ topicId, partitions: [fetchPartition()] }]
    expect(batchesIn((await data.fetch({}, { version: 18, topics })).records)).toEqual([[0, 1]])
  })

  it('keeps to its limits, of which the first batch is free', async () => {
    const { data, client } = await world({ topics: ['orders:2'] })
    for (const index of [0, 0, 1]) await data.produce(batchOf(2), { index })
    const one = batchOf(2).length
    expect(batchesIn((await data.fetch({ partitionMaxBytes: 1 })).records)).toHaveLength(1)
    expect(batchesIn((await data.fetch({}, { maxBytes: 1 })).records)).toHaveLength(1)
    const both = (maxBytes: number) =>
      client
        .send(Fetch, 12, {
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes,
          topics: [{ topic: 'orders', partitions: [fetchPartition(), fetchPartition({ partition: 1 })] }],
        })
        .then(({ responses }) => responses[0]?.partitions.map(({ records }) => batchesIn(records).length))
    expect(await both(1)).toEqual([1, 0])
    expect(await both(one * 2)).toEqual([2, 0])
    expect(await both(one * 3)).toEqual([2, 1])
  })

  it('answers a partition that is named twice once', async () => {
    const { data } = await world()
    await data.produce(batchOf(2))
    await data.produce(batchOf(2))
    const topics = [{ topic: 'orders', partitions: [fetchPartition(), fetchPartition({ fetchOffset: 2 })] }]
    const answer = await data.fetchAll({}, { topics })
    expect(answer.responses[0]?.partitions.map(({ records }) => batchesIn(records))).toEqual([[[2, 3]]])
  })
})

describe('Fetch says what is wrong', () => {
  it.each([
    ['an offset behind the end', { fetchOffset: 3 }, 'OFFSET_OUT_OF_RANGE'],
    ['an offset below the start', { fetchOffset: 0 }, 'OFFSET_OUT_OF_RANGE'],
    ['a negative offset', { fetchOffset: -1 }, 'OFFSET_OUT_OF_RANGE'],
    ['a leader epoch ahead', { fetchOffset: 2, currentLeaderEpoch: 7 }, 'UNKNOWN_LEADER_EPOCH'],
    ['an unknown epoch of the last record', { fetchOffset: 2, lastFetchedEpoch: 7 }, 'OFFSET_OUT_OF_RANGE'],
    ['an unknown partition', { partition: 9 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['nothing', { fetchOffset: 2, currentLeaderEpoch: 0, lastFetchedEpoch: 0 }, 'NONE'],
  ])('about %s', async (_what, partition, error) => {
    const { data } = await world()
    await data.produce(batchOf(2))
    await data.deleteRecords(1)
    const fetched = await data.fetch(partition)
    expect(errorName(fetched.errorCode)).toBe(error)
    expect(fetched.records).toHaveLength(0)
    expect(fetched.highWatermark).toBe(error === 'NONE' ? 2 : -1)
  })

  it('about unknown topics', async () => {
    const { data } = await world()
    const partitions = [fetchPartition()]
    const byName = await data.fetch({}, { topics: [{ topic: 'nope', partitions }] })
    expect(errorName(byName.errorCode)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    for (const topicId of [ZERO_UUID, 'AAAAAAAAAAAAAAAAAAAAAQ']) {
      const byId = await data.fetch({}, { version: 13, topics: [{ topicId, partitions }] })
      expect(errorName(byId.errorCode)).toBe('UNKNOWN_TOPIC_ID')
    }
  })

  it('about an offset behind the end of its epoch: where that ended', async () => {
    const { data } = await world()
    await data.produce(batchOf(2))
    const fetched = await data.fetch({ fetchOffset: 3, lastFetchedEpoch: 0 })
    expect(fetched).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: 0, endOffset: 2 } })
  })

  it('about the leader, and who it is', async () => {
    const { data, broker } = await world({ brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] })
    broker.moveLeader({ topic: 'orders', to: 2 })
    const partitions = [fetchPartition()]
    const topics = [{ topicId: await data.topicId(), partitions }]
    const answer = await data.fetchAll({}, { version: 16, topics })
    expect(answer.responses[0]?.partitions[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
    })
    expect(answer.nodeEndpoints).toEqual([{ nodeId: 2, host: 'broker-2', port: 9092, rack: null }])
    const old = await data.fetchAll({ currentLeaderEpoch: 0 }, { version: 12 })
    expect(old.responses[0]?.partitions[0]).toMatchObject({
      errorCode: ErrorCode.FENCED_LEADER_EPOCH,
      currentLeader: { leaderId: 2, leaderEpoch: 1 },
    })
    expect(old.nodeEndpoints).toEqual([])
    expect((await data.fetch({}, { version: 11 })).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  it('about fetch sessions, which it never opens', async () => {
    const { data } = await world()
    expect((await data.fetchAll({}, { sessionEpoch: 0 })).sessionId).toBe(0)
    expect(await data.fetchAll({}, { sessionId: 9, sessionEpoch: 1 })).toMatchObject({
      errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
      responses: [],
    })
    expect(await data.fetchAll({}, { sessionId: 9, sessionEpoch: -1 })).toMatchObject({ errorCode: 0, sessionId: 0 })
  })

  it('to whoever says to be a replica: that it is none', async () => {
    const { data } = await world()
    expect((await data.fetch({}, { version: 11, replicaId: 3 })).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })
})

describe('A fetch that waits', () => {
  it('is answered when enough bytes are there', async () => {
    const { data, clock, broker } = await world()
    const size = batchOf(2).length
    const waiting = data.fetch({}, { maxWaitMs: 1000, minBytes: size + 1 })
    broker.append('orders', [{ value: 'a' }])
    expect(await isSettled(waiting, clock)).toBe(false)
    broker.append('orders', [{ value: 'x'.repeat(size) }])
    expect(await isSettled(waiting, clock)).toBe(true)
    expect(batchesIn((await waiting).records)).toHaveLength(2)
  })

  it('is answered with what there is when its time is over', async () => {
    const { data, clock, broker } = await world()
    const waiting = data.fetch({}, { maxWaitMs: 1000, minBytes: 1_000_000 })
    broker.append('orders', [{ value: 'a' }])
    await clock.advance(999)
    expect(await isSettled(waiting, clock)).toBe(false)
    await clock.advance(1)
    expect(batchesIn((await waiting).records)).toEqual([[0, 0]])
  })

  it('is answered at once when there is an error, or nothing is asked for', async () => {
    const { data, clock } = await world()
    expect(await isSettled(data.fetch({ partition: 9 }, { maxWaitMs: 1000, minBytes: 1 }), clock)).toBe(true)
    expect(await isSettled(data.fetchAll({}, { maxWaitMs: 1000, minBytes: 1, topics: [] }), clock)).toBe(true)
  })

  it('is answered when the leader moves', async () => {
    const { data, clock, broker } = await world({ brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] })
    const waiting = data.fetch({}, { maxWaitMs: 10_000, minBytes: 1 })
    expect(await isSettled(waiting, clock)).toBe(false)
    broker.moveLeader({ topic: 'orders', to: 2 })
    expect(await isSettled(waiting, clock)).toBe(true)
    expect((await waiting).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  it('is answered when its offset is let go', async () => {
    const { data, clock, broker } = await world()
    await data.produce(batchOf(1))
    await data.produce(batchOf(1))
    const waiting = data.fetch({ fetchOffset: 0 }, { maxWaitMs: 10_000, minBytes: 100_000 })
    expect(await isSettled(waiting, clock)).toBe(false)
    await new DataClient(await RawClient.connect(broker)).deleteRecords(1)
    expect((await waiting).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  it('is forgotten when its connection is gone', async () => {
    const { data, clock, client, broker } = await world()
    const waiting = data.fetch({}, { maxWaitMs: 10_000, minBytes: 1 })
    await clock.advance(0)
    const timers = clock.pendingTimers
    client.cut()
    await expect(waiting).rejects.toThrow('closed')
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(timers - 1)
    broker.append('orders', [{ value: 'a' }])
  })
})

describe('Fetch with isolation level 1', () => {
  it('ends at the first open transaction, and lists the aborted ones', async () => {
    const { data, client } = await world()
    const start = (transactionalId: string) =>
      client.send(InitProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })
    const [one, two] = [await start('one'), await start('two')]
    await data.produce(transactional(one, 0, 2), { version: 12, transactionalId: 'one' })
    await data.produce(batchOf(1))
    await client.send(EndTxn, 5, { ...one, transactionalId: 'one', committed: false })
    await data.produce(transactional(two, 0), { version: 12, transactionalId: 'two' })
    await data.produce(batchOf(1))
    const committed = await data.fetch({}, { isolationLevel: 1 })
    expect(batchesIn(committed.records)).toEqual([
      [0, 1],
      [2, 2],
      [3, 3],
    ])
    expect(committed).toMatchObject({ highWatermark: 6, lastStableOffset: 4 })
    expect(committed.abortedTransactions).toEqual([{ producerId: one.producerId, firstOffset: 0 }])
    expect(batchesIn((await data.fetch()).records)).toHaveLength(5)
    expect((await data.fetch({ fetchOffset: 5 }, { isolationLevel: 1 })).records).toHaveLength(0)
  })

  it('is woken by the end of a transaction', async () => {
    const { data, client, clock, broker } = await world()
    const producer = await client.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
    await data.produce(transactional(producer, 0, 2), { version: 12, transactionalId: 'tx' })
    const reader = new DataClient(await RawClient.connect(broker))
    const waiting = reader.fetch({}, { isolationLevel: 1, maxWaitMs: 10_000, minBytes: 1 })
    expect(await isSettled(waiting, clock)).toBe(false)
    await client.send(EndTxn, 5, { ...producer, transactionalId: 'tx', committed: true })
    expect(await isSettled(waiting, clock)).toBe(true)
    expect(must((await waiting).abortedTransactions)).toEqual([])
    expect(batchesIn((await waiting).records)).toHaveLength(2)
  })
})
