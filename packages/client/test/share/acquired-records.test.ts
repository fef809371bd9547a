import { KafkaError } from '@milena/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange, type Verdict } from '../../src/share/acquired-range.js'
import { AcquiredRecords, type LostPiece, type SentByPartition } from '../../src/share/acquired-records.js'
import { SharePartitions } from '../../src/share/share-partition.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'

const partitions = new SharePartitions()
const first = partitions.of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const second = partitions.of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 1)
const done: Verdict = { outcome: 'done', lockDeadline: 60_000 }
const error = new KafkaError('refused', { code: 'INVALID_RECORD_STATE' })
const refused: Verdict = { outcome: 'failed', error, together: true }
const again: Verdict = { outcome: 'again' }

let verdicts: AcknowledgementVerdict[]
let notes: boolean[]
let losses: LostPiece[]
let ledger: AcquiredRecords

beforeEach(() => {
  verdicts = []
  notes = []
  losses = []
  ledger = new AcquiredRecords({
    answered: (urgent) => notes.push(urgent),
    lost: (piece) => losses.push(piece),
    verdict: (verdict) => verdicts.push(verdict),
  })
})

function enter(firstOffset: number, lastOffset: number, partition = first, lockDeadline = 30_000): AcquiredRange {
  const range = new AcquiredRange(partition, ledger, firstOffset, lastOffset, 1, lockDeadline)
  ledger.enter(range)
  return range
}

function batches(sent: SentByPartition): Record<string, [number, number, number[]][]> {
  return Object.fromEntries(
    [...sent].map(([{ partition }, acknowledgements]) => [
      partition,
      acknowledgements.batches.map(({ firstOffset, lastOffset, acknowledgeTypes }): [number, number, number[]] => [
        firstOffset,
        lastOffset,
        [...acknowledgeTypes],
      ]),
    ]),
  )
}

function settle(sent: SentByPartition, verdict: Verdict): boolean[] {
  return [...sent].map(([partition, acknowledgements]) => ledger.settle(partition, acknowledgements, verdict))
}

