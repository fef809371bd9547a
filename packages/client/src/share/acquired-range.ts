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
// - `open`, `unsent` and `sent` always equal what counting the bytes would give (a property test counts).

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
  /** `range` has its first unsent answer. */
  answered(range: AcquiredRange): void
  /** An answer was given that should not wait for company: it frees a record, or a lock runs out. */
  urged(): void
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

/** Indices [from, to) of a range. */
export interface Run {
  readonly from: number
  readonly to: number
}

export class AcquiredRange {
  readonly length: number
  /** Not answered yet. */
  open: number
  /** Answered, and not yet in a request. */
  unsent = 0
  /** In a request whose answer has not come. */
  sent = 0
  /** Made once somebody waits for the verdict on a single record, or something failed. */
  verdicts: RangeVerdicts | undefined
  readonly #states: Uint8Array
  /** The deadlines of renewed offsets; made with the first renewal. */
  #renewedDeadlines: Float64Array | undefined
  /** Every index below this one is finished: where the next search for unsent answers starts. */
  #finishedBelow = 0

  constructor(
    readonly partition: TopicIdPartition,
    readonly holder: RangeHolder,
    readonly firstOffset: number,
    readonly lastOffset: number,
    readonly deliveryCount: number,
    /** On the injected clock; counted from when the request was sent, so early rather than late. */
    readonly lockDeadline: number,
  ) {
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
    return this.#renewedDeadlines?.[index] || this.lockDeadline
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
      if (this.unsent++ === 0) this.holder.answered(this)
      if (code === AckCode.RELEASE || code === AckCode.RENEW) this.holder.urged()
      return 'noted'
    }
    if (state === LOST) return 'stale'
    if ((state & DONE) !== 0) return (state & TYPE) === AckCode.RENEW ? 'stale' : 'already-answered'
    const renewing = (state & TYPE) === AckCode.RENEW && ((state >> QUEUED_SHIFT) & TYPE) === 0
    if ((state & SENT) === 0) {
      if (!renewing && !replace) return 'already-answered'
      this.#states[index] = code
      return 'noted'
    }
    if (!renewing) return 'already-answered'
    if (code !== AckCode.RENEW) this.#states[index] = state | (code << QUEUED_SHIFT)
    return 'noted'
  }

  /** Answers every open offset among [from, to) alike; how many those were. */
  answerOpen(code: AckCode, from = 0, to = this.length): number {
    if (this.open === 0) return 0
    let answered = 0
    if (this.open === this.length && from === 0 && to === this.length) {
      this.#states.fill(code)
      answered = this.length
    } else {
      for (let i = from; i < to; i++) {
        if (this.#states[i] !== OPEN) continue
        this.#states[i] = code
        answered++
      }
    }
    if (answered === 0) return 0
    this.open -= answered
    const first = this.unsent === 0
    this.unsent += answered
    if (first) this.holder.answered(this)
    if (code === AckCode.RELEASE) this.holder.urged()
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
    return runs
  }

  /** The answer given for one offset that has one. */
  typeAt(index: number): number {
    return (this.#states[index] as number) & TYPE
  }

  /** Gives up what is unanswered and whose lock ran out before `time`: it can only be answered in vain. How many. */
  expire(time: number): number {
    if (this.open === 0 || this.lockDeadline > time) return 0
    let expired = 0
    for (let i = this.#finishedBelow; i < this.length; i++) {
      if (this.#states[i] !== OPEN || this.deadlineOf(i) > time) continue
      this.#states[i] = LOST
      expired++
    }
    this.open -= expired
    return expired
  }

  /** The broker's word on what was sent of [from, to): done, failed for good, or to be sent again. */
  settle(from: number, to: number, verdict: Verdict): void {
    const states = this.#states
    const unsentBefore = this.unsent
    for (let i = from; i < to; i++) {
      const state = states[i] as number
      if ((state & DONE) !== 0 || (state & SENT) === 0) continue
      this.sent--
      const queued = (state & ~SENT) >> QUEUED_SHIFT
      const type = state & TYPE
      if (verdict.outcome === 'again') {
        states[i] = queued === 0 ? type : queued
        this.unsent++
      } else if (type === AckCode.RENEW && queued !== 0) {
        // The terminal answer behind the renewal goes out next; if the lock is gone, its own verdict says so.
        states[i] = queued
        this.unsent++
        if (verdict.outcome === 'done') this.#renew(i, verdict.lockDeadline)
      } else if (type === AckCode.RENEW && verdict.outcome === 'done') {
        states[i] = OPEN
        this.open++
        this.#renew(i, verdict.lockDeadline)
      } else {
        states[i] = DONE | type
      }
    }
    while (this.#finishedBelow < this.length && this.#isFinished(this.#finishedBelow)) this.#finishedBelow++
    if (unsentBefore === 0 && this.unsent > 0) this.holder.answered(this)
  }

  /** [from, to) was acquired anew by this member: the earlier lock is gone, and so is what was not answered under it. */
  supersede(from: number, to: number): number {
    let lost = 0
    for (let i = from; i < to; i++) {
      const state = this.#states[i] as number
      if ((state & DONE) !== 0 && state !== OPEN) continue
      if (state === OPEN) this.open--
      else if ((state & SENT) !== 0) this.sent--
      else this.unsent--
      this.#states[i] = LOST
      lost++
    }
    return lost
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
