import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import { SharePartitions } from '../../src/share/share-partition.js'

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const nobody = (): never => {
  throw new Error('something of it is still open')
}

let ledger: AcquiredRecords

beforeEach(() => {
  ledger = new AcquiredRecords({ answered: () => undefined, verdict: () => undefined, lost: () => undefined })
})

function enter(firstOffset: number, lastOffset: number): AcquiredRange {
  const range = new AcquiredRange(partition, ledger, firstOffset, lastOffset, 1, 30_000)
  ledger.enter(range)
  return range
}

describe('the renewals of a ledger', () => {
  it('are sent for what is open, in order, neighbours as one batch', () => {
    const [a, b, c] = [enter(20, 29), enter(0, 9), enter(10, 19)]
    c.answer(5, AckCode.ACCEPT)
    for (const range of [a, b, c]) ledger.renew(range, 0, 10)
    expect(ledger.renewals.pending).toBe(true)
    const sent = ledger.renewals.take(nobody).get(partition)
    expect(sent?.batches).toEqual([
      { firstOffset: 0, lastOffset: 14, acknowledgeTypes: [AckCode.RENEW] },
      { firstOffset: 16, lastOffset: 29, acknowledgeTypes: [AckCode.RENEW] },
    ])
    expect(sent?.pieces.map(({ range, from, to }) => [range.firstOffset + from, range.firstOffset + to])).toEqual([
      [0, 10],
      [10, 15],
      [16, 20],
      [20, 30],
    ])
    expect(ledger.renewals.pending).toBe(false)
  })

  it('leave out what was answered meanwhile, and tell when that was all', () => {
    const range = enter(0, 9)
    ledger.renew(range, 0, 10)
    range.answerOpen(AckCode.ACCEPT)
    const unneeded: unknown[] = []
    expect(ledger.renewals.take((piece) => unneeded.push(piece)).size).toBe(0)
    expect(unneeded).toEqual([{ range, from: 0, to: 10 }])
  })

  it('are no acknowledgements: nothing is unsent, and nothing waits for a verdict', () => {
    const range = enter(0, 9)
    ledger.renew(range, 0, 10)
    expect(ledger.hasUnsent).toBe(false)
    expect([...ledger.pendingPartitions()]).toEqual([])
    expect(ledger.hasOpen).toBe(true)
  })

  it('end with their session', () => {
    ledger.renew(enter(0, 9), 0, 10)
    ledger.lose(new Error('gone') as never)
    expect(ledger.renewals.pending).toBe(false)
  })
})
