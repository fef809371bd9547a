import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { ErrorCode, type RequestOf, type ShareAcknowledge } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { ShareConsumer, type ConsumerRecord, type ShareConsumerOptions } from '../../src/index.js'
import { engineOf } from '../../src/share/share-consumer.js'
import type { LockLoss } from '../../src/share/lock-losses.js'
import type { ShareEngine } from '../../src/share/share-engine.js'

// What the lock keeper does in minutes of a group's life, over a whole broker in memory and in virtual time.

type Bytes = Buffer | null
type Engine = ShareEngine<Bytes, Bytes>
type Received = ConsumerRecord<Bytes, Bytes>

class Bench {
  readonly infos: string[] = []
  readonly warnings: string[] = []
  readonly losses: LockLoss<Bytes, Bytes>[] = []
  readonly #consumers: ShareConsumer[] = []

  private constructor(readonly broker: EmbeddedBroker<VirtualClock>) {}

  static async open(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Bench> {
    const broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(3),
      topics: ['orders'],
      ...options,
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    return new Bench(broker)
  }

  member(options: Partial<ShareConsumerOptions> = {}, maxExtensionMs: number | 'off' = 300_000): Engine {
    const logger: Logger = {
      ...silentLogger,
      info: (_, message) => this.infos.push(message),
      warn: (_, message) => this.warnings.push(message),
    }
    const consumer = new ShareConsumer({
      bootstrapServers: this.broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: 'explicit',
      logger,
      runtime: this.broker.runtime,
      ...options,
    })
    consumer.subscribe(['orders'])
    this.#consumers.push(consumer)
    const engine = engineOf(consumer)
    if (maxExtensionMs !== 'off') engine.keepLocks({ maxExtensionMs })
    engine.onLost((loss) => this.losses.push(loss))
    return engine
  }

  append(count: number): void {
    this.broker.append(
      'orders',
      Array.from({ length: count }, (_, i) => ({ value: `v${i}` })),
    )
  }

  async take(engine: Engine, maxInFlight?: number): Promise<readonly Received[]> {
    return (await this.broker.advanceUntil(engine.take({ maxInFlight }))).records
  }

  /** Takes one record after another and works on each for so long, until told to stop; what was worked on, with its count. */
  work(engine: Engine, ms: (record: Received) => number): { readonly done: string[]; readonly stop: () => void } {
    const done: string[] = []
    const ended = new AbortController()
    const { clock } = this.broker
    const loop = async (): Promise<void> => {
      for (;;) {
        const { records } = await engine.take({ signal: ended.signal })
        for (const record of records) {
          if (ended.signal.aborted) return
          if (!engine.holds(record)) continue
          await new Promise<void>((resolve) => clock.setTimer(resolve, ms(record)))
          if (engine.settle(record, 'ACCEPT')) done.push(`${record.offset}/${record.deliveryCount}`)
        }
      }
    }
    loop().catch(() => undefined)
    return { done, stop: () => ended.abort() }
  }

  get partition() {
    return this.broker.inspect().sharePartitions[0]
  }

  /** Acknowledging requests that renew, with the number of records each renews. */
  get renewals(): number[] {
    return this.broker
      .requests({ api: 'ShareAcknowledge' })
      .map(({ body }) => body as RequestOf<typeof ShareAcknowledge>)
      .filter(({ isRenewAck }) => isRenewAck)
      .map(({ topics }) =>
        topics
          .flatMap(({ partitions }) => partitions)
          .flatMap(({ acknowledgementBatches }) => acknowledgementBatches)
          .reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0),
      )
  }

