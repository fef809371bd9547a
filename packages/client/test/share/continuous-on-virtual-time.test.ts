import type { EmbeddedBrokerOptions } from '@milena/embedded-broker'
import type { RequestOf, ShareFetch, ShareGroupHeartbeat } from '@milena/protocol'
import type { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import type { ShareConsumerOptions } from '../../src/index.js'
import { engineOf } from '../../src/share/share-consumer.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import { VirtualGroup, type Received } from './virtual-group.js'

// Fetching while earlier records are unanswered, over a whole broker in memory and in virtual time.

type Bytes = Buffer | null
type Engine = ShareEngine<Bytes, Bytes>

class Bench extends VirtualGroup {
  static async open(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Bench> {
    return new Bench(await VirtualGroup.startBroker(5, options))
  }

  member(options: Partial<ShareConsumerOptions> = {}): Engine {
    const engine = engineOf(this.consumer(options))
    engine.keepLocks({ maxExtensionMs: 300_000 })
    return engine
  }

  append(count: number, { partition = 0, bytes = 10 } = {}): void {
    const records = Array.from({ length: count }, () => ({ value: Buffer.alloc(bytes) }))
    this.broker.append('orders', records, { partition })
  }

  async take(engine: Engine, maxInFlight?: number): Promise<readonly Received[]> {
    return (await this.broker.advanceUntil(engine.take({ maxInFlight }))).records
  }

  get fetches(): (RequestOf<typeof ShareFetch> & { readonly at: number })[] {
    return this.broker
      .requests({ api: 'ShareFetch' })
      .map(({ body, at }) => ({ ...(body as RequestOf<typeof ShareFetch>), at }))
  }
}

let bench: Bench

afterEach(() => bench.end({ timeoutMs: 1_000 }))

describe('maxInFlight', () => {
  it('bounds what is handed out, and cuts ranges for it', async () => {
    bench = await Bench.open()
    bench.append(10)
    const engine = bench.member()
    const first = await bench.take(engine, 3)
    expect(first.map(({ offset }) => offset)).toEqual([0, 1, 2])
    expect(engine.outstanding).toBe(3)

    let more: readonly Received[] | undefined
    const waiting = engine.take({ maxInFlight: 3 }).then(({ records }) => (more = records))
    await bench.broker.clock.advance(1_000)
    expect(more?.length).toBeUndefined()
    const [, second] = first
    if (second !== undefined) engine.settle(second, 'ACCEPT')
    await bench.broker.advanceUntil(waiting)
    expect(more?.map(({ offset }) => offset)).toEqual([3])
    expect(engine.outstanding).toBe(3)
  })

  it('has nothing fetched ahead that is less than there is room for, where records are answered in batches', async () => {
    for (const batch of [true, false]) {
      bench = await Bench.open()
      bench.append(200)
      const engine = bench.member()
      const sizes: number[] = []
      while (sizes.length < 4) {
        const taken = await bench.broker.advanceUntil(engine.take({ maxInFlight: 32, batch }))
        sizes.push(taken.records.length)
        // 10 ms for each, as far as can be seen from here.
        await bench.broker.clock.advance(10 * taken.records.length)
        for (const record of taken.records) engine.settle(record, 'ACCEPT')
      }
      if (batch) expect(sizes).toEqual([32, 32, 32, 32])
      else expect(Math.min(...sizes)).toBeLessThan(32)
      if (batch) await bench.end({ timeoutMs: 1_000 })
    }
  })

  it('makes room when a lock is lost', async () => {
    bench = await Bench.open()
    bench.append(2)
    const engine = bench.member()
    expect(await bench.take(engine, 2)).toHaveLength(2)
    const again = engine.take({ maxInFlight: 2 })
    bench.broker.cutConnections()
    const { records } = await bench.broker.advanceUntil(again)
    expect(records.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
      [0, 2],
      [1, 2],
    ])
  })

  it('does not wait where it is told to take what is there', async () => {
    bench = await Bench.open()
    bench.append(2)
    const engine = bench.member()
    await bench.take(engine, 1)
    expect((await bench.broker.advanceUntil(engine.take({ maxInFlight: 1, atOnce: true }))).records).toEqual([])
  })
})

describe('What is fetched ahead', () => {
  it('is as much as prefetch says, beyond what is handed out', async () => {
    bench = await Bench.open()
    bench.append(200)
    const engine = bench.member({ prefetch: 40, maxPollRecords: 20, acquireMode: 'record_limit' })
    await bench.take(engine, 10)
    await bench.broker.clock.advance(1_000)
    expect(engine.bufferedRecords).toBeGreaterThanOrEqual(40)
    expect(engine.bufferedRecords).toBeLessThan(60)
  })

  it('is bounded by its bytes, softly', async () => {
    bench = await Bench.open()
    for (let i = 0; i < 20; i++) bench.append(10, { bytes: 1_000 })
    const engine = bench.member({
      prefetch: 200,
      maxPollRecords: 10,
      acquireMode: 'record_limit',
      maxBufferedBytes: 25_000,
    })
    await bench.take(engine, 1)
    await bench.broker.clock.advance(1_000)
    expect(engine.bufferedRecords).toBe(29)
    // And goes on when there is room.
    const rest = await bench.take(engine, 30)
    expect(rest.length).toBe(29)
    await bench.broker.clock.advance(1_000)
    expect(engine.bufferedRecords).toBe(30)
  })

  it('is nothing for an application that is stuck, however quick it was', async () => {
    bench = await Bench.open()
    bench.append(5_000)
    const engine = bench.member()
    for (let i = 0; i < 8; i++) for (const record of await bench.take(engine)) engine.settle(record, 'ACCEPT')
    const stuck = await bench.take(engine)
    expect(stuck.length).toBeGreaterThan(100)
    await bench.broker.clock.advance(20_000)
    bench.broker.forgetRequests()
    bench.append(5_000)
    await bench.broker.clock.advance(20_000)
    expect(bench.fetches).toEqual([])
  })
})

describe('A partition at its limit of record locks', () => {
  it('is asked at a moderate pace, and delivers as soon as there is room', async () => {
    bench = await Bench.open({ serverProperties: { 'group.share.partition.max.record.locks': '100' } })
    for (let i = 0; i < 15; i++) bench.append(10)
    const engine = bench.member({ maxPollRecords: 50, acquireMode: 'record_limit' })
    const held = [...(await bench.take(engine, 1_000)), ...(await bench.take(engine, 1_000))]
    expect(held.length).toBe(100)
    bench.broker.forgetRequests()
    let more: readonly Received[] | undefined
    const waiting = engine.take({ maxInFlight: 1_000 }).then(({ records }) => (more = records))
    await bench.broker.clock.advance(10_000)
    expect(more?.length).toBeUndefined()
    expect(bench.fetches.length).toBeLessThanOrEqual(60 * 10)
    expect(bench.fetches.length).toBeGreaterThan(10)
    // Room is made only from the front.
    for (const record of held.slice(50)) engine.settle(record, 'ACCEPT')
    await bench.broker.clock.advance(1_000)
    expect(more?.length).toBeUndefined()
    const begun = bench.broker.clock.now()
    for (const record of held.slice(0, 50)) engine.settle(record, 'ACCEPT')
    await bench.broker.advanceUntil(waiting)
    expect(bench.broker.clock.now() - begun).toBeLessThan(100)
    expect(more?.length).toBe(50)
  })
})

describe('The first records of a new group', () => {
  it('come long before the assignment, and cost no delivery when that is another', async () => {
    bench = await Bench.open({ topics: [{ name: 'orders', partitions: 2 }] })
    const { broker } = bench
    bench.append(4)
    bench.append(4, { partition: 1 })
    // The coordinator gives this member the second partition only, and late.
    broker.intercept('ShareGroupHeartbeat', () => ({
      do: 'change',
      answer: (body) => ({
        ...body,
        assignment:
          body.assignment === null || body.assignment === undefined
            ? (body.assignment ?? null)
            : {
                topicPartitions: body.assignment.topicPartitions.map(({ topicId }) => ({ topicId, partitions: [1] })),
              },
      }),
    }))
    const engine = bench.member({ maxPollRecords: 8 })
    const begun = broker.clock.now()
    const records = [...(await bench.take(engine, 100))]
    expect(broker.clock.now() - begun).toBeLessThan(150)
    if (records.length < 8) records.push(...(await bench.take(engine, 100)))
    expect(records).toHaveLength(8)
    const assigned = (): boolean =>
      broker
        .requests({ api: 'ShareGroupHeartbeat' })
        .some(({ body }) => (body as RequestOf<typeof ShareGroupHeartbeat>).memberEpoch > 0)
    await broker.advanceUntil(assigned)
    await broker.clock.advance(5_000)
    // Nothing was released because of the assignment.
    expect(
      broker.inspect().sharePartitions.map(({ records: [first] }) => [first?.state, first?.deliveryCount]),
    ).toEqual([
      ['ACQUIRED', 1],
      ['ACQUIRED', 1],
    ])
    for (const record of records) expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await broker.advanceUntil(engine.whenSettled())
    expect(engine.counters).toMatchObject({ accepted: 8, failed: 0, lost: 0, redelivered: 0 })
    // Settled, and forgotten: the session is of the assigned partition alone.
    bench.append(4)
    bench.append(4, { partition: 1 })
    const next = await bench.take(engine, 100)
    expect(new Set(next.map(({ partition }) => partition))).toEqual(new Set([1]))
    await broker.clock.advance(1_000)
    expect(broker.inspect().shareSessions.map(({ partitions }) => partitions)).toEqual([['orders-1']])
  })
})
