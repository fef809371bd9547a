import { expect, it } from 'vitest'
import { Bench } from './virtual-bench.js'

it('a container that is stopped while its listener works leaves no timer behind', async () => {
  const bench = await Bench.open({ topics: ['orders'] })
  const { clock } = bench.broker
  const container = await bench.container({ onMessage: () => new Promise<void>(() => undefined) })
  bench.append(1)
  // Locks are looked after by now, and the listener is not going to end.
  await clock.advance(40_000)
  expect(bench.partition?.records).toMatchObject([{ state: 'ACQUIRED', deliveryCount: 1 }])
  await bench.broker.advanceUntil(container.stop({ timeoutMs: 5_000 }), { stepMs: 1 })
  await bench.broker.stop()
  expect(clock.pendingTimers).toBe(0)
  await bench.end()
})
