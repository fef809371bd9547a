import { KafkaConnectionError, KafkaError } from '@milena/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange, type Verdict } from '../../src/share/acquired-range.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import { SharePartitions } from '../../src/share/share-partition.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'

// Answers of several ranges of one partition that a broker refused together, and the end of their session.

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const error = new KafkaError('refused', { code: 'INVALID_RECORD_STATE' })
const refused: Verdict = { outcome: 'failed', error, together: true }
const lost = new KafkaConnectionError('the session is gone')

let verdicts: AcknowledgementVerdict[]
let ledger: AcquiredRecords

beforeEach(() => {
  verdicts = []
  ledger = new AcquiredRecords({
    answered: () => undefined,
    lost: () => undefined,
    verdict: (verdict) => verdicts.push(verdict),
  })
})

/** Two ranges, accepted as a whole, their answers in one request. */
function sendTwoRanges() {
  for (const firstOffset of [0, 10]) {
    const range = new AcquiredRange(partition, ledger, firstOffset, firstOffset + 9, 1, 30_000)
    ledger.enter(range)
    range.answerOpen(AckCode.ACCEPT)
  }
  const sent = ledger.send('all').get(partition)
  if (sent === undefined) throw new Error('nothing was sent')
  return sent
}

function told(): [KafkaError | undefined, number, number][] {
  return verdicts.flatMap(({ error: of, batches }) =>
    batches.map(({ firstOffset, lastOffset }): [KafkaError | undefined, number, number] => [
      of,
      firstOffset,
      lastOffset,
    ]),
  )
}

describe('answers that were refused together', () => {
  it('all fail with the session that ends before they are sent one by one', () => {
    expect(ledger.settle(partition, sendTwoRanges(), refused)).toBe(true)
    expect(verdicts).toEqual([])
    ledger.lose(lost)
    expect(told()).toEqual([[lost, 0, 19]])
  })

  it('have all failed by the word of the broker when that comes with the end of the session', () => {
    const sent = sendTwoRanges()
    ledger.lose(lost)
    expect(ledger.settle(partition, sent, refused)).toBe(false)
    expect(told()).toEqual([[error, 0, 19]])
  })
})
