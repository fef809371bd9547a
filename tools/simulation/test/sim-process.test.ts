import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { Findings } from '../src/findings.js'
import { SimProcess } from '../src/sim-process.js'

function made() {
  const clock = new VirtualClock()
  const findings = new Findings(clock, { keep: false })
  const process = new SimProcess('p1', clock, findings)
  const seen: string[] = []
  const timer = (name: string, ms: number) => process.clock.setTimer(() => seen.push(`${name} at ${clock.now()}`), ms)
  return { clock, findings, process, seen, timer }
}

describe('A process of the simulation', () => {
  it('runs nothing while it is frozen, and all of that in order when it goes on', async () => {
    const { clock, process, seen, timer } = made()
    timer('second', 20)
    timer('first', 10)
    timer('late', 500)
    process.freeze()
    await clock.advance(100)
    expect(seen).toEqual([])
    process.thaw()
    await clock.advance(0)
    expect(seen).toEqual(['first at 100', 'second at 100'])
    await clock.advance(400)
    expect(seen.at(-1)).toBe('late at 500')
  })

  it('runs promises between what fell due, so that an answer which is there can take back the timer behind it', async () => {
    const { clock, process, seen, timer } = made()
    const timeout = timer('timeout', 20)
    process.clock.setTimer(() => void Promise.resolve().then(() => timeout.cancel()), 10)
    process.freeze()
    await clock.advance(100)
    process.thaw()
    await clock.advance(0)
    expect(seen).toEqual([])
    expect(process.pendingTimers).toBe(0)
  })

  it('never runs anything once it is dead', async () => {
    const { clock, process, seen, timer } = made()
    timer('due', 10)
    process.freeze()
    await clock.advance(50)
    process.kill()
    process.thaw()
    timer('new', 1)
    process.clock.immediate(() => seen.push('immediate'))
    await clock.advance(100)
    expect(seen).toEqual([])
    expect([process.pendingTimers, clock.pendingTimers]).toEqual([0, 0])
  })

  it('tells what is thrown in a timer as a defect', async () => {
    const { clock, process, findings } = made()
    process.clock.setTimer(() => {
      throw new Error('here')
    }, 5)
    await clock.advance(5)
    expect(findings.all).toMatchObject([{ invariant: 'DEFECT', atMs: 5 }])
  })
})
