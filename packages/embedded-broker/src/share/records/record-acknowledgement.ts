import { ErrorCode } from '@milena/protocol'
import type { AcquisitionLocks } from './acquisition-locks.js'
import type { InFlightWindow } from './in-flight-window.js'
import type { RecordChange, RecordChanges } from './record-changes.js'
import { RecordState, type OffsetRun, type TrackedBatch } from './tracked-batch.js'

const AcknowledgeType = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

export interface AcknowledgementBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  /** One for all offsets, or one for each. Checked already: 0 (GAP) to 4 (RENEW). */
  readonly acknowledgeTypes: readonly number[]
}

/** An error code (0: none) with Kafka's sentence for it. */
export interface AcknowledgeOutcome {
  readonly errorCode: number
  readonly errorMessage: string | null
  /** Not this partition only: real brokers fail the whole request with this code, without a message. */
  readonly failsRequest?: true
}

export const acknowledged: AcknowledgeOutcome = { errorCode: ErrorCode.NONE, errorMessage: null }

/** A range that begins below the start and ends above it while nothing is tracked there: real brokers stumble over it (4.4.0). */
const acrossStart: AcknowledgeOutcome = {
  errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
  errorMessage: null,
  failsRequest: true,
}

function invalidState(errorMessage: string): AcknowledgeOutcome {
  return { errorCode: ErrorCode.INVALID_RECORD_STATE, errorMessage }
}

function pastAcquired(which: 'first' | 'last'): AcknowledgeOutcome {
  return {
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: `Batch record not found. The ${which} offset in request is past acquired records.`,
  }
}

export interface AcknowledgementRules {
  readonly renewEnabled: boolean
  /** What these answers make of a record. */
  readonly release: (deliveryCount: number) => Pick<RecordChange, 'state' | 'cause'>
  readonly reject: Pick<RecordChange, 'state' | 'cause'>
}

/**
 * Applies one member's acknowledgements of one request, in their order, up to the first that fails.
 *
 * Rules
 * - State changes are collected, so that whoever called can take them back; a renewed lock stays renewed whatever follows.
 * - Offsets below the start are passed over.
 * - A batch that is answered in part, or with a type for each offset, or that lies across the start, is divided.
 */
export class RecordAcknowledgement {
  readonly #window: InFlightWindow
  readonly #locks: AcquisitionLocks
  readonly #rules: AcknowledgementRules
  readonly #memberId: string
  readonly #changes: RecordChanges

  constructor(given: {
    readonly window: InFlightWindow
    readonly locks: AcquisitionLocks
    readonly rules: AcknowledgementRules
    readonly memberId: string
    readonly changes: RecordChanges
  }) {
    this.#window = given.window
    this.#locks = given.locks
    this.#rules = given.rules
    this.#memberId = given.memberId
    this.#changes = given.changes
  }

  apply(batches: readonly AcknowledgementBatch[]): AcknowledgeOutcome {
    for (const batch of batches) {
      if (batch.lastOffset < this.#window.startOffset) continue
      const outcome = this.#applyBatch(batch)
      if (outcome.errorCode !== ErrorCode.NONE) return outcome
    }
    return acknowledged
  }

  #applyBatch(answer: AcknowledgementBatch): AcknowledgeOutcome {
    const { firstOffset, lastOffset } = answer
    const { startOffset } = this.#window
    let floor = this.#window.floor(firstOffset)
    if (floor === undefined && firstOffset < startOffset) {
      floor = this.#window.floor(startOffset)
      if (floor === undefined) return acrossStart
    }
    if (floor === undefined) {
      return invalidState('Batch record not found. The request batch offsets are not found in the cache.')
    }
    const tracked = this.#window.beginningIn(floor.firstOffset, lastOffset)
    const lastTracked = tracked.at(-1)?.lastOffset ?? -1
    if (lastTracked < firstOffset) return pastAcquired('first')
    if (lastTracked < lastOffset) return pastAcquired('last')
    for (const batch of tracked) {
      if (batch.lastOffset < startOffset) continue
      const outcome = this.#applyToTracked(batch, answer)
      if (outcome.errorCode !== ErrorCode.NONE) return outcome
    }
    return acknowledged
  }

