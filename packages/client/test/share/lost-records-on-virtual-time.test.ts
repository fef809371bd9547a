import type { EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { ErrorCode } from '@milena/protocol'
import { silentLogger, type VirtualClock } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { ShareConsumerOptions } from '../../src/index.js'
import type { AcknowledgeType } from '../../src/share/acknowledge-type.js'
import type { LockLoss } from '../../src/share/lock-losses.js'
import { engineOf } from '../../src/share/share-consumer.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import { VirtualGroup, type Received } from './virtual-group.js'

// Every way to lose a record, and that each is counted once, over a whole broker in memory and in virtual time.

type Bytes = Buffer | null
type Engine = ShareEngine<Bytes, Bytes>

const ORDERS = [{ topic: 'orders', partition: 0 }]

class Bench extends VirtualGroup {
  readonly losses: LockLoss<Bytes, Bytes>[] = []
  readonly warnings: string[] = []

  static async open(seed = 5, options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Bench> {
    return new Bench(await VirtualGroup.startBroker(seed, options))
  }

  member(options: Partial<ShareConsumerOptions> = {}): Engine {
    const logger = { ...silentLogger, warn: (_: object, message: string) => this.warnings.push(message) }
    const engine = engineOf(this.consumer({ logger, ...options }))
    engine.onLost((loss) => this.losses.push(loss))
    return engine
  }

  append(count: number): void {
    this.broker.append(
      'orders',
      Array.from({ length: count }, (_, i) => ({ value: `v${i}` })),
    )
  }

  async take(engine: Engine, count: number): Promise<Received[]> {
    const records: Received[] = []
    while (records.length < count) records.push(...(await this.broker.advanceUntil(engine.take())).records)
    return records
  }

  refuseAcknowledgements(errorCode: number, times: number): void {
    this.broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode, partitions: ORDERS }), { times })
  }

  /** The offsets that were told as lost, each as often as it was, with why. */
  get told(): string[] {
    return this.losses.flatMap(({ firstOffset, lastOffset, cause }) =>
      Array.from({ length: lastOffset - firstOffset + 1 }, (_, i) => `${firstOffset + i} ${cause}`),
    )
  }
}

let bench: Bench

afterEach(() => bench.end({ timeoutMs: 1_000 }))

describe('The records that wait', () => {
  it('are no more those of a session that is gone, nor those whose locks ran out, however busy the application is', async () => {
    bench = await Bench.open()
    const engine = bench.member({ maxPollRecords: 10 })
    const take = async (): Promise<number> =>
      (await bench.broker.advanceUntil(engine.take({ maxInFlight: 4 }))).records.length
    bench.append(10)
    expect(await take()).toBe(4)
    expect(engine.bufferedRecords).toBe(6)
    bench.broker.cutConnections()
    await bench.broker.clock.advance(10)
    expect(engine.bufferedRecords).toBe(0)
    expect(await take()).toBe(4)
    expect(engine.bufferedRecords).toBe(6)
    await bench.broker.clock.advance(40_000)
    expect(engine.bufferedRecords).toBe(0)
    expect(await take()).toBe(4)
  })
})

