import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIsoDurationMs } from '../../src/configs/iso-duration.js'

describe('A duration of ISO-8601', () => {
  it.each([
    ['PT0S', 0],
    ['P1D', 86_400_000],
    ['PT1H', 3_600_000],
    ['PT15M', 900_000],
    ['PT0.5S', 500],
    ['PT0,25S', 250],
    ['PT0.0009S', 0],
    ['P2DT3H4M5.006S', 183_845_006],
    ['p1dt-2h0.5s', 79_200_500],
    ['-PT1H', -3_600_000],
    ['PT-1H', -3_600_000],
    ['-PT-1H', 3_600_000],
    ['+PT+1H', 3_600_000],
    ['PT5.S', 5000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseIsoDurationMs(text)).toBe(ms)
  })

  it.each(['', '1h', 'P', 'PT', 'P1DT', 'P1W', 'P1M', 'P1Y', 'PT.5S', 'PT1H2', 'PT1S1M', ' PT1S', 'PT1S ', 'PT1e3S'])(
    '%j is none',
    (text) => {
      expect(parseIsoDurationMs(text)).toBeUndefined()
    },
  )

  it('that is longer than anything can be is none', () => {
    expect(parseIsoDurationMs('PT999999999999999H')).toBeUndefined()
    expect(parseIsoDurationMs(`PT${'9'.repeat(400)}S`)).toBeUndefined()
  })

  it('says the sum of its parts', () => {
    const part = fc.option(fc.integer({ min: -9999, max: 9999 }), { nil: undefined })
    fc.assert(
      fc.property(part, part, part, part, (d, h, m, s) => {
        const time = [h !== undefined && `${h}H`, m !== undefined && `${m}M`, s !== undefined && `${s}S`].filter(
          Boolean,
        )
        const text = `P${d === undefined ? '' : `${d}D`}${time.length > 0 ? `T${time.join('')}` : ''}`
        const sum = (((d ?? 0) * 24 + (h ?? 0)) * 60 + (m ?? 0)) * 60_000 + (s ?? 0) * 1000
        expect(parseIsoDurationMs(text)).toBe(text === 'P' ? undefined : sum + 0)
      }),
    )
  })
})
