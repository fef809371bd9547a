import { crc32c, KafkaError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import { json, string } from '../../src/index.js'
import { numbered, RealGroups, receive, receiveFor, texts } from './real-group.js'

describeOnBrokers('what a share consumer receives', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'is what was written with compression %s',
    async (compression) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      const values = numbered(3_000, `${compression}-${'x'.repeat(50)}-`)
      await groups.produce(topic, values, { compression, lingerMs: 5 })
      const consumer = groups.consumer(groupId)
      consumer.subscribe([topic])
      const records = await receive(consumer, values.length)
      const sum = (list: readonly string[]): number =>
        crc32c(Buffer.from(list.join('\n')), 0, Buffer.byteLength(list.join('\n')))
      expect(records).toHaveLength(values.length)
      expect(sum(texts(records))).toBe(sum(values))
      await consumer.commitSync()
      await groups.untilLag(groupId, 0)
    },
  )

  it('has keys, headers, timestamps and nulls as they were written', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, [
      {
        key: 'k',
        value: 'v',
        timestamp: 1_234_567_890_123,
        headers: [
          { key: 'h', value: 'ä' },
          { key: 'h', value: null },
          { key: '', value: Buffer.of(0, 255) },
        ],
      },
      { key: 'tombstone', value: null, timestamp: 0 },
      { key: null, value: '' },
    ])
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const [a, b, c] = await receive(consumer, 3)
    expect(a).toMatchObject({
      topic,
      partition: 0,
      offset: 0,
      timestamp: 1_234_567_890_123,
      timestampType: 'create',
      deliveryCount: 1,
    })
    expect([a?.key?.toString(), a?.value?.toString()]).toEqual(['k', 'v'])
    expect(a?.headers).toEqual([
      { key: 'h', value: Buffer.from('ä') },
      { key: 'h', value: null },
      { key: '', value: Buffer.of(0, 255) },
    ])
    expect(b).toMatchObject({ value: null, timestamp: 0, headers: [] })
    expect([c?.key, c?.value?.length]).toEqual([null, 0])
  })

  it('has had no other delivery where a loop is left with every record', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const values = numbered(60, 'one-')
    await groups.produce(topic, values)
    const consumer = groups.consumer(groupId, { acknowledgementMode: 'explicit' })
    consumer.subscribe([topic])
    const next = async (): Promise<{ readonly value: string | undefined; readonly deliveryCount: number }> => {
      for await (const record of consumer) {
        if (record.error !== undefined) throw record.error
        consumer.acknowledge(record)
        return { value: record.value?.toString(), deliveryCount: record.deliveryCount }
      }
      throw new Error('the loop has ended')
    }
    const received: unknown[] = []
    for (const _ of values) received.push(await next())
    expect(received).toEqual(values.map((value) => ({ value, deliveryCount: 1 })))
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  it('has the time of the broker where the topic says so', async () => {
    const topic = await broker.createTopic({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const groupId = await broker.createGroup()
    await groups.produce(topic, [{ value: 'v', timestamp: 1_000 }])
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    expect(record?.timestampType).toBe('logAppend')
    expect(record?.timestamp).toBeGreaterThan(1_700_000_000_000)
  })

  it('is read as text and JSON when that is asked for', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, [
      { key: 'k', value: '{"n":1}' },
      { key: 'gone', value: null },
    ])
    const consumer = groups.consumer<{ n: number } | null>(groupId, {
      keyDeserializer: (data) => data,
      valueDeserializer: json(),
    })
    consumer.subscribe([topic])
    expect((await receive(consumer, 2)).map(({ value }) => value)).toEqual([{ n: 1 }, null])
  })

  it('has the good records first, then the error of the one that cannot be read, which is released', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['1', '{', '3'])
    const consumer = groups.consumer<number>(groupId, { valueDeserializer: json() })
    consumer.subscribe([topic])
    const seen: unknown[] = []
    let failure: unknown
    for (let i = 0; i < 100 && failure === undefined; i++) {
      await consumer.poll(200).then(
        (records) => seen.push(...records.records.map(({ value }) => value)),
        (error: unknown) => (failure = error),
      )
    }
    expect(seen).toEqual([1, 3])
    expect(failure).toSatisfy(KafkaError.is)
    expect(failure).toMatchObject({ code: 'RECORD_DESERIALIZATION' })
    await consumer.commitSync()
    await groups.untilLag(groupId, 1)
    await consumer.close()
    const next = groups.consumer<string | null>(groupId, { valueDeserializer: string() })
    next.subscribe([topic])
    expect((await receive(next, 1)).map(({ offset, value, deliveryCount }) => [offset, value, deliveryCount])).toEqual([
      [1, '{', 2],
    ])
  })

  it('has no record again that could not be read and was rejected by its position', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['1', '{', '3'])
    const consumer = groups.consumer<number>(groupId, { valueDeserializer: json() })
    consumer.subscribe([topic])
    let failed = false
    for (let i = 0; i < 100 && !failed; i++) {
      await consumer.poll(200).catch(() => {
        failed = true
        consumer.acknowledge({ topic, partition: 0, offset: 1 }, 'REJECT')
      })
    }
    expect(failed).toBe(true)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 500)).toEqual([])
    expect(consumer.metrics()).toMatchObject({ accepted: 2, rejected: 1 })
  })

  it('is never more at once than asked for in record-limit mode', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(100), { lingerMs: 5 })
    const consumer = groups.consumer(groupId, { acquireMode: 'record_limit', maxPollRecords: 7 })
    consumer.subscribe([topic])
    const offsets: number[] = []
    for (let i = 0; i < 100 && offsets.length < 100; i++) {
      const records = await consumer.poll(500)
      expect(records.count).toBeLessThanOrEqual(7)
      offsets.push(...records.records.map(({ offset }) => offset))
    }
    expect(offsets).toEqual(numbered(100, '').map(Number))
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  it('is shared among the members of a group, each record once', async () => {
    const topic = await broker.createTopic({ partitions: 4 })
    const groupId = await broker.createGroup()
    const consumers = [0, 1, 2].map(() => groups.consumer(groupId, { maxPollRecords: 200 }))
    for (const consumer of consumers) consumer.subscribe([topic])
    await Promise.all(consumers.map((consumer) => consumer.poll(500)))
    const values = numbered(20_000)
    const writing = groups.produce(
      topic,
      values.map((value, i) => ({ value, partition: i % 4 })),
    )
    const received = new Map<string, number>()
    let taking = true
    const taken = consumers.map(async (consumer) => {
      let mine = 0
      while (taking) {
        for (const { value, deliveryCount } of await consumer.poll(100)) {
          mine++
          expect(deliveryCount).toBe(1)
          received.set(String(value), (received.get(String(value)) ?? 0) + 1)
        }
        if (received.size === values.length) taking = false
      }
      await consumer.commitSync()
      return mine
    })
    await writing
    const shares = await Promise.all(taken)
    expect(received.size).toBe(values.length)
    expect([...received.values()].every((times) => times === 1)).toBe(true)
    expect(shares.filter((mine) => mine > 0).length).toBeGreaterThan(1)
    await groups.untilLag(groupId, 0)
  })
})
