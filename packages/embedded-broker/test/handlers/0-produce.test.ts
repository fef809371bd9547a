import { encodeRequest, ErrorCode, errorName, InitProducerId, Produce, ZERO_UUID } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { EmbeddedBroker, EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { VirtualClock } from '@milena/protocol/runtime'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'
import { batchesIn, DataClient, dataWorld, produceRequest, transactional } from './data-client.js'

const running: EmbeddedBroker[] = []

async function world(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const made = await dataWorld(options)
  running.push(made.broker)
  return made
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

describe('Produce', () => {
  it.each([3, 7, 9, 12])('writes records to a topic by name (version %i)', async (version) => {
    const { data } = await world()
    await data.produce(batchOf(3))
    expect(await data.produce(batchOf(2), { version })).toMatchObject({ errorCode: 0, index: 0, baseOffset: 3 })
    expect(batchesIn((await data.fetch()).records)).toEqual([
      [0, 2],
      [3, 4],
    ])
  })

  it('writes records to a topic by id since version 13', async () => {
    const { data } = await world()
    const topicId = await data.topicId()
    expect(await data.produce(batchOf(2), { version: 13, topicId })).toMatchObject({ errorCode: 0, baseOffset: 0 })
    for (const unknown of [ZERO_UUID, 'AAAAAAAAAAAAAAAAAAAAAQ']) {
      const refused = await data.produce(batchOf(2), { version: 13, topicId: unknown })
      expect(errorName(refused.errorCode)).toBe('UNKNOWN_TOPIC_ID')
    }
  })

  it('tells of each partition what became of it', async () => {
    const { client } = await world({ topics: ['orders:2'] })
    const answer = await client.send(Produce, 11, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [
        {
          name: 'orders',
          partitionData: [
            { index: 0, records: batchOf(1) },
            { index: 1, records: Buffer.alloc(10) },
            { index: 2, records: batchOf(1) },
            { index: -1, records: batchOf(1) },
          ],
        },
        { name: 'nope', partitionData: [{ index: 0, records: batchOf(1) }] },
      ],
    })
    expect(
      answer.responses.map(({ name, partitionResponses }) => [
        name,
        ...partitionResponses.map(({ errorCode }) => errorName(errorCode)),
      ]),
    ).toEqual([
      ['orders', 'NONE', 'INVALID_RECORD', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['nope', 'UNKNOWN_TOPIC_OR_PARTITION'],
    ])
  })

  it('tells which records were wrong, but of a whole batch only the error', async () => {
    const { data, clock } = await world()
    const early = await data.produce(batchOf(2, { timestamp: clock.wallTime(), step: 7_200_000 }))
    expect(errorName(early.errorCode)).toBe('INVALID_TIMESTAMP')
    expect([early.recordErrors.map(({ batchIndex }) => batchIndex), early.errorMessage]).toEqual([
      [1],
      expect.stringContaining('timestamps'),
    ])
    const control = await data.produce(batchOf(1, { isControl: true }))
    expect(errorName(control.errorCode)).toBe('INVALID_RECORD')
    expect([control.recordErrors, control.errorMessage]).toEqual([[], null])
  })

  it('without records is refused, where Kafka never answers', async () => {
    const { data } = await world()
    expect((await data.produce(null)).errorCode).toBe(ErrorCode.INVALID_RECORD)
  })

  it.each([2, -2])('takes no other acks than -1, 0 and 1 (%i)', async (acks) => {
    const { data } = await world()
    expect((await data.produce(batchOf(1), { acks })).errorCode).toBe(ErrorCode.INVALID_REQUIRED_ACKS)
  })

  it('sends no answer to acks 0, and closes the connection when something is wrong', async () => {
    const { data, client } = await world()
    const send = (index: number): void => {
      const body = produceRequest(batchOf(1), { acks: 0, index })
      client.write(encodeRequest(Produce, { version: 11, correlationId: 999, clientId: 'raw', body }))
    }
    send(0)
    expect((await data.fetch()).highWatermark).toBe(1)
    send(5)
    await client.whenClosed()
    expect(client.isOpen).toBe(false)
  })

  it('needs min.insync.replicas for acks -1, but never more than there are', async () => {
    const topics = [{ name: 'orders', replicationFactor: 2, configs: { 'min.insync.replicas': '2' } }]
    const { data, broker } = await world({ brokers: 2, topics })
    expect((await data.produce(batchOf(1))).errorCode).toBe(0)
    await broker.kill(2)
    expect((await data.produce(batchOf(1))).errorCode).toBe(ErrorCode.NOT_ENOUGH_REPLICAS)
    expect((await data.produce(batchOf(1), { acks: 1 })).errorCode).toBe(0)
    const single = await world({ topics: [{ name: 'orders', configs: { 'min.insync.replicas': '2' } }] })
    expect((await single.data.produce(batchOf(1))).errorCode).toBe(0)
  })

  it.each([
    [9, false],
    [10, true],
    [12, true],
  ])('to another broker than the leader names that one since version 10 (version %i)', async (version, hints) => {
    const topics = [{ name: 'orders', replicationFactor: 2 }]
    const { client, broker } = await world({ brokers: 2, topics })
    broker.moveLeader({ topic: 'orders', to: 2 })
    const answer = await client.send(Produce, version, produceRequest(batchOf(1)))
    const partition = answer.responses[0]?.partitionResponses[0]
    expect(partition?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(partition?.currentLeader).toEqual(
      hints ? { leaderId: 2, leaderEpoch: 1 } : { leaderId: -1, leaderEpoch: -1 },
    )
    expect(answer.nodeEndpoints).toEqual(hints ? [{ nodeId: 2, host: 'broker-2', port: 9092, rack: null }] : [])
    const other = new DataClient(await RawClient.connect(broker, { nodeId: 2 }))
    expect((await other.produce(batchOf(1))).errorCode).toBe(0)
  })
})

describe('A transactional batch', () => {
  async function withProducer() {
    const made = await world()
    const producer = await made.client.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
    return { ...made, producer }
  }

  it('becomes part of its transaction by itself since version 12', async () => {
    const { data, producer } = await withProducer()
    const options = { version: 12, transactionalId: 'tx' } as const
    expect(await data.produce(transactional(producer, 0), options)).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await data.produce(transactional(producer, 1), options)).toMatchObject({ errorCode: 0, baseOffset: 1 })
  })

  it.each([
    [11, 'TRANSACTION_ABORTABLE', null],
    [9, 'INVALID_TXN_STATE', 'Partition was not added to the transaction'],
  ])('of version %i needs the partition to have been added', async (version, error, errorMessage) => {
    const { data, producer } = await withProducer()
    const result = await data.produce(transactional(producer, 0), { version, transactionalId: 'tx' })
    expect([errorName(result.errorCode), result.errorMessage]).toEqual([error, errorMessage])
  })

  it('that does not begin with sequence 0 is out of order where nothing of its producer is known', async () => {
    const { data, producer } = await withProducer()
    const result = await data.produce(transactional(producer, 1), { version: 12, transactionalId: 'tx' })
    expect(result).toMatchObject({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, logStartOffset: 0 })
  })

  it('of a producer that was fenced is refused', async () => {
    const { data, client, producer } = await withProducer()
    await client.send(InitProducerId, 5, { transactionalId: 'tx', transactionTimeoutMs: 60_000 })
    const result = await data.produce(transactional(producer, 0), { version: 12, transactionalId: 'tx' })
    expect(result.errorCode).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  })

  it('needs a transactional id', async () => {
    const { data, producer } = await withProducer()
    expect((await data.produce(transactional(producer, 0), { version: 12 })).errorCode).toBe(
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    )
  })
})

describe('Produce with an authoriser', () => {
  const security = (rules: readonly object[]): EmbeddedBrokerOptions<VirtualClock> => ({
    security: { authorization: { rules: rules as never } },
  })

  it('needs Write on the topic', async () => {
    const { data } = await world(
      security([{ principal: 'User:*', operation: 'Describe', resourceType: 'Topic', name: '*', permission: 'allow' }]),
    )
    expect((await data.produce(batchOf(1))).errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    expect((await data.produce(batchOf(1), { name: 'nope' })).errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    expect((await data.fetch()).errorCode).toBe(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  })

  it('is allowed with it', async () => {
    const { data } = await world(
      security([
        { principal: 'User:*', operation: 'Write', resourceType: 'Topic', name: 'orders', permission: 'allow' },
      ]),
    )
    expect((await data.produce(batchOf(1))).errorCode).toBe(0)
  })
})
