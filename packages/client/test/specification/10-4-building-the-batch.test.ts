import { describe, expect } from 'vitest'
import { json, RecordDeserializationError, type AcknowledgementVerdict, type ShareConsumer } from '../../src/index.js'
import { receive, receiveFor, results, texts, type Received } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('What a fetch brought', () => {
  onVirtualCluster(
    'is delivered as far as it was acquired; the rest of its bytes is passed over',
    {},
    async (cluster) => {
      cluster.append(['a', 'b', 'c', 'd'])
      const consumer = cluster.consumer({ acquireMode: 'record_limit', maxPollRecords: 2 })
      const records = await cluster.receive(consumer, 2)
      expect(records.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
        [0, 1],
        [1, 1],
      ])
      for (const record of records) consumer.acknowledge(record, record.offset === 0 ? 'RELEASE' : 'ACCEPT')
      const more = await cluster.receive(consumer, 3, (record) => consumer.acknowledge(record))
      // One batch in the log, each offset with a count of its own.
      expect(more.map(({ offset, deliveryCount }) => [offset, deliveryCount]).sort()).toEqual([
        [0, 2],
        [2, 1],
        [3, 1],
      ])
    },
  )

  onVirtualCluster(
    'answers acquired offsets that hold no record as gaps, without waiting for the application, and tells the callback',
    {},
    async (cluster) => {
      // As after compaction: acquired, and not in the bytes.
      cluster.broker.intercept('ShareFetch', () => ({
        do: 'change',
        answer: (body) => ({
          ...body,
          responses: body.responses.map((topic) => ({
            ...topic,
            partitions: topic.partitions.map((partition) => ({ ...partition, records: Buffer.alloc(0) })),
          })),
        }),
      }))
      cluster.append(['gone', 'gone too'])
      const consumer = cluster.consumer()
      const verdicts: AcknowledgementVerdict[] = []
      consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
      await cluster.settle(consumer, 3_000)
      expect(cluster.shareRequests().flatMap(({ batches }) => batches)).toEqual([[0, 0, 1, [0]]])
      expect(cluster.partition()?.startOffset).toBe(2)
      expect(verdicts).toMatchObject([{ counts: { gap: 2, accept: 0 }, error: undefined }])
    },
  )

  onVirtualCluster(
    'that is corrupt is rejected, all of the batch, with a warning; the batches around it are delivered',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.broker.intercept('ShareFetch', () => ({
        do: 'change',
        answer: (body) => ({
          ...body,
          responses: body.responses.map((topic) => ({
            ...topic,
            partitions: topic.partitions.map((partition) => ({
              ...partition,
              records: withBrokenBatchAt(1, partition.records),
            })),
          })),
        }),
      }))
      cluster.append(['good'])
      cluster.append(['bad', 'bad too'])
      cluster.append(['good again'])
      const records = await cluster.receive(consumer, 2, (record) => consumer.acknowledge(record))
      expect(texts(records)).toEqual(['good', 'good again'])
      await cluster.settle(consumer, 1_000)
      await cluster.commit(consumer)
      expect(cluster.warnings.filter((line) => /offset 1 of orders-0 is corrupt/.test(line))).toHaveLength(1)
      expect(cluster.partition()?.startOffset).toBe(4)
      const types = cluster
        .shareRequests()
        .flatMap(({ batches }) => batches)
        .flatMap(([, first, last, codes]) =>
          Array.from({ length: last - first + 1 }, (_, index) => codes[codes.length === 1 ? 0 : index]),
        )
      expect(types).toEqual([1, 3, 3, 1])
    },
  )
})

/** Flips a bit in the batch that begins at an offset. */
function withBrokenBatchAt(offset: number, records: Uint8Array): Buffer {
  const bytes = Buffer.from(records)
  for (let at = 0; at + 12 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    if (Number(bytes.readBigInt64BE(at)) !== offset) continue
    const last = at + 11 + bytes.readInt32BE(at + 8)
    bytes[last] = (bytes[last] ?? 0) ^ 1
  }
  return bytes
}

type Decoding = ShareConsumer<Buffer | null, unknown>

