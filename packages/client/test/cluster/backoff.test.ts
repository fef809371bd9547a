import { SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Backoff } from '../../src/cluster/backoff.js'

describe('a back-off', () => {
  it('doubles with 20 % of jitter, and never passes its bound', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        (seed, initialMs, maxMs) => {
          const backoff = new Backoff({ clock: new VirtualClock(), random: new SeededRandom(seed), initialMs, maxMs })
          for (let attempt = 0; attempt < 100; attempt++) {
            const plain = Math.min(initialMs * 2 ** attempt, maxMs)
            const delay = backoff.next()
            expect(delay).toBeGreaterThanOrEqual(plain * 0.8)
            expect(delay).toBeLessThanOrEqual(Math.min(plain * 1.2, maxMs))
          }
          backoff.reset()
          expect(backoff.next()).toBeLessThanOrEqual(Math.min(initialMs * 1.2, maxMs))
        },
      ),
    )
  })

  it('waits on the clock, and no longer than asked for', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff({ clock, random: new SeededRandom(1), initialMs: 1_000, maxMs: 10_000 })
    const done: number[] = []
    void backoff.wait().then(() => done.push(clock.now()))
    await clock.advance(2_000)
    expect(done[0]).toBeGreaterThanOrEqual(800)
    expect(done[0]).toBeLessThanOrEqual(1_200)
    const startedAt = clock.now()
    void backoff.wait(undefined, 50).then(() => done.push(clock.now() - startedAt))
    await clock.advance(100)
    expect(done[1]).toBe(50)
  })

  it('ends at once when its signal fires, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const backoff = new Backoff({ clock, random: new SeededRandom(1), initialMs: 1_000, maxMs: 10_000 })
    const controller = new AbortController()
    const waiting = backoff.wait(controller.signal)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(backoff.wait(controller.signal)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(clock.pendingTimers).toBe(0)
  })
})