  async end(): Promise<void> {
    for (const consumer of this.#consumers) await this.broker.advanceUntil(consumer.close({ timeoutMs: 1_000 }))
    await this.broker.stop()
  }
}

let bench: Bench

afterEach(() => bench.end())

describe('A lock that is looked after', () => {
  it('is renewed while its record is worked on, some two times in its duration, and costs no delivery', async () => {
    bench = await Bench.open()
    bench.append(1)
    const engine = bench.member()
    const [record] = await bench.take(engine)
    if (record === undefined) throw new Error('nothing came')
    await bench.broker.clock.advance(200_000)
    expect(engine.holds(record)).toBe(true)
    expect(record.lockExpiresAt).toBeGreaterThan(bench.broker.clock.wallTime())
    expect(bench.partition?.records).toMatchObject([{ state: 'ACQUIRED', deliveryCount: 1 }])
    expect(bench.renewals.length).toBeGreaterThan(200 / 30)
    expect(bench.renewals.length).toBeLessThanOrEqual((3 * 200) / 30)
    expect(engine.counters).toMatchObject({ renewed: 0, lockRenewals: bench.renewals.length })
    expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await bench.broker.advanceUntil(engine.whenSettled())
    expect(bench.partition?.startOffset).toBe(1)
    expect(engine.counters).toMatchObject({ accepted: 1, failed: 0, lost: 0 })
    expect(bench.losses).toEqual([])
  })

  it('is not renewed for poll()', async () => {
    bench = await Bench.open()
    bench.append(1)
    const engine = bench.member({}, 'off')
    await bench.take(engine)
    await bench.broker.clock.advance(40_000)
    expect(bench.renewals).toEqual([])
    expect(bench.losses).toMatchObject([{ firstOffset: 0, lastOffset: 0, handedOut: true, cause: 'expired' }])
  })

  it('is left to itself when its record has been out for long enough; that is told twice', async () => {
    bench = await Bench.open()
    bench.append(1)
    const engine = bench.member({}, 60_000)
    const [record] = await bench.take(engine)
    if (record === undefined) throw new Error('nothing came')
    await bench.broker.clock.advance(70_000)
    expect(bench.warnings).toEqual([expect.stringMatching(/not renewed any more.*60000 ms.*maxLockExtensionMs/)])
    expect(bench.losses).toEqual([])
    await bench.broker.clock.advance(30_000)
    expect(bench.losses).toMatchObject([
      { firstOffset: 0, lastOffset: 0, deliveryCount: 1, handedOut: true, cause: 'extension-ended' },
    ])
    expect(bench.losses[0]?.records).toEqual([record])
    expect(bench.partition?.records).toMatchObject([{ deliveryCount: 1 }])
    expect(engine.settle(record, 'ACCEPT')).toBe(false)
    expect(engine.counters).toMatchObject({ stale: 1, accepted: 0 })
    const [again] = await bench.take(engine)
    expect([again?.offset, again?.deliveryCount]).toEqual([0, 2])
  })

  it('goes with its session, and that is told with what was handed out and what was not', async () => {
    bench = await Bench.open()
    bench.append(10)
    const engine = bench.member({ maxPollRecords: 10 })
    const records = await bench.take(engine, 4)
    expect(records).toHaveLength(4)
    bench.broker.cutConnections()
    await bench.broker.clock.advance(10)
    expect(
      bench.losses.map(({ firstOffset, lastOffset, handedOut, cause, records: { length }, error }) => [
        firstOffset,
        lastOffset,
        handedOut,
        cause,
        length,
        error?.code,
      ]),
    ).toEqual([
      [0, 3, true, 'session', 4, 'NETWORK_EXCEPTION'],
      [4, 9, false, 'session', 0, 'NETWORK_EXCEPTION'],
    ])
    expect(engine.outstanding).toBe(0)
    // What had waited is not handed out: the broker delivers it again.
    const next = await bench.take(engine)
    expect(next.every(({ deliveryCount }) => deliveryCount === 2)).toBe(true)
  })

  it('that a group of Kafka 4.3 forbids to renew runs out, with one word about it, and is renewed when it may be', async () => {
    bench = await Bench.open()
    const { broker } = bench
    broker.setGroupConfig('workers', { 'share.renew.acknowledge.enable': 'false' })
    bench.append(1)
    const engine = bench.member()
    const [record] = await bench.take(engine)
    if (record === undefined) throw new Error('nothing came')
    await broker.clock.advance(25_000)
    expect(bench.infos.filter((line) => line.includes('cannot be renewed'))).toHaveLength(1)
    // The refusal costs nothing: the first lock still counts.
    expect(engine.holds(record)).toBe(true)
    expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await broker.advanceUntil(engine.whenSettled())
    expect(engine.counters).toMatchObject({ accepted: 1, failed: 0, lockRenewals: 0 })

    broker.setGroupConfig('workers', { 'share.renew.acknowledge.enable': 'true' })
    await broker.clock.advance(60_000)
    bench.append(1)
    const [second] = await bench.take(engine)
    if (second === undefined) throw new Error('nothing came')
    await broker.clock.advance(40_000)
    expect(engine.holds(second)).toBe(true)
    expect(second.deliveryCount).toBe(1)
    expect(engine.settle(second, 'ACCEPT')).toBe(true)
    expect(bench.infos.filter((line) => line.includes('cannot be renewed'))).toHaveLength(1)
  })

  it('stays with an answer that is given while its renewal is on its way', async () => {
    bench = await Bench.open()
    const { broker } = bench
    bench.append(3)
    const engine = bench.member({ maxPollRecords: 3 })
    const records = await bench.take(engine, 3)
    const slow = broker.intercept('ShareAcknowledge', () => ({ do: 'delay', ms: 500 }), { times: 1 })
    await broker.advanceUntil(() => slow.count === 1, { stepMs: 10 })
    for (const record of records.slice(0, 2)) expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await broker.advanceUntil(engine.whenSettled())
    expect(engine.counters).toMatchObject({ accepted: 2, failed: 0, lockRenewals: 3 })
    expect(engine.outstanding).toBe(1)
    expect(bench.partition?.startOffset).toBe(2)
  })

  it('is refused its renewal without harm to its neighbours', async () => {
    bench = await Bench.open()
    const { broker } = bench
    bench.append(4)
    const engine = bench.member({ maxPollRecords: 2, acquireMode: 'record_limit' })
    const first = await bench.take(engine, 4)
    const second = await bench.take(engine, 4)
    expect([first.length, second.length]).toEqual([2, 2])
    const partitions = [{ topic: 'orders', partition: 0 }]
    const refusing = broker.intercept(
      'ShareAcknowledge',
      () => ({ do: 'fail', errorCode: ErrorCode.INVALID_RECORD_STATE, partitions }),
      { times: 1 },
    )
    await broker.clock.advance(60_000)
    expect(refusing.count).toBe(1)
    // Both at once, then each for itself.
    expect(bench.renewals.slice(0, 3)).toEqual([4, 2, 2])
    for (const record of [...first, ...second]) expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await broker.advanceUntil(engine.whenSettled())
    expect(engine.counters).toMatchObject({ accepted: 4, failed: 0, lost: 0 })
  })
})

describe('What waits behind a slow record', () => {
  it('is renewed when it will be started soon: each record of a slow listener is delivered once', async () => {
    bench = await Bench.open()
    bench.broker.setGroupConfig('workers', { 'share.record.lock.duration.ms': '15000' })
    bench.append(6)
    const engine = bench.member()
    const { done } = bench.work(engine, () => 5_000)
    await bench.broker.advanceUntil(() => done.length === 6, { stepMs: 100 })
    expect(done).toEqual(['0/1', '1/1', '2/1', '3/1', '4/1', '5/1'])
    expect(bench.losses).toEqual([])
  })

  it('is given back when it will not, and another member has it', async () => {
    bench = await Bench.open()
    const { broker } = bench
    bench.append(16)
    const slow = bench.member()
    const stuck = bench.work(slow, ({ offset }) => (offset === 0 ? 100_000 : 1))
    await broker.advanceUntil(() => slow.outstanding === 1)
    expect(slow.bufferedRecords).toBe(15)
    const quick = bench.member()
    const { done } = bench.work(quick, () => 1)
    await broker.clock.advance(90_000)
    expect(slow.bufferedRecords).toBe(0)
    expect(done.map((each) => Number(each.split('/')[0])).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 15 }, (_, i) => i + 1),
    )
    await broker.clock.advance(20_000)
    expect(stuck.done).toEqual(['0/1'])
    expect(bench.losses).toEqual([])
  })

