import { decodeRequestHeader, FrameSplitter, ListOffsets, Produce } from '@milena/protocol'
import { silentLogger, systemClock, type Transport } from '@milena/protocol/runtime'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Admin, Producer, ShareConsumer, type ConsumerRecord, type ProducerOptions } from '../../src/index.js'
import { KafkaClientContext, resolveClientConfig } from '../../src/internal.js'
import { createTcpTransport } from '../../src/network/tcp-transport.js'

/** Where a partition ends, as its leader says. */
async function endOffset(bootstrapServers: string, topic: string, partition: number): Promise<number> {
  const context = KafkaClientContext.create(resolveClientConfig({ bootstrapServers, logger: silentLogger }))
  try {
    await context.metadata.refresh({ topics: [topic] })
    const leader = context.metadata.topic(topic)?.partitions[partition]?.leaderId ?? -1
    const response = await context.send(
      ListOffsets,
      {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
        timeoutMs: 5_000,
      },
      { to: leader },
    )
    return response.topics[0]?.partitions[0]?.offset ?? -1
  } finally {
    await context.close()
  }
}

/** Reads `count` records of a topic through a share group of its own. */
async function readBack(
  broker: TestBroker,
  topic: string,
  count: number,
): Promise<ConsumerRecord<Buffer | null, Buffer | null>[]> {
  const groupId = await broker.createGroup()
  const consumer = new ShareConsumer({ bootstrapServers: broker.bootstrapServers, groupId, logger: silentLogger })
  try {
    consumer.subscribe([topic])
    const records: ConsumerRecord<Buffer | null, Buffer | null>[] = []
    const until = systemClock.now() + 20_000
    while (records.length < count && systemClock.now() < until)
      records.push(...(await consumer.poll({ timeoutMs: 500 })))
    return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
  } finally {
    await consumer.close()
  }
}

/** TCP, except that a few times the answers to Produce are lost and the connection with them: the broker has written, nobody was told. */
function losingAnswers(times: number): Transport & { readonly lost: () => number } {
  const tcp = createTcpTransport(systemClock)
  let untilNext = 4
  let lost = 0
  return {
    lost: () => lost,
    async connect(address, options) {
      let dropping = false
      const socket = await tcp.connect(address, {
        ...options,
        handlers: {
          data: (chunk) => {
            if (dropping) {
              lost++
              dropping = false
              socket.close()
            } else {
              options.handlers.data(chunk)
            }
          },
          close: (error) => options.handlers.close(error),
        },
      })
      const splitter = new FrameSplitter({ maxFrameBytes: 10_000_000 })
      return {
        write: (bytes) => {
          splitter.push(Buffer.from(bytes), (frame) => {
            if (decodeRequestHeader(frame).apiKey !== Produce.key || lost >= times || --untilNext > 0) return
            dropping = true
            untilNext = 9
          })
          socket.write(bytes)
        },
        close: () => socket.close(),
      }
    },
  }
}

describeOnBrokers('a producer', (broker) => {
  let open: { close(): Promise<void> }[]

  beforeEach(() => {
    open = []
  })

  afterEach(async () => {
    for (const each of open) await each.close()
  })

  function producer(options: Partial<ProducerOptions> = {}): Producer {
    const made = new Producer({ bootstrapServers: broker.bootstrapServers, logger: silentLogger, ...options })
    open.push(made)
    return made
  }

  it('writes records at the offsets that it tells, keys, headers and timestamps included', async () => {
    const topic = await broker.createTopic({ partitions: 3 })
    const subject = producer()
    const places = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        subject.send({
          topic,
          key: `k${index}`,
          value: `v${index}`,
          headers: { n: `${index}` },
          timestamp: 1_700_000_000_000 + index,
        }),
      ),
    )
    const records = await readBack(broker, topic, 300)
    expect(records).toHaveLength(300)
    for (const record of records) {
      const index = Number(record.key?.toString().slice(1))
      expect(places[index]).toEqual({
        topic,
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp,
      })
      expect(record.value?.toString()).toBe(`v${index}`)
      expect(record.headers).toEqual([{ key: 'n', value: Buffer.from(`${index}`) }])
      expect(record.timestamp).toBe(1_700_000_000_000 + index)
    }
    let total = 0
    for (const partition of [0, 1, 2]) total += await endOffset(broker.bootstrapServers, topic, partition)
    expect(total).toBe(300)
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'writes %s that the broker accepts and a consumer reads',
    async (compression) => {
      // With a compression of its own the broker takes every batch apart and packs it anew: what it cannot read it refuses.
      const topic = await broker.createTopic({
        configs: { 'compression.type': compression === 'gzip' ? 'lz4' : 'gzip' },
      })
      const subject = producer({ compression, batchSize: 64_000 })
      const values = Array.from({ length: 500 }, (_, index) => `record ${index} `.repeat(20))
      await Promise.all(values.map((value) => subject.send({ topic, value })))
      expect((await readBack(broker, topic, 500)).map((record) => record.value?.toString())).toEqual(values)
    },
  )

  it('writes every record once and in order though connections are cut after the broker has written', async () => {
    const topic = await broker.createTopic()
    const transport = losingAnswers(5)
    const subject = producer({ batchSize: 1_000, runtime: { transport }, retryBackoffMs: 20 })
    const values = Array.from({ length: 400 }, (_, index) => `${index}`.padStart(50))
    const places = await Promise.all(values.map((value) => subject.send({ topic, value })))
    expect(transport.lost()).toBe(5)
    expect(await endOffset(broker.bootstrapServers, topic, 0)).toBe(400)
    expect(places.map((place) => place.offset)).toEqual(values.map((_, index) => index))
    expect((await readBack(broker, topic, 400)).map((record) => record.value?.toString())).toEqual(values)
  })

  it('tells a batch that is too large for the topic by size and remedy, and goes on', async () => {
    const topic = await broker.createTopic({ configs: { 'max.message.bytes': '2000' } })
    const subject = producer()
    await expect(subject.send({ topic, value: 'x'.repeat(5_000) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(await subject.send({ topic, value: 'small' })).toMatchObject({ offset: 0 })
    expect(await subject.send({ topic, value: 'small' })).toMatchObject({ offset: 1 })
  })

  it('gives the time of the broker where the topic wants that', async () => {
    const topic = await broker.createTopic({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const before = systemClock.wallTime()
    const place = await producer().send({ topic, value: 'v', timestamp: 1_000 })
    expect(place.timestamp).toBeGreaterThan(before - 5_000)
  })

  it('sees a topic that was deleted and created anew', async () => {
    const topic = await broker.createTopic()
    const subject = producer()
    await subject.send({ topic, value: 'old' })
    const admin = new Admin({ bootstrapServers: broker.bootstrapServers, logger: silentLogger })
    open.push(admin)
    await admin.deleteTopics([topic])
    await expect
      .poll(() => admin.describeTopics([topic]).catch((error: unknown) => error))
      .toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await admin.createTopics([{ name: topic, numPartitions: 1 }])
    expect(await subject.send({ topic, value: 'new' })).toMatchObject({ offset: 0 })
  })

  it('to a topic that does not exist fails within seconds', async () => {
    const topic = broker.uniqueName('missing')
    await expect(producer().send({ topic, value: 'v' })).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})
