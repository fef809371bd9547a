import { SeededRandom } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import type { ContainerProperties, ShareListener } from '../src/index.js'
import { Bench, calmly, type Values } from './virtual-bench.js'

// A listener call that never returns: what becomes of the records behind it, and of its member.

const LOCK_MS = 30_000
const SEEDS = 8
const MODES = {
  EXPLICIT: { shareAckMode: 'EXPLICIT' },
  'EXPLICIT with maxInFlight': { shareAckMode: 'EXPLICIT', maxInFlight: 1 },
  'EXPLICIT without renewals': { shareAckMode: 'EXPLICIT', maxLockExtensionMs: 0 },
  IMPLICIT: { shareAckMode: 'IMPLICIT' },
  MANUAL: { shareAckMode: 'MANUAL' },
  'MANUAL with maxInFlight': { shareAckMode: 'MANUAL', maxInFlight: 1 },
} as const satisfies Record<string, ContainerProperties>

type Listener = ShareListener<Buffer | null, string | null>

/** Answers at once; hangs for ever where `hangs` says so. `seen` are its calls. */
function listener(hangs: (record: Values) => boolean, seen: string[] = []): Listener {
  return {
    onShareRecord: (record, acknowledgment) => {
      seen.push(`${record.value} ${record.deliveryCount}`)
      if (hangs(record)) return new Promise<void>(() => undefined)
      acknowledgment?.acknowledge()
      return undefined
    },
  }
}

/** What the broker keeps of each unfinished record: `3 AVAILABLE 1`. */
function kept(bench: Bench): string[] {
  return (bench.partition?.records ?? []).flatMap(({ firstOffset, lastOffset, state, deliveryCount }) =>
    Array.from({ length: lastOffset - firstOffset + 1 }, (_, at) => `${firstOffset + at} ${state} ${deliveryCount}`),
  )
}

const until = (bench: Bench, done: () => boolean): Promise<boolean> =>
  bench.broker.advanceUntil(done, { stepMs: 1_000, maxMs: 2_000_000 })

const finished = (bench: Bench, offset: number): Promise<boolean> =>
  until(bench, () => bench.partition?.startOffset === offset)

const stops = (bench: Bench) => bench.events.filter((event) => event.type === 'consumerStopped')

describe('records behind a listener call that never returns', () => {
  for (const [name, properties] of Object.entries(MODES)) {
    for (const consumers of [{}, { maxPollRecords: 500 }]) {
      calmly(`lose one delivery, however often it hangs again: ${name} ${JSON.stringify(consumers)}`, async (bench) => {
        const { clock } = bench.broker
        const seen: string[] = []
        await bench.container(
          listener(({ value }) => value === 'v1', seen),
          properties,
          consumers,
        )
        bench.append(6)
        await clock.advance(LOCK_MS / 2 + 2_000)
        expect(kept(bench).slice(1)).toEqual(['2 AVAILABLE 1', '3 AVAILABLE 1', '4 AVAILABLE 1', '5 AVAILABLE 1'])
        for (let deliveries = 2; deliveries <= 5; deliveries++) {
          await until(bench, () => seen.at(-1) === `v1 ${deliveries}`)
          expect(kept(bench)).toContain(`5 AVAILABLE 1`)
        }
        await finished(bench, 6)
        expect(seen).toEqual(['v0 1', 'v1 1', 'v1 2', 'v1 3', 'v1 4', 'v1 5', 'v2 2', 'v3 2', 'v4 2', 'v5 2'])
      })
    }
  }

  calmly('are not fetched again before the call ends, and then all are processed', async (bench) => {
    const { broker } = bench
    const seen: string[] = []
    await bench.container(
      {
        onMessage: (record) => {
          seen.push(`${record.value} ${record.deliveryCount}`)
          return record.value === 'v1' && record.deliveryCount === 1
            ? new Promise<void>((resolve) => broker.clock.setTimer(resolve, 120_000))
            : undefined
        },
      },
      {},
      { maxPollRecords: 500 },
    )
    bench.append(20)
    await broker.clock.advance(100_000)
    expect(kept(bench).at(-1)).toBe('19 AVAILABLE 1')
    await finished(bench, 20)
    expect(seen.slice(0, 4)).toEqual(['v0 1', 'v1 1', 'v2 2', 'v3 2'])
    expect(seen).toHaveLength(20)
    expect(stops(bench)).toEqual([])
  })

  calmly('wait for their turn behind calls that take long and end', async (bench) => {
    const { broker } = bench
    const seen: string[] = []
    await bench.container(
      {
        onMessage: (record) => {
          seen.push(`${record.value} ${record.deliveryCount}`)
          return new Promise<void>((resolve) => broker.clock.setTimer(resolve, 9_000))
        },
      },
      {},
      { maxPollRecords: 500 },
    )
    bench.append(3)
    await finished(bench, 3)
    expect(seen).toEqual(Array.from({ length: 3 }, (_, at) => `v${at} 1`))
  })

  calmly('are not fetched ahead again, whatever is to be fetched ahead', async (bench) => {
    await bench.container(
      listener(({ value }) => value === 'v1'),
      { maxInFlight: 1 },
      { prefetch: 10 },
    )
    bench.append(6)
    for (let i = 0; i < 9; i++) {
      await bench.broker.clock.advance(30_000)
      expect(kept(bench).slice(1)).toEqual(['2 AVAILABLE 1', '3 AVAILABLE 1', '4 AVAILABLE 1', '5 AVAILABLE 1'])
    }
  })

  calmly('lose one delivery where whole batches are fetched', async (bench) => {
    const seen: string[] = []
    await bench.container(
      listener(({ value }) => value === 'v1', seen),
      {},
      { acquireMode: 'batch_optimized' },
    )
    bench.append(20)
    await until(bench, () => seen.at(-1) === 'v1 3')
    expect(kept(bench).at(-1)).toBe('19 AVAILABLE 1')
  })

  calmly('wait behind calls that take longer than half a lock, where they usually do', async (bench) => {
    const { broker } = bench
    const seen: string[] = []
    await bench.container(
      {
        onMessage: (record) => {
          seen.push(`${record.value} ${record.deliveryCount}`)
          return new Promise<void>((resolve) => broker.clock.setTimer(resolve, 20_000))
        },
      },
      { maxInFlight: 1 },
      { prefetch: 1 },
    )
    bench.append(8)
    await finished(bench, 8)
    expect(seen.slice(-5)).toEqual(['v3 1', 'v4 1', 'v5 1', 'v6 1', 'v7 1'])
  })

  calmly('are had by an idle member half a lock later', async (bench) => {
    const { clock } = bench.broker
    const seen: string[] = []
    await bench.container(listener(({ value, deliveryCount }) => value === 'v1' && deliveryCount === 1))
    bench.append(6)
    await clock.advance(1_000)
    await bench.container(listener(() => false, seen))
    await clock.advance(LOCK_MS / 2 + 2_000)
    expect(seen).toEqual(['v2 2', 'v3 2', 'v4 2', 'v5 2'])
  })
})

