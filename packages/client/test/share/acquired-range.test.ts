import { KafkaError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange, type RangeHolder, type Run, type Verdict } from '../../src/share/acquired-range.js'

const partition = { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 }
const done: Verdict = { outcome: 'done', lockDeadline: 90_000 }
const failed: Verdict = { outcome: 'failed', error: new KafkaError('no', { code: 'NO' }), together: false }
const again: Verdict = { outcome: 'again' }
const unrenewed: Verdict = { outcome: 'unrenewed', error: new KafkaError('no', { code: 'NO' }) }

class Holder implements RangeHolder {
  live = true
  renewable = true
  outstanding = 0
  /** What the ledger's outbox would hold. */
  inOutbox = false
  urgencies = 0

  answered(): void {
    this.inOutbox = true
  }

  urged(): void {
    this.urgencies++
  }

  renew(): void {
    throw new Error('a range does not renew itself')
  }

  giveUp(): void {
    throw new Error('a range does not give itself up')
  }
}

function acquire(
  length: number,
  { firstOffset = 100, holder = new Holder() } = {},
): { range: AcquiredRange; holder: Holder } {
  return { range: new AcquiredRange(partition, holder, firstOffset, firstOffset + length - 1, 1, 30_000), holder }
}

/** Sends what is unsent; [from, to, types] of each run. */
function send(range: AcquiredRange): [from: number, to: number, types: number[]][] {
  return range
    .sendRuns()
    .map(({ from, to }) => [from, to, Array.from({ length: to - from }, (_, i) => range.typeAt(from + i))])
}

function lengthOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { from, to }) => sum + to - from, 0)
}

