import { ErrorCode } from '@milena/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { Bench, warmUp } from './virtual-bench.js'

// A broker that refuses fetches with what the client tries again by itself: nobody has to hear of it, unless it lasts.

beforeAll(warmUp)

describe.each([
  ['as a whole', {}],
  ['for a partition', { partitions: [{ topic: 'orders', partition: 0 }] }],
])('Fetches that a broker refuses %s', (_what, concerned) => {
  test.each(['REQUEST_TIMED_OUT', 'UNKNOWN_SERVER_ERROR', 'NOT_LEADER_OR_FOLLOWER', 'KAFKA_STORAGE_ERROR'] as const)(
    'with %s are told while that lasts, and the member goes on by itself',
    async (name) => {
      const bench = await Bench.open({ topics: ['orders'] })
      try {
        const { broker } = bench
        const seen = new Set<string | null>()
        const container = await bench.container(({ value }) => void seen.add(value))
        const failures = () => bench.events.filter((event) => event.type === 'pollFailed')
        const refusing = broker.intercept('ShareFetch', () => ({
          do: 'fail',
          errorCode: ErrorCode[name],
          ...concerned,
        }))
        bench.append(2)
        await broker.clock.advance(3_000)
        expect(failures()).toEqual([])
        for (let minute = 1; minute <= 3; minute++) {
          await broker.clock.advance(60_000)
          expect(failures().length).toBeGreaterThanOrEqual(2 * minute)
          expect(failures().length).toBeLessThanOrEqual(4 * minute)
          expect(container.health()).toMatchObject({
            status: 'degraded',
            state: 'running',
            members: [{ lastError: expect.stringContaining(name) as string }],
          })
        }
        expect(failures().at(-1)).toMatchObject({ cause: { code: name } })
        refusing[Symbol.dispose]()
        await bench.untilFinished(2)
        expect([...seen]).toEqual(['v0', 'v1'])
        await broker.advanceUntil(() => container.health().status === 'up', { stepMs: 100 })
      } finally {
        await bench.end()
      }
    },
  )
})

describe('Fetches whose connection is cut each time', () => {
  test('are told once that lasts, and the member goes on by itself', async () => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      const { broker } = bench
      const seen = new Set<string | null>()
      const container = await bench.container(({ value }) => void seen.add(value))
      const failures = () => bench.events.filter((event) => event.type === 'pollFailed')
      const cutting = broker.intercept('ShareFetch', () => ({ do: 'cut' }))
      bench.append(2)
      await broker.clock.advance(3_000)
      expect(failures()).toEqual([])
      expect(container.health()).toMatchObject({ status: 'up' })
      await broker.clock.advance(60_000)
      expect(failures().length).toBeGreaterThanOrEqual(2)
      expect(failures().length).toBeLessThanOrEqual(4)
      expect(failures()[0]).toMatchObject({ cause: { code: 'NETWORK_EXCEPTION' } })
      expect(container.health()).toMatchObject({
        status: 'degraded',
        members: [{ lastError: expect.stringContaining('has not answered the last') as string }],
      })
      cutting[Symbol.dispose]()
      await bench.untilFinished(2)
      expect([...seen]).toEqual(['v0', 'v1'])
      await broker.advanceUntil(() => container.health().status === 'up', { stepMs: 100 })
    } finally {
      await bench.end()
    }
  })
})
