import { KafkaConnectionError, KafkaError } from '@milena/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode, type AcknowledgeType } from '../../src/share/acknowledge-type.js'
import { AcquiredRange, type Verdict } from '../../src/share/acquired-range.js'
import { AcquiredRecords, type SentByPartition } from '../../src/share/acquired-records.js'
import { waitForVerdict, type AcknowledgementResult } from '../../src/share/record-verdicts.js'
import { SharePartitions } from '../../src/share/share-partition.js'

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const done: Verdict = { outcome: 'done', lockDeadline: 60_000 }
const error = new KafkaError('refused', { code: 'INVALID_RECORD_STATE' })
const refused: Verdict = { outcome: 'failed', error, together: true }
const unrenewed: Verdict = { outcome: 'unrenewed', error }
const again: Verdict = { outcome: 'again' }
const lost = new KafkaConnectionError('the session is gone')

const stored = (type: AcknowledgeType): AcknowledgementResult => ({ error: undefined, type })

let ledger: AcquiredRecords

beforeEach(() => {
  ledger = new AcquiredRecords({ answered: () => undefined, verdict: () => undefined, lost: () => undefined })
})

function enter(firstOffset: number, lastOffset: number, lockDeadline = 30_000): AcquiredRange {
  const range = new AcquiredRange(partition, ledger, firstOffset, lastOffset, 1, lockDeadline)
  ledger.enter(range)
  return range
}

function settle(sent: SentByPartition, verdict: Verdict): void {
  for (const [of, acknowledgements] of sent) ledger.settle(of, acknowledgements, verdict)
}

/** What a verdict has come to by now. */
async function now(verdict: Promise<AcknowledgementResult>): Promise<AcknowledgementResult | 'waiting'> {
  return Promise.race([verdict, new Promise<'waiting'>((resolve) => setImmediate(() => resolve('waiting')))])
}

describe('the verdict on one record', () => {
  it('comes with that on its answer, whether it was asked for before or after', async () => {
    const range = enter(0, 2)
    const before = waitForVerdict(range, 1)
    range.answerOpen(AckCode.ACCEPT)
    expect(await now(before)).toBe('waiting')
    settle(ledger.send('all'), done)
    expect(await now(before)).toEqual(stored('ACCEPT'))
    expect(await now(waitForVerdict(range, 2))).toEqual(stored('ACCEPT'))
  })

  it('says what was stored', async () => {
    const range = enter(0, 2)
    range.answer(0, AckCode.REJECT)
    range.answerOpen(AckCode.RELEASE)
    const asked = [0, 1, 2].map((index) => waitForVerdict(range, index))
    settle(ledger.send('all'), done)
    expect(await Promise.all(asked)).toEqual([stored('REJECT'), stored('RELEASE'), stored('RELEASE')])
  })

  it('is one promise however many ask, and none for records that nobody asks about', () => {
    const range = enter(0, 9)
    const one = waitForVerdict(range, 1)
    expect(waitForVerdict(range, 1)).toBe(one)
    const other = enter(10, 19)
    other.answerOpen(AckCode.ACCEPT)
    settle(ledger.send('all'), done)
    expect(other.verdicts).toBeUndefined()
  })

  it('is the refusal of its own answer, also long after', async () => {
    const range = enter(0, 9)
    range.answer(3, AckCode.ACCEPT)
    settle(ledger.send('all'), done)
    range.answer(4, AckCode.REJECT)
    settle(ledger.send('all'), refused)
    expect(await now(waitForVerdict(range, 3))).toEqual(stored('ACCEPT'))
    expect(await now(waitForVerdict(range, 4))).toEqual({ error, type: undefined })
    expect(await now(waitForVerdict(range, 5))).toBe('waiting')
  })

  it('outlasts an answer that is to be sent again', async () => {
    const range = enter(0, 0)
    range.answer(0, AckCode.ACCEPT)
    const verdict = waitForVerdict(range, 0)
    settle(ledger.send('all'), again)
    expect(await now(verdict)).toBe('waiting')
    settle(ledger.send('all'), done)
    expect(await now(verdict)).toEqual(stored('ACCEPT'))
  })

  it('outlasts a renewal, and is that of the terminal answer', async () => {
    const range = enter(0, 0)
    range.answer(0, AckCode.RENEW)
    const verdict = waitForVerdict(range, 0)
    settle(ledger.send('all'), done)
    expect(await now(verdict)).toBe('waiting')
    range.answer(0, AckCode.RENEW)
    const renewal = ledger.send('all')
    range.answer(0, AckCode.ACCEPT)
    settle(renewal, refused)
    expect(await now(verdict)).toBe('waiting')
    settle(ledger.send('all'), done)
    expect(await now(verdict)).toEqual(stored('ACCEPT'))
    expect(await now(waitForVerdict(range, 0))).toEqual(stored('ACCEPT'))
  })

  it('is that its lock ran out', async () => {
    const range = enter(0, 1)
    const verdict = waitForVerdict(range, 1)
    ledger.expire(30_000)
    // Nobody acknowledged it: nothing is said of an acknowledgement that came.
    expect(await now(verdict)).toMatchObject({
      error: {
        code: 'INVALID_RECORD_STATE',
        message: expect.stringMatching(/^The record's lock was over before an acknowledgement was stored/) as string,
      },
      type: undefined,
    })
    expect(await now(waitForVerdict(range, 0))).toMatchObject({ error: { code: 'INVALID_RECORD_STATE' } })
  })

  it('is that somebody acquired it anew', async () => {
    const range = enter(0, 3)
    range.answer(1, AckCode.ACCEPT)
    const [open, unsent] = [waitForVerdict(range, 2), waitForVerdict(range, 1)]
    enter(1, 2)
    expect(await now(open)).toMatchObject({ error: { code: 'INVALID_RECORD_STATE' } })
    expect(await now(unsent)).toMatchObject({ error: { code: 'INVALID_RECORD_STATE' } })
    expect(await now(waitForVerdict(range, 0))).toBe('waiting')
  })

  it('is that its session ended: at once, and with the request that carried it', async () => {
    const range = enter(0, 3)
    range.answer(0, AckCode.ACCEPT)
    const sent = ledger.send('all')
    range.answer(1, AckCode.ACCEPT)
    const verdicts = [0, 1, 2].map((index) => waitForVerdict(range, index))
    ledger.lose(lost)
    expect(await Promise.all(verdicts.map(now))).toEqual([
      'waiting',
      { error: lost, type: undefined },
      { error: lost, type: undefined },
    ])
    settle(sent, { outcome: 'failed', error: lost, together: false })
    expect(await Promise.all(verdicts.map(now))).toEqual([
      { error: lost, type: undefined },
      { error: lost, type: undefined },
      { error: lost, type: undefined },
    ])
    expect(await now(waitForVerdict(range, 3))).toMatchObject({ error: { code: 'NETWORK_EXCEPTION' } })
  })
})

// ---- any history

interface Model {
  state: 'open' | 'unsent' | 'sent' | 'decided'
  renewing: boolean
  queued: boolean
  result: 'stored' | 'failed' | undefined
  deadline: number
}

type Step =
  | { readonly do: 'answer'; readonly index: number; readonly code: AckCode }
  | { readonly do: 'ask'; readonly index: number }
  | { readonly do: 'send' }
  | { readonly do: 'word'; readonly verdict: Verdict }
  | { readonly do: 'expire' }
  | { readonly do: 'supersede'; readonly index: number }

const LENGTH = 8

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      index: fc.nat(LENGTH - 1),
      code: fc.constantFrom(AckCode.ACCEPT, AckCode.RELEASE, AckCode.REJECT, AckCode.RENEW),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ask' as const), index: fc.nat(LENGTH - 1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('word' as const),
      verdict: fc.constantFrom(done, refused, again, unrenewed),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('supersede' as const), index: fc.nat(LENGTH - 1) }) },
)

