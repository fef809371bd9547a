import { describe, expect, it } from 'vitest'
import { dateFormat } from '../src/date-format.js'
import { metricsTable } from '../src/metrics-table.js'
import { groupLine, progressLine } from '../src/report.js'

const at = new Date(2026, 10, 2, 15, 4, 5, 67).getTime()
const time = dateFormat('H:mm')

describe('The lines of a measurement', () => {
  it('have megabytes, rates per second, the count and the time', () => {
    const span = { from: at, to: at + 2_000, bytes: 3 * 1_048_576, records: 1_000 }
    expect(groupLine(span, time)).toBe('15:04, 15:04, 3.0000, 1.5000, 500.0000, 1000, 2000')
    const recent = { from: at, to: at + 500, bytes: 524_288, records: 100 }
    expect(progressLine(2, span, recent, time)).toBe(
      '15:04, 15:04, 3.0000, 1.0000, 200.0000, 1000, 500 for share consumer 2',
    )
  })

  it('stay lines when no time went by', () => {
    expect(groupLine({ from: at, to: at, bytes: 0, records: 5 }, time)).toBe(
      '15:04, 15:04, 0.0000, NaN, Infinity, 5, 0',
    )
  })

  it('list metrics in columns', () => {
    expect(metricsTable({ lockRenewals: 2, acquired: 10, 'fetch-size-avg': NaN }, 'me')).toEqual([
      '',
      'Metric Name                                                          Value',
      'consumer-share-fetch-manager-metrics:fetch-size-avg:{client-id=me} : NaN',
      'share-consumer-counters:acquired:{client-id=me}                    : 10.000',
      'share-consumer-counters:lock-renewals:{client-id=me}               : 2.000',
    ])
  })
})

describe('A date format', () => {
  it.each([
    ['yyyy-MM-dd HH:mm:ss:SSS', '2026-11-02 15:04:05:067'],
    ["d.M.yy 'at' h a, ''MMM''", "2.11.26 at 3 PM, 'Nov'"],
    ['EEEE, MMMM K k', 'Monday, November 3 15'],
  ])('writes %s as Java does', (pattern, text) => {
    expect(dateFormat(pattern)(at)).toBe(text)
  })

  it.each(['qq', 'yyyy G', 'XXXX', "'open", "'"])('refuses %s', (pattern) => {
    expect(() => dateFormat(pattern)).toThrow('argument --date-format')
  })
})
