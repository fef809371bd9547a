import { describe, expect, it } from 'vitest'
import { Invariant } from '../src/findings.js'
import { playHistory } from '../src/history.js'

// 500 seeds in four suites of vitest's workers would not be quicker: histories of one process follow one another.

const SEEDS = 500
const AT_ONCE = 50

describe('A history', () => {
  for (let from = 1; from <= SEEDS; from += AT_ONCE) {
    it(`keeps every invariant: seeds ${from} to ${from + AT_ONCE - 1}`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < from + AT_ONCE; seed++) {
        const { findings } = await playHistory(seed)
        const told = findings.map(({ invariant, what }) => `${Invariant[invariant]}: ${what}`)
        expect(told, `pnpm simulate --seed ${seed} --story`).toEqual([])
      }
    })
  }

  it('is the same each time it is played', async () => {
    for (const seed of [3, 14, 159]) {
      const [first, again, told] = [
        await playHistory(seed),
        await playHistory(seed),
        await playHistory(seed, { keepStory: true }),
      ]
      expect([again.hash, told.hash]).toEqual([first.hash, first.hash])
      expect(told.lines.length).toBeGreaterThan(50)
    }
    expect((await playHistory(4)).hash).not.toBe((await playHistory(5)).hash)
  })
})
