import { describe, expect, it } from 'vitest'
import { measurementsHere, titleOf, together } from '../src/measurements.js'

const one = { ...measurementsHere({ records: 100, seed: 1, results: [] }), date: '2026-01-02' }

describe('measurements', () => {
  it('of like runs are one, as of the later day', () => {
    expect(together({ ...one, date: '2026-01-03' }, one)).toEqual({ ...one, date: '2026-01-03' })
  })

  it('of runs that cannot be compared are refused', () => {
    expect(() => together(one, { ...one, records: 200 })).toThrow('The runs differ in records (100, 200)')
  })

  it('say where they come from', () => {
    expect(titleOf(one)).toContain('`pnpm chaos --records 100 --seed 1`, 2026-01-02: Kafka 4.4.0')
  })
})