describe('an acquired range', () => {
  it('is all open at first', () => {
    const { range } = acquire(3)
    expect(range).toMatchObject({
      length: 3,
      open: 3,
      unsent: 0,
      sent: 0,
      unfinished: true,
      firstOffset: 100,
      lastOffset: 102,
    })
    expect([0, 1, 2].map((i) => range.isOpen(i))).toEqual([true, true, true])
  })

  it('takes one terminal answer for each offset and refuses a second, before and after it is sent and settled', () => {
    const { range } = acquire(2)
    expect(range.answer(0, AckCode.ACCEPT)).toBe('noted')
    expect(range.answer(0, AckCode.ACCEPT)).toBe('already-answered')
    expect(range.answer(0, AckCode.RELEASE)).toBe('already-answered')
    expect(range.answer(0, AckCode.RENEW)).toBe('already-answered')
    send(range)
    expect(range.answer(0, AckCode.REJECT)).toBe('already-answered')
    range.settle(0, 1, done)
    expect(range.answer(0, AckCode.REJECT)).toBe('already-answered')
    expect(range.answer(0, AckCode.RENEW)).toBe('already-answered')
    expect(range.answer(1, AckCode.REJECT)).toBe('noted')
  })

  it('lets an unsent terminal answer be replaced when asked to, and no sent one', () => {
    const { range } = acquire(1)
    range.answer(0, AckCode.RELEASE)
    expect(range.answer(0, AckCode.ACCEPT, true)).toBe('noted')
    expect(send(range)).toEqual([[0, 1, [AckCode.ACCEPT]]])
    expect(range.answer(0, AckCode.REJECT, true)).toBe('already-answered')
  })

  it.each([AckCode.RELEASE, AckCode.RENEW])(
    'urges, and goes without a fetch, when it is answered %i, also in the place of another answer',
    (urgent) => {
      const { range, holder } = acquire(2)
      range.answer(0, AckCode.ACCEPT)
      expect([range.alone, holder.urgencies]).toEqual([0, 0])
      range.answer(0, urgent, true)
      expect([range.alone, holder.urgencies]).toEqual([1, 1])
      range.answer(0, AckCode.REJECT, true)
      expect([range.alone, holder.urgencies]).toEqual([0, 1])
      range.answer(1, urgent)
      expect([range.alone, holder.urgencies]).toEqual([1, 2])
      send(range)
      expect(range.alone).toBe(0)
      range.settle(1, 2, again)
      expect([range.alone, holder.urgencies]).toEqual([1, 3])
    },
  )

  it('opens again with a new deadline once a renewal is stored', () => {
    const { range } = acquire(2)
    expect(range.answer(1, AckCode.RENEW)).toBe('noted')
    expect(range.isOpen(1)).toBe(false)
    send(range)
    range.settle(1, 2, done)
    expect(range.isOpen(1)).toBe(true)
    expect([range.deadlineOf(0), range.deadlineOf(1)]).toEqual([30_000, 90_000])
    expect(range.answer(1, AckCode.ACCEPT)).toBe('noted')
    expect(range.answer(1, AckCode.ACCEPT)).toBe('already-answered')
  })

  it('turns a renewal that is not sent yet into the terminal answer that follows it', () => {
    const { range } = acquire(1)
    range.answer(0, AckCode.RENEW)
    expect(range.answer(0, AckCode.RENEW)).toBe('noted')
    expect(range.answer(0, AckCode.ACCEPT)).toBe('noted')
    expect(range.answer(0, AckCode.REJECT)).toBe('already-answered')
    expect(send(range)).toEqual([[0, 1, [AckCode.ACCEPT]]])
  })

  it.each([
    ['stored', done],
    ['refused', failed],
    ['to be sent again', again],
    ['forbidden', unrenewed],
  ])('sends the terminal answer that waits behind a renewal on its way when that is %s', (_, verdict) => {
    const { range, holder } = acquire(1)
    range.answer(0, AckCode.RENEW)
    send(range)
    holder.inOutbox = false
    expect(range.answer(0, AckCode.RENEW)).toBe('noted')
    expect(range.answer(0, AckCode.REJECT)).toBe('noted')
    expect(range.answer(0, AckCode.ACCEPT)).toBe('already-answered')
    expect(range.answer(0, AckCode.RENEW)).toBe('already-answered')
    expect(send(range)).toEqual([])
    range.settle(0, 1, verdict)
    expect(holder.inOutbox).toBe(true)
    expect(range).toMatchObject({ open: 0, unsent: 1, sent: 0 })
    expect(send(range)).toEqual([[0, 1, [AckCode.REJECT]]])
    range.settle(0, 1, done)
    expect(range.unfinished).toBe(false)
  })

  it('takes no more answers for an offset whose renewal failed: its lock is gone', () => {
    const { range } = acquire(1)
    range.answer(0, AckCode.RENEW)
    send(range)
    range.settle(0, 1, failed)
    expect(range.isOpen(0)).toBe(false)
    expect(range.answer(0, AckCode.ACCEPT)).toBe('stale')
    expect(range.unfinished).toBe(false)
  })

  it('calls an answer stale when the session is gone', () => {
    const { range, holder } = acquire(1)
    holder.live = false
    expect(range.answer(0, AckCode.ACCEPT)).toBe('stale')
    expect(range).toMatchObject({ open: 1, unsent: 0 })
  })

  it('takes no renewal where the broker does not know it, and everything else', () => {
    const { range, holder } = acquire(1)
    holder.renewable = false
    expect(range.answer(0, AckCode.RENEW)).toBe('unsupported')
    expect(range.isOpen(0)).toBe(true)
    expect(range.answer(0, AckCode.ACCEPT)).toBe('noted')
  })

  it('calls an answer stale when the offset was acquired anew meanwhile', () => {
    const { range } = acquire(3)
    expect(range.supersede(1, 2)).toEqual([{ from: 1, to: 2 }])
    expect(range.answer(1, AckCode.ACCEPT)).toBe('stale')
    expect(range.isOpen(1)).toBe(false)
    expect(range.open).toBe(2)
    expect(range.supersede(1, 2)).toEqual([])
  })

  it('urges for what frees a record or saves a lock, and for nothing else', () => {
    const { range, holder } = acquire(6)
    range.answer(0, AckCode.ACCEPT)
    range.answer(1, AckCode.REJECT)
    range.answerOpen(AckCode.GAP, 2, 3)
    expect(holder.urgencies).toBe(0)
    range.answer(3, AckCode.RELEASE)
    expect(holder.urgencies).toBe(1)
    range.answer(4, AckCode.RENEW)
    expect(holder.urgencies).toBe(2)
    range.answerOpen(AckCode.RELEASE)
    expect(holder.urgencies).toBe(3)
  })

  it('is sent as runs of neighbours, and once', () => {
    const { range } = acquire(6)
    for (const i of [0, 1, 4]) range.answer(i, AckCode.ACCEPT)
    range.answer(5, AckCode.RELEASE)
    expect(send(range)).toEqual([
      [0, 2, [1, 1]],
      [4, 6, [1, 2]],
    ])
    expect(send(range)).toEqual([])
    range.settle(0, 2, again)
    expect(send(range)).toEqual([[0, 2, [1, 1]]])
  })

  it('gives up what nobody answered when its lock ran out, and what was renewed when that ran out too', () => {
    const { range } = acquire(4)
    range.answer(0, AckCode.RENEW)
    send(range)
    range.settle(0, 1, done)
    range.answer(1, AckCode.ACCEPT)
    expect(range.expire(29_999)).toEqual([])
    expect(lengthOf(range.expire(30_000))).toBe(2)
    expect([0, 1, 2, 3].map((i) => range.isOpen(i))).toEqual([true, false, false, false])
    expect(range.answer(2, AckCode.ACCEPT)).toBe('stale')
    expect(range.expire(89_999)).toEqual([])
    expect(lengthOf(range.expire(90_000))).toBe(1)
    expect(range).toMatchObject({ open: 0, unsent: 1 })
  })

  it('knows the records that left, until it is finished', () => {
    const { range, holder } = acquire(5)
    const records = ['a', 'b', 'c', 'd'].map((name) => ({ name }))
    range.handOut(records, 1, { from: 0, to: 2 })
    range.handOut(records, 3, { from: 2, to: 3 })
    expect(range.handedTo).toBe(3)
    expect(holder.outstanding).toBe(3)
    expect(range.handedOutAmong(1, 5)).toEqual([{ name: 'c' }, { name: 'd' }])
    range.answerOpen(AckCode.ACCEPT)
    expect(holder.outstanding).toBe(0)
    for (const { from, to } of range.sendRuns()) range.settle(from, to, done)
    expect(range.handedOutAmong(0, 5)).toEqual([])
  })

  it.each(['lost', 'not renewed'] as const)(
    'knows them longer where one was %s: its answer may come late, and is told with it',
    (how) => {
      const { range } = acquire(2)
      const records = [{ name: 'a' }, { name: 'b' }]
      range.handOut(records, 0, { from: 0, to: 2 })
      if (how === 'lost') {
        range.renewed(0, 1, 90_000)
        range.expire(60_000)
      } else {
        range.answer(1, AckCode.RENEW)
        range.sendRuns()
        range.settle(1, 2, failed)
      }
      range.answer(0, AckCode.ACCEPT)
      range.sendRuns()
      range.settle(0, 1, done)
      expect(range.unfinished).toBe(false)
      expect(range.answer(1, AckCode.ACCEPT)).toBe('stale')
      expect(range.handedOutAmong(1, 2)).toEqual([{ name: 'b' }])
    },
  )

  it('moves its deadline as a whole when all that is open is renewed, and else by offset', () => {
    const { range } = acquire(4)
    range.renewed(0, 4, 40_000)
    expect([range.lockDeadline, range.deadlineOf(3), range.firstLockDeadline]).toEqual([40_000, 40_000, 30_000])
    range.renewed(0, 2, 50_000)
    expect([range.lockDeadline, range.deadlineOf(0), range.deadlineOf(3)]).toEqual([40_000, 50_000, 40_000])
    expect([range.earliestDeadline(0, 2), range.earliestDeadline(0, 4)]).toEqual([50_000, 40_000])
  })

  it('tells the answers that no request carries yet, without gaps', () => {
    const { range } = acquire(6)
    range.answerOpen(AckCode.GAP, 0, 1)
    range.answer(1, AckCode.ACCEPT)
    range.answer(2, AckCode.ACCEPT)
    range.answer(3, AckCode.RELEASE)
    expect(range.unsentAnswers(0, 6)).toEqual([
      { from: 1, to: 3, code: AckCode.ACCEPT },
      { from: 3, to: 4, code: AckCode.RELEASE },
    ])
    range.sendRuns()
    expect(range.unsentAnswers(0, 6)).toEqual([])
  })

  it('counts the open ones among some of its offsets', () => {
    const { range } = acquire(5)
    expect(range.openAmong(1, 4)).toBe(3)
    range.answer(2, AckCode.ACCEPT)
    expect(range.openAmong(1, 4)).toBe(2)
    expect(range.answerOpen(AckCode.ACCEPT)).toBe(4)
    expect(range.openAmong(0, 5)).toBe(0)
  })
})