describe('whatever a listener does', () => {
  const WAYS = [
    { shareAckMode: 'EXPLICIT' },
    { shareAckMode: 'IMPLICIT', concurrency: 2 },
    { shareAckMode: 'MANUAL' },
    { shareAckMode: 'EXPLICIT', maxInFlight: 3, concurrency: 2 },
  ] as const satisfies ContainerProperties[]
  const RECORDS = 60

  for (let seed = 1; seed <= SEEDS; seed++) {
    const properties = WAYS[seed % WAYS.length]
    calmly(
      `no record is archived that no listener was called with (${seed}: ${JSON.stringify(properties)})`,
      async (bench) => {
        const { broker } = bench
        const random = new SeededRandom(seed)
        const seen = new Set<number>()
        const often = random.next() * 0.4
        await bench.container(
          {
            onShareRecord: ({ offset }, acknowledgment) => {
              seen.add(offset)
              const hangs = random.next() < often
              if (!hangs) {
                acknowledgment?.acknowledge()
                return undefined
              }
              const ms = [12_000, 20_000, 60_000, 400_000, Infinity][Math.floor(random.next() * 5)] ?? 0
              return new Promise<void>((resolve) => {
                if (ms !== Infinity) broker.clock.setTimer(resolve, ms)
              })
            },
          },
          properties,
          seed % 3 === 0 ? { maxPollRecords: 500 } : {},
        )
        bench.append(RECORDS)
        await broker.advanceUntil(() => (bench.partition?.startOffset ?? 0) === RECORDS, { stepMs: 5_000, maxMs: 2e8 })
        expect(Array.from({ length: RECORDS }, (_, offset) => offset).filter((offset) => !seen.has(offset))).toEqual([])
      },
    )
  }
})

