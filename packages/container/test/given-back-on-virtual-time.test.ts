import { expect, it } from 'vitest'
import { Bench } from './virtual-bench.js'

it('records are given back when no member of the container fetches any more: none uses up a delivery on a sibling', async () => {
  const bench = await Bench.open({ topics: ['orders'] })
  const { broker } = bench
  try {
    const container = await bench.container(
      { onMessage: () => new Promise<void>((resolve) => broker.clock.setTimer(resolve, 50)) },
      { concurrency: 2, maxInFlight: 1 },
      { fetchMaxWaitMs: 2_000, maxPollRecords: 40 },
    )
    await broker.clock.advance(3_000)
    // Both wait with a fetch: one gets all of it, the other goes on waiting.
    bench.append(40)
    await broker.clock.advance(75)
    const stopped = container.stop({ timeoutMs: 10_000 })
    await broker.clock.advance(100)
    // The listener has ended its call; the sibling's fetch is still with the broker.
    expect(bench.partition?.records.map(({ state }) => state)).toEqual(['ACQUIRED'])
    await broker.advanceUntil(stopped)

    const counts: number[] = []
    await bench.container({ onMessage: ({ deliveryCount }) => void counts.push(deliveryCount) })
    await bench.untilFinished(40)
    expect(counts.length).toBeGreaterThan(30)
    expect(new Set(counts)).toEqual(new Set([2]))
  } finally {
    await bench.end()
  }
})
