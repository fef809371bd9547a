import { describe, expect } from 'vitest'
import { calmly } from './virtual-bench.js'

// The options of the consumer factory that only continuous consumption knows; the container's own properties beat them.

const forever = (): Promise<void> => new Promise(() => undefined)

describe("The consumer factory's maxInFlight", () => {
  calmly('is that of a container which says nothing of its own', async (bench) => {
    let running = 0
    bench.append(10)
    await bench.container(
      () => {
        running++
        return forever()
      },
      { shutdownTimeoutMs: 100 },
      { maxInFlight: 3 },
    )
    await bench.broker.clock.advance(1_000)
    expect(running).toBe(3)
  })

  calmly('yields to that of the container', async (bench) => {
    let running = 0
    bench.append(10)
    await bench.container(
      () => {
        running++
        return forever()
      },
      { shutdownTimeoutMs: 100, maxInFlight: 2 },
      { maxInFlight: 3 },
    )
    await bench.broker.clock.advance(1_000)
    expect(running).toBe(2)
  })
})

describe("The consumer factory's maxLockExtensionMs", () => {
  calmly('is that of a container which says nothing of its own', async (bench) => {
    bench.append(1)
    await bench.container(forever, { shutdownTimeoutMs: 100 }, { maxLockExtensionMs: 0 })
    await bench.broker.clock.advance(40_000)
    expect(bench.events.filter(({ type }) => type === 'recordLockLost')).toHaveLength(1)
  })

  calmly('yields to that of the container', async (bench) => {
    bench.append(1)
    await bench.container(forever, { shutdownTimeoutMs: 100, maxLockExtensionMs: 60_000 }, { maxLockExtensionMs: 0 })
    await bench.broker.clock.advance(40_000)
    expect(bench.events.filter(({ type }) => type === 'recordLockLost')).toEqual([])
  })
})
