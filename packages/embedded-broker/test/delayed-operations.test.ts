import { getEventListeners } from 'node:events'
import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { DelayedOperations, type DelayedOutcome } from '../src/delayed-operations.js'

function setup() {
  const clock = new VirtualClock()
  const delayed = new DelayedOperations(clock)
  const outcomes: [string, DelayedOutcome, number][] = []
  const wait = (name: string, operation: Parameters<DelayedOperations['wait']>[0]) =>
    void delayed.wait(operation).then((outcome) => outcomes.push([name, outcome, clock.now()]))
  return { clock, delayed, outcomes, wait }
}

describe('A delayed operation', () => {
  it('is complete at once when what it waits for is there', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    wait('a', { keys: ['x'], delayMs: 100, tryComplete: () => true })
    await clock.advance(0)
    expect(outcomes).toEqual([['a', 'complete', 0]])
    expect(delayed.size).toBe(0)
  })

  it('expires at once when it may not wait', async () => {
    const { clock, outcomes, wait } = setup()
    wait('a', { keys: ['x'], delayMs: 0, tryComplete: () => false })
    await clock.advance(0)
    expect(outcomes).toEqual([['a', 'expired', 0]])
  })

  it('looks again only when one of its keys is touched, and expires when its time is over', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    let there = false
    let looks = 0
    wait('a', { keys: ['x', 'y'], delayMs: 100, tryComplete: () => (looks++, there) })
    delayed.touch('z')
    expect(looks).toBe(1)
    delayed.touch('y')
    expect(looks).toBe(2)
    await clock.advance(99)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    expect(outcomes).toEqual([['a', 'expired', 100]])
    there = true
    delayed.touch('x')
    expect(looks).toBe(2)
    expect(delayed.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('that takes what it waited for leaves the next one waiting', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    let records = 0
    const take = () => {
      if (records === 0) return false
      records--
      return true
    }
    wait('first', { keys: ['x'], delayMs: 100, tryComplete: take })
    wait('second', { keys: ['x'], delayMs: 100, tryComplete: take })
    records = 1
    delayed.touch('x')
    await clock.advance(100)
    expect(outcomes).toEqual([
      ['first', 'complete', 0],
      ['second', 'expired', 100],
    ])
  })

  it('ends when its signal aborts, and does not begin after that', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    const gone = new AbortController()
    wait('a', { keys: ['x'], delayMs: 100, tryComplete: () => false, signal: gone.signal })
    gone.abort()
    wait('b', { keys: ['x'], delayMs: 100, tryComplete: () => false, signal: gone.signal })
    await clock.advance(0)
    expect(outcomes).toEqual([
      ['a', 'aborted', 0],
      ['b', 'aborted', 0],
    ])
    expect(delayed.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('that touches its own key while it completes is over once', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    let there = false
    wait('a', {
      keys: ['x'],
      delayMs: 100,
      tryComplete: () => {
        if (!there) return false
        there = false
        delayed.touch('x')
        return true
      },
    })
    wait('b', { keys: ['x'], delayMs: 100, tryComplete: () => false })
    there = true
    delayed.touch('x')
    expect(delayed.size).toBe(1)
    await clock.advance(0)
    expect(outcomes).toEqual([['a', 'complete', 0]])
  })

  it('that completes itself by touching its own key is over once', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    let looks = 0
    wait('a', {
      keys: ['x'],
      delayMs: 100,
      tryComplete: () => {
        looks++
        if (looks === 2) delayed.touch('x')
        return looks > 1
      },
    })
    wait('b', { keys: ['x'], delayMs: 100, tryComplete: () => false })
    delayed.touch('x')
    expect(delayed.size).toBe(1)
    await clock.advance(0)
    expect(outcomes).toEqual([['a', 'complete', 0]])
  })

  it('leaves no listener at the signal of a connection that lives on', async () => {
    const { clock, delayed, wait } = setup()
    const { signal } = new AbortController()
    for (let i = 0; i < 3; i++) wait('a', { keys: ['x'], delayMs: 10, tryComplete: () => false, signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(3)
    await clock.advance(10)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(delayed.size).toBe(0)
  })

  it('that throws fails alone: neither who touched the key nor who else waits for it is troubled', async () => {
    const { clock, delayed, outcomes, wait } = setup()
    let there = false
    const failing = delayed.wait({
      keys: ['x'],
      delayMs: 100,
      tryComplete: () => {
        if (there) throw new Error('a mistake')
        return false
      },
    })
    wait('b', { keys: ['x'], delayMs: 100, tryComplete: () => there })
    there = true
    delayed.touch('x')
    await expect(failing).rejects.toThrow('a mistake')
    expect(outcomes).toEqual([['b', 'complete', 0]])
    expect([delayed.size, clock.pendingTimers]).toEqual([0, 0])
  })
})
