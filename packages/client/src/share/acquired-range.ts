import type { KafkaError } from '@milena/protocol'
import { AckCode } from './acknowledge-type.js'
import type { Fate, RangeVerdicts } from './record-verdicts.js'
import type { TopicIdPartition } from './share-partition.js'

// One acquired range: the offsets that one ShareFetch answer locked for this member, in one piece.
//
// Rules kept here
// - Each offset has one byte of state; acknowledging is one store. Nothing is allocated per record.
// - An offset is answered once with a terminal type. RENEW may be followed by one terminal, also while the RENEW
//   is still on its way: the terminal then waits in the same byte.
// - `open`, `unsent`, `alone` and `sent` always equal what counting the bytes would give (a property test counts).

/** The state byte: bits 0-2 the answer, 3-5 the answer that waits behind a RENEW on its way, 6 sent, 7 finished. */
const TYPE = 0b0000_0111
const QUEUED_SHIFT = 3
const SENT = 0b0100_0000
const DONE = 0b1000_0000
/** Acquired and not answered. */
const OPEN = 0b1111_1111
/** Lost before it was answered: superseded by a later acquisition of the same offset. */
const LOST = 0b1111_1110

/** Who is told when a range has something to send; in practice the ledger that holds the range. */
export interface RangeHolder {
  /** False once the share session that acquired the range has ended: its locks are gone. */
  readonly live: boolean
  /** False where the broker does not know RENEW. */
  readonly renewable: boolean
  /** Records handed out that have no terminal answer and are not lost; kept by the ranges. */
  outstanding: number
  /** `range` has its first unsent answer. */
  answered(range: AcquiredRange): void
  /** An answer was given that should not wait for company: it frees a record, or a lock runs out. */
  urged(): void
  /** The locks of what is open among [from, to) are to last longer. */
  renew(range: AcquiredRange, from: number, to: number): void
  /** Nobody is to answer what is open among [from, to): its lock is gone, or not worth to be kept. */
  giveUp(range: AcquiredRange, from: number, to: number): void
}

/** What an attempt to answer came to. */
export type AnswerOutcome = 'noted' | 'stale' | 'already-answered' | 'unsupported'

/** The broker's word on an answer that was sent. */
export type Verdict =
  | { readonly outcome: 'done'; /** Of what was renewed, on the injected clock. */ readonly lockDeadline: number }
  /** `together`: refused as a whole, perhaps because of one answer only. */
  | { readonly outcome: 'failed'; readonly error: KafkaError; readonly together: boolean }
  /** To be sent again. */
  | { readonly outcome: 'again' }
  /** The group forbids renewals: records keep the locks they have. What went along is to be sent again. */
  | { readonly outcome: 'unrenewed'; readonly error: KafkaError }

/** Indices [from, to) of a range. */
export interface Run {
  readonly from: number
  readonly to: number
}

const NO_RUNS: readonly Run[] = []

/** Records of a range that left together: `records[at]` is the one at index `from`. */
interface HandedOut extends Run {
  readonly records: readonly object[]
  readonly at: number
}

export class AcquiredRange {
  readonly length: number
  /** Not answered yet. */
  open: number
  /** Answered, and not yet in a request. */
  unsent = 0
  /** Those of the unsent that no fetch may carry: RELEASE and RENEW. */
  alone = 0
  /** In a request whose answer has not come. */
  sent = 0
  /** Made once somebody waits for the verdict on a single record, or something failed. */
  verdicts: RangeVerdicts | undefined
  readonly #states: Uint8Array
  /** The deadlines of renewed offsets; made with the first renewal. */
  #renewedDeadlines: Float64Array | undefined
  /** What the locks of all other offsets run by; early rather than late. */
  #lockDeadline: number
  /** Every index below this one was handed out, or never will be. */
  #handedTo = 0
  /** Kept until the range is finished, for whoever has to hear of a lost lock. */
  #handedOut: HandedOut[] = []
  /** A record was lost: its answer may come at any time, and is told as failed with its record. */
  #someLost = false
  /** Every index below this one is finished: where the next search for unsent answers starts. */
  #finishedBelow = 0

