import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { SparingLines } from '../../src/command/sparing-lines.js'

function world() {
  const clock = new VirtualClock()
  const written: string[] = []
  return { clock, written, lines: new SparingLines(clock, (line) => written.push(line)) }
}

describe('Lines that differ in their numbers only', () => {
  it('are written five times in a second; the rest is counted', async () => {
    const { clock, written, lines } = world()
    for (let offset = 0; offset < 100; offset++) lines.write(`offset ${offset} ran out`)
    lines.write('something else')
    expect(written).toEqual([...[0, 1, 2, 3, 4].map((offset) => `offset ${offset} ran out`), 'something else'])
    await clock.advance(1000)
    expect(written.at(-1)).toBe('offset 99 ran out (and 94 more like it before)')

    lines.write('offset 100 ran out')
    expect(written.at(-1)).toBe('offset 100 ran out')
    expect(written).toHaveLength(8)
  })

  it('are told in full when it is one only that was kept back', async () => {
    const { clock, written, lines } = world()
    for (let offset = 0; offset < 6; offset++) lines.write(`offset ${offset}`)
    await clock.advance(1000)
    expect(written).toEqual([0, 1, 2, 3, 4, 5].map((offset) => `offset ${offset}`))
  })
})
