import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FetchBytes } from '../../src/share/fetch-bytes.js'

describe('the bytes that a fetch may bring', () => {
  it('are moderate while the size of records is not known', () => {
    expect(new FetchBytes(50_000_000).maxBytes(2_000, 4)).toBeLessThanOrEqual(2_000_000)
  })

  it('follow the size of the records, with some room, for every partition', () => {
    const bytes = new FetchBytes(50_000_000)
    for (let i = 0; i < 30; i++) bytes.received(100, 100 * 10_000)
    const one = bytes.maxBytes(1_000, 1)
    expect(one).toBeGreaterThan(1_000 * 10_000)
    expect(one).toBeLessThan(2 * 1_000 * 10_000)
    expect(bytes.maxBytes(1_000, 2)).toBeCloseTo(2 * one, -2)
    for (let i = 0; i < 60; i++) bytes.received(100, 100 * 10)
    expect(bytes.maxBytes(1_000, 1)).toBeLessThan(2_000_000)
  })

  it('never exceed what the user allows, and are whole numbers', () => {
    const answer = fc.record({ records: fc.nat(3_000), bytes: fc.nat(60_000_000) })
    fc.assert(
      fc.property(
        fc.array(answer, { maxLength: 20 }),
        fc.integer({ min: 1, max: 1e8 }),
        fc.nat(5_000),
        fc.nat(100),
        (answers, limit, records, partitions) => {
          const bytes = new FetchBytes(limit)
          for (const { records: count, bytes: size } of answers) bytes.received(count, size)
          const most = bytes.maxBytes(records, partitions)
          expect(Number.isInteger(most)).toBe(true)
          expect(most).toBeGreaterThan(0)
          expect(most).toBeLessThanOrEqual(limit)
        },
      ),
    )
  })
})
