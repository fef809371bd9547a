import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { KafkaUnsupportedVersionError } from '@milena/protocol'
import { SeededRandom, silentLogger, systemClock, VirtualClock, type Transport } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { ShareConsumer, type ConsumerRecord, type ShareConsumerOptions } from '../../src/index.js'
import { engineOf } from '../../src/internal.js'
import { results } from './real-group.js'

// What becomes of a consumer when its brokers are gone, have moved, or never were the right ones.

type Bytes = Buffer | null
type Cluster = EmbeddedBroker<VirtualClock>

const running: { stop(): Promise<void> }[] = []

afterEach(async () => {
  for (const each of running.splice(0)) await each.stop()
})

async function start(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Cluster> {
  const broker = await EmbeddedBroker.start({
    network: 'memory',
    clock: new VirtualClock(),
    random: new SeededRandom(5),
    topics: ['orders'],
    ...options,
  })
  broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
  running.push(broker)
  return broker
}

function consumerOf(broker: Cluster, options: Partial<ShareConsumerOptions> = {}): ShareConsumer {
  const consumer = new ShareConsumer({
    bootstrapServers: broker.bootstrapServers,
    groupId: 'workers',
    acknowledgementMode: 'explicit',
    logger: silentLogger,
    runtime: broker.runtime,
    ...options,
  })
  consumer.subscribe(['orders'])
  return consumer
}

/** Polls until something comes. What a poll tells of an outage is told, and passes. */
async function receive(broker: Cluster, consumer: ShareConsumer): Promise<ConsumerRecord<Bytes, Bytes>[]> {
  const told: string[] = []
  const until = broker.clock.now() + 120_000
  while (broker.clock.now() < until) {
    const polled = broker.advanceUntil(consumer.poll(1_000)).catch((error: unknown) => {
      told.push(String(error))
      return []
    })
    const records = [...(await polled)]
    if (records.length > 0) return records
  }
  throw new Error(`nothing came; told was ${told.join(' ')}`)
}

describe('When all brokers are gone for a minute', () => {
  it('consumption goes on by itself, within about a second of their return', async () => {
    const broker = await start({ brokers: 3, topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }] })
    const consumer = consumerOf(broker)
    broker.append('orders', [{ value: 'a' }])
    for (const record of await receive(broker, consumer)) consumer.acknowledge(record)
    expect(Object.values(results(await broker.advanceUntil(consumer.commitSync())))).toEqual(['ok'])
    for (const id of broker.brokerIds) await broker.kill(id)
    const told: string[] = []
    const goneAt = broker.clock.now()
    while (broker.clock.now() - goneAt < 60_000) {
      await broker.advanceUntil(consumer.poll(1_000)).catch((error: unknown) => told.push(String(error)))
    }
    for (const id of broker.brokerIds) await broker.restart(id)
    broker.append('orders', [{ value: 'b' }])
    const backAt = broker.clock.now()
    const [record] = await receive(broker, consumer)
    expect(record?.value?.toString()).toBe('b')
    expect(broker.clock.now() - backAt).toBeLessThan(3_000)
    if (record !== undefined) consumer.acknowledge(record)
    expect(Object.values(results(await broker.advanceUntil(consumer.commitSync())))).toEqual(['ok'])
    // It is one outage, told a few times and not with every poll.
    expect(told.length).toBeGreaterThan(0)
    expect(told.length).toBeLessThan(20)
    await broker.advanceUntil(() => broker.inspect().shareGroups[0]?.members.length === 1)
    expect(broker.inspect().shareGroups[0]?.members[0]?.memberId).toBe(consumer.memberId)
    await broker.advanceUntil(consumer.close())
  })
})

