import { KafkaUsageError } from '@milena/protocol'
import { describe, expect } from 'vitest'
import type { AcknowledgeType } from '../../src/index.js'
import { numbered, receive, receiveFor, results } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('acknowledge', () => {
  onVirtualCluster('writes ACCEPT as 1, RELEASE as 2, REJECT as 3 and RENEW as 4', {}, async (cluster) => {
    const consumer = cluster.consumer({ acquireMode: 'record_limit', maxPollRecords: 1 })
    const codes: number[] = []
    for (const type of ['ACCEPT', 'RELEASE', 'REJECT', 'RENEW'] as const) {
      cluster.append(['v'])
      cluster.broker.forgetRequests()
      const record = await cluster.first(consumer)
      consumer.acknowledge(record, type)
      await cluster.commit(consumer)
      codes.push(...cluster.shareRequests().flatMap(({ batches }) => batches.flatMap(([, , , types]) => types)))
      if (type === 'RELEASE') consumer.acknowledge(await cluster.first(consumer))
      if (type === 'RELEASE') await cluster.commit(consumer)
      if (type === 'RENEW') for (const renewed of await cluster.receive(consumer)) consumer.acknowledge(renewed)
    }
    expect(codes).toEqual([1, 2, 3, 4])
  })

  onVirtualCluster(
    'sends one intent per record: a refused second one does not reach the broker',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      consumer.acknowledge(record)
      expect(() => consumer.acknowledge(record, 'RELEASE')).toThrow(KafkaUsageError)
      await cluster.commit(consumer)
      await cluster.settle(consumer)
      expect(cluster.shareRequests().flatMap(({ batches }) => batches)).toEqual([[0, 0, 0, [1]]])
    },
  )

  onVirtualCluster("lets the last word count, as Java's does, where that is asked for", {}, async (cluster) => {
    const consumer = cluster.consumer({ onSecondAcknowledge: 'lastWins' })
    cluster.append(['v'])
    const record = await cluster.first(consumer)
    consumer.acknowledge(record, 'RELEASE')
    consumer.acknowledge(record, 'ACCEPT')
    expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
    expect(cluster.shareRequests().flatMap(({ batches }) => batches)).toEqual([[0, 0, 0, [1]]])
    expect(cluster.partition()?.startOffset).toBe(1)
  })

  onVirtualCluster(
    'sends runs of offsets: mixed answers of neighbours in one batch, a hole between two',
    {},
    async (cluster) => {
      const consumer = cluster.consumer({ maxPollRecords: 10 })
      cluster.append(numbered(6))
      const records = await cluster.receive(consumer, 6)
      const types: Record<number, AcknowledgeType> = {
        0: 'ACCEPT',
        1: 'RELEASE',
        2: 'ACCEPT',
        4: 'REJECT',
        5: 'REJECT',
      }
      for (const record of records) {
        const type = types[record.offset]
        if (type !== undefined) consumer.acknowledge(record, type)
      }
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      const batches = cluster.shareRequests().flatMap((request) => request.batches)
      const perOffset = batches.flatMap(([, first, last, codes]) =>
        Array.from({ length: last - first + 1 }, (_, index) => [first + index, codes[codes.length === 1 ? 0 : index]]),
      )
      expect(perOffset).toEqual([
        [0, 1],
        [1, 2],
        [2, 1],
        [4, 3],
        [5, 3],
      ])
      for (const record of records) if (record.offset === 3) consumer.acknowledge(record)
    },
  )
})

onEveryBroker('An acknowledgement', (sentence) => {
  sentence('gives each record of one poll an outcome of its own', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const outcomes: AcknowledgeType[] = ['ACCEPT', 'RELEASE', 'REJECT']
    await receive(consumer, 3, { each: (record) => consumer.acknowledge(record, outcomes[record.offset]) })
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 1)
    const again = await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) })
    expect(again.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([[1, 2]])
    expect(await receiveFor(consumer, 500)).toEqual([])
  })

  sentence('in implicit mode is a usage error: the next poll accepts', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    expect(() => consumer.acknowledge(record)).toThrow(/explicit/)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  sentence(
    'is given once, by the consumer that holds the record, with a type that there is',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      await groups.produce(topic, ['v'])
      const consumer = groups.explicit(groupId)
      const stranger = groups.explicit(await broker.createGroup())
      consumer.subscribe([topic])
      stranger.subscribe([topic])
      const [record] = await receive(consumer, 1)
      if (record === undefined) throw new Error('nothing came')
      expect(() => stranger.acknowledge(record)).toThrow(KafkaUsageError)
      expect(() => consumer.acknowledge(record, 'GAP' as never)).toThrow(KafkaUsageError)
      expect(() => consumer.acknowledge(record, 0 as never)).toThrow(KafkaUsageError)
      expect(() => consumer.acknowledge({ topic, partition: 0, offset: 0 })).toThrow(KafkaUsageError)
      consumer.acknowledge(record)
      expect(() => consumer.acknowledge(record)).toThrow(
        expect.objectContaining({ code: 'ALREADY_ACKNOWLEDGED' }) as Error,
      )
      expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
      expect(() => consumer.acknowledge(record, 'RENEW')).toThrow(KafkaUsageError)
      await groups.untilLag(groupId, 0)
    },
  )

  sentence(
    'keeps no position: what was finished stays finished though an earlier record is open',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      await groups.produce(topic, numbered(3))
      const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
      consumer.subscribe([topic])
      await receive(consumer, 3, {
        each: (record) => consumer.acknowledge(record, record.offset === 1 ? 'RELEASE' : 'ACCEPT'),
      })
      await consumer.commitSync()
      await consumer.close()
      const next = groups.explicit(groupId)
      next.subscribe([topic])
      const rest = await receive(next, 1, { each: (record) => next.acknowledge(record) })
      expect(rest.map(({ offset }) => offset)).toEqual([1])
      expect(await receiveFor(next, 500)).toEqual([])
    },
  )
})
