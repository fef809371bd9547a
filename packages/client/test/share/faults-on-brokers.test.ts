import { ByteWriter, KafkaConnectionError, KafkaUsageError } from '@milena/protocol'
import { systemClock, type Transport, type TransportSocket } from '@milena/protocol/runtime'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import { parseBootstrapServers } from '../../src/cluster/address.js'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { createTcpTransport } from '../../src/network/tcp-transport.js'
import { numbered, RealGroups, receive, receiveFor, results, texts } from './real-group.js'

/** TCP whose connections a test can cut. */
function cuttable(): Transport & { cut(): number } {
  const tcp = createTcpTransport(systemClock)
  const open = new Map<TransportSocket, (error: Error) => void>()
  return {
    async connect(address, options) {
      const socket = await tcp.connect(address, options)
      open.set(socket, (error) => options.handlers.close(error))
      return socket
    },
    cut() {
      const cut = [...open]
      open.clear()
      for (const [socket, lost] of cut) {
        socket.close()
        lost(new Error('connection reset'))
      }
      return cut.length
    },
  }
}

/** Commits an offset for a group as a classic consumer without membership does: the group is a classic one from then on. */
async function makeClassicGroup(bootstrapServers: string, groupId: string, topic: string): Promise<void> {
  const text = (writer: ByteWriter, value: string): void => {
    const bytes = Buffer.from(value)
    writer.int16(bytes.length)
    for (const byte of bytes) writer.int8((byte << 24) >> 24)
  }
  const writer = new ByteWriter()
  writer.int16(8) // OffsetCommit
  writer.int16(2)
  writer.int32(1)
  text(writer, 'test')
  text(writer, groupId)
  writer.int32(-1)
  text(writer, '')
  writer.int64(-1)
  writer.int32(1)
  text(writer, topic)
  writer.int32(1)
  writer.int32(0)
  writer.int64(0)
  writer.int16(-1)
  const body = writer.toBuffer()
  const frame = Buffer.alloc(4 + body.length)
  frame.writeInt32BE(body.length)
  body.copy(frame, 4)
  const [address] = parseBootstrapServers(bootstrapServers)
  if (address === undefined) throw new Error('There is no broker.')
  const answer = await new Promise<Buffer>((resolve, reject) => {
    createTcpTransport(systemClock)
      .connect(address, {
        timeoutMs: 5_000,
        handlers: {
          data: (chunk) => resolve(chunk),
          close: (error) => reject(error ?? new Error('closed')),
        },
      })
      .then((socket) => socket.write(frame), reject)
  })
  expect(answer.readInt16BE(answer.length - 2)).toBe(0)
}

