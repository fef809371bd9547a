import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  EndTxn,
  ErrorCode,
  errorName,
  InitProducerId,
  type ResponseOf,
} from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { VirtualClock } from '@milena/protocol/runtime'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'
import { DataClient, dataWorld, transactional } from './data-client.js'

const running: EmbeddedBroker[] = []

interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

async function world(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const made = await dataWorld({ topics: ['orders:2'], ...options })
  running.push(made.broker)
  const { client } = made
  const start = (
    transactionalId: string | null,
    more: { readonly version?: number; readonly timeoutMs?: number } = {},
  ) =>
    client.send(InitProducerId, more.version ?? 5, {
      transactionalId,
      transactionTimeoutMs: more.timeoutMs ?? 60_000,
    })
  const add = async (producer: Producer, partitions: readonly number[], more: AddOptions = {}) => {
    const { version = 3, transactionalId = 'tx', topic = 'orders' } = more
    const answer = await client.send(AddPartitionsToTxn, version, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    })
    return errorsOf(answer.resultsByTopicV3AndBelow)
  }
  const end = async ({ producerId, producerEpoch }: Producer, committed: boolean, version = 5) => {
    const answer = await client.send(EndTxn, version, { transactionalId: 'tx', producerId, producerEpoch, committed })
    return { ...answer, error: errorName(answer.errorCode) }
  }
  return { ...made, start, add, end }
}

interface AddOptions {
  readonly version?: number
  readonly transactionalId?: string
  readonly topic?: string
}