describe('A consumer that fetches nothing for ten minutes', () => {
  it('closes its idle connections quietly, stays a member, and opens them again when it goes on', async () => {
    const broker = await start()
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
    const consumer = consumerOf(broker, { logger, maxPollIntervalMs: 3_600_000 })
    broker.append('orders', [{ value: 'a' }])
    for (const record of await receive(broker, consumer)) consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    const engine = engineOf(consumer)
    engine.pause()
    await broker.clock.advance(10_000)
    expect(broker.inspect().shareSessions).toHaveLength(1)
    await broker.clock.advance(560_000)
    expect(broker.inspect().shareSessions).toEqual([])
    expect(broker.inspect().shareGroups[0]?.members).toHaveLength(1)
    engine.resume()
    broker.append('orders', [{ value: 'b' }])
    const resumedAt = broker.clock.now()
    const records = await broker.advanceUntil(engine.take())
    expect(records.records.map(({ value }) => String(value))).toEqual(['b'])
    expect(broker.clock.now() - resumedAt).toBeLessThan(200)
    expect(warnings).toEqual([])
    await broker.advanceUntil(consumer.close())
  })
})

describe('A cluster that takes bytes and answers nothing', () => {
  it('is noticed by each request after requestTimeoutMs, and used again once it answers', async () => {
    const broker = await start()
    const consumer = consumerOf(broker, { requestTimeoutMs: 10_000, sessionTimeoutMs: 30_000 })
    broker.append('orders', [{ value: 'a' }])
    for (const record of await receive(broker, consumer)) consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    broker.freeze()
    const told: string[] = []
    const frozenAt = broker.clock.now()
    while (broker.clock.now() - frozenAt < 60_000)
      await broker.advanceUntil(consumer.poll(1_000)).catch((error: unknown) => told.push(String(error)))
    expect(told.join(' ')).toMatch(/answered no heartbeat for 30000 ms \(sessionTimeoutMs\)/)
    broker.thaw()
    broker.append('orders', [{ value: 'b' }])
    const [record] = await receive(broker, consumer)
    expect(record?.value?.toString()).toBe('b')
    if (record !== undefined) consumer.acknowledge(record)
    await broker.advanceUntil(() => broker.inspect().shareGroups[0]?.members.length === 1)
    await broker.advanceUntil(consumer.close())
  })
})

describe('A cluster that came back under all-new addresses', () => {
  it('is found behind the name that was given, its group joined and its records consumed', async () => {
    const clock = new VirtualClock()
    const before = await start({ clock, brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }], port: 20_000 })
    let current = before
    const transport: Transport = {
      connect: ({ host, port }, options) => {
        if (host !== 'kafka.test') return current.transport.connect({ host, port }, options)
        const [address = ''] = current.bootstrapServers.split(',')
        const at = { host: address.split(':')[0] ?? '', port: Number(address.split(':')[1]) }
        return current.transport.connect(at, options)
      },
    }
    const consumer = consumerOf(before, {
      bootstrapServers: 'kafka.test:9092',
      runtime: { ...before.runtime, transport },
    })
    before.append('orders', [{ value: 'a' }])
    for (const record of await receive(before, consumer)) consumer.acknowledge(record)
    await before.advanceUntil(consumer.commitSync())
    for (const id of before.brokerIds) await before.kill(id)
    await before.advanceUntil(consumer.poll(5_000)).catch(() => undefined)

    current = await start({ clock, brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }], port: 30_000 })
    current.append('orders', [{ value: 'b' }])
    const [record] = await receive(current, consumer)
    expect(record?.value?.toString()).toBe('b')
    if (record !== undefined) consumer.acknowledge(record)
    expect(Object.values(results(await current.advanceUntil(consumer.commitSync())))).toEqual(['ok'])
    await current.advanceUntil(() => current.inspect().shareGroups[0]?.members.length === 1)
    expect(current.inspect().shareGroups[0]?.members[0]?.memberId).toBe(consumer.memberId)
    await current.advanceUntil(consumer.close())
  })
})