  constructor(
    readonly partition: TopicIdPartition,
    readonly holder: RangeHolder,
    readonly firstOffset: number,
    readonly lastOffset: number,
    readonly deliveryCount: number,
    /** When the locks run out, on the injected clock; counted from when the request was sent, so early rather than late. */
    readonly firstLockDeadline: number,
  ) {
    this.#lockDeadline = firstLockDeadline
    this.length = lastOffset - firstOffset + 1
    this.open = this.length
    this.#states = new Uint8Array(this.length).fill(OPEN)
  }

  /** Something here still waits for the application, a request or a response. */
  get unfinished(): boolean {
    return this.open + this.unsent + this.sent > 0
  }

  isOpen(index: number): boolean {
    return this.#states[index] === OPEN
  }

  fateOf(index: number): Fate {
    const state = this.#states[index] as number
    if (state === OPEN) return 'open'
    if (state === LOST) return 'lost'
    return (state & DONE) === 0 ? 'on its way' : 'finished'
  }

  /** When the lock of one offset runs out, on the injected clock. */
  deadlineOf(index: number): number {
    return this.#renewedDeadlines?.[index] || this.#lockDeadline
  }

  /** When the first lock of those that were not renewed one by one runs out. */
  get lockDeadline(): number {
    return this.#lockDeadline
  }

  /** The first offset that was not handed out has this index. */
  get handedTo(): number {
    return this.#handedTo
  }

  /** `records`, from `at` on, are those at the indices [from, to), and leave now. Records of a range leave in offset order. */
  handOut(records: readonly object[], at: number, { from, to }: Run): void {
    this.#handedOut.push({ records, at, from, to })
    this.pass(to)
  }

