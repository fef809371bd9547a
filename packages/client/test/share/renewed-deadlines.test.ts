import { KafkaError } from '@milena/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import { SharePartitions } from '../../src/share/share-partition.js'

// Which locks a renewal moves.

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const FIRST = 30_000
const RENEWED = 60_000
const error = new KafkaError('Renewing acquisition locks is not enabled for the group.', {
  code: 'INVALID_RECORD_STATE',
})

let ledger: AcquiredRecords
let range: AcquiredRange

beforeEach(() => {
  ledger = new AcquiredRecords({ answered: () => undefined, lost: () => undefined, verdict: () => undefined })
  range = new AcquiredRange(partition, ledger, 0, 3, 1, FIRST)
  ledger.enter(range)
})

function deadlines(): number[] {
  return [0, 1, 2, 3].map((index) => range.deadlineOf(index))
}

describe('a renewal by the lock keeper', () => {
  it('moves the locks of a range as one when nothing of it is on its way', () => {
    range.renewed(0, 4, RENEWED)
    expect(deadlines()).toEqual([RENEWED, RENEWED, RENEWED, RENEWED])
    expect(range.lockDeadline).toBe(RENEWED)
  })

  it('leaves alone the lock of a record whose own renewal is on its way, which may be refused', () => {
    range.answer(3, AckCode.RENEW)
    const sent = ledger.send('all')
    range.renewed(0, 3, RENEWED)
    for (const [of, pieces] of sent) ledger.settle(of, pieces, { outcome: 'unrenewed', error })
    expect(range.isOpen(3)).toBe(true)
    expect(deadlines()).toEqual([RENEWED, RENEWED, RENEWED, FIRST])
    expect(ledger.expire(FIRST)).toBe(1)
    expect([0, 1, 2, 3].map((index) => range.isOpen(index))).toEqual([true, true, true, false])
  })
})

describe('a renewal by the application', () => {
  it('moves the lock also when a terminal answer waits behind it, which may still be changed', () => {
    range.answer(0, AckCode.RENEW)
    const first = ledger.send('all')
    range.answer(0, AckCode.ACCEPT)
    for (const [of, pieces] of first) ledger.settle(of, pieces, { outcome: 'done', lockDeadline: RENEWED })
    expect(deadlines()).toEqual([RENEWED, FIRST, FIRST, FIRST])
    expect(range.answer(0, AckCode.RENEW, true)).toBe('noted')
    for (const [of, pieces] of ledger.send('all')) ledger.settle(of, pieces, { outcome: 'unrenewed', error })
    expect(range.isOpen(0)).toBe(true)
    expect(ledger.expire(FIRST)).toBe(3)
    expect(range.isOpen(0)).toBe(true)
  })
})
