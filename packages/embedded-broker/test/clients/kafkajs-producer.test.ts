import { CompressionType, defaultCompressionCodecs } from '@milena/protocol'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
// KafkaJS is CommonJS, and Node does not see this name of it.
import kafkajs, { CompressionTypes, type KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endOffsets, kafkaJs, numbered, readAll, withAdmin } from './kafkajs-client.js'

const maxOutputBytes = 1_000_000

// KafkaJS brings gzip along; a codec of Milena's has the shape of its plugins.
for (const [type, name] of [
  [CompressionType.SNAPPY, 'Snappy'],
  [CompressionType.LZ4, 'LZ4'],
  [CompressionType.ZSTD, 'ZSTD'],
] as const) {
  kafkajs.CompressionCodecs[CompressionTypes[name]] = () => {
    const codec = defaultCompressionCodecs.get(type)
    return {
      compress: (encoder: { readonly buffer: Buffer }) => codec.compress(encoder),
      decompress: (buffer: Buffer) => codec.decompress(buffer, { maxOutputBytes }),
    }
  }
}

const text = (messages: readonly KafkaMessage[]) => messages.map(({ value }) => String(value))

describeOnBrokers("KafkaJS's producer", (broker: TestBroker) => {
  const producer = kafkaJs(broker).producer()
  beforeAll(() => producer.connect())
  afterAll(() => producer.disconnect())

  it.each([
    [0, undefined],
    [1, '0'],
    [-1, '0'],
  ])('writes with acks %i', async (acks, baseOffset) => {
    const topic = await broker.createTopic()
    const [sent] = await producer.send({ topic, acks, messages: [{ key: 'k', value: 'v', headers: { h: 'x' } }] })
    expect(sent?.baseOffset).toBe(baseOffset)
    const [record] = await readAll(broker, topic, 1)
    expect([String(record?.key), String(record?.value), String(record?.headers?.['h'])]).toEqual(['k', 'v', 'x'])
  })

  it.each(['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const)('writes batches compressed by %s', async (name) => {
    const topic = await broker.createTopic()
    const compression = CompressionTypes[name]
    const values = numbered('a value that is worth compressing ', 200)
    const [sent] = await producer.send({ topic, compression, messages: values.map((value) => ({ value })) })
    expect(sent).toMatchObject({ errorCode: 0, baseOffset: '0' })
    expect(await endOffsets(broker, topic)).toEqual([200])
    expect(text(await readAll(broker, topic, 200))).toEqual(values)
  })

  it('writes to several topics and partitions in one request', async () => {
    const one = await broker.createTopic({ partitions: 3 })
    const other = await broker.createTopic()
    const sent = await producer.sendBatch({
      topicMessages: [
        { topic: one, messages: [0, 1, 2, 2].map((partition) => ({ partition, value: `to ${partition}` })) },
        { topic: other, messages: [{ value: 'x' }] },
      ],
    })
    expect(sent).toHaveLength(4)
    expect(await endOffsets(broker, one)).toEqual([1, 1, 2])
    expect(await endOffsets(broker, other)).toEqual([1])
  })

  it('is told of a topic that does not exist, and of a record that is too large', async () => {
    const impatient = kafkaJs(broker, { retry: { retries: 0 } }).producer({ allowAutoTopicCreation: false })
    await impatient.connect()
    try {
      await expect(
        impatient.send({ topic: broker.uniqueName('missing'), messages: [{ value: 'x' }] }),
      ).rejects.toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } })
      const topic = await broker.createTopic({ configs: { 'max.message.bytes': '1000' } })
      await expect(impatient.send({ topic, messages: [{ value: 'x'.repeat(2_000) }] })).rejects.toMatchObject({
        type: 'MESSAGE_TOO_LARGE',
      })
      expect(await endOffsets(broker, topic)).toEqual([0])
    } finally {
      await impatient.disconnect()
    }
  })

  it('writes idempotently, each record once and in order', async () => {
    const topic = await broker.createTopic()
    const idempotent = kafkaJs(broker).producer({ idempotent: true, maxInFlightRequests: 1 })
    await idempotent.connect()
    try {
      for (let i = 0; i < 20; i++) await idempotent.send({ topic, messages: [{ value: `value-${i}` }] })
    } finally {
      await idempotent.disconnect()
    }
    expect(await endOffsets(broker, topic)).toEqual([20])
    expect(text(await readAll(broker, topic, 20))).toEqual(numbered('value-', 20))
  })

  it('commits and aborts transactions, of which readers see what was committed', async () => {
    const topic = await broker.createTopic()
    const groupId = broker.uniqueName('offsets')
    const transactional = kafkaJs(broker).producer({
      transactionalId: broker.uniqueName('transactional'),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await transactional.connect()
    try {
      const committed = await transactional.transaction()
      await committed.send({ topic, messages: [{ value: 'committed 1' }, { value: 'committed 2' }] })
      const offsets = { topic, partitions: [{ partition: 0, offset: '2' }] }
      await committed.sendOffsets({ consumerGroupId: groupId, topics: [offsets] })
      await committed.commit()

      const aborted = await transactional.transaction()
      await aborted.send({ topic, messages: [{ value: 'aborted' }] })
      const further = { topic, partitions: [{ partition: 0, offset: '4' }] }
      await aborted.sendOffsets({ consumerGroupId: groupId, topics: [further] })
      await aborted.abort()

      const last = await transactional.transaction()
      await last.send({ topic, messages: [{ value: 'committed 3' }] })
      await last.commit()
    } finally {
      await transactional.disconnect()
    }
    // Four records, and a marker behind each transaction.
    expect(await endOffsets(broker, topic)).toEqual([7])
    expect(text(await readAll(broker, topic, 3))).toEqual(['committed 1', 'committed 2', 'committed 3'])
    const committed = await withAdmin(broker, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }))
    expect(committed).toEqual([{ topic, partitions: [{ partition: 0, offset: '2', metadata: null }] }])
  })

  it('is fenced by a newer one of its transactional id', async () => {
    const topic = await broker.createTopic()
    const transactionalId = broker.uniqueName('transactional')
    const make = async () => {
      // Few: a leader may not know yet of a topic that was just made; fencing is not tried again.
      const made = kafkaJs(broker, { retry: { retries: 3 } }).producer({ transactionalId, maxInFlightRequests: 1 })
      await made.connect()
      return made
    }
    const older = await make()
    const old = await older.transaction()
    await old.send({ topic, messages: [{ value: 'old' }] })
    const newer = await make()
    try {
      const fresh = await newer.transaction()
      await fresh.send({ topic, messages: [{ value: 'new' }] })
      await expect(old.commit()).rejects.toMatchObject({
        type: expect.stringMatching(/^(INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)$/),
      })
      await fresh.commit()
    } finally {
      await older.disconnect()
      await newer.disconnect()
    }
    expect(text(await readAll(broker, topic, 1))).toEqual(['new'])
  })
})
