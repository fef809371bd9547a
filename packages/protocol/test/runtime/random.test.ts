import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom, systemRandom, type Random } from '@milena/protocol/runtime'

const sources: ReadonlyArray<readonly [string, () => Random]> = [
  ['of the machine', () => systemRandom],
  ['with a seed', () => new SeededRandom(42)],
]

for (const [name, make] of sources) {
  describe(`chance ${name}`, () => {
    it('is spread evenly over [0, 1)', () => {
      const random = make()
      const counts = Array.from({ length: 10 }, () => 0)
      for (let i = 0; i < 20_000; i++) {
        const drawn = random.next()
        expect(drawn >= 0 && drawn < 1).toBe(true)
        const slot = Math.floor(drawn * 10)
        counts[slot] = (counts[slot] ?? 0) + 1
      }
      // 2,000 each; 300 away is seven standard deviations.
      for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(300)
    })

    it('makes UUIDs of version 4 that differ and do not begin with a dash', () => {
      const random = make()
      const texts = new Set<string>()
      for (let i = 0; i < 2000; i++) {
        const uuid = random.uuid()
        expect(uuid).toHaveLength(16)
        expect([(uuid[6] ?? 0) >> 4, (uuid[8] ?? 0) >> 6]).toEqual([4, 2])
        texts.add(uuid.toString('base64url'))
      }
      expect(texts.size).toBe(2000)
      expect([...texts].filter((text) => text.startsWith('-'))).toEqual([])
    })
  })
}

describe('a seed', () => {
  it('gives the same history each time, and another seed another one', () => {
    const history = (seed: number) => {
      const random = new SeededRandom(seed)
      return [random.next(), random.uuid().toString('hex'), random.next()]
    }
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (one, other) => {
        expect(history(one)).toEqual(history(one))
        fc.pre(one !== other)
        expect(history(one)).not.toEqual(history(other))
      }),
    )
  })

  it('gives this history on every machine', () => {
    const random = new SeededRandom(1)
    expect([random.next(), random.next()]).toMatchInlineSnapshot(`
      [
        0.09156953175513294,
        0.8881928137485323,
      ]
    `)
  })
})