describeOnBrokers('a share consumer', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('goes on when its connections are cut: what it held comes again, and late answers are reported', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(5))
    const transport = cuttable()
    const consumer = groups.explicit(groupId, { runtime: { transport }, maxPollRecords: 100 })
    consumer.subscribe([topic])
    const records = await receive(consumer, 5)
    const [first, ...rest] = records
    if (first === undefined) throw new Error('nothing came')
    consumer.acknowledge(first)
    await consumer.commitSync()
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    expect(transport.cut()).toBeGreaterThan(0)
    for (const record of rest) consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'NETWORK_EXCEPTION' })
    expect(verdicts.length).toBeGreaterThan(0)
    for (const { error } of verdicts) expect(error).toSatisfy(KafkaConnectionError.is)
    const again = await receive(consumer, 4, { each: (record) => consumer.acknowledge(record) })
    expect(again.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual(
      [1, 2, 3, 4].map((offset) => [offset, 2]),
    )
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics()).toMatchObject({ lost: 4, accepted: 5 })
  })

  it('loses nothing when its connections are cut again and again', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    // Older brokers have no limit of a group's own: their five deliveries are as many as the cuts make.
    const groupId = await broker.createGroup(broker.isSince('4.3') ? { 'share.delivery.count.limit': '10' } : {})
    const values = numbered(2_000)
    await groups.produce(
      topic,
      values.map((value, i) => ({ value, partition: i % 2 })),
      { batchSize: 2_000 },
    )
    const transport = cuttable()
    const consumer = groups.explicit(groupId, { runtime: { transport }, maxPollRecords: 50, prefetch: 0 })
    consumer.subscribe([topic])
    const seen = new Set<string>()
    const accepted = new Set<string>()
    let cuts = 0
    const until = systemClock.now() + 25_000
    while (accepted.size < values.length && systemClock.now() < until) {
      const records = await consumer.poll(500)
      for (const record of records) {
        seen.add(String(record.value))
        consumer.acknowledge(record)
      }
      if (cuts < 4 && accepted.size > (cuts + 1) * 300) {
        transport.cut()
        cuts++
      }
      const committed = results(await consumer.commitSync())
      for (const record of records) if (committed[record.partition] === 'ok') accepted.add(String(record.value))
    }
    expect(cuts).toBe(4)
    expect(seen.size).toBe(values.length)
    await groups.untilLag(groupId, 0)
    expect(consumer.metrics().accepted).toBe(values.length)
  })

  it('waits for a topic that does not exist, says so once, and picks it up', async () => {
    const topic = broker.uniqueName('later')
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    expect(await receiveFor(consumer, 1_500)).toEqual([])
    expect(groups.warnings.filter((line) => line.includes(`'${topic}' does not exist`))).toHaveLength(1)
    await broker.admin.createTopics([{ name: topic }])
    await groups.produce(topic, numbered(3))
    const startedAt = systemClock.now()
    expect(texts(await receive(consumer, 3))).toEqual(numbered(3))
    expect(systemClock.now() - startedAt).toBeLessThan(5_000)
  })

  it('picks up a second topic that appears while it consumes the first', async () => {
    const first = await broker.createTopic()
    const second = broker.uniqueName('later')
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([first, second])
    await groups.produce(first, ['a'])
    expect(texts(await receive(consumer, 1))).toEqual(['a'])
    // Its assignment has come by now: nothing is fetched from everywhere any more.
    await receiveFor(consumer, 2_500)
    await broker.admin.createTopics([{ name: second }])
    await groups.produce(second, ['b'])
    expect(texts(await receive(consumer, 1))).toEqual(['b'])
  })

  it('changes its subscription', async () => {
    const [first, second] = [await broker.createTopic(), await broker.createTopic()]
    const groupId = await broker.createGroup()
    await groups.produce(first, ['a'])
    await groups.produce(second, ['b'])
    const consumer = groups.consumer(groupId)
    consumer.subscribe([first])
    expect(texts(await receive(consumer, 1))).toEqual(['a'])
    consumer.subscribe([second])
    expect(texts(await receive(consumer, 1))).toEqual(['b'])
    await groups.produce(first, ['c'])
    expect(await receiveFor(consumer, 2_000)).toEqual([])
  })

  it('cannot join a group of another type, and says what to do', async () => {
    const topic = await broker.createTopic()
    const groupId = broker.uniqueName('classic')
    await makeClassicGroup(broker.bootstrapServers, groupId, topic)
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const failure = await consumer.poll(10_000).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaUsageError.is)
    expect(failure).toMatchObject({ message: expect.stringMatching(/exists as a group of another type/) as string })
    await expect(consumer.poll(10)).rejects.toBe(failure)
    const startedAt = systemClock.now()
    await consumer.close()
    expect(systemClock.now() - startedAt).toBeLessThan(2_000)
  })

  it('that reaches nobody says so once, in time, and closes at once', async () => {
    const consumer = groups.consumer('anyone', { bootstrapServers: '127.0.0.1:1', bootstrapTimeoutMs: 1_500 })
    consumer.subscribe(['orders'])
    const startedAt = systemClock.now()
    const failure = await consumer.poll(20_000).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaConnectionError.is)
    expect(String(failure)).toMatch(/127\.0\.0\.1:1.*bootstrapServers/s)
    expect(systemClock.now() - startedAt).toBeLessThan(5_000)
    const closingAt = systemClock.now()
    await consumer.close().catch(() => undefined)
    expect(systemClock.now() - closingAt).toBeLessThan(2_000)
  })

  it('takes the position that its group has when it starts anew', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(10))
    for (const offset of [0, 1, 2]) {
      const consumer = groups.explicit(groupId, { acquireMode: 'record_limit', maxPollRecords: 1, prefetch: 0 })
      consumer.subscribe([topic])
      const [record] = await receive(consumer, 1)
      expect(record?.offset).toBe(offset)
      if (record !== undefined) consumer.acknowledge(record)
      await consumer.close()
    }
    await groups.untilLag(groupId, 7)
  })
})