/** What polls bring until an error is thrown. */
async function untilError(
  consumer: Decoding,
): Promise<{ before: Received<unknown>[]; error: RecordDeserializationError }> {
  const before: Received<unknown>[] = []
  for (let polls = 0; polls < 100; polls++) {
    try {
      before.push(...(await consumer.poll(300)))
    } catch (error) {
      if (RecordDeserializationError.is(error)) return { before, error }
      throw error
    }
    for (const record of before) if (record.offset !== 1) accept(consumer, record)
  }
  throw new Error('no poll threw')
}

const answered = new WeakSet<object>()
function accept(consumer: Decoding, record: Received<unknown>): void {
  if (answered.has(record)) return
  answered.add(record)
  consumer.acknowledge(record)
}

onEveryBroker('A record that cannot be deserialised', (sentence) => {
  sentence(
    'is thrown by the poll after the good ones; with nothing more said it is released, and comes again counted',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      await groups.produce(topic, ['0', '{', '2'])
      const consumer = groups.explicit<unknown>(groupId, { valueDeserializer: json() })
      consumer.subscribe([topic])
      const { before, error } = await untilError(consumer)
      expect(before.map(({ value }) => value)).toContain(0)
      expect(error).toMatchObject({ topic, partition: 0, offset: 1, code: 'RECORD_DESERIALIZATION' })
      await consumer.commitSync()
      const second = await untilError(consumer)
      expect(second.error.offset).toBe(1)
      consumer.acknowledge(second.error, 'REJECT')
      for (const record of second.before) accept(consumer, record)
      await consumer.commitSync()
      await groups.untilLag(groupId, 0)
    },
  )

  sentence('is answered by its topic, partition and offset, and then never comes again', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['0', '{'])
    const consumer = groups.explicit<unknown>(groupId, { valueDeserializer: json() })
    consumer.subscribe([topic])
    const { error } = await untilError(consumer)
    expect(() => consumer.acknowledge({ topic, partition: 0, offset: 0 }, 'ACCEPT')).toThrow(/cannot be acknowledged/)
    expect(() => consumer.acknowledge({ topic, partition: 9, offset: 1 }, 'ACCEPT')).toThrow(/cannot be acknowledged/)
    consumer.acknowledge({ topic, partition: error.partition, offset: error.offset }, 'REJECT')
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 500)).toEqual([])
  })

  sentence('does not keep the good ones of its batch from being accepted', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['{', '1', '2'], { lingerMs: 50 })
    const consumer = groups.consumer<unknown>(groupId, { valueDeserializer: json() })
    consumer.subscribe([topic])
    const values: unknown[] = []
    for (let polls = 0; polls < 100 && values.length < 2; polls++) {
      try {
        for (const { value } of await consumer.poll(300)) values.push(value)
      } catch (error) {
        expect(error).toSatisfy(RecordDeserializationError.is)
      }
    }
    expect(values).toEqual([1, 2])
    await consumer.commitSync()
    await groups.untilLag(groupId, 1)
  })
})

onEveryBroker('The delivery count', (sentence) => {
  sentence('is 1 at first, one more with each delivery, and set for every record', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['a', 'b'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const counts: number[] = []
    for (let delivery = 1; delivery <= 3; delivery++) {
      const records = await receive(consumer, 2, { each: (record) => consumer.acknowledge(record, 'RELEASE') })
      counts.push(...records.map(({ deliveryCount }) => deliveryCount))
      await consumer.commitSync()
    }
    expect(counts).toEqual([1, 1, 2, 2, 3, 3])
  })

  sentence(
    'lets an application cap its retries: rejected above a count, the record is archived',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      await groups.produce(topic, ['poison', 'fine'])
      const consumer = groups.explicit(groupId)
      consumer.subscribe([topic])
      const deliveries: number[] = []
      await receive(consumer, 4, {
        each: (record) => {
          if (String(record.value) === 'fine') return consumer.acknowledge(record)
          deliveries.push(record.deliveryCount)
          consumer.acknowledge(record, record.deliveryCount >= 3 ? 'REJECT' : 'RELEASE')
        },
      })
      await consumer.commitSync()
      // Three deliveries of the five that the broker would have allowed.
      expect(deliveries).toEqual([1, 2, 3])
      await groups.untilLag(groupId, 0)
    },
  )
})