describe('a member all of whose calls hang', () => {
  calmly('is in trouble once its record is lost, and replaced', async (bench) => {
    const { broker } = bench
    const container = await bench.container(
      listener(({ value, deliveryCount }) => value === 'v0' && deliveryCount === 1),
      { concurrency: 1 },
    )
    bench.append(2)
    await broker.clock.advance(300_000)
    expect(container.health().status).toBe('up')
    await broker.advanceUntil(() => bench.events.some(({ type }) => type === 'recordLockLost'), {
      stepMs: 100,
      maxMs: 100_000,
    })
    // Its calls had their time: nobody waits for them once more.
    await broker.clock.advance(500)
    expect(stops(bench)).toHaveLength(1)
    expect(container.health()).toMatchObject({ status: 'degraded', members: [{ status: 'replacing' }] })
    expect(container.health().members[0]?.lastError).toMatch(/^LISTENER_HANGS: .* does not come back from orders-0@0,/)
    expect(stops(bench)).toMatchObject([
      { reason: 'ABNORMAL', cause: { code: 'LISTENER_HANGS' }, unfinishedListenerCalls: 1 },
    ])
    await finished(bench, 2)
    expect(container.health().status).toBe('up')
    expect(container.state).toBe('running')
  })

  calmly(
    'is in trouble and stays where its record was lost earlier, until that time has passed again',
    async (bench) => {
      const { broker } = bench
      broker.setGroupConfig('workers', { 'share.renew.acknowledge.enable': 'false' })
      const container = await bench.container(listener(({ deliveryCount }) => deliveryCount === 1))
      bench.append(1)
      await broker.clock.advance(LOCK_MS + 2_000)
      expect(container.health()).toMatchObject({ status: 'degraded', members: [{ status: 'up' }] })
      await broker.clock.advance(290_000)
      expect(stops(bench)).toEqual([])
      await finished(bench, 1)
      expect(stops(bench)).toHaveLength(1)
    },
  )

  calmly('is well again when a call ends after all', async (bench) => {
    const { broker } = bench
    broker.setGroupConfig('workers', { 'share.renew.acknowledge.enable': 'false' })
    const container = await bench.container({
      onMessage: ({ deliveryCount }) =>
        deliveryCount === 1 ? new Promise<void>((resolve) => broker.clock.setTimer(resolve, 60_000)) : undefined,
    })
    bench.append(1)
    await broker.clock.advance(40_000)
    expect(container.health().status).toBe('degraded')
    await finished(bench, 1)
    expect(container.health().status).toBe('up')
    await broker.clock.advance(600_000)
    expect(stops(bench)).toEqual([])
  })

  calmly('goes on while one of several places is left', async (bench) => {
    const seen: string[] = []
    const container = await bench.container(
      listener(({ value, deliveryCount }) => value === 'v0' && deliveryCount === 1, seen),
      { maxInFlight: 2 },
    )
    bench.append(3)
    await finished(bench, 3)
    expect(seen).toContain('v0 2')
    expect(stops(bench)).toEqual([])
    expect(container.health()).toMatchObject({ status: 'up', members: [{ inFlight: 1 }] })
  })

  calmly('is replaced also where its records are answered, and its calls do not end', async (bench) => {
    const seen: string[] = []
    await bench.container(
      {
        onShareRecord: (record, acknowledgment) => {
          seen.push(`${record.value} ${record.deliveryCount}`)
          acknowledgment?.acknowledge()
          return record.value === 'v1' ? new Promise<void>(() => undefined) : undefined
        },
      },
      { shareAckMode: 'MANUAL' },
    )
    bench.append(4)
    await finished(bench, 4)
    expect(seen).toEqual(['v0 1', 'v1 1', 'v2 2', 'v3 2'])
    expect(stops(bench)).toMatchObject([{ reason: 'ABNORMAL', cause: { code: 'LISTENER_HANGS' } }])
  })

  calmly('is not replaced with restartPolicy never, and leaves its place empty', async (bench) => {
    const { broker } = bench
    const container = await bench.container(
      listener(({ value }) => value === 'v0'),
      { restartPolicy: 'never' },
    )
    bench.append(1)
    await until(bench, () => stops(bench).length === 1)
    await broker.clock.advance(60_000)
    expect(bench.events.filter(({ type }) => type === 'consumerStarted')).toHaveLength(1)
    expect(container.health().status).not.toBe('up')
  })

  it('leaves the group, so that its partition is had by the others', async () => {
    const bench = await Bench.open({ topics: ['orders:2'] })
    const { broker } = bench
    try {
      const seen = new Set<string>()
      let hung = 0
      await bench.container(
        {
          onMessage: ({ partition, offset, deliveryCount }) => {
            if (partition === 0 && offset === 0 && deliveryCount === 1) {
              hung++
              return new Promise<void>(() => undefined)
            }
            seen.add(`${partition}@${offset}`)
            return undefined
          },
        },
        { concurrency: 2 },
      )
      for (let i = 0; i < 20; i++) {
        for (const partition of [0, 1]) broker.append('orders', [{ value: 'x' }], { partition })
        await broker.clock.advance(1_000)
      }
      expect(hung).toBe(1)
      await until(bench, () => seen.size === 40)
    } finally {
      await bench.end()
    }
  })
})
