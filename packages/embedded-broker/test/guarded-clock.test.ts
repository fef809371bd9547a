import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { guardedClock } from '../src/guarded-clock.js'

describe('The clock of the broker', () => {
  it('tells a defect in a timer to the log, and goes on with the next one', async () => {
    const clock = new VirtualClock()
    const told: string[] = []
    const guarded = guardedClock(clock, { ...silentLogger, error: (_, message) => told.push(message) })
    const fired: string[] = []
    guarded.setTimer(() => {
      throw new Error('the lock had no owner')
    }, 10)
    guarded.setTimer(() => fired.push('the next'), 20)
    guarded.setTimer(() => fired.push('one that was cancelled'), 20).cancel()
    await clock.advance(20)
    expect(told).toEqual([
      expect.stringMatching(/failed at something that was due, which is a defect.*the lock had no owner/),
    ])
    expect(fired).toEqual(['the next'])
  })
})
