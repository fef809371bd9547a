import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '@milena/protocol/runtime'

describe('a virtual clock', () => {
  it('stands still until it is moved, and tells both times', async () => {
    const clock = new VirtualClock(1000)
    expect([clock.now(), clock.wallTime()]).toEqual([0, 1000])
    await clock.advance(2.5)
    expect([clock.now(), clock.wallTime()]).toEqual([2.5, 1002.5])
  })

  it('fires timers at their time, in the order of their times, then of their setting', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 50 })),
        fc.integer({ min: 0, max: 60 }),
        async (delays, span) => {
          const clock = new VirtualClock()
          const fired: [delay: number, index: number, now: number][] = []
          for (const [index, delay] of delays.entries())
            clock.setTimer(() => fired.push([delay, index, clock.now()]), delay)
          await clock.advance(span)
          const due = delays.map((delay, index) => [delay, index, delay]).filter(([delay = 0]) => delay <= span)
          expect(fired).toEqual(due.toSorted(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j))
          expect(clock.pendingTimers).toBe(delays.length - due.length)
          expect(clock.now()).toBe(span)
        },
      ),
    )
  })

  it('fires timers that timers and promises set on the way', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms))
    const looping = (async () => {
      for (let i = 0; i < 4; i++) {
        await wait(10)
        seen.push(clock.now())
      }
    })()
    await clock.advance(35)
    expect(seen).toEqual([10, 20, 30])
    await clock.advance(5)
    await looping
    expect(seen).toEqual([10, 20, 30, 40])
  })

  it('does not fire what was cancelled, before or while it would', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    const first = clock.setTimer(() => fired.push('first'), 5)
    first.cancel()
    first.cancel()
    const third = clock.setTimer(() => fired.push('third'), 11)
    clock.setTimer(() => {
      fired.push('second')
      third.cancel()
    }, 10)
    await clock.advance(20)
    expect(fired).toEqual(['second'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('takes a millisecond at least, as Node does, and never fires what is infinitely far', async () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    clock.setTimer(() => fired.push(0), 0)
    clock.setTimer(() => fired.push(1), -5)
    clock.setTimer(() => fired.push(2), Infinity)
    await clock.advance(0)
    expect(fired).toEqual([])
    await clock.advance(1e12)
    expect(fired).toEqual([0, 1])
    expect(clock.pendingTimers).toBe(1)
  })

  it('runs immediates before timers, those of immediates included', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.setTimer(() => seen.push('timer'), 1)
    clock.immediate(() => {
      seen.push('immediate')
      clock.immediate(() => seen.push('its own'))
    })
    expect(seen).toEqual([])
    await clock.advance(1)
    expect(seen).toEqual(['immediate', 'its own', 'timer'])
  })

  it('gives up on code that asks for immediates without end, rather than hang', async () => {
    const clock = new VirtualClock()
    const again = () => clock.immediate(again)
    again()
    await expect(clock.advance(0)).rejects.toThrow(/without end/)
  })

  it('lets time pass while nothing runs, as a blocked event loop does: timers fire late', async () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    clock.setTimer(() => fired.push(clock.now()), 10)
    clock.block(100)
    expect([clock.now(), fired]).toEqual([100, []])
    await clock.advance(0)
    expect(fired).toEqual([100])
  })
})