describe('the ledger of a session', () => {
  it('sends each answer once, by partition', () => {
    const a = enter(0, 9)
    const b = enter(5, 6, second)
    a.answerOpen(AckCode.ACCEPT)
    b.answer(0, AckCode.REJECT)
    expect(ledger.hasUnsent).toBe(true)
    expect(batches(ledger.send('all'))).toEqual({ 0: [[0, 9, [1]]], 1: [[5, 5, [3]]] })
    expect(ledger.hasUnsent).toBe(false)
    expect(batches(ledger.send('all'))).toEqual({})
  })

  it('holds back ranges that are not answered through, when asked to', () => {
    const a = enter(0, 3)
    const b = enter(4, 7)
    a.answerOpen(AckCode.ACCEPT)
    b.answer(0, AckCode.ACCEPT)
    expect(batches(ledger.send('whole ranges'))).toEqual({ 0: [[0, 3, [1]]] })
    expect(ledger.hasUnsent).toBe(true)
    expect(batches(ledger.send('whole ranges'))).toEqual({})
    expect(batches(ledger.send('all'))).toEqual({ 0: [[4, 4, [1]]] })
  })

  it('hands out no RELEASE and no RENEW for a fetch, whatever was answered in the place of what', () => {
    const code = fc.constantFrom<AckCode[]>(AckCode.ACCEPT, AckCode.RELEASE, AckCode.REJECT, AckCode.RENEW)
    const answer = fc.record({ index: fc.nat(5), code, in: fc.nat(2) })
    const step = fc.oneof(
      { weight: 6, arbitrary: answer },
      { weight: 1, arbitrary: fc.constantFrom('with a fetch', 'whole ranges', 'all') },
      { weight: 2, arbitrary: fc.constantFrom(done, again) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        ledger = new AcquiredRecords({ answered: () => undefined, lost: () => undefined, verdict: () => undefined })
        const ranges = [enter(0, 5), enter(6, 11), enter(0, 5, second)]
        let out: SentByPartition = new Map()
        for (const each of steps) {
          if (typeof each === 'object' && 'index' in each) ranges[each.in]?.answer(each.index, each.code, true)
          else if (typeof each === 'object') {
            settle(out, each)
            out = new Map()
          } else if (out.size === 0) {
            out = ledger.send(each)
            const types = [...out.values()].flatMap(({ batches: sent }) => sent.flatMap((b) => b.acknowledgeTypes))
            if (each !== 'all') expect(types).not.toEqual(expect.arrayContaining([AckCode.RELEASE]))
            if (each !== 'all') expect(types).not.toEqual(expect.arrayContaining([AckCode.RENEW]))
          }
          const alone = ranges.some((range) => range.alone > 0)
          expect(ledger.hasUnsentApart(new Set([first, second]))).toBe(alone)
        }
        settle(out, done)
        for (let i = 0; i < 5 && ledger.hasUnsent; i++) settle(ledger.send('all'), done)
        expect(ledger.hasUnsent).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it('sends what a broker refused along with forbidden renewals again, and tells those alone', () => {
    const range = enter(0, 3)
    range.answer(0, AckCode.ACCEPT)
    range.answer(1, AckCode.RENEW)
    expect(settle(ledger.send('all'), { outcome: 'unrenewed', error })).toEqual([true])
    expect(verdicts).toMatchObject([
      { batches: [{ firstOffset: 1, lastOffset: 1 }], counts: { accept: 0, renew: 1 }, error },
    ])
    expect(range.isOpen(1)).toBe(true)
    expect(batches(ledger.send('all'))).toEqual({ 0: [[0, 0, [1]]] })
  })

  it('sends nothing again for ever that a broker calls a forbidden renewal, and that is none', () => {
    const range = enter(0, 3)
    range.answer(0, AckCode.ACCEPT)
    expect(settle(ledger.send('all'), { outcome: 'unrenewed', error })).toEqual([false])
    expect(verdicts).toMatchObject([{ counts: { accept: 1 }, error }])
    expect(ledger.hasUnsent).toBe(false)
  })

  it('tells what a request should not wait for', () => {
    const a = enter(0, 3)
    a.answer(0, AckCode.ACCEPT)
    expect(notes).toEqual([false])
    a.answer(1, AckCode.RELEASE)
    expect(notes).toEqual([false, true])
  })

  it('knows what waits for a verdict until that comes', () => {
    const a = enter(0, 1)
    expect([...ledger.pendingPartitions()]).toEqual([])
    a.answerOpen(AckCode.ACCEPT)
    expect([...ledger.pendingPartitions()]).toEqual([first])
    const sent = ledger.send('all')
    expect([...ledger.pendingPartitions()]).toEqual([first])
    settle(sent, done)
    expect([...ledger.pendingPartitions()]).toEqual([])
    expect(verdicts).toMatchObject([{ partition: first, counts: { accept: 2 }, error: undefined }])
  })

  it('has records out until all are answered', () => {
    const a = enter(0, 1)
    expect(ledger.hasOpen).toBe(true)
    a.answerOpen(AckCode.ACCEPT)
    expect(ledger.hasOpen).toBe(false)
    const renewed = enter(2, 2)
    renewed.answer(0, AckCode.RENEW)
    settle(ledger.send('all'), done)
    expect(ledger.hasOpen).toBe(true)
  })

  it('sees answers for a partition that is not wanted any more', () => {
    enter(0, 1).answerOpen(AckCode.ACCEPT)
    expect(ledger.hasUnsentApart(new Set([first]))).toBe(false)
    expect(ledger.hasUnsentApart(new Set([second]))).toBe(true)
  })

  it('sends again what failed for a reason that passes', () => {
    enter(0, 1).answerOpen(AckCode.ACCEPT)
    expect(settle(ledger.send('all'), again)).toEqual([true])
    expect(verdicts).toEqual([])
    expect(batches(ledger.send('all'))).toEqual({ 0: [[0, 1, [1]]] })
  })

  it('gives an offset that was acquired anew to the newer range', () => {
    const older = enter(0, 9)
    const newer = new AcquiredRange(first, ledger, 4, 6, 2, 60_000)
    expect(ledger.enter(newer)).toBe(3)
    expect(losses).toEqual([{ range: older, from: 4, to: 7, cause: 'expired', error: undefined }])
    expect(older.answer(5, AckCode.ACCEPT)).toBe('stale')
    expect(newer.answer(1, AckCode.REJECT)).toBe('noted')
    older.answerOpen(AckCode.ACCEPT)
    const offsets = batches(ledger.send('all'))[0]
    expect(offsets?.map(([from, to]) => [from, to])).toEqual([
      [0, 3],
      [5, 5],
      [7, 9],
    ])
  })

  it('sends nothing for an older range that a newer one took over whole', () => {
    const older = enter(0, 3)
    older.answerOpen(AckCode.ACCEPT)
    enter(0, 3)
    expect(losses).toEqual([])
    // The answers came too late, and that is told.
    expect(verdicts).toMatchObject([
      { partition: first, counts: { accept: 4 }, error: { code: 'INVALID_RECORD_STATE' } },
    ])
    expect(ledger.hasUnsent).toBe(false)
    expect(batches(ledger.send('all'))).toEqual({})
    // The newer one is in the ledger all the same.
    expect(ledger.hasOpen).toBe(true)
    expect(enter(0, 3).open).toBe(4)
    expect(ledger.answerAllOpen(AckCode.RELEASE)).toBe(4)
  })

  it('tells what an older range had answered, and not sent, of offsets that are acquired anew', () => {
    const older = enter(0, 9)
    older.answer(1, AckCode.RENEW)
    const sent = ledger.send('all')
    older.answer(1, AckCode.ACCEPT)
    older.answer(2, AckCode.REJECT)
    older.answer(3, AckCode.RENEW)
    enter(0, 9)
    expect(verdicts.map(({ counts, error: failure }) => [counts, failure?.code])).toMatchObject([
      [{ accept: 1 }, 'INVALID_RECORD_STATE'],
      [{ reject: 1 }, 'INVALID_RECORD_STATE'],
      [{ renew: 1 }, 'INVALID_RECORD_STATE'],
    ])
    settle(sent, refused)
    expect(verdicts).toHaveLength(4)
  })

  it('gives up what nobody answered long after its lock ran out', () => {
    const a = enter(0, 3)
    a.answer(0, AckCode.ACCEPT)
    enter(4, 5, first, 90_000)
    expect(ledger.expire(29_999)).toBe(0)
    expect(ledger.expire(30_000)).toBe(3)
    expect(losses).toEqual([{ range: a, from: 1, to: 4, cause: 'expired', error: undefined }])
    expect(ledger.hasOpen).toBe(true)
    expect(ledger.expire(90_000)).toBe(2)
    expect(ledger.hasOpen).toBe(false)
    expect(batches(ledger.send('all'))).toEqual({ 0: [[0, 0, [1]]] })
  })
})

describe('answers of several ranges that the broker refuses together', () => {
  it('are sent again one range at a time, so that only the culprit is lost', () => {
    for (const at of [0, 10, 20]) enter(at, at + 4).answerOpen(AckCode.ACCEPT)
    const refusals: number[] = []
    const stored: number[] = []
    for (let request = 0; request < 10 && ledger.hasUnsent; request++) {
      const sent = ledger.send('all')
      const [word] = batches(sent)[0]?.map(([from]) => from) ?? []
      const several = (batches(sent)[0]?.length ?? 0) > 1
      // The lock of the second range has run out.
      const verdict = several || word === 10 ? refused : done
      settle(sent, verdict)
      if (!several) (verdict === done ? stored : refusals).push(word ?? -1)
    }
    expect(refusals).toEqual([10])
    expect(stored.sort((a, b) => a - b)).toEqual([0, 20])
    expect(verdicts.map(({ error: failure }) => failure)).toEqual(expect.arrayContaining([error, undefined, undefined]))
    expect([...ledger.pendingPartitions()]).toEqual([])
    // And then together again.
    enter(30, 31).answerOpen(AckCode.ACCEPT)
    enter(40, 41).answerOpen(AckCode.ACCEPT)
    expect(batches(ledger.send('all'))[0]).toHaveLength(2)
  })

  it('do not hold up those of other partitions', () => {
    enter(0, 1).answerOpen(AckCode.ACCEPT)
    enter(5, 6).answerOpen(AckCode.ACCEPT)
    const sent = ledger.send('all')
    settle(sent, refused)
    enter(0, 1, second).answerOpen(AckCode.ACCEPT)
    enter(5, 6, second).answerOpen(AckCode.ACCEPT)
    const next = batches(ledger.send('all'))
    expect(next[0]).toHaveLength(1)
    expect(next[1]).toHaveLength(2)
  })
})

describe('the ledger of a session that ended', () => {
  it('tells each lost record once, also one that is given up afterwards', () => {
    const range = enter(0, 3)
    range.answer(0, AckCode.RENEW)
    const cause = new KafkaError('gone', { code: 'NETWORK_EXCEPTION' })
    expect(ledger.lose(cause)).toBe(4)
    ledger.giveUp(range, 0, 4)
    expect(losses.map(({ from, to, error: of }) => [from, to, of])).toEqual([[0, 4, cause]])
  })

  it('tells a record once whose renewal was on its way', () => {
    const range = enter(0, 1)
    range.answer(0, AckCode.RENEW)
    const sent = ledger.send('all')
    expect(ledger.lose(error)).toBe(2)
    settle(sent, { outcome: 'failed', error, together: false })
    expect(losses).toEqual([{ range, from: 0, to: 2, cause: 'session', error }])
  })

  it('fails an answer that had waited behind a renewal on its way, whatever becomes of the renewal', () => {
    const lost = new KafkaError('the session is gone')
    for (const word of [done, { outcome: 'failed', error: lost, together: false }] as const) {
      const range = enter(0, 1)
      range.answer(0, AckCode.RENEW)
      const sent = ledger.send('all')
      range.answer(0, AckCode.ACCEPT)
      ledger.lose(lost)
      settle(sent, word)
      expect(verdicts).toHaveLength(2)
      expect(verdicts.find(({ counts }) => counts.renew === 1)?.error).toBe(word === done ? undefined : lost)
      expect(verdicts.find(({ counts }) => counts.accept === 1)?.error).toBe(lost)
      expect(ledger.hasUnsent).toBe(false)
      verdicts = []
      ledger = new AcquiredRecords({
        answered: () => undefined,
        verdict: (verdict) => verdicts.push(verdict),
        lost: () => undefined,
      })
    }
  })

  it('fails what was not sent, visibly, and sends nothing more', () => {
    const a = enter(0, 3)
    a.answer(0, AckCode.ACCEPT)
    const cause = new KafkaError('gone', { code: 'NETWORK_EXCEPTION' })
    expect(ledger.lose(cause)).toBe(3)
    expect(losses).toEqual([{ range: a, from: 1, to: 4, cause: 'session', error: cause }])
    expect(ledger.live).toBe(false)
    expect(verdicts).toMatchObject([{ partition: first, counts: { accept: 1 }, error: cause }])
    expect(a.answer(1, AckCode.ACCEPT)).toBe('stale')
    expect(ledger.hasUnsent).toBe(false)
    expect(ledger.hasOpen).toBe(false)
    expect(batches(ledger.send('all'))).toEqual({})
    expect(ledger.lose(cause)).toBe(0)
    expect(verdicts).toHaveLength(1)
  })

  it('still takes the verdict on what was on its way', () => {
    const a = enter(0, 1)
    a.answerOpen(AckCode.ACCEPT)
    const sent = ledger.send('all')
    ledger.lose(error)
    settle(sent, { outcome: 'failed', error, together: false })
    expect(verdicts).toMatchObject([{ counts: { accept: 2 }, error }])
    expect(ledger.hasUnsent).toBe(false)
  })

  it('fails every answer of a partition that went out one range at a time', () => {
    for (const at of [0, 10, 20]) enter(at, at + 4).answerOpen(AckCode.ACCEPT)
    settle(ledger.send('all'), refused)
    ledger.lose(error)
    expect(verdicts.map(({ counts }) => counts.accept).reduce((a, b) => a + b, 0)).toBe(15)
  })
})
