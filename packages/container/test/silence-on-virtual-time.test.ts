import { beforeAll, describe, expect } from 'vitest'
import { numbered, quickly, warmUp } from './virtual-bench.js'

beforeAll(warmUp)

describe('A broker that answers nothing any more', () => {
  quickly('keeps no container from stopping within 5 s', async (bench) => {
    const { broker } = bench
    bench.append(20)
    const values: string[] = []
    const container = await bench.container((record) => void values.push(String(record.value)))
    await bench.untilFinished(20)
    expect(values).toEqual(numbered(20))
    for (const api of ['ShareFetch', 'ShareAcknowledge', 'ShareGroupHeartbeat', 'FindCoordinator'] as const) {
      broker.intercept(api, () => ({ do: 'drop' }))
    }
    // The fetch that waits there is still answered; the next one is not.
    await broker.clock.advance(1_000)
    const from = broker.clock.now()
    await broker.advanceUntil(container.stop())
    expect(broker.clock.now() - from).toBeLessThan(5_000)
  })
})
