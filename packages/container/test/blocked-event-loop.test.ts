import { describe, expect, test } from 'vitest'
import { ContainerHarness } from './container-harness.js'

const blockWarnings = (harness: ContainerHarness) =>
  harness.log.at('warn').filter(({ message }) => message.includes('blocked the event loop'))

describe('a listener that blocks the event loop for more than half of the lock', () => {
  test.each([undefined, 3])(
    'is told once, by name, with its record and for how long (maxInFlight %s)',
    async (maxInFlight) => {
      const harness = new ContainerHarness({
        properties: { maxInFlight },
        listener: {
          onMessage: ({ offset }: { offset: number }) => {
            if (offset === 0) harness.clock.block(16_000)
          },
        },
      })
      await harness.run(3)
      expect(blockWarnings(harness)).toMatchObject([
        {
          message: expect.stringMatching(/^Object\.onMessage\(\) blocked the event loop for 16000 ms on orders-0@0\./),
          facts: {
            topic: 'orders',
            partition: 0,
            offset: 0,
            blockedMs: 16_000,
            lockMs: 30_000,
            listener: 'Object.onMessage()',
          },
        },
      ])
    },
  )

  test.each([undefined, 3])('also one that returns a promise afterwards (maxInFlight %s)', async (maxInFlight) => {
    const harness = new ContainerHarness({
      properties: { maxInFlight },
    })
    harness.container.setupMessageListener(async ({ offset }) => {
      if (offset === 1) harness.clock.block(16_000)
      await Promise.resolve()
    })
    await harness.run(3)
    expect(blockWarnings(harness)).toMatchObject([{ facts: { offset: 1, blockedMs: 16_000 } }])
  })

  test('also one that blocks after an await: with its record, to within a sixteenth of the lock', async () => {
    const harness = new ContainerHarness({
      listener: async ({ offset }) => {
        await Promise.resolve()
        if (offset === 1) harness.clock.block(16_000)
      },
    })
    await harness.run(3)
    await harness.clock.advance(10_000)
    expect(blockWarnings(harness)).toMatchObject([{ facts: { offset: 1 } }])
    const blockedMs = Number(blockWarnings(harness)[0]?.facts['blockedMs'])
    expect(blockedMs).toBeGreaterThanOrEqual(16_000)
    expect(blockedMs).toBeLessThan(16_000 + 30_000 / 16)
    await harness.container.stop()
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('also one of several that are at work at once, as one of them', async () => {
    const harness = new ContainerHarness({
      properties: { maxInFlight: 3 },
      listener: async ({ offset }) => {
        await new Promise<void>((resolve) => harness.clock.setTimer(resolve, 100))
        if (offset === 1) harness.clock.block(16_000)
      },
    })
    await harness.run(3)
    await harness.clock.advance(10_000)
    expect(blockWarnings(harness)).toMatchObject([
      { message: expect.stringMatching(/or on another one that it had at the same time/) },
    ])
  })

  test('among quick ones is one of a few that are named', async () => {
    const harness = new ContainerHarness({
      listener: ({ offset }) => {
        if (offset === 40) harness.clock.block(16_000)
      },
    })
    await harness.run(100)
    const [warning] = blockWarnings(harness)
    const offset = Number(warning?.facts['offset'])
    const others = Number(/one of the (\d+) records before it/.exec(warning?.message ?? '')?.[1])
    expect(offset).toBeGreaterThanOrEqual(40)
    expect(offset - others).toBeLessThanOrEqual(40)
    expect(others).toBeLessThan(16)
  })

  test('is measured by the lock of its group', async () => {
    const harness = new ContainerHarness({ listener: () => harness.clock.block(600) })
    await harness.container.start()
    harness.engine().acquisitionLockTimeoutMs = 1_000
    harness.engine().feedMany(1)
    await harness.settle()
    expect(blockWarnings(harness)).toHaveLength(1)
  })
})

test('nothing is told of a listener that only takes its time, or blocks for less', async () => {
  const harness = new ContainerHarness({
    listener: ({ offset }) => {
      if (offset === 0) harness.clock.block(14_000)
      return offset === 1
        ? new Promise((resolve) => harness.clock.setTimer(() => resolve(undefined), 20_000))
        : undefined
    },
  })
  await harness.container.start()
  harness.engine().feed(...[0, 1, 2].map((offset) => ({ offset, lockMs: 120_000 })))
  await harness.clock.advance(60_000)
  expect(harness.engine().answers).toHaveLength(3)
  expect(blockWarnings(harness)).toEqual([])
})
