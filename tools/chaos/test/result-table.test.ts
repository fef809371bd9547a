import { describe, expect, it } from 'vitest'
import type { RunResult } from '../src/chaos-run.js'
import { formatBroken, formatTable } from '../src/result-table.js'

const result: RunResult = {
  scenario: 'churn',
  scenarioTitle: 'members killed',
  subject: 'java',
  subjectTitle: 'Java',
  isMilena: false,
  records: 2_000,
  confirmed: 1_990,
  unheard: 10,
  lag: 0,
  redelivered: 120,
  explanations: { 'lock expired': 20, 'member killed': 97, unexplained: 2, 'after confirmation': 1 },
  confirmedTwice: 4,
  stories: [],
  highestDeliveryCount: 2,
  longestGapMs: 1_234,
  longestPartitionGapMs: 5_678,
  stopAfterLossMs: 4_321,
  longestOtherStopMs: 300,
  errors: { 'answer: X': 3, 'poll: Y': 40 },
  faults: [],
  stops: [],
  seconds: 60,
  broken: ['It went wrong.'],
}

const cells = (given: RunResult): string[] =>
  formatTable([given])
    .split('\n')
    .at(-1)
    ?.split('|')
    .slice(1, -1)
    .map((cell) => cell.trim()) ?? []

describe('the table of chaos', () => {
  it('has a row for each run', () => {
    expect(cells(result)).toEqual([
      'members killed',
      'Java',
      'all 2,000 (10 without hearing so)',
      '120: member killed 97, lock expired 20',
      '3',
      '4',
      '1,234 (5,678)',
      '4,321',
      '300',
      'poll: Y 40, answer: X 3',
    ])
  })

  it('says how many records are missing, and what could not be measured', () => {
    expect(cells({ ...result, unheard: 0, lag: 10 })[2]).toBe('1,990 of 2,000, lag 10')
    expect(cells({ ...result, unheard: 0, lag: undefined })[2]).toBe('1,990 of 2,000, lag unknown')
    expect(cells({ ...result, stopAfterLossMs: undefined, errors: {}, redelivered: 0 })).toMatchObject({
      3: '0',
      7: '–',
      9: 'none',
    })
  })

  it('is followed by what is not as promised', () => {
    expect(formatBroken([result, { ...result, broken: [] }])).toBe('- churn, Java: It went wrong.')
  })
})