function errorsOf(results: ResponseOf<typeof AddPartitionsToTxn>['resultsByTopicV3AndBelow']) {
  return results.flatMap((topic) =>
    topic.resultsByPartition.map(({ partitionErrorCode }) => errorName(partitionErrorCode)),
  )
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

describe('InitProducerId', () => {
  it.each([0, 2, 5])('gives ids without a transactional id (version %i)', async (version) => {
    const { start } = await world()
    const [one, two] = [await start(null, { version }), await start(null, { version, timeoutMs: 0 })]
    expect([one.errorCode, one.producerEpoch, two.errorCode]).toEqual([0, 0, 0])
    expect(one.producerId).not.toBe(two.producerId)
  })

  it('passes over the id that a producer without a transactional id had, but not over half of one', async () => {
    const { client } = await world()
    const ask = (producerId: number, producerEpoch: number) =>
      client.send(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 1, producerId, producerEpoch })
    expect(await ask(77, 3)).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    expect((await ask(77, -1)).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect((await ask(-1, 3)).errorCode).toBe(ErrorCode.INVALID_REQUEST)
  })

  it('refuses what makes no sense', async () => {
    const { start } = await world()
    expect((await start('')).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect((await start('tx', { timeoutMs: 0 })).errorCode).toBe(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    expect((await start('tx', { timeoutMs: 900_001 })).errorCode).toBe(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
  })

  it('aborts an open transaction first, and lets the producer ask again', async () => {
    const { start, data } = await world()
    const first = await start('tx')
    await data.produce(transactional(first, 0), { version: 12, transactionalId: 'tx' })
    expect((await start('tx')).errorCode).toBe(ErrorCode.CONCURRENT_TRANSACTIONS)
    expect(await start('tx')).toMatchObject({ errorCode: 0, producerId: first.producerId, producerEpoch: 2 })
    expect(await data.fetch({}, { isolationLevel: 1 })).toMatchObject({ lastStableOffset: 2 })
  })

  it.each([
    [3, 'INVALID_PRODUCER_EPOCH'],
    [4, 'PRODUCER_FENCED'],
  ])('of version %i tells a fenced producer so', async (version, error) => {
    const { client, start } = await world()
    const first = await start('tx')
    await start('tx')
    await start('tx')
    const { producerId, producerEpoch } = first
    const request = { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId, producerEpoch }
    expect(errorName((await client.send(InitProducerId, version, request)).errorCode)).toBe(error)
  })

  it('is for the coordinator of the transactional id', async () => {
    const { broker } = await world({ brokers: 2 })
    const answers = await Promise.all(
      [1, 2].map(async (nodeId) => {
        const client = await RawClient.connect(broker, { nodeId })
        return client.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 1000 })
      }),
    )
    expect(answers.map(({ errorCode }) => errorName(errorCode)).toSorted()).toEqual(['NONE', 'NOT_COORDINATOR'])
  })
})

describe('AddPartitionsToTxn', () => {
  it('lets a client of old versions write to what it has added, and to nothing else', async () => {
    const { start, add, end, data } = await world()
    const producer = await start('tx')
    expect(await add(producer, [0])).toEqual(['NONE'])
    const write = async (index: number) => {
      const options = { version: 9, transactionalId: 'tx', index } as const
      return errorName((await data.produce(transactional(producer, 0), options)).errorCode)
    }
    expect(await write(0)).toBe('NONE')
    expect(await write(1)).toBe('INVALID_TXN_STATE')
    expect((await end(producer, true, 3)).error).toBe('NONE')
    expect(await data.fetch({}, { isolationLevel: 1 })).toMatchObject({ lastStableOffset: 2 })
  })

  it('adds all or none', async () => {
    const { start, add, client } = await world()
    const producer = await start('tx')
    expect(await add(producer, [0, 7])).toEqual(['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'])
    expect(await add(producer, [0], { topic: 'nope' })).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    const verify = await client.send(AddPartitionsToTxn, 5, {
      transactions: [
        { transactionalId: 'tx', ...producer, verifyOnly: true, topics: [{ name: 'orders', partitions: [0] }] },
      ],
    })
    expect(errorsOf(verify.resultsByTransaction[0]?.topicResults ?? [])).toEqual(['TRANSACTION_ABORTABLE'])
  })

  it('of brokers adds and verifies several at once', async () => {
    const { start, client } = await world()
    const producer = await start('tx')
    const topics = [{ name: 'orders', partitions: [0, 1] }]
    const ask = async (verifyOnly: boolean, transactionalId = 'tx') => {
      const transactions = [{ transactionalId, ...producer, verifyOnly, topics }]
      const answer = await client.send(AddPartitionsToTxn, 4, { transactions })
      return errorsOf(answer.resultsByTransaction[0]?.topicResults ?? [])
    }
    expect(await ask(false)).toEqual(['NONE', 'NONE'])
    expect(await ask(true)).toEqual(['NONE', 'NONE'])
    expect(await ask(false, 'other')).toEqual(['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'])
  })

  it('says what is wrong with the transaction', async () => {
    const { start, add } = await world()
    const producer = await start('tx')
    const ahead = { ...producer, producerEpoch: 5 }
    expect(await add(ahead, [0])).toEqual(['PRODUCER_FENCED'])
    expect(await add(ahead, [0], { version: 1 })).toEqual(['INVALID_PRODUCER_EPOCH'])
    expect(await add({ ...producer, producerId: 99 }, [0])).toEqual(['INVALID_PRODUCER_ID_MAPPING'])
    expect(await add(producer, [0], { transactionalId: 'other' })).toEqual(['INVALID_PRODUCER_ID_MAPPING'])
    expect(await add(producer, [0], { transactionalId: '' })).toEqual(['INVALID_REQUEST'])
    expect(await add(producer, [])).toEqual([])
  })
})

describe('AddOffsetsToTxn', () => {
  it('opens a transaction for offsets alone', async () => {
    const { start, end, client } = await world()
    const { producerId, producerEpoch } = await start('tx')
    const add = async (more: object = {}, version = 4) => {
      const request = { transactionalId: 'tx', producerId, producerEpoch, groupId: 'group', ...more }
      return errorName((await client.send(AddOffsetsToTxn, version, request)).errorCode)
    }
    expect(await add()).toBe('NONE')
    expect(await add({ producerEpoch: 4 })).toBe('PRODUCER_FENCED')
    expect(await add({ producerEpoch: 4 }, 1)).toBe('INVALID_PRODUCER_EPOCH')
    expect(await add({ transactionalId: 'other' })).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(await add({ transactionalId: '' })).toBe('INVALID_REQUEST')
    expect((await end({ producerId, producerEpoch }, true)).error).toBe('NONE')
  })
})

describe('EndTxn', () => {
  it('raises the epoch since version 5, under which the producer goes on with sequence 0', async () => {
    const { start, end, data } = await world()
    let producer: Producer = await start('tx')
    for (let epoch = 0; epoch < 3; epoch++) {
      const options = { version: 12, transactionalId: 'tx' } as const
      expect((await data.produce(transactional(producer, 0), options)).errorCode).toBe(0)
      const ended = await end(producer, epoch !== 1)
      expect(ended).toMatchObject({ error: 'NONE', producerId: producer.producerId, producerEpoch: epoch + 1 })
      producer = ended
    }
    const committed = await data.fetch({}, { isolationLevel: 1 })
    expect(committed).toMatchObject({ highWatermark: 6, lastStableOffset: 6 })
    expect(committed.abortedTransactions).toHaveLength(1)
  })

  it('tells no epoch before version 5', async () => {
    const { start, end, add } = await world()
    const producer = await start('tx')
    await add(producer, [0])
    expect(await end(producer, true, 4)).toMatchObject({ error: 'NONE', producerId: -1, producerEpoch: -1 })
    expect((await end(producer, false, 4)).error).toBe('INVALID_TXN_STATE')
  })

  it('of a transaction that took too long cannot commit', async () => {
    const { start, end, data, clock } = await world()
    const producer = await start('tx', { timeoutMs: 5000 })
    await data.produce(transactional(producer, 0), { version: 12, transactionalId: 'tx' })
    await clock.advance(5000)
    // As Kafka 4.4.0 answers.
    expect((await end(producer, true)).error).toBe('INVALID_TXN_STATE')
    expect((await end(producer, true, 4)).error).toBe('PRODUCER_FENCED')
    expect((await end(producer, true, 1)).error).toBe('INVALID_PRODUCER_EPOCH')
    expect(await end(producer, false)).toMatchObject({ error: 'NONE', producerEpoch: 1 })
  })

  it('writes markers to all brokers', async () => {
    const { broker, client } = await world({ brokers: 2 })
    const clients = [client, await RawClient.connect(broker, { nodeId: 2 })]
    const found = await Promise.all(
      clients.map((each) => each.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 1000 })),
    )
    const at = found.findIndex(({ errorCode }) => errorCode === 0)
    const producer = found[at]
    const coordinator = clients[at]
    if (producer === undefined || coordinator === undefined) throw new TypeError('No broker coordinates the id.')
    for (const [index, each] of clients.entries()) {
      const options = { version: 12, transactionalId: 'tx', index } as const
      expect((await new DataClient(each).produce(transactional(producer, 0), options)).errorCode).toBe(0)
    }
    const { producerId, producerEpoch } = producer
    await coordinator.send(EndTxn, 5, { transactionalId: 'tx', producerId, producerEpoch, committed: true })
    const ends = broker.inspect().topics[0]?.partitions.map(({ endOffset }) => endOffset)
    expect(ends).toEqual([2, 2])
  })
})

describe('Transactions with an authoriser', () => {
  it('need Write on the transactional id', async () => {
    const rule = { principal: 'User:*', permission: 'allow', name: '*' } as const
    const { start, add, end, client } = await world({
      security: { authorization: { rules: [{ ...rule, operation: 'Write', resourceType: 'Topic' }] } },
    })
    const denied = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    const producer = { producerId: 0, producerEpoch: 0 }
    expect(errorName((await start('tx')).errorCode)).toBe(denied)
    expect(await add(producer, [0])).toEqual([denied])
    expect((await end(producer, true)).error).toBe(denied)
    const offsets = { transactionalId: 'tx', ...producer, groupId: 'group' }
    expect(errorName((await client.send(AddOffsetsToTxn, 4, offsets)).errorCode)).toBe(denied)
    // Who may write to any topic may number its batches.
    expect((await start(null)).errorCode).toBe(0)
  })

  it('need IdempotentWrite, or Write on some topic, for a producer id', async () => {
    const { start, data } = await world({ security: { authorization: { rules: [] } } })
    expect(errorName((await start(null)).errorCode)).toBe('CLUSTER_AUTHORIZATION_FAILED')
    expect((await data.produce(batchOf(1))).errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  })
})