  #applyToTracked(batch: TrackedBatch, answer: AcknowledgementBatch): AcknowledgeOutcome {
    const { startOffset } = this.#window
    if (!batch.isDivided) {
      const lock = batch.wholeLock
      if (lock === undefined) {
        return invalidState('The batch cannot be acknowledged. The batch is not in the acquired state.')
      }
      if (lock.memberId !== this.#memberId) return invalidState('Member is not the owner of batch record')
      const whole =
        answer.acknowledgeTypes.length === 1 &&
        batch.firstOffset >= answer.firstOffset &&
        batch.lastOffset <= answer.lastOffset
      if (!whole) batch.divide()
    }
    const renewal = new Renewal(batch, this.#memberId, this.#locks)
    for (const run of batch.runs(Math.max(answer.firstOffset, startOffset), answer.lastOffset)) {
      if (run.state !== RecordState.ACQUIRED || run.lock === undefined) {
        return invalidState('The offset cannot be acknowledged. The offset is not acquired.')
      }
      if (run.lock.memberId !== this.#memberId) return invalidState('Member is not the owner of offset')
      for (const part of byType(run, answer)) {
        if (part.type === AcknowledgeType.RENEW) {
          if (!this.#rules.renewEnabled) {
            return invalidState('Renewing acquisition locks is not enabled for the group.')
          }
          renewal.renew(part.run)
        } else {
          this.#changes.add(batch, part.run, this.#effectOf(part.type, run.deliveryCount))
        }
      }
    }
    return acknowledged
  }

  #effectOf(type: number, deliveryCount: number): Pick<RecordChange, 'state' | 'cause'> {
    switch (type) {
      case AcknowledgeType.ACCEPT:
        return { state: RecordState.ACKNOWLEDGED, cause: undefined }
      case AcknowledgeType.RELEASE:
        return this.#rules.release(deliveryCount)
      case AcknowledgeType.REJECT:
        return this.#rules.reject
      default:
        return { state: RecordState.ARCHIVED, cause: undefined }
    }
  }
}

/** The run, cut where the acknowledge type changes. */
function* byType(
  run: OffsetRun,
  { firstOffset, acknowledgeTypes }: AcknowledgementBatch,
): Generator<{ readonly run: OffsetRun; readonly type: number }, void> {
  if (acknowledgeTypes.length === 1) {
    yield { run, type: acknowledgeTypes[0] ?? AcknowledgeType.GAP }
    return
  }
  for (let first = run.first; first <= run.last;) {
    const type = acknowledgeTypes[first - firstOffset]
    let last = first
    while (last < run.last && acknowledgeTypes[last + 1 - firstOffset] === type) last++
    yield { run: { ...run, first, last }, type: type ?? AcknowledgeType.GAP }
    first = last + 1
  }
}

/** What is renewed of one batch by one answer gets one new lock. */
class Renewal {
  readonly #batch: TrackedBatch
  readonly #memberId: string
  readonly #locks: AcquisitionLocks
  #lock: ReturnType<AcquisitionLocks['open']> | undefined

  constructor(batch: TrackedBatch, memberId: string, locks: AcquisitionLocks) {
    this.#batch = batch
    this.#memberId = memberId
    this.#locks = locks
  }

  renew(run: OffsetRun): void {
    const offsets = run.last - run.first + 1
    this.#lock ??= this.#locks.open(this.#batch, this.#memberId, 0)
    this.#lock.held += offsets
    this.#batch.set(run.first, run.last, RecordState.ACQUIRED, run.deliveryCount, this.#lock)
    if (run.lock !== undefined) this.#locks.release(run.lock, offsets)
  }
}
