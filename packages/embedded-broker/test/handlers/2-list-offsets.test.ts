import { EndTxn, errorName, InitProducerId, ListOffsets, OffsetForLeaderEpoch } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { VirtualClock } from '@milena/protocol/runtime'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'
import { DataClient, dataWorld, transactional } from './data-client.js'

const running: EmbeddedBroker[] = []

async function world(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const made = await dataWorld(options)
  running.push(made.broker)
  return made
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

describe('ListOffsets', () => {
  // As Kafka 4.4.0 answers.
  it.each([
    [-1, { timestamp: -1, offset: 0, leaderEpoch: 0 }],
    [-2, { timestamp: -1, offset: 0, leaderEpoch: 0 }],
    [-3, { timestamp: -1, offset: -1, leaderEpoch: -1 }],
    [-4, { timestamp: -1, offset: 0, leaderEpoch: 0 }],
    [-5, { timestamp: -1, offset: -1, leaderEpoch: -1 }],
    [-6, { timestamp: -1, offset: -1, leaderEpoch: -1 }],
    [0, { timestamp: -1, offset: -1, leaderEpoch: -1 }],
  ])('of an empty partition (time %i)', async (timestamp, expected) => {
    const { data } = await world()
    expect(await data.offset(timestamp)).toEqual({ partitionIndex: 0, errorCode: 0, ...expected })
  })

  it.each([
    [-1, { timestamp: -1, offset: 6 }],
    [-2, { timestamp: -1, offset: 1 }],
    [-3, { timestamp: 5000, offset: 3 }],
    [1000, { timestamp: 1010, offset: 1 }],
    [1011, { timestamp: 1020, offset: 2 }],
    [5001, { timestamp: -1, offset: -1 }],
  ])('of one that begins at 1 and ends at 6 (time %i)', async (timestamp, expected) => {
    const { data } = await world()
    await data.produce(batchOf(3, { timestamp: 1000, step: 10 }))
    await data.produce(batchOf(3, { timestamp: 5000, step: -10 }))
    await data.deleteRecords(1)
    expect(await data.offset(timestamp)).toMatchObject(expected)
  })

  it.each([
    [-3, 7],
    [-4, 8],
    [-5, 9],
    [-6, 11],
  ])('knows %i since version %i', async (timestamp, since) => {
    const { data } = await world()
    expect((await data.offset(timestamp, { version: since })).errorCode).toBe(0)
    const before = await data.offset(timestamp, { version: since - 1 })
    expect(errorName(before.errorCode)).toBe('UNSUPPORTED_VERSION')
  })

  it('answers in all versions', async () => {
    const { data } = await world()
    await data.produce(batchOf(2))
    for (let version = 1; version <= 11; version++) {
      expect(await data.offset(-1, { version })).toMatchObject({ errorCode: 0, offset: 2 })
    }
  })

  it('ends at the first open transaction for isolation level 1', async () => {
    const { data, client } = await world()
    const producer = await client.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
    await data.produce(transactional(producer, 0, 2), { version: 12, transactionalId: 'tx' })
    expect((await data.offset(-1)).offset).toBe(2)
    for (const timestamp of [-1, -3, 0]) {
      expect((await data.offset(timestamp, { isolationLevel: 1 })).offset).toBe(timestamp === -1 ? 0 : -1)
    }
    await client.send(EndTxn, 5, { ...producer, transactionalId: 'tx', committed: true })
    expect((await data.offset(-1, { isolationLevel: 1 })).offset).toBe(3)
  })

  it('says what is wrong', async () => {
    const { data, client, broker } = await world({ brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] })
    expect(errorName((await data.offset(-1, { partitionIndex: 9 })).errorCode)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(errorName((await data.offset(-7)).errorCode)).toBe('UNSUPPORTED_VERSION')
    const twice = await client.send(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'orders', partitions: [-1, -2].map((timestamp) => ({ partitionIndex: 0, timestamp })) }],
    })
    expect(twice.topics[0]?.partitions.map(({ errorCode }) => errorName(errorCode))).toEqual(['INVALID_REQUEST'])
    broker.moveLeader({ topic: 'orders', to: 2 })
    expect(errorName((await data.offset(-1)).errorCode)).toBe('NOT_LEADER_OR_FOLLOWER')
  })
})

describe('DeleteRecords', () => {
  it('moves the start of the log', async () => {
    const { data } = await world()
    await data.produce(batchOf(4))
    expect(await data.deleteRecords(2)).toEqual({ partitionIndex: 0, lowWatermark: 2, errorCode: 0 })
    expect((await data.offset(-2)).offset).toBe(2)
    expect((await data.deleteRecords(-1)).lowWatermark).toBe(4)
  })

  it('says what is wrong', async () => {
    const { data, client } = await world({
      topics: ['orders', { name: 'table', configs: { 'cleanup.policy': 'compact' } }],
    })
    const errors = await Promise.all([
      data.deleteRecords(5),
      data.deleteRecords(-2),
      data.deleteRecords(0, { partitionIndex: 3 }),
      data.deleteRecords(0, { name: 'nope' }),
      data.deleteRecords(0, { name: 'table' }),
    ])
    expect(errors.map(({ errorCode }) => errorName(errorCode))).toEqual([
      'OFFSET_OUT_OF_RANGE',
      'OFFSET_OUT_OF_RANGE',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'POLICY_VIOLATION',
    ])
    expect(client.isOpen).toBe(true)
  })
})

describe('OffsetForLeaderEpoch', () => {
  it('tells where an epoch ended', async () => {
    const { data, broker } = await world({ brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] })
    await data.produce(batchOf(2))
    broker.moveLeader({ topic: 'orders', to: 2 })
    const client = await RawClient.connect(broker, { nodeId: 2 })
    await new DataClient(client).produce(batchOf(3))
    const ask = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
      const partitions = [{ partition: 0, leaderEpoch, currentLeaderEpoch }]
      const answer = await client.send(OffsetForLeaderEpoch, 4, { topics: [{ topic: 'orders', partitions }] })
      return answer.topics[0]?.partitions[0]
    }
    expect(await ask(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2 })
    expect(await ask(1)).toMatchObject({ errorCode: 0, leaderEpoch: 1, endOffset: 5 })
    expect(await ask(2)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 })
    expect(errorName((await ask(0, 0))?.errorCode ?? 0)).toBe('FENCED_LEADER_EPOCH')
    expect(errorName((await ask(0, 5))?.errorCode ?? 0)).toBe('UNKNOWN_LEADER_EPOCH')
  })
})