describe('The metric `lost` counts once', () => {
  it('what ran out while nothing was fetched', async () => {
    bench = await Bench.open()
    bench.append(3)
    const engine = bench.member()
    await bench.take(engine, 3)
    await bench.broker.clock.advance(40_000)
    expect(bench.told).toEqual(['0 expired', '1 expired', '2 expired'])
    expect(engine.counters.lost).toBe(3)
    expect(bench.warnings).toEqual([expect.stringMatching(/locks ran out/)])
  })

  it('what ran out and came again with the very next fetch, which is logged like any other', async () => {
    bench = await Bench.open()
    bench.append(3)
    const engine = bench.member()
    const [first] = await bench.take(engine, 3)
    if (first !== undefined) engine.settle(first, 'ACCEPT')
    const again = bench.take(engine, 2)
    await bench.broker.clock.advance(40_000)
    expect((await again).map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
      [1, 2],
      [2, 2],
    ])
    expect(bench.told).toEqual(['1 expired', '2 expired'])
    expect(engine.counters.lost).toBe(2)
    expect(bench.warnings).toEqual([expect.stringMatching(/locks ran out/)])
  })

  it('whose renewal was refused', async () => {
    bench = await Bench.open()
    bench.append(3)
    const engine = bench.member()
    const [first] = await bench.take(engine, 3)
    bench.refuseAcknowledgements(ErrorCode.INVALID_RECORD_STATE, 1)
    if (first !== undefined) engine.settle(first, 'RENEW')
    await bench.broker.advanceUntil(engine.whenSettled())
    expect(bench.told).toEqual(['0 expired'])
    expect(engine.counters).toMatchObject({ lost: 1, failed: 1 })
    await bench.broker.clock.advance(40_000)
    expect(bench.told).toEqual(['0 expired', '1 expired', '2 expired'])
    expect(engine.counters.lost).toBe(3)
  })

  it('what went with its session, with a renewal that was not answered yet, and not what was answered', async () => {
    bench = await Bench.open()
    bench.append(4)
    const engine = bench.member()
    const [first, second] = await bench.take(engine, 4)
    if (first === undefined || second === undefined) throw new Error('nothing came')
    engine.settle(first, 'ACCEPT')
    engine.settle(second, 'RENEW')
    bench.broker.cutConnections()
    await bench.broker.clock.advance(10)
    expect(bench.told).toEqual(['1 session', '2 session', '3 session'])
    expect(engine.counters).toMatchObject({ lost: 3, failed: 2 })
  })

  it('what went with a session that the broker does not know any more, told by the answer to a renewal', async () => {
    bench = await Bench.open()
    bench.append(3)
    const engine = bench.member()
    const [first] = await bench.take(engine, 3)
    bench.broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND }), {
      times: 1,
    })
    if (first !== undefined) engine.settle(first, 'RENEW')
    await bench.broker.clock.advance(10)
    expect(bench.told.toSorted()).toEqual(['0 session', '1 session', '2 session'])
    expect(engine.counters).toMatchObject({ lost: 3, failed: 1 })
  })

  it('what went with its leader', async () => {
    bench = await Bench.open(5, { brokers: 2, topics: [{ name: 'orders', partitions: 1, replicationFactor: 2 }] })
    const { broker } = bench
    bench.append(3)
    const engine = bench.member()
    await bench.take(engine, 3)
    const leader = broker.requests({ api: 'ShareFetch' }).at(-1)?.nodeId ?? 0
    await broker.kill(leader)
    await broker.clock.advance(1_000)
    expect(bench.told).toEqual(['0 session', '1 session', '2 session'])
    expect(engine.counters.lost).toBe(3)
  })

  it('what nobody is to work on any more, also when its session goes afterwards', async () => {
    bench = await Bench.open()
    bench.append(3)
    const engine = bench.member()
    const [, second] = await bench.take(engine, 3)
    if (second === undefined) throw new Error('nothing came')
    engine.giveUp(second)
    engine.giveUp(second)
    expect(bench.told).toEqual(['1 expired'])
    expect(engine.counters.lost).toBe(1)
    bench.broker.cutConnections()
    await bench.broker.clock.advance(10)
    expect(bench.told).toEqual(['1 expired', '0 session', '2 session'])
    expect(engine.counters.lost).toBe(3)
    engine.giveUp(second)
    expect(engine.counters.lost).toBe(3)
  })

  it('what the lock keeper gave up in the buffer, as its renewal was refused', async () => {
    bench = await Bench.open()
    bench.append(10)
    const engine = bench.member({ maxPollRecords: 10 })
    engine.keepLocks({ maxExtensionMs: 300_000 })
    expect((await bench.broker.advanceUntil(engine.take({ maxInFlight: 4 }))).records).toHaveLength(4)
    bench.refuseAcknowledgements(ErrorCode.INVALID_RECORD_STATE, 1)
    await bench.broker.clock.advance(14_000)
    expect(bench.losses.map(({ handedOut }) => handedOut)).toEqual([false])
    expect(engine.counters.lost).toBe(bench.told.length)
    await bench.broker.clock.advance(40_000)
    expect(bench.losses.map(({ handedOut }) => handedOut)).toEqual([false, true])
    expect(new Set(bench.told).size).toBe(bench.told.length)
    expect(engine.counters.lost).toBe(bench.told.length)
  })
})