// ---- the same against a model that keeps one object per offset

interface Offset {
  at: 'open' | 'unsent' | 'sent' | 'done' | 'lost'
  type: number
  queued: number
  deadline: number
}

type Step =
  | { do: 'answer'; index: number; code: AckCode; replace: boolean }
  | { do: 'answerOpen'; code: AckCode; from: number; to: number }
  | { do: 'send' }
  | { do: 'settle'; which: number; verdict: Verdict }
  | { do: 'supersede'; from: number; to: number }
  | { do: 'give up'; from: number; to: number }
  | { do: 'expire'; time: number }
  | { do: 'handOut'; to: number }
  | { do: 'renew'; from: number; to: number; deadline: number }
  | { do: 'lose' }

class Model {
  readonly offsets: Offset[]
  live = true
  pieces: [from: number, to: number][] = []
  handedTo = 0

  constructor(length: number) {
    this.offsets = Array.from({ length }, () => ({ at: 'open', type: 0, queued: 0, deadline: 30_000 }))
  }

  count(at: Offset['at']): number {
    return this.offsets.filter((offset) => offset.at === at).length
  }

  answer(index: number, code: AckCode, replace: boolean): string {
    const offset = this.offsets[index] as Offset
    if (!this.live || offset.at === 'lost') return 'stale'
    if (offset.at === 'open') {
      Object.assign(offset, { at: 'unsent', type: code })
      return 'noted'
    }
    if (offset.at === 'done') return offset.type === AckCode.RENEW ? 'stale' : 'already-answered'
    const renewing = offset.type === AckCode.RENEW && offset.queued === 0
    if (offset.at === 'unsent') {
      if (!renewing && !replace) return 'already-answered'
      offset.type = code
      return 'noted'
    }
    if (!renewing) return 'already-answered'
    if (code !== AckCode.RENEW) offset.queued = code
    return 'noted'
  }

