import { describe, expect, it } from 'vitest'
import { containerKinds } from '../src/apps/app.js'
import { Invariant } from '../src/findings.js'
import { playHistory } from '../src/history.js'

const SEEDS = 500
const AT_ONCE = 50

describe('A history of containers, in every acknowledgement mode', () => {
  for (let from = 1; from <= SEEDS; from += AT_ONCE) {
    it(`keeps every invariant: seeds ${from} to ${from + AT_ONCE - 1}`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < from + AT_ONCE; seed++) {
        const { findings } = await playHistory(seed, { kinds: containerKinds })
        const told = findings.map(({ invariant, what }) => `${Invariant[invariant]}: ${what}`)
        expect(told, `pnpm simulate --apps container --seed ${seed} --story`).toEqual([])
      }
    })
  }
})
