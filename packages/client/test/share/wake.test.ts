import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { Wake } from '../../src/share/wake.js'

function watch(promise: Promise<void>): { done: boolean } {
  const state = { done: false }
  void promise.then(() => (state.done = true))
  return state
}

describe('a wake', () => {
  it('ends the wait that is on', async () => {
    const clock = new VirtualClock()
    const wake = new Wake(clock)
    const wait = watch(wake.wait())
    await clock.advance(1_000_000)
    expect(wait.done).toBe(false)
    wake.notify()
    await clock.advance(0)
    expect(wait.done).toBe(true)
  })

  it('is remembered for the next wait, once', async () => {
    const clock = new VirtualClock()
    const wake = new Wake(clock)
    wake.notify()
    wake.notify()
    await wake.wait()
    const second = watch(wake.wait())
    await clock.advance(1)
    expect(second.done).toBe(false)
  })

  it('is forgotten when what it was for is dealt with', async () => {
    const clock = new VirtualClock()
    const wake = new Wake(clock)
    wake.notify()
    wake.clear()
    const wait = watch(wake.wait())
    await clock.advance(1)
    expect(wait.done).toBe(false)
    wake.notify()
    await clock.advance(0)
    expect(wait.done).toBe(true)
  })

  it('comes by itself after the time given, and leaves no timer behind', async () => {
    const clock = new VirtualClock()
    const wake = new Wake(clock)
    const wait = watch(wake.wait(50))
    await clock.advance(49)
    expect(wait.done).toBe(false)
    await clock.advance(1)
    expect(wait.done).toBe(true)
    const early = wake.wait(50)
    wake.notify()
    await early
    expect(clock.pendingTimers).toBe(0)
  })
})