  answerOpen(code: AckCode, from: number, to: number): number {
    const open = this.offsets.slice(from, to).filter(({ at }) => at === 'open')
    for (const offset of open) Object.assign(offset, { at: 'unsent', type: code })
    return open.length
  }

  send(): [number, number, number[]][] {
    const runs: [number, number, number[]][] = []
    this.offsets.forEach((offset, index) => {
      if (offset.at !== 'unsent') return
      offset.at = 'sent'
      const last = runs.at(-1)
      if (last !== undefined && last[1] === index) {
        last[1]++
        last[2].push(offset.type)
      } else runs.push([index, index + 1, [offset.type]])
    })
    this.pieces.push(...runs.map(([from, to]): [number, number] => [from, to]))
    return runs
  }

  settle([from, to]: [number, number], { outcome }: Verdict): void {
    for (const offset of this.offsets.slice(from, to)) {
      if (offset.at !== 'sent') continue
      if (outcome === 'done' && offset.type === AckCode.RENEW) offset.deadline = 90_000
      if (offset.queued !== 0) Object.assign(offset, { at: 'unsent', type: offset.queued, queued: 0 })
      else if (outcome === 'again' || (outcome === 'unrenewed' && offset.type !== AckCode.RENEW)) offset.at = 'unsent'
      else if (outcome !== 'failed' && offset.type === AckCode.RENEW) Object.assign(offset, { at: 'open', type: 0 })
      else offset.at = 'done'
    }
  }

  expire(time: number): number {
    const expired = this.offsets.filter(({ at, deadline }) => at === 'open' && deadline <= time)
    for (const offset of expired) offset.at = 'lost'
    return expired.length
  }

  giveUp(from: number, to: number): number {
    const open = this.offsets.slice(from, to).filter(({ at }) => at === 'open')
    for (const offset of open) offset.at = 'lost'
    return open.length
  }

  /** How many of what is lost had no terminal answer. */
  supersede(from: number, to: number): number {
    const lost = this.offsets.slice(from, to).filter(({ at }) => at !== 'done' && at !== 'lost')
    const unanswered = lost.filter((offset) => this.unanswered(offset)).length
    for (const offset of lost) offset.at = 'lost'
    return unanswered
  }

  get alone(): number {
    return this.offsets.filter(
      ({ at, type }) => at === 'unsent' && (type === AckCode.RELEASE || type === AckCode.RENEW),
    ).length
  }

  unanswered({ at, type, queued }: Offset): boolean {
    return at === 'open' || ((at === 'unsent' || at === 'sent') && type === AckCode.RENEW && queued === 0)
  }

  get outstanding(): number {
    return this.offsets.slice(0, this.handedTo).filter((offset) => this.unanswered(offset)).length
  }
}

