import { describe, expect, it } from 'vitest'
import type { Finding, InvariantName } from '../src/findings.js'
import { huntPlants } from '../src/plant-hunt.js'
import type { Plant } from '../src/plants.js'
import type { SeedRun } from '../src/seed-pool.js'

const plant: Plant = {
  name: 'swapped',
  file: 'packages/client/src/x.ts',
  text: 'here',
  replacement: 'there',
  breaks: 'All.',
  foundBy: ['TWICE'],
}

/** Seeds 1, 2, 3 … are found by these; nothing is found by 'nothing' and those behind. */
function found(...by: (InvariantName | 'nothing')[]) {
  return async ({ from, seeds, onResult }: SeedRun): Promise<void> => {
    for (let seed = from; seed < from + seeds; seed++) {
      const invariant = by[seed - 1] ?? 'nothing'
      const findings: Finding[] = invariant === 'nothing' ? [] : [{ invariant, what: 'seen', atMs: 1 }]
      if (onResult({ seed, hash: '', findings, tally: [], lines: [] })) return
    }
  }
}

async function hunt({ play = found('TWICE'), codes = ['it is here'], plants = [plant] } = {}) {
  const lines: string[] = []
  const missed = await huntPlants({
    plants,
    jobs: 2,
    seeds: 10,
    play,
    codeOf: () => codes,
    tell: (line) => void lines.push(line),
  })
  return { missed, told: lines.join('\n') }
}

describe('The hunt for planted bugs', () => {
  it('tells which seed and which invariant has found one', async () => {
    const { missed, told } = await hunt({ play: found('nothing', 'TWICE') })
    expect(missed).toBe(0)
    expect(told).toMatch(/swapped +seed +2 +TWICE +seen/)
  })

  it('counts the invariants only that the plant names', async () => {
    const { missed, told } = await hunt({ play: found('DEFECT', 'LOST', 'DEFECT') })
    expect(missed).toBe(1)
    expect(told).toContain('NOT FOUND by TWICE in 10 seeds (All.); not counted: 2 DEFECT, 1 LOST')
    expect((await hunt({ play: found('DEFECT', 'TWICE') })).missed).toBe(0)
  })

  it('gives up a client that neither lives nor ends', async () => {
    const { missed, told } = await hunt({ play: found('PLAYED', 'PLAYED', 'TWICE') })
    expect(missed).toBe(1)
    expect(told).toContain('not counted: 2 PLAYED')
  })

  it('fails where a text no longer occurs exactly once, in the source or in what the compiler made of it', async () => {
    const gone = await hunt({ codes: ['it is here', 'it is gone'] })
    expect(gone.missed).toBe(1)
    expect(gone.told).toContain('The plant "swapped" no longer applies: its text occurs 0 times')
    const doubled = await hunt({ codes: ['here and here', 'it is here'] })
    expect(doubled.missed).toBe(1)
    expect(doubled.told).toContain('occurs 2 times')
  })

  it('goes on behind one that was missed, and tells them in their order', async () => {
    const plants = ['a', 'b', 'c'].map((name) => ({ ...plant, name, text: name === 'b' ? 'gone' : 'here' }))
    const { missed, told } = await hunt({ plants })
    expect(missed).toBe(1)
    expect(told.split('\n').map((line) => line.slice(0, 11))).toEqual(['a          ', 'The plant "', 'c          '])
  })
})
