import type { ConsumerRecord } from '@milena/client'
import type { AcknowledgmentTimeoutEvent, ShareAcknowledgment } from '@milena/container'
import { told, type Acquisition } from '../acquisitions.js'
import type { AppSurroundings } from './app.js'
import type { WorkSettings } from './work-settings.js'

export type ValueRecord = ConsumerRecord<Buffer | null, string>

/** What a timer that was due may be late by, and what the container may take to notice. */
const LATE_MS = 1_500

/** A record in the hands of an application. */
export interface Delivery {
  readonly record: ValueRecord
  readonly memberId: string
  readonly acquisition: Acquisition | undefined
  readonly acknowledgment: ShareAcknowledgment | undefined
  readonly signal: AbortSignal | undefined
  readonly startedAt: number
  /** When it was handed out or renewed last. */
  heardAt: number
  /** Its listener is being called, or its promise is open. */
  isRunning: boolean
  /** Answered by the application itself, through its acknowledgment. */
  isAnswered: boolean
  /** Others decide: its deadline has passed, or its error handler or recoverer was asked. */
  isOver: boolean
  isLost: boolean
  /** The broker has refused its renewal: it may be lost. */
  isInDoubt: boolean
  /** How often its acknowledgment was said to be overdue, and how often that was right. */
  overdue: number
  overdueAllowed: number
}

/** The records in the hands of one application, and what must hold of how a container hands them out. */
export class Deliveries {
  readonly #of = new WeakMap<object, Delivery>()
  readonly #open = new Set<Delivery>()
  /** Members that are ending, or have ended: what they had goes back. */
  readonly #ending = new Set<string>()

  constructor(
    private readonly around: AppSurroundings,
    private readonly settings: Pick<WorkSettings, 'mode' | 'atOnce' | 'isWindow' | 'deadlineMs' | 'ackTimeoutMs'>,
  ) {}

  /** The listener is called with it. */
  begin(given: Pick<Delivery, 'record' | 'memberId' | 'acknowledgment' | 'signal'>): Delivery {
    const { record, memberId } = given
    const acquisition = this.around.truth.handedOut(memberId, record, record.value)
    const delivery = this.#made({ ...given, acquisition })
    delivery.isRunning = true
    this.#checkCount(delivery)
    this.#checkBatch(delivery)
    this.#open.add(delivery)
    return delivery
  }

  /** The filter sees it. */
  meet(record: ValueRecord, memberId: string): Delivery {
    const acquisition = this.around.truth.held(memberId, record)
    return this.#made({ record, memberId, acknowledgment: undefined, signal: undefined, acquisition })
  }

  /** Its listener ends. */
  ended(delivery: Delivery): void {
    delivery.isRunning = false
    this.#settle(delivery)
    this.#checkDeadline(delivery)
  }

  answered(delivery: Delivery): void {
    this.#checkOverdue(delivery)
    delivery.isAnswered = true
    this.#settle(delivery)
  }

  renewed(delivery: Delivery): void {
    this.#checkOverdue(delivery)
    delivery.heardAt = this.around.process.clock.now()
    delivery.overdueAllowed++
  }

  /** Others decide about it from now on. */
  over(record: object): Delivery | undefined {
    const delivery = this.#of.get(record)
    if (delivery === undefined) return undefined
    delivery.isOver = true
    this.#settle(delivery)
    return delivery
  }

  lost(record: object): void {
    const delivery = this.#of.get(record)
    if (delivery === undefined) return
    delivery.isLost = true
    this.#settle(delivery)
  }

  inDoubt(record: object): void {
    const delivery = this.#of.get(record)
    if (delivery !== undefined) delivery.isInDoubt = true
  }

