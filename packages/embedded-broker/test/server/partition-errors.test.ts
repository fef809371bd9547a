import {
  ErrorCode,
  Fetch,
  ListOffsets,
  Metadata,
  Produce,
  RecordBatchBuilder,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RawClient } from '../raw-client.js'

const { KAFKA_STORAGE_ERROR, NONE } = ErrorCode
const errors: string[] = []
let broker: EmbeddedBroker
let client: RawClient
let topicId: string

beforeEach(async () => {
  errors.length = 0
  const logger = { ...silentLogger, error: (_facts: object, message: string) => void errors.push(message) }
  broker = await EmbeddedBroker.start({ network: 'memory', topics: ['orders:2'], logger })
  client = await RawClient.connect(broker)
  topicId = broker.inspect().topics[0]?.id ?? ''
})

afterEach(() => broker.stop())

/** The next request of this kind fails in orders-1. */
function failSecond(api: 'Produce' | 'Fetch' | 'ListOffsets' | 'ShareFetch' | 'ShareAcknowledge'): void {
  broker.intercept(
    api,
    () => ({ do: 'fail', errorCode: KAFKA_STORAGE_ERROR, partitions: [{ topic: 'orders', partition: 1 }] }),
    { times: 1 },
  )
}

async function batchOfOne(): Promise<Buffer> {
  const builder = new RecordBatchBuilder({})
  builder.append({ timestamp: 1, key: null, value: Buffer.from('x'), headers: [] })
  return Buffer.from(await builder.build())
}

describe('{ do: "fail", partitions }', () => {
  it('writes nothing to the partition of a Produce, and the rest', async () => {
    failSecond('Produce')
    const records = await batchOfOne()
    const partitionData = [0, 1].map((index) => ({ index, records }))
    const { responses } = await client.send(Produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: 'orders', partitionData }],
    })
    expect(responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([NONE, KAFKA_STORAGE_ERROR])
    expect([
      (await broker.records('orders')).length,
      (await broker.records('orders', { partition: 1 })).length,
    ]).toEqual([1, 0])
  })

  it('fails the partition of a Fetch and of a ListOffsets', async () => {
    failSecond('Fetch')
    const fetched = await client.send(Fetch, 12, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [
        {
          topic: 'orders',
          partitions: [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 })),
        },
      ],
      forgottenTopicsData: [],
    })
    expect(fetched.responses[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([NONE, KAFKA_STORAGE_ERROR])
    failSecond('ListOffsets')
    const { topics } = await client.send(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'orders', partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1 })) }],
    })
    expect(topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([NONE, KAFKA_STORAGE_ERROR])
  })

  it('acquires nothing in the partition of a ShareFetch, fails its acknowledgements, and the session goes on', async () => {
    broker.setGroupConfig('g', { 'share.auto.offset.reset': 'earliest' })
    for (const partition of [0, 1]) broker.append('orders', [{ value: 'x' }], { partition })
    const member = { groupId: 'g', memberId: 'm' }
    await heartbeat()
    failSecond('ShareFetch')
    const first = await fetch(0, [0, 1])
    expect(first).toEqual([
      { partition: 0, errorCode: NONE, acknowledged: NONE, acquired: 1 },
      { partition: 1, errorCode: KAFKA_STORAGE_ERROR, acknowledged: NONE, acquired: 0 },
    ])
    expect(await fetch(1, [])).toEqual([{ partition: 1, errorCode: NONE, acknowledged: NONE, acquired: 1 }])

    failSecond('ShareAcknowledge')
    const accept = [{ firstOffset: 0, lastOffset: 0, acknowledgeTypes: [1] }]
    const accepted = await client.send(ShareAcknowledge, 2, {
      ...member,
      shareSessionEpoch: 2,
      isRenewAck: false,
      topics: [
        { topicId, partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, acknowledgementBatches: accept })) },
      ],
    })
    expect(accepted.errorCode).toBe(NONE)
    const answered = accepted.responses[0]?.partitions.map(({ partitionIndex, errorCode }) => ({
      partitionIndex,
      errorCode,
    }))
    expect(answered).toHaveLength(2)
    expect(answered).toContainEqual({ partitionIndex: 0, errorCode: NONE })
    expect(answered).toContainEqual({ partitionIndex: 1, errorCode: KAFKA_STORAGE_ERROR })

    failSecond('ShareFetch')
    expect(await fetch(3, [1], accept)).toEqual([
      { partition: 1, errorCode: KAFKA_STORAGE_ERROR, acknowledged: KAFKA_STORAGE_ERROR, acquired: 0 },
    ])
    const states = broker.inspect().sharePartitions.map(({ startOffset }) => startOffset)
    expect(states.toSorted((a, b) => a - b)).toEqual([0, 1])
  })

  it('is refused of APIs that are not about what leaders have', async () => {
    broker.intercept('Metadata', () => ({
      do: 'fail',
      errorCode: KAFKA_STORAGE_ERROR,
      partitions: [{ topic: 'orders' }],
    }))
    await expect(client.send(Metadata, 12, { topics: [] })).rejects.toThrow('The connection was closed.')
    expect(errors).toEqual([expect.stringContaining('Metadata cannot fail for single partitions')])
  })
})

async function heartbeat(): Promise<void> {
  await client.send(ShareGroupHeartbeat, 1, {
    groupId: 'g',
    memberId: 'm',
    memberEpoch: 0,
    subscribedTopicNames: ['orders'],
  })
}

async function fetch(
  shareSessionEpoch: number,
  partitions: readonly number[],
  acknowledgementBatches: readonly { firstOffset: number; lastOffset: number; acknowledgeTypes: number[] }[] = [],
) {
  const { responses } = await client.send(ShareFetch, 2, {
    groupId: 'g',
    memberId: 'm',
    shareSessionEpoch,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    maxRecords: 10,
    batchSize: 10,
    topics: partitions.map((partitionIndex) => ({ topicId, partitions: [{ partitionIndex, acknowledgementBatches }] })),
    forgottenTopicsData: [],
  })
  return responses
    .flatMap((topic) => topic.partitions)
    .map(({ partitionIndex: partition, errorCode, acknowledgeErrorCode: acknowledged, acquiredRecords }) => ({
      partition,
      errorCode,
      acknowledged,
      acquired: acquiredRecords.length,
    }))
    .toSorted((a, b) => a.partition - b.partition)
}