it('every record that is asked about is told what became of it, once, and no sooner', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      ledger = new AcquiredRecords({ answered: () => undefined, verdict: () => undefined, lost: () => undefined })
      const range = enter(0, LENGTH - 1)
      const model = Array.from({ length: LENGTH }, (): Model => {
        return { state: 'open', renewing: false, queued: false, result: undefined, deadline: 30_000 }
      })
      const asked: { readonly index: number; readonly told: { result?: AcknowledgementResult } }[] = []
      let out: SentByPartition | undefined
      let outRenews = false
      const decide = (of: Model, result: 'stored' | 'failed'): void => {
        of.state = 'decided'
        of.result = result
      }
      const word = (of: Model, verdict: Verdict): void => {
        if (of.state !== 'sent') return
        if (verdict.outcome === 'again' || of.queued || (verdict.outcome === 'unrenewed' && !of.renewing)) {
          if (verdict.outcome === 'done') of.deadline = verdict.lockDeadline
          of.state = 'unsent'
          of.renewing &&= !of.queued
          of.queued = false
        } else if (verdict.outcome === 'failed') decide(of, 'failed')
        else if (!of.renewing) decide(of, 'stored')
        else {
          of.state = 'open'
          of.renewing = false
          if (verdict.outcome === 'done') of.deadline = verdict.lockDeadline
        }
      }
      for (const todo of steps) {
        if (todo.do === 'answer') {
          const of = model[todo.index] as Model
          if (range.answer(todo.index, todo.code) !== 'noted') continue
          const renew = todo.code === AckCode.RENEW
          if (of.state === 'sent') of.queued ||= !renew
          else {
            of.state = 'unsent'
            of.renewing = renew
          }
        } else if (todo.do === 'ask') {
          const told: { result?: AcknowledgementResult } = {}
          asked.push({ index: todo.index, told })
          void waitForVerdict(range, todo.index).then((result) => (told.result = result))
        } else if (todo.do === 'send') {
          if (out !== undefined) continue
          out = ledger.send('all')
          outRenews = model.some(({ state, renewing }) => state === 'unsent' && renewing)
          for (const of of model) if (of.state === 'unsent') of.state = 'sent'
        } else if (todo.do === 'word') {
          if (out === undefined) continue
          // Of one range only: nothing is refused together with others.
          settle(out, todo.verdict)
          // Without a renewal in the request it is a refusal like any other.
          const said = todo.verdict.outcome === 'unrenewed' && !outRenews ? refused : todo.verdict
          for (const of of model) word(of, said)
          out = undefined
        } else if (todo.do === 'expire') {
          ledger.expire(40_000)
          for (const of of model) if (of.state === 'open' && of.deadline <= 40_000) decide(of, 'failed')
        } else {
          ledger.enter(new AcquiredRange(partition, ledger, todo.index, todo.index, 2, 90_000))
          const of = model[todo.index] as Model
          if (of.state !== 'decided') decide(of, 'failed')
        }
        await Promise.resolve()
        for (const { index, told } of asked) {
          const { result } = model[index] as Model
          const is = told.result === undefined ? undefined : told.result.error === undefined ? 'stored' : 'failed'
          expect(is).toBe(result)
        }
      }
      ledger.lose(lost)
      if (out !== undefined) settle(out, { outcome: 'failed', error: lost, together: false })
      await Promise.resolve()
      for (const { told } of asked) expect(told.result).toBeDefined()
    }),
    { numRuns: 500 },
  )
})
