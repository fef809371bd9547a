import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '@milena/protocol/runtime'

describe('the system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 5_000, toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'Date', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('tells the wall time in milliseconds since the epoch, and the other one from anywhere', () => {
    const [before, wall] = [systemClock.now(), systemClock.wallTime()]
    vi.advanceTimersByTime(20)
    expect(systemClock.now() - before).toBe(20)
    expect(systemClock.wallTime() - wall).toBe(20)
    expect(wall).toBe(5_000)
  })

  it('fires a timer once', () => {
    const fired = vi.fn()
    systemClock.setTimer(fired, 10)
    vi.advanceTimersByTime(9)
    expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(50)
    expect(fired).toHaveBeenCalledTimes(1)
  })

  it('does not fire a timer that was cancelled', () => {
    const fired = vi.fn()
    const timer = systemClock.setTimer(fired, 10, { unref: true })
    timer.cancel()
    timer.cancel()
    vi.advanceTimersByTime(50)
    expect(fired).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps to delays longer than Node can count at once', () => {
    const fired = vi.fn()
    const days = 60 * 24 * 3600 * 1000
    systemClock.setTimer(fired, days)
    vi.advanceTimersByTime(days - 1)
    expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fired).toHaveBeenCalledTimes(1)
  })

  it('can be cancelled in the middle of such a delay', () => {
    const fired = vi.fn()
    const timer = systemClock.setTimer(fired, Infinity)
    vi.advanceTimersByTime(2 ** 31)
    timer.cancel()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('has immediates', () => {
    const called = vi.fn()
    systemClock.immediate(called)
    expect(called).not.toHaveBeenCalled()
    vi.runAllTimers()
    expect(called).toHaveBeenCalledTimes(1)
  })
})
