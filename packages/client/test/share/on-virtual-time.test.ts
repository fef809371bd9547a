import type { EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { ErrorCode } from '@milena/protocol'
import type { VirtualClock } from '@milena/protocol/runtime'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AcknowledgementVerdict, ShareConsumer } from '../../src/index.js'
import { results } from './real-group.js'
import { VirtualGroup, type Received } from './virtual-group.js'

// Hours of a group's life, on a whole broker and in no time: in memory, on the virtual clock.

class Bench extends VirtualGroup {
  static async open(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Bench> {
    return new Bench(await VirtualGroup.startBroker(11, options))
  }

  append(...values: string[]): void {
    this.broker.append(
      'orders',
      values.map((value) => ({ value })),
    )
  }

  /** Polls until something comes. */
  async receive(consumer: ShareConsumer): Promise<Received[]> {
    for (;;) {
      const records = await this.broker.advanceUntil(consumer.poll(60_000))
      if (!records.isEmpty) return [...records]
    }
  }

  async first(consumer: ShareConsumer): Promise<Received> {
    const [record] = await this.receive(consumer)
    if (record === undefined) throw new Error('nothing came')
    return record
  }

  async commit(consumer: ShareConsumer): Promise<Record<number, string>> {
    return results(await this.broker.advanceUntil(consumer.commitSync()))
  }

  /** What the leader of orders-0 keeps of the group. */
  get partition() {
    return this.broker.inspect().sharePartitions[0]
  }

  get group() {
    return this.broker.inspect().shareGroups.find(({ groupId }) => groupId === 'workers')
  }
}

/** Alone they take 10 to 60 ms; a processor that others use, too, takes longer for the same. */
const PROCESSOR_MS = 100

const quickly = (name: string, test: (bench: Bench) => Promise<void>, options?: EmbeddedBrokerOptions<VirtualClock>) =>
  // Processor time, since the machine may be busy; the best of five counts.
  it(name, { retry: 4 }, async () => {
    const began = process.cpuUsage()
    const bench = await Bench.open(options)
    try {
      await test(bench)
    } finally {
      await bench.end()
    }
    const { user, system } = process.cpuUsage(began)
    expect((user + system) / 1_000).toBeLessThan(PROCESSOR_MS)
  })

beforeAll(async () => {
  // Everything is loaded and compiled once.
  const bench = await Bench.open()
  bench.append('v')
  const consumer = bench.consumer()
  consumer.acknowledge(await bench.first(consumer))
  await bench.commit(consumer)
  await bench.end()
})

describe('The lock of a record', () => {
  quickly('runs out after its 30 s: the answer is refused, and the record comes again', async (bench) => {
    const consumer = bench.consumer()
    bench.append('v')
    const record = await bench.first(consumer)
    expect(bench.partition?.records).toMatchObject([
      { firstOffset: 0, lastOffset: 0, state: 'ACQUIRED', deliveryCount: 1, memberId: consumer.memberId },
    ])
    await bench.broker.clock.advance(30_001)
    expect(bench.partition?.records).not.toMatchObject([{ deliveryCount: 1, state: 'ACQUIRED' }])
    consumer.acknowledge(record)
    expect(await bench.commit(consumer)).toEqual({ 0: 'INVALID_RECORD_STATE' })
    const again = await bench.first(consumer)
    expect(again.deliveryCount).toBe(2)
    consumer.acknowledge(again)
    expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
    expect(bench.partition?.startOffset).toBe(1)
  })

  quickly('is kept for five minutes by renewing it, and costs no delivery', async (bench) => {
    const consumer = bench.consumer()
    bench.append('v')
    const record = await bench.first(consumer)
    const begun = bench.broker.clock.now()
    while (bench.broker.clock.now() - begun < 300_000) {
      await bench.broker.clock.advance(20_000)
      consumer.acknowledge(record, 'RENEW')
      expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
      expect([...(await bench.broker.advanceUntil(consumer.poll(1_000)))]).toEqual([record])
    }
    expect(bench.partition?.records).toMatchObject([{ state: 'ACQUIRED', deliveryCount: 1 }])
    consumer.acknowledge(record)
    expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
    expect(bench.partition?.startOffset).toBe(1)
  })
})

describe('A member', () => {
  quickly('whose heartbeats get lost is put out of its group, and joins it again by itself', async (bench) => {
    const { broker } = bench
    const consumer = bench.consumer()
    bench.append('a')
    consumer.acknowledge(await bench.first(consumer))
    await bench.commit(consumer)
    expect(bench.group?.members).toHaveLength(1)

    const losing = broker.intercept('ShareGroupHeartbeat', () => ({ do: 'drop', what: 'request' }))
    await broker.clock.advance(50_000)
    expect(bench.group).toMatchObject({ state: 'Empty', members: [] })
    losing.stop()
    await broker.advanceUntil(() => bench.group?.state === 'Stable')
    await expect(broker.advanceUntil(consumer.poll(1))).rejects.toMatchObject({ code: 'MEMBERSHIP_LOST' })
    bench.append('b')
    const record = await bench.first(consumer)
    expect(record.value?.toString()).toBe('b')
    await broker.advanceUntil(() => bench.group?.state === 'Stable')
    expect(bench.group?.members.map(({ memberId }) => memberId)).toEqual([consumer.memberId])
    consumer.acknowledge(record)
    await bench.commit(consumer)
  })

  quickly(
    'asks the next coordinator when its own is gone',
    async (bench) => {
      const { broker } = bench
      const consumer = bench.consumer()
      bench.append('a')
      consumer.acknowledge(await bench.first(consumer))
      await bench.commit(consumer)
      const coordinator = broker.requests({ api: 'ShareGroupHeartbeat' }).at(-1)?.nodeId ?? -1
      await broker.kill(coordinator)
      broker.forgetRequests()
      bench.append('b')
      consumer.acknowledge(await bench.first(consumer))
      expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
      await broker.advanceUntil(() => broker.requests({ api: 'ShareGroupHeartbeat' }).length > 0)
      expect(broker.requests({ api: 'ShareGroupHeartbeat' }).at(-1)?.nodeId).not.toBe(coordinator)
      expect(bench.group?.members.map(({ memberId }) => memberId)).toEqual([consumer.memberId])
    },
    { brokers: 3, topics: [{ name: 'orders', replicationFactor: 3 }] },
  )
})

describe('A leader', () => {
  quickly(
    'that moved is found again: what the old one had handed out comes from the new one, with nothing counted',
    async (bench) => {
      const { broker } = bench
      const consumer = bench.consumer()
      bench.append('v')
      const record = await bench.first(consumer)
      const [before] = broker.inspect().sharePartitions
      const next = before?.nodeId === 1 ? 2 : 1
      broker.moveLeader({ topic: 'orders', to: next })
      consumer.acknowledge(record)
      expect(await bench.commit(consumer)).toEqual({ 0: 'UNKNOWN_TOPIC_OR_PARTITION' })
      const again = await bench.first(consumer)
      expect([again.offset, again.deliveryCount]).toEqual([0, 1])
      consumer.acknowledge(again)
      expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
      expect(bench.partition).toMatchObject({ nodeId: next, startOffset: 1 })
    },
    { brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] },
  )

  quickly('that knows nothing of the session gets a new one, and its records come again', async (bench) => {
    const { broker } = bench
    const consumer = bench.consumer()
    bench.append('v')
    consumer.acknowledge(await bench.first(consumer))
    broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND }), {
      times: 1,
    })
    expect(await bench.commit(consumer)).toEqual({ 0: 'NETWORK_EXCEPTION' })
    broker.forgetRequests()
    const again = await bench.first(consumer)
    expect([again.offset, again.deliveryCount]).toEqual([0, 2])
    expect(broker.requests({ api: 'ShareFetch' })[0]?.body).toMatchObject({ shareSessionEpoch: 0 })
    consumer.acknowledge(again)
    expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
  })
})