type Plain = 'append' | 'cut' | 'take' | 'commit' | 'forget' | 'refuse'
type Step =
  | { readonly do: 'answer'; readonly at: number; readonly type: AcknowledgeType | 'give up' }
  | { readonly do: Plain }
  | { readonly do: 'wait'; readonly ms: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        at: fc.nat(100),
        type: fc.constantFrom<(AcknowledgeType | 'give up')[]>(
          'ACCEPT',
          'RELEASE',
          'REJECT',
          'RENEW',
          'RENEW',
          'give up',
        ),
      }),
    },
    {
      weight: 5,
      arbitrary: fc
        .constantFrom<Plain[]>('append', 'append', 'take', 'take', 'take', 'commit', 'cut', 'forget', 'refuse')
        .map((each): Step => ({ do: each })),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(1, 100, 9_000, 20_000, 33_000).map((ms): Step => ({ do: 'wait', ms })),
    },
  ),
  { minLength: 5, maxLength: 40 },
)

describe('In any history of answers, lost locks and lost sessions', () => {
  it.each(['poll', 'locks kept'])(
    'each acquired record is answered for good, lost once, or still here: %s',
    async (how) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(1_000), steps, async (seed, sequence) => {
          bench = await Bench.open(seed)
          const { broker } = bench
          broker.setGroupConfig('workers', { 'share.delivery.count.limit': '10' })
          const engine = bench.member()
          if (how !== 'poll') engine.keepLocks({ maxExtensionMs: 60_000 })
          // Terminal answers that had a verdict, but for those that were too late to count as one.
          let decided = 0
          engine.onVerdict(({ counts }) => (decided += counts.accept + counts.release + counts.reject))
          const out: Received[] = []
          for (const step of sequence) {
            if (step.do === 'append') bench.append(4)
            else if (step.do === 'cut') broker.cutConnections()
            else if (step.do === 'take') out.push(...(await broker.advanceUntil(engine.take({ atOnce: true }))).records)
            else if (step.do === 'commit') await broker.advanceUntil(engine.whenSettled())
            else if (step.do === 'wait') await broker.clock.advance(step.ms)
            else if (step.do === 'refuse') bench.refuseAcknowledgements(ErrorCode.INVALID_RECORD_STATE, 1)
            else if (step.do === 'forget')
              broker.intercept(
                'ShareAcknowledge',
                () => ({ do: 'fail', errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND }),
                { times: 1 },
              )
            else if (step.do === 'answer') {
              const record = out[step.at % Math.max(1, out.length)]
              if (record === undefined) continue
              if (step.type === 'give up') engine.giveUp(record)
              else {
                try {
                  if (!engine.settle(record, step.type, true) && step.type !== 'RENEW') decided--
                } catch {
                  // It had a terminal answer.
                }
              }
            }
            expect(engine.counters.lost).toBe(bench.told.length)
          }
          await broker.advanceUntil(engine.whenSettled())
          const { acquired, lost } = engine.counters
          const answered = decided
          expect(acquired).toBe(answered + lost + engine.releaseRest())
          expect(lost).toBe(bench.told.length)
          const deliveries = bench.losses.flatMap(({ firstOffset, lastOffset, deliveryCount }) =>
            Array.from({ length: lastOffset - firstOffset + 1 }, (_, i) => `${firstOffset + i} ${deliveryCount}`),
          )
          expect(new Set(deliveries).size).toBe(deliveries.length)
          await bench.end({ timeoutMs: 1_000 })
        }),
        { numRuns: 40 },
      )
      bench = await Bench.open()
    },
  )
})