const LENGTH = 12
const span = fc.tuple(fc.nat(LENGTH), fc.nat(LENGTH)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
const code = fc.constantFrom<AckCode[]>(AckCode.ACCEPT, AckCode.RELEASE, AckCode.REJECT, AckCode.RENEW)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        index: fc.nat(LENGTH - 1),
        code,
        replace: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.tuple(code, span).map(([c, s]): Step => ({ do: 'answerOpen', code: c, ...s })) },
    { weight: 3, arbitrary: fc.constant<Step>({ do: 'send' }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        which: fc.nat(5),
        verdict: fc.constantFrom(done, failed, again, unrenewed),
      }),
    },
    { weight: 1, arbitrary: span.map((s): Step => ({ do: 'supersede', ...s })) },
    { weight: 1, arbitrary: span.map((s): Step => ({ do: 'give up', ...s })) },
    { weight: 2, arbitrary: fc.nat(LENGTH).map((to): Step => ({ do: 'handOut', to })) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(span, fc.constantFrom(50_000, 70_000))
        .map(([s, deadline]): Step => ({ do: 'renew', ...s, deadline })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Step>(
        { do: 'lose' },
        { do: 'expire', time: 29_999 },
        { do: 'expire', time: 30_000 },
        { do: 'expire', time: 60_000 },
        { do: 'expire', time: 90_000 },
      ),
    },
  ),
  { maxLength: 60 },
)

describe('any sequence of answers, sends, verdicts and losses', () => {
  it('leaves a range as one object per offset would have it', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { range, holder } = acquire(LENGTH)
        const model = new Model(LENGTH)
        for (const step of sequence) {
          const { alone } = range
          const { urgencies } = holder
          switch (step.do) {
            case 'answer':
              expect(range.answer(step.index, step.code, step.replace)).toBe(
                model.answer(step.index, step.code, step.replace),
              )
              break
            case 'answerOpen':
              expect(range.answerOpen(step.code, step.from, step.to)).toBe(
                model.answerOpen(step.code, step.from, step.to),
              )
              break
            case 'send':
              holder.inOutbox = false
              expect(send(range)).toEqual(model.send())
              break
            case 'settle': {
              const [piece] = model.pieces.splice(step.which % Math.max(1, model.pieces.length), 1)
              if (piece === undefined) break
              range.settle(...piece, step.verdict)
              model.settle(piece, step.verdict)
              break
            }
            case 'supersede':
              expect(lengthOf(range.supersede(step.from, step.to))).toBe(model.supersede(step.from, step.to))
              break
            case 'give up':
              expect(lengthOf(range.giveUp(step.from, step.to))).toBe(model.giveUp(step.from, step.to))
              break
            case 'expire':
              expect(lengthOf(range.expire(step.time))).toBe(model.expire(step.time))
              break
            case 'handOut':
              range.pass(step.to)
              model.handedTo = Math.max(model.handedTo, step.to)
              break
            case 'renew':
              range.renewed(step.from, step.to, step.deadline)
              for (const offset of model.offsets.slice(step.from, step.to)) offset.deadline = step.deadline
              break
            case 'lose':
              holder.live = false
              model.live = false
          }
          expect(range).toMatchObject({
            open: model.count('open'),
            unsent: model.count('unsent'),
            alone: model.alone,
            sent: model.count('sent'),
          })
          expect(model.offsets.map((_, index) => range.isOpen(index))).toEqual(
            model.offsets.map(({ at }) => at === 'open'),
          )
          expect(holder.outstanding).toBe(model.outstanding)
          expect(lengthOf(range.openRuns(2, 10))).toBe(range.openAmong(2, 10))
          expect(lengthOf(range.unansweredRuns())).toBe(
            model.offsets.filter((offset) => model.unanswered(offset)).length,
          )
          expect(range.earliestDeadline(0, LENGTH)).toBe(
            Math.min(...model.offsets.flatMap(({ at, deadline }) => (at === 'open' ? [deadline] : []))),
          )
          expect(range.openAmong(3, 9)).toBe(model.offsets.slice(3, 9).filter(({ at }) => at === 'open').length)
          expect(range.unfinished).toBe(model.offsets.some(({ at }) => at !== 'done' && at !== 'lost'))
          if (range.alone > alone) expect(holder.urgencies).toBeGreaterThan(urgencies)
          // What is unsent must be known to the ledger, or nobody would ever send it.
          if (range.unsent > 0) expect(holder.inOutbox).toBe(true)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