  /** Everything below `to` has left, whatever it was. */
  pass(to: number): void {
    if (to <= this.#handedTo) return
    let unanswered = 0
    if (this.open === this.length) unanswered = to - this.#handedTo
    else for (let i = this.#handedTo; i < to; i++) if (isUnanswered(this.#states[i] as number)) unanswered++
    this.holder.outstanding += unanswered
    this.#handedTo = to
  }

  /** The records handed out of [from, to). */
  handedOutAmong(from: number, to: number): object[] {
    const found: object[] = []
    for (const { records, at, from: first, to: end } of this.#handedOut) {
      for (let i = Math.max(from, first); i < Math.min(to, end); i++) {
        const record = records[at + i - first]
        if (record !== undefined) found.push(record)
      }
    }
    return found
  }

  /** The locks of [from, to) last until then: those of all that is open when nothing else is. */
  renewed(from: number, to: number, lockDeadline: number): void {
    if (this.openAmong(from, to) === this.open && this.sent + this.unsent === 0) {
      this.#lockDeadline = lockDeadline
      this.#renewedDeadlines = undefined
    } else for (let i = from; i < to; i++) this.#renew(i, lockDeadline)
  }

  /** The first deadline among what is open of [from, to); Infinity: nothing is. */
  earliestDeadline(from: number, to: number): number {
    let earliest = Infinity
    for (let i = from; i < to; i++) {
      if (this.#states[i] !== OPEN) continue
      if (this.#renewedDeadlines === undefined) return this.#lockDeadline
      earliest = Math.min(earliest, this.deadlineOf(i))
    }
    return earliest
  }

  /** The runs of open offsets among [from, to). */
  openRuns(from: number, to: number): readonly Run[] {
    if (this.open === this.length) return from < to ? [{ from, to }] : NO_RUNS
    return this.open === 0 ? NO_RUNS : this.#runs(from, to, (state) => state === OPEN)
  }

  /** Answers among [from, to) that no request carries yet, in runs of one type; without gaps. */
  unsentAnswers(from: number, to: number): (Run & { readonly code: AckCode })[] {
    const answers: { readonly from: number; to: number; readonly code: AckCode }[] = []
    if (this.unsent + this.sent === 0) return answers
    for (let i = from; i < to; i++) {
      const state = this.#states[i] as number
      // Not sent, or behind a renewal that is. (No application answers GAP, which is 0.)
      const code = state <= TYPE ? state : (state & (SENT | DONE)) === SENT ? (state >> QUEUED_SHIFT) & TYPE : 0
      if (code === 0) continue
      const last = answers.at(-1)
      if (last !== undefined && last.to === i && last.code === code) last.to = i + 1
      else answers.push({ from: i, to: i + 1, code: code as AckCode })
    }
    return answers
  }

  /** What has no terminal answer: open, or renewed by the application. */
  unansweredRuns(from = 0, to = this.length): readonly Run[] {
    return this.#runs(from, to, isUnanswered)
  }

  #runs(from: number, to: number, wanted: (state: number) => boolean): Run[] {
    const runs: Run[] = []
    for (let i = from; i < to; i++) {
      if (!wanted(this.#states[i] as number)) continue
      const first = i
      while (i < to && wanted(this.#states[i] as number)) i++
      runs.push({ from: first, to: i })
    }
    return runs
  }

  /** Unanswered offsets among [from, to). */
  openAmong(from: number, to: number): number {
    if (this.open === 0) return 0
    if (this.open === this.length) return to - from
    let open = 0
    for (let i = from; i < to; i++) if (this.#states[i] === OPEN) open++
    return open
  }

  /** Answers one offset. A RENEW may be answered again, by RENEW or a terminal type; nothing else may. */
  answer(index: number, code: AckCode, replace = false): AnswerOutcome {
    if (!this.holder.live) return 'stale'
    if (code === AckCode.RENEW && !this.holder.renewable) return 'unsupported'
    const state = this.#states[index] as number
    if (state === OPEN) {
      this.#states[index] = code
      this.open--
      if (code !== AckCode.RENEW && index < this.#handedTo) this.holder.outstanding--
      if (this.unsent++ === 0) this.holder.answered(this)
      if (goesAlone(code)) this.#goesAlone(1)
      return 'noted'
    }
    if (state === LOST) return 'stale'
    if ((state & DONE) !== 0) return (state & TYPE) === AckCode.RENEW ? 'stale' : 'already-answered'
    const renewing = (state & TYPE) === AckCode.RENEW && ((state >> QUEUED_SHIFT) & TYPE) === 0
    if ((state & SENT) === 0) {
      if (!renewing && !replace) return 'already-answered'
      this.#states[index] = code
      this.#answered(index, (renewing ? 1 : 0) - (code === AckCode.RENEW ? 1 : 0))
      if (goesAlone(state)) this.alone--
      if (goesAlone(code)) this.#goesAlone(1)
      return 'noted'
    }
    if (!renewing) return 'already-answered'
    if (code !== AckCode.RENEW) {
      this.#states[index] = state | (code << QUEUED_SHIFT)
      this.#answered(index, 1)
    }
    return 'noted'
  }

  /** Answers every open offset among [from, to) alike; how many those were. */
  answerOpen(code: AckCode, from = 0, to = this.length): number {
    if (this.open === 0) return 0
    let answered = 0
    let outstanding = 0
    if (this.open === this.length && from === 0 && to === this.length) {
      this.#states.fill(code)
      answered = this.length
      outstanding = this.#handedTo
    } else {
      for (let i = from; i < to; i++) {
        if (this.#states[i] !== OPEN) continue
        this.#states[i] = code
        answered++
        if (i < this.#handedTo) outstanding++
      }
    }
    if (answered === 0) return 0
    if (code !== AckCode.RENEW) this.holder.outstanding -= outstanding
    this.open -= answered
    const first = this.unsent === 0
    this.unsent += answered
    if (first) this.holder.answered(this)
    if (goesAlone(code)) this.#goesAlone(answered)
    return answered
  }

  /** Marks every unsent answer as sent; the runs [from, to) of consecutive ones. */
  sendRuns(): readonly Run[] {
    const states = this.#states
    const runs: Run[] = []
    let i = this.#finishedBelow
    while (i < this.length && this.unsent > 0) {
      const from = i
      while (i < this.length && (states[i] as number) <= TYPE) {
        states[i] = (states[i] as number) | SENT
        i++
      }
      if (i > from) {
        runs.push({ from, to: i })
        this.unsent -= i - from
        this.sent += i - from
      } else i++
    }
    this.alone = 0
    return runs
  }

  /** The answer given for one offset that has one. */
  typeAt(index: number): number {
    return (this.#states[index] as number) & TYPE
  }

  /** Gives up what is unanswered and whose lock ran out before `time`: it can only be answered in vain. What that was. */
  expire(time: number): readonly Run[] {
    if (this.open === 0 || this.#lockDeadline > time) return NO_RUNS
    const expired: Run[] = []
    for (let i = this.#finishedBelow; i < this.length; i++) {
      if (this.#states[i] !== OPEN || this.deadlineOf(i) > time) continue
      const from = i
      while (i < this.length && this.#states[i] === OPEN && this.deadlineOf(i) <= time) this.#lose(i++)
      expired.push({ from, to: i })
    }
    return expired
  }

  /** Gives up what is open among [from, to); answers that wait go out all the same. What that was. */
  giveUp(from: number, to: number): readonly Run[] {
    const runs = this.openRuns(from, to)
    for (const run of runs) for (let i = run.from; i < run.to; i++) this.#lose(i)
    return runs
  }

  /** The broker's word on what was sent of [from, to). */
  settle(from: number, to: number, verdict: Verdict): void {
    const states = this.#states
    const { unsent: unsentBefore, alone: aloneBefore } = this
    for (let i = from; i < to; i++) {
      const state = states[i] as number
      if ((state & DONE) !== 0 || (state & SENT) === 0) continue
      this.sent--
      const queued = (state & ~SENT) >> QUEUED_SHIFT
      const type = state & TYPE
      const renewal = type === AckCode.RENEW
      if (verdict.outcome === 'again' || (verdict.outcome === 'unrenewed' && !renewal)) {
        this.#sendLater(i, queued === 0 ? type : queued)
      } else if (renewal && queued !== 0) {
        // The terminal answer behind the renewal goes out next; if the lock is gone, its own verdict says so.
        this.#sendLater(i, queued)
        if (verdict.outcome === 'done') this.#renew(i, verdict.lockDeadline)
      } else if (renewal && verdict.outcome !== 'failed') {
        states[i] = OPEN
        this.open++
        if (verdict.outcome === 'done') this.#renew(i, verdict.lockDeadline)
      } else {
        states[i] = DONE | type
        if (renewal) {
          this.#someLost = true
          this.#answered(i, 1)
        }
      }
    }
    while (this.#finishedBelow < this.length && this.#isFinished(this.#finishedBelow)) this.#finishedBelow++
    if (!this.unfinished && !this.#someLost) this.#handedOut = []
    if (unsentBefore === 0 && this.unsent > 0) this.holder.answered(this)
    if (this.alone > aloneBefore) this.holder.urged()
  }

  /**
   * [from, to) was acquired anew by this member: the earlier lock is gone, and with it every answer that is not stored. What had
   * no terminal answer.
   */
  supersede(from: number, to: number): readonly Run[] {
    const unanswered = this.#runs(from, to, isUnanswered)
    for (let i = from; i < to; i++) if (!this.#isFinished(i)) this.#lose(i)
    return unanswered
  }

  #lose(index: number): void {
    const state = this.#states[index] as number
    if (state === OPEN) this.open--
    else if ((state & SENT) !== 0) this.sent--
    else {
      this.unsent--
      if (goesAlone(state)) this.alone--
    }
    if (isUnanswered(state)) this.#answered(index, 1)
    this.#states[index] = LOST
    this.#someLost = true
  }

  /** An answer that was in a request, or behind one, is to go out with the next. */
  #sendLater(index: number, code: number): void {
    this.#states[index] = code
    this.unsent++
    if (goesAlone(code)) this.alone++
  }

  /** So many more of the unsent answers travel without a fetch, and at once. */
  #goesAlone(answers: number): void {
    this.alone += answers
    this.holder.urged()
  }

  /** So many records less wait for a terminal answer, if this one was handed out. */
  #answered(index: number, records: number): void {
    if (index < this.#handedTo) this.holder.outstanding -= records
  }

  #renew(index: number, lockDeadline: number): void {
    this.#renewedDeadlines ??= new Float64Array(this.length)
    this.#renewedDeadlines[index] = lockDeadline
  }

  #isFinished(index: number): boolean {
    const state = this.#states[index] as number
    return state !== OPEN && (state & DONE) !== 0
  }
}

/** It does not travel with a fetch: a parked one is not woken by a release, and one that renews has to say so and brings nothing. */
function goesAlone(code: number): boolean {
  return code === AckCode.RELEASE || code === AckCode.RENEW
}

/** No terminal answer was given: open, or a renewal of the application with nothing behind it. */
function isUnanswered(state: number): boolean {
  return (
    state === OPEN ||
    ((state & DONE) === 0 && (state & TYPE) === AckCode.RENEW && ((state >> QUEUED_SHIFT) & TYPE) === 0)
  )
}