  ending(memberId: string): void {
    this.#ending.add(memberId)
    for (const delivery of this.#open)
      if (delivery.memberId === memberId && !delivery.isRunning) this.#open.delete(delivery)
  }

  /** Whether an answer may be refused: nobody waits for it any more, or its lock may be gone. */
  mayBeRefused({ acquisition, isOver, isLost, memberId }: Delivery): boolean {
    const now = this.around.process.clock.now()
    if (isOver || isLost || this.#ending.has(memberId) || acquisition === undefined) return true
    const { mayEndMs, tap, isRenewalRefused } = acquisition
    return mayEndMs <= now || tap.closedAtClientMs !== undefined || isRenewalRefused
  }

  overdue({ record, heldMs, timeoutMs }: AcknowledgmentTimeoutEvent): void {
    const delivery = this.#of.get(record)
    const { findings, process } = this.around
    findings.count('acknowledgment overdue')
    const place = `${process.name}: ${record.topic}-${record.partition}@${record.offset}`
    if (delivery === undefined) findings.broken('VERDICT', `${place} is said to be overdue, and was never handed out`)
    else if (delivery.isAnswered) findings.broken('VERDICT', `${place} is said to be overdue, and is answered`)
    else if (process.clock.now() - delivery.heardAt < timeoutMs - 1 || heldMs < timeoutMs - 1) {
      findings.broken('VERDICT', `${place} is said to be overdue after ${process.clock.now() - delivery.heardAt} ms`)
    } else if (++delivery.overdue > delivery.overdueAllowed) {
      findings.broken('VERDICT', `${place} is said to be overdue ${delivery.overdue} times`)
    }
  }

  #made(given: Pick<Delivery, 'record' | 'memberId' | 'acknowledgment' | 'signal' | 'acquisition'>): Delivery {
    const now = this.around.process.clock.now()
    const delivery: Delivery = {
      ...given,
      startedAt: now,
      heardAt: now,
      isRunning: false,
      isAnswered: false,
      isOver: false,
      isLost: false,
      isInDoubt: false,
      overdue: 0,
      overdueAllowed: 1,
    }
    this.#of.set(given.record, delivery)
    return delivery
  }

  #checkCount(delivery: Delivery): void {
    const { mode, atOnce } = this.settings
    const others = this.#others(delivery).filter((each) => this.#counts(each)).length
    if (others < atOnce) return
    this.around.findings.broken(
      'BOUNDED',
      `${nameOf(delivery)} was handed out (${mode}) while ${others} others are at work, of ${atOnce} at once`,
    )
  }

  /** Where there is no window, nothing that was fetched later comes before all of the batch is answered. */
  #checkBatch(delivery: Delivery): void {
    const { mode, isWindow } = this.settings
    const acquiredAtMs = delivery.acquisition?.acquiredAtMs ?? 0
    if (mode !== 'MANUAL' || isWindow) return
    const earlier = this.#others(delivery).find((each) => each.startedAt < acquiredAtMs && this.#isAwaited(each))
    if (earlier === undefined) return
    this.around.findings.broken(
      'BOUNDED',
      `${nameOf(delivery)} was handed out before ${nameOf(earlier)} of an earlier batch was answered`,
    )
  }

  #others({ memberId }: Delivery): Delivery[] {
    return [...this.#open].filter((each) => each.memberId === memberId)
  }

  #isAwaited({ isAnswered, isOver, isLost, isInDoubt, memberId }: Delivery): boolean {
    return !isAnswered && !isOver && !isLost && !isInDoubt && !this.#ending.has(memberId)
  }

  /** Of those that the container must count as being at work. */
  #counts(delivery: Delivery): boolean {
    const { mode, isWindow } = this.settings
    if (mode === 'MANUAL' && isWindow) return this.#isAwaited(delivery)
    return delivery.isRunning && !delivery.isOver && !delivery.isInDoubt
  }

  #settle(delivery: Delivery): void {
    const isWaitedFor = this.settings.mode === 'MANUAL' && !delivery.isAnswered && !delivery.isLost
    if (delivery.isOver || (!delivery.isRunning && !isWaitedFor)) this.#open.delete(delivery)
  }

  /** Whoever works longer than the deadline has been told so. */
  #checkDeadline(delivery: Delivery): void {
    const { deadlineMs = Infinity } = this.settings
    if (this.#wasFrozen(delivery.startedAt) || this.mayBeRefused(delivery)) return
    const ms = this.around.process.clock.now() - delivery.startedAt
    if (ms < deadlineMs + LATE_MS) return
    this.around.findings.broken(
      'FOREVER',
      `${nameOf(delivery)} was worked on for ${ms} ms, and its deadline of ${deadlineMs} ms never came`,
    )
  }

  #checkOverdue(delivery: Delivery): void {
    const { ackTimeoutMs } = this.settings
    if (this.#wasFrozen(delivery.heardAt) || this.mayBeRefused(delivery)) return
    const ms = this.around.process.clock.now() - delivery.heardAt
    if (ms < ackTimeoutMs + LATE_MS || delivery.overdue > 0) return
    this.around.findings.broken(
      'FOREVER',
      `${nameOf(delivery)} was unanswered for ${ms} ms, and nobody said so after ${ackTimeoutMs} ms`,
    )
  }

  #wasFrozen(sinceMs: number): boolean {
    const { process } = this.around
    return process.isFrozen || process.frozenLastAt >= sinceMs
  }
}

function nameOf({ acquisition, record }: Delivery): string {
  return acquisition === undefined ? `${record.topic}-${record.partition}@${record.offset}` : told(acquisition)
}
