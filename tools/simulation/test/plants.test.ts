import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compiledOf, planted, readPlants, sourceOf, type Plant } from '../src/plants.js'

describe('A planted bug', () => {
  const plants = readPlants()

  it('is one of twenty or more, each of which says what it breaks and which invariant finds it', () => {
    expect(plants.length).toBeGreaterThanOrEqual(20)
    for (const { breaks, text, replacement, foundBy } of plants) {
      expect(foundBy).toHaveLength(1)
      // A crash is no invariant that bites.
      expect(['DEFECT', 'PLAYED']).not.toContain(foundBy[0])
      expect(breaks).toMatch(/^[A-Z].*\.$/)
      expect(replacement).not.toBe(text)
    }
  })

  for (const plant of plants) {
    it(`still applies: ${plant.name}`, () => {
      const source = readFileSync(sourceOf(plant), 'utf8')
      expect(planted(plant, source)).not.toBe(source)
      // What is loaded is what the compiler has made of it; it is there after a build.
      if (!existsSync(compiledOf(plant))) return
      expect(readFileSync(compiledOf(plant), 'utf8').split(plant.text)).toHaveLength(2)
    })
  }

  it('that no longer applies is an error, not a client without a bug', () => {
    const plant: Plant = {
      name: 'gone',
      file: 'packages/client/src/x.ts',
      text: 'here',
      replacement: 'there',
      breaks: 'All.',
      foundBy: ['LOST'],
    }
    expect(planted(plant, 'it is here')).toBe('it is there')
    expect(() => planted(plant, 'it is gone')).toThrow('no longer applies')
    expect(() => planted(plant, 'here and here')).toThrow('occurs 2 times')
  })
})
