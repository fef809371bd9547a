import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords, type LostPiece } from '../../src/share/acquired-records.js'
import { waitForVerdict } from '../../src/share/record-verdicts.js'
import { SharePartitions } from '../../src/share/share-partition.js'

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)

let losses: LostPiece[]
let ledger: AcquiredRecords
let range: AcquiredRange

beforeEach(() => {
  losses = []
  ledger = new AcquiredRecords({
    answered: () => undefined,
    lost: (piece) => losses.push(piece),
    verdict: () => undefined,
  })
  range = new AcquiredRange(partition, ledger, 0, 3, 1, 30_000)
  ledger.enter(range)
})

describe('records that are given up', () => {
  it('are decided: who waits for the verdict on one of them hears of it, and nobody else does', async () => {
    const told: number[] = []
    const verdicts = [0, 1, 2, 3].map(async (index) => {
      const verdict = await waitForVerdict(range, index)
      told.push(index)
      return verdict
    })
    ledger.giveUp(range, 1, 3)
    expect((await Promise.all(verdicts.slice(1, 3))).map(({ error, type }) => [error?.code, type])).toEqual([
      ['INVALID_RECORD_STATE', undefined],
      ['INVALID_RECORD_STATE', undefined],
    ])
    expect(told).toEqual([1, 2])
  })

  it('are those without an answer: what is to be released or rejected still is', () => {
    range.answer(1, AckCode.RELEASE)
    range.answer(3, AckCode.REJECT)
    ledger.giveUp(range, 0, 4)
    expect(losses.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [2, 3],
    ])
    const sent = [...ledger.send('all').values()].flatMap(({ batches }) => batches)
    expect(sent.map(({ firstOffset, acknowledgeTypes }) => [firstOffset, acknowledgeTypes])).toEqual([
      [1, [AckCode.RELEASE]],
      [3, [AckCode.REJECT]],
    ])
  })

  it('are told as lost, and leave the ledger with the last of their range', () => {
    range.answer(3, AckCode.ACCEPT)
    ledger.giveUp(range, 0, 3)
    expect(losses.map(({ from, to }) => [from, to])).toEqual([[0, 3]])
    expect([...ledger.ranges()]).toEqual([range])
    for (const [of, sent] of ledger.send('all')) ledger.settle(of, sent, { outcome: 'done', lockDeadline: 60_000 })
    expect([...ledger.ranges()]).toEqual([])
  })
})
