import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { ShareConsumer, type ConsumerRecord, type ShareConsumerOptions } from '../../src/index.js'

// What the requests of a member come to on a whole broker, in memory and on the virtual clock.

type Bytes = Buffer | null

let broker: EmbeddedBroker<VirtualClock>
const consumers: ShareConsumer[] = []

async function start(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<void> {
  broker = await EmbeddedBroker.start({
    network: 'memory',
    clock: new VirtualClock(),
    random: new SeededRandom(5),
    topics: ['orders'],
    ...options,
  })
  broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
}

afterEach(async () => {
  for (const consumer of consumers.splice(0)) await broker.advanceUntil(consumer.close())
  await broker.stop()
})

function consumer(options: Partial<ShareConsumerOptions> = {}): ShareConsumer {
  const made = new ShareConsumer({
    bootstrapServers: broker.bootstrapServers,
    groupId: 'workers',
    acknowledgementMode: 'explicit',
    logger: silentLogger,
    runtime: broker.runtime,
    ...options,
  })
  made.subscribe(['orders'])
  consumers.push(made)
  return made
}

function append(count: number, partition = 0): void {
  broker.append(
    'orders',
    Array.from({ length: count }, (_, i) => ({ value: `v${i}`, partition })),
  )
}

async function receive(from: ShareConsumer): Promise<ConsumerRecord<Bytes, Bytes>[]> {
  for (;;) {
    const records = await broker.advanceUntil(from.poll(60_000))
    if (!records.isEmpty) return [...records]
  }
}

/** Virtual milliseconds that something takes. */
async function timed<T>(work: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = broker.clock.now()
  const value = await broker.advanceUntil(work)
  return { value, tookMs: broker.clock.now() - began }
}

const acquired = (): number =>
  broker
    .inspect()
    .sharePartitions.flatMap(({ records }) => records)
    .filter(({ state }) => state === 'ACQUIRED')
    .reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0)

describe('At the limit of locks for a partition', () => {
  it('a member goes as fast as its acknowledgements: no fetch for more than there may be holds them up', async () => {
    await start()
    broker.setGroupConfig('workers', { 'share.partition.max.record.locks': '100' })
    for (let i = 0; i < 40; i++) append(100)
    const member = consumer({ maxPollRecords: 100 })
    for (const record of await receive(member)) member.acknowledge(record)
    const began = broker.clock.now()
    let taken = 0
    for (let i = 0; i < 30; i++) {
      for (const record of await receive(member)) {
        member.acknowledge(record)
        taken++
      }
      await broker.clock.advance(5)
    }
    expect(taken).toBeGreaterThanOrEqual(2_000)
    expect(broker.clock.now() - began).toBeLessThan(30 * 5 + 30 * 5)
  })
})

describe('Closing in the middle of a batch', () => {
  it('gives the rest to a member that fetches then, at once', async () => {
    await start()
    append(20)
    const leaving = consumer({ maxPollRecords: 20 })
    const [first, ...rest] = await receive(leaving)
    if (first === undefined) throw new Error('nothing came')
    leaving.acknowledge(first)
    const { tookMs } = await timed(leaving.close())
    expect(tookMs).toBeLessThan(100)
    const next = consumer({ maxPollRecords: 20 })
    const received = await timed(receive(next))
    expect(received.tookMs).toBeLessThanOrEqual(200)
    expect(received.value.map(({ offset }) => offset)).toEqual(expect.arrayContaining([1, 2, 3]))
    expect(received.value.map(({ offset }) => offset)).not.toContain(0)
    expect(rest.length).toBe(19)
    for (const record of received.value) next.acknowledge(record)
  })

  it('gives the rest to a member that waits already, with the end of its wait', async () => {
    await start()
    const leaving = consumer({ maxPollRecords: 20 })
    const waiting = consumer({ maxPollRecords: 20, fetchMaxWaitMs: 400 })
    await broker.advanceUntil(leaving.poll(2_000))
    append(20)
    expect(await receive(leaving)).toHaveLength(20)
    const received = receive(waiting)
    await broker.clock.advance(1_000)
    const { tookMs } = await timed(leaving.close())
    expect(tookMs).toBeLessThan(100)
    const { value, tookMs: waitedMs } = await timed(received)
    expect(waitedMs).toBeLessThanOrEqual(400 + 100)
    expect(value.length).toBeGreaterThan(0)
    for (const record of value) waiting.acknowledge(record)
  })
})

describe("With acquireMode 'record_limit' on three brokers", () => {
  it('a poll returns no more than maxPollRecords, and nothing else lies about locked', async () => {
    await start({ brokers: 3, topics: ['orders:3'] })
    for (const partition of [0, 1, 2]) append(40, partition)
    const member = consumer({ acquireMode: 'record_limit', maxPollRecords: 7, prefetch: 0 })
    const seen = new Set<string>()
    const sizes: number[] = []
    while (seen.size < 120) {
      const records = await receive(member)
      sizes.push(records.length)
      await broker.clock.advance(50)
      expect(acquired()).toBeLessThanOrEqual(7)
      for (const record of records) {
        member.acknowledge(record)
        seen.add(`${record.partition}@${record.offset}`)
      }
    }
    expect(Math.max(...sizes)).toBe(7)
    expect(sizes.length).toBeLessThan(30)
  })
})