describe('A cluster that cannot serve the consumer', () => {
  it('because share groups are switched off is one clear error for every poll', async () => {
    const broker = await start({ features: { 'share.version': 0 } })
    const consumer = consumerOf(broker)
    for (let i = 0; i < 2; i++) {
      const failure: unknown = await broker.advanceUntil(consumer.poll(60_000)).catch((error: unknown) => error)
      expect(failure).toSatisfy(KafkaUnsupportedVersionError.is)
      expect(String(failure)).toMatch(/share\.version=0.*kafka-features\.sh .* upgrade --feature share\.version=1/)
    }
    expect(broker.clock.now()).toBeLessThan(5_000)
    await broker.advanceUntil(consumer.close())
  })

  it("of Kafka 4.1 serves records, but refuses acquireMode 'record_limit' naming what is needed", async () => {
    const broker = await start({ version: '4.1' })
    broker.append('orders', [{ value: 'a' }])
    const limited = consumerOf(broker, { acquireMode: 'record_limit' })
    const failure: unknown = await broker.advanceUntil(limited.poll(60_000)).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaUnsupportedVersionError.is)
    expect(String(failure)).toMatch(/record_limit.*4\.2 or newer.*batch_optimized/)
    await broker.advanceUntil(limited.close())
    const consumer = consumerOf(broker)
    const [record] = await receive(broker, consumer)
    if (record === undefined) throw new Error('nothing came')
    expect(() => consumer.acknowledge(record, 'RENEW')).toThrow(/cannot be renewed.*older than Apache Kafka 4\.2/)
    consumer.acknowledge(record)
    expect(results(await broker.advanceUntil(consumer.commitSync()))).toEqual({ 0: 'ok' })
    await broker.advanceUntil(consumer.close())
  })
})

describe('Over real sockets', () => {
  it('bootstrap and advertised addresses may be IPv6', async () => {
    const broker = await EmbeddedBroker.start({ host: '::1', topics: ['orders'], brokers: 2 })
    running.push(broker)
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    expect(broker.bootstrapServers).toMatch(/^\[::1\]:\d+,\[::1\]:\d+$/)
    broker.append('orders', [{ value: 'v6' }])
    const consumer = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId: 'workers',
      logger: silentLogger,
    })
    consumer.subscribe(['orders'])
    const records = await consumer.poll(10_000)
    expect([...records].map(({ value }) => value?.toString())).toEqual(['v6'])
    await consumer.close()
  })

  it('a host with a dead IPv4 address and a living IPv6 one is reached, for bootstrapping and as a broker', async () => {
    const broker = await EmbeddedBroker.start({ host: '::1', advertisedHost: 'kafka.test', topics: ['orders'] })
    running.push(broker)
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    broker.append('orders', [{ value: 'v6' }])
    const port = broker.bootstrapServers.split(':').at(-1)
    const asked: string[] = []
    const consumer = new ShareConsumer({
      bootstrapServers: `kafka.test:${port}`,
      groupId: 'workers',
      logger: silentLogger,
      runtime: {
        resolver: {
          addresses: (host) => {
            asked.push(host)
            return Promise.resolve(['127.0.0.1', '::1'])
          },
          nameOf: (address) => Promise.resolve(address),
        },
      },
    })
    consumer.subscribe(['orders'])
    const records = await consumer.poll(10_000)
    expect([...records].map(({ value }) => value?.toString())).toEqual(['v6'])
    expect(asked.length).toBeGreaterThanOrEqual(2)
    expect(new Set(asked)).toEqual(new Set(['kafka.test']))
    await consumer.close()
  })

  it('a closed consumer leaves neither socket nor timer behind', async () => {
    const broker = await EmbeddedBroker.start({ topics: ['orders:3'], brokers: 2 })
    running.push(broker)
    broker.append('orders', [{ value: 'a' }])
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    const timers = new Set<object>()
    const clock = {
      ...systemClock,
      setTimer: (fn: () => void, delayMs: number, options?: { readonly unref?: boolean }) => {
        const timer = systemClock.setTimer(
          () => {
            timers.delete(timer)
            fn()
          },
          delayMs,
          options,
        )
        timers.add(timer)
        return {
          cancel: () => {
            timers.delete(timer)
            timer.cancel()
          },
        }
      },
    }
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const before = sockets()
    for (let i = 0; i < 3; i++) {
      const consumer = new ShareConsumer({
        bootstrapServers: broker.bootstrapServers,
        groupId: 'workers',
        logger: silentLogger,
        runtime: { clock },
      })
      consumer.subscribe(['orders'])
      await consumer.poll(1_000)
      expect(sockets()).toBeGreaterThan(before)
      await consumer.close()
      expect([...timers]).toEqual([])
    }
    // The other ends of them belong to the broker, which hears of it a moment later.
    const until = systemClock.now() + 5_000
    while (sockets() > before && systemClock.now() < until) await new Promise((resolve) => setImmediate(resolve))
    expect(sockets()).toBe(before)
  })
})