  it('is given back once only: the next fetch asks for what can be started', async () => {
    bench = await Bench.open()
    const { broker } = bench
    bench.append(60)
    const engine = bench.member({ maxPollRecords: 60 })
    const { done } = bench.work(engine, () => 2_000)
    await broker.advanceUntil(() => done.length === 60, { stepMs: 100, maxMs: 200_000 })
    const counts = done.map((each) => Number(each.split('/')[1]))
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
    expect(bench.losses).toEqual([])
  })
})

describe('Two members of very different speed', () => {
  it('share one partition so that the quick one does most, and nothing of the slow one is archived', async () => {
    bench = await Bench.open()
    const { broker } = bench
    const slow = bench.member()
    const quick = bench.member()
    const slowly = bench.work(slow, () => 10_000)
    const quickly = bench.work(quick, () => 2)
    for (let i = 0; i < 100; i++) {
      bench.append(20)
      await broker.clock.advance(1_000)
    }
    await broker.advanceUntil(() => slowly.done.length + quickly.done.length >= 2_000, { stepMs: 1_000 })
    expect(quickly.done.length).toBeGreaterThan(1_900)
    expect(slowly.done.length).toBeGreaterThanOrEqual(5)
    const offsets = [...slowly.done, ...quickly.done].map((each) => Number(each.split('/')[0]))
    expect(new Set(offsets).size).toBe(2_000)
    expect(Math.max(...[...slowly.done, ...quickly.done].map((each) => Number(each.split('/')[1])))).toBeLessThan(4)
    expect(bench.losses).toEqual([])
  })
})
