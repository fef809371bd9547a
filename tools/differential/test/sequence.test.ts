import { describe, expect, it } from 'vitest'
import { makeSequence } from '../src/sequence.js'
import type { Step } from '../src/step.js'

const seeds = Array.from({ length: 40 }, (_, index) => index)

describe('a sequence', () => {
  it('is the same whenever its seed and index are asked for', () => {
    for (const seed of seeds) expect(makeSequence(seed, 3, 100)).toEqual(makeSequence(seed, 3, 100))
  })

  it('is another one for every seed and every index', () => {
    const texts = seeds.flatMap((seed) => [0, 1, 2].map((index) => JSON.stringify(makeSequence(seed, index, 20).steps)))
    expect(new Set(texts).size).toBe(texts.length)
  })

  it('has exactly as many steps as were asked for', () => {
    for (const length of [1, 2, 7, 100]) expect(makeSequence(5, 0, length).steps).toHaveLength(length)
  })

  it('ends every time of short locks, and collects every fetch that waits, before anything else of that kind begins', () => {
    for (const seed of seeds) {
      let areShort = false
      const waiting = new Set<number>()
      for (const step of makeSequence(seed, 0, 200).steps) {
        if (step.kind === 'shortenLocks') {
          expect(areShort).toBe(false)
          areShort = true
        }
        if (step.kind === 'expire') areShort = false
        if (step.kind === 'fetch' && step.park) waiting.add(step.member)
        if (step.kind === 'collect') expect(waiting.delete(step.member)).toBe(true)
      }
      expect(areShort).toBe(false)
      expect([...waiting]).toEqual([])
    }
  })

  it('renews with fetches that ask for nothing, but for the fault of asking', () => {
    const renewing = seeds
      .flatMap((seed) => makeSequence(seed, 1, 100).steps)
      .filter((step): step is Extract<Step, { kind: 'fetch' }> => step.kind === 'fetch' && step.renew)
    expect(renewing.length).toBeGreaterThan(20)
    for (const { fault, version, maxRecords, maxBytes, minBytes, maxWaitMs } of renewing) {
      expect(version).toBe(2)
      if (fault !== 'renewWithLimits') expect([maxRecords, maxBytes, minBytes, maxWaitMs]).toEqual([0, 0, 0, 0])
    }
  })
})
