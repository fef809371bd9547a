import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { Dice } from '../src/dice.js'
import { Pipe, SimLink } from '../src/sim-link.js'

function made() {
  const clock = new VirtualClock()
  const link = new SimLink(new Dice(1))
  const seen: string[] = []
  const pipe = new Pipe(clock, link, 'in', (item) => seen.push(`${item?.toString() ?? 'end'} at ${clock.now()}`))
  return { clock, link, pipe, seen }
}

describe('A link of the simulation', () => {
  it('hands on at once in fair weather', () => {
    const { pipe, seen } = made()
    pipe.push(Buffer.from('a'))
    expect(seen).toEqual(['a at 0'])
  })

  it('keeps the order, however late bytes are', async () => {
    const { clock, link, pipe, seen } = made()
    link.baseMs = 50
    pipe.push(Buffer.from('a'))
    link.baseMs = 0
    pipe.push(Buffer.from('b'))
    pipe.push(undefined)
    await clock.advance(100)
    expect(seen).toEqual(['a at 50', 'b at 50', 'end at 50'])
  })

  it('holds one direction until it is mended', async () => {
    const { clock, link, pipe, seen } = made()
    link.hold(['in'])
    expect([link.isHeld('in'), link.isHeld('out')]).toEqual([true, false])
    pipe.push(Buffer.from('a'))
    await clock.advance(1_000)
    expect(seen).toEqual([])
    link.mend()
    expect(seen).toEqual(['a at 1000'])
  })

  it('delivers nothing once it is broken', async () => {
    const { clock, link, pipe, seen } = made()
    link.baseMs = 10
    pipe.push(Buffer.from('a'))
    pipe.break()
    await clock.advance(100)
    expect(seen).toEqual([])
  })
})