describe('A connection', () => {
  quickly('that is cut ends the session: what was held comes again, and the answer is told as lost', async (bench) => {
    const { broker } = bench
    const consumer = bench.consumer()
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    bench.append('v')
    const record = await bench.first(consumer)
    expect(broker.inspect().shareSessions).toHaveLength(1)
    broker.cutConnections()
    await broker.clock.advance(0)
    expect(broker.inspect().shareSessions).toEqual([])
    consumer.acknowledge(record)
    expect(await bench.commit(consumer)).toEqual({ 0: 'NETWORK_EXCEPTION' })
    expect(verdicts).toHaveLength(1)
    const again = await bench.first(consumer)
    expect([again.offset, again.deliveryCount]).toEqual([0, 2])
    consumer.acknowledge(again)
    expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
  })

  quickly('on which no answer comes is given up after the request timeout', async (bench) => {
    const { broker } = bench
    const consumer = bench.consumer({ requestTimeoutMs: 5_000 })
    bench.append('v')
    broker.intercept('ShareFetch', () => ({ do: 'drop' }), { times: 1 })
    const record = await bench.first(consumer)
    expect([record.offset, record.deliveryCount]).toEqual([0, 2])
    expect(broker.clock.now()).toBeGreaterThan(5_000)
    expect(broker.clock.now()).toBeLessThan(10_000)
    consumer.acknowledge(record)
    expect(await bench.commit(consumer)).toEqual({ 0: 'ok' })
  })
})
