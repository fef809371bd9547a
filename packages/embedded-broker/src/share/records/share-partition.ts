import { ErrorCode } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { VersionProfile } from '../../version-profile.js'
import type { AcquiredRange, AcquireRequest } from './acquire-request.js'
import { AcquisitionLocks } from './acquisition-locks.js'
import { InFlightWindow } from './in-flight-window.js'
import type { PersistedBatch } from '../state/persisted-batches.js'
import {
  acknowledged,
  RecordAcknowledgement,
  type AcknowledgementBatch,
  type AcknowledgeOutcome,
} from './record-acknowledgement.js'
import { RecordAcquisition } from './record-acquisition.js'
import { RecordChanges, type DeadLetter, type RecordChange } from './record-changes.js'
import { noThrottle, redeliveryThrottle } from './redelivery-throttle.js'
import type { ShareRecordsView } from './share-records-view.js'
import type { PersistedSharePartition } from '../state/share-state-store.js'
import { RecordState, TrackedBatch, type AcquisitionLock } from './tracked-batch.js'

export type { BatchOutline } from './aborted-batches.js'
export { AcquireMode, type AcquiredRange, type AcquireRequest } from './acquire-request.js'
export type { AcknowledgementBatch, AcknowledgeOutcome } from './record-acknowledgement.js'
export type { DeadLetter } from './record-changes.js'

/** What a change has to have written to the share coordinator. */
export interface SharePartitionWrite {
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly batches: readonly PersistedBatch[]
}

export interface SharePartitionSurroundings {
  readonly clock: Clock
  readonly profile: VersionProfile
  /**
   * The group's settings now; asked whenever one is needed. A deadLetterTopic means that the dead-letter queue is on: leave it
   * undefined while the feature `share.version` is below 2.
   */
  readonly settings: () => ShareGroupSettings
  /** Writes to the share coordinator; an error code other than 0 takes the change back (specification 7.5). Synchronous. */
  readonly write: (write: SharePartitionWrite) => number
  /** Fetches that wait may find something now (lock expiry, start offset moved); NOT called for RELEASE and session end (6.1 item 10). */
  readonly onAcquirable: () => void
  /** Something visible changed. */
  readonly onChange: () => void
  /**
   * Offsets that became ARCHIVING by REJECT or by the delivery limit (not GAP, not retention); only while a dead-letter topic
   * is set. They stay in that state, and hold the start offset back, until deadLettersWritten().
   */
  readonly onDeadLetters: (letters: readonly DeadLetter[]) => void
  /** For whoever tells people: a member's lock on these offsets ran out. */
  readonly onLockExpired?: (expired: {
    readonly memberId: string
    readonly firstOffset: number
    readonly lastOffset: number
  }) => void
  /** For whoever tells people: rejected, or at the delivery limit; with a dead-letter queue and without. */
  readonly onGivenUp?: (records: readonly DeadLetter[]) => void
}

/**
 * The state machine of one (group, topic partition) on its leader. Reads no log and no wire.
 *
 * Rules
 * - What changes by an answer, or by the end of a session, is written to the share coordinator first, and taken back when
 *   that fails; the end of a lock holds in any case. Acquisitions and renewals are not written.
 * - A write carries the start offset as it is before the change moves it.
 * - Whoever has to be told of a change is told last, when all is settled: they may call back.
 */
export class SharePartition {
  readonly #surroundings: SharePartitionSurroundings
  readonly #window: InFlightWindow
  readonly #locks: AcquisitionLocks
  #isFenced = false
  #isClosed = false

  constructor(
    surroundings: SharePartitionSurroundings,
    given: {
      readonly persisted: PersistedSharePartition
      /** Where the reset policy put it when persisted.startOffset is -1. */ readonly startOffset: number
    },
  ) {
    this.#surroundings = surroundings
    const { persisted } = given
    const startOffset = persisted.startOffset === -1 ? given.startOffset : persisted.startOffset
    this.#window = new InFlightWindow(startOffset)
    this.#locks = new AcquisitionLocks({
      clock: surroundings.clock,
      durationMs: () => surroundings.settings().recordLockDurationMs,
      onExpired: (batch, lock) => this.#lockExpired(batch, lock),
    })
    const batches: TrackedBatch[] = []
    for (const { firstOffset, lastOffset, state, deliveryCount } of persisted.batches) {
      if (lastOffset < startOffset) continue
      batches.push(new TrackedBatch(Math.max(firstOffset, startOffset), lastOffset, state, deliveryCount))
    }
    this.#window.load(batches)
  }

  /** The first offset that is not finished (SPSO). */
  get startOffset(): number {
    return this.#window.startOffset
  }

  /** The last offset that was acquired so far (SPEO); startOffset - 1 while there is none. */
  get endOffset(): number {
    return this.#window.startOffset + this.#window.size - 1
  }

  /** How many offsets are finished from startOffset on. */
  get deliveryCompleteCount(): number {
    return this.#window.finishedCount
  }

  /** Where the next read of the log begins. */
  get nextFetchOffset(): number {
    return this.#window.nextFetchOffset
  }

  /** Room in the window, or something available inside of it. */
  get canAcquire(): boolean {
    if (this.#isClosed) return false
    if (this.#window.nextFetchOffset !== this.#window.endOffset + 1) return true
    return this.#window.size < this.#surroundings.settings().partitionMaxRecordLocks
  }

  /** A write was refused because the state has another owner, or none: this one is to be closed and built anew. */
  get isFenced(): boolean {
    return this.#isFenced
  }

  /**
   * To be called once, after construction: dead letters that the leader before this one was about to write go to
   * onDeadLetters again.
   */
  resumeDeadLetters(): void {
    const { deliveryCountLimit } = this.#surroundings.settings()
    const letters: DeadLetter[] = []
    for (const batch of this.#window.batches) {
      for (const { first, last, state, deliveryCount } of batch.runs(batch.firstOffset, batch.lastOffset)) {
        if (state !== RecordState.ARCHIVING) continue
        const cause = deliveryCount >= deliveryCountLimit ? 'deliveryLimit' : 'rejected'
        letters.push({ firstOffset: first, lastOffset: last, deliveryCount, cause })
      }
    }
    if (letters.length > 0) this.#surroundings.onDeadLetters(letters)
  }

  /**
   * @returns what the member has now, by offset; nothing when there is nothing to have
   * @throws AcquisitionFailure
   */
  acquire(request: AcquireRequest): readonly AcquiredRange[] {
    if (this.#isClosed) return []
    const { profile, settings } = this.#surroundings
    const { deliveryCountLimit, partitionMaxRecordLocks } = settings()
    const throttle = profile.throttlesRedelivery ? redeliveryThrottle(deliveryCountLimit) : noThrottle
    const rules = { maxRecordLocks: partitionMaxRecordLocks, throttle }
    try {
      return new RecordAcquisition(this.#window, this.#locks, rules, request).run()
    } finally {
      this.#surroundings.onChange()
    }
  }

  /** All or nothing (6.2, from "offsets below SPSO" on; the checks above that row are the handler's). */
  acknowledge(memberId: string, batches: readonly AcknowledgementBatch[]): AcknowledgeOutcome {
    return this.beginAcknowledge(memberId, batches).complete()
  }

  /** The same in two steps, with room for a fetch in between. */
  beginAcknowledge(memberId: string, batches: readonly AcknowledgementBatch[]): BegunAcknowledgement {
    if (this.#isClosed) return begun(failure(ErrorCode.NOT_LEADER_OR_FOLLOWER))
    const changes = new RecordChanges(this.#window)
    const rules = {
      renewEnabled: this.#surroundings.settings().renewAcknowledgeEnable,
      release: (deliveryCount: number) => this.#released(deliveryCount),
      reject: this.#rejected,
    }
    const outcome = new RecordAcknowledgement({
      window: this.#window,
      locks: this.#locks,
      rules,
      memberId,
      changes,
    }).apply(batches)
    if (outcome.errorCode !== ErrorCode.NONE || changes.isEmpty) {
      changes.takeBack()
      this.#surroundings.onChange()
      return begun(outcome)
    }
    const write = this.#writeOf(changes.persisted())
    changes.withhold()
    return begun(outcome, () => {
      changes.handOver()
      return this.#writeAndHold(changes, write)
    })
  }

  /** The member's session ended: what it holds is released, with its count kept (4.1: lowered, and never archived). */
  releaseMember(memberId: string): void {
    const changes = new RecordChanges(this.#window)
    for (const batch of this.#window.batches) {
      this.#giveBack(batch, changes, (lock) => lock.memberId === memberId, this.#surroundings.profile)
    }
    if (!changes.isEmpty) this.#writeAndHold(changes)
  }

  /** The log begins later than it did (retention, DeleteRecords). Wakes nobody, writes nothing. */
  logStartMoved(logStartOffset: number): void {
    this.#window.logStartMoved(logStartOffset)
    this.#surroundings.onChange()
  }

  /** 4.4: the dead-letter writes of these offsets are done, or given up; ARCHIVING becomes ARCHIVED. */
  deadLettersWritten(letters: readonly DeadLetter[]): void {
    if (this.#isClosed) return
    const batches: PersistedBatch[] = []
    for (const { firstOffset, lastOffset } of letters) {
      for (const batch of this.#window.overlapping(firstOffset, lastOffset)) {
        for (const { first, last, state, deliveryCount } of batch.runs(firstOffset, lastOffset)) {
          if (state !== RecordState.ARCHIVING) continue
          batch.set(first, last, RecordState.ARCHIVED, deliveryCount, undefined)
          this.#window.countFinished(first, last)
          batches.push({ firstOffset: first, lastOffset: last, state: RecordState.ARCHIVED, deliveryCount })
        }
      }
    }
    if (batches.length === 0) return
    // A failure changes nothing: the next leader finds them as ARCHIVING and writes the letters again.
    this.#write(batches.toSorted((a, b) => a.firstOffset - b.firstOffset))
    const moved = this.#window.advance()
    this.#surroundings.onChange()
    if (moved) this.#surroundings.onAcquirable()
  }

  /** Timers are cancelled; nothing is written. */
  close(): void {
    this.#isClosed = true
    this.#locks.close()
  }

  inspect(): readonly ShareRecordsView[] {
    const now = this.#surroundings.clock.now()
    const views: ShareRecordsView[] = []
    for (const batch of this.#window.batches) {
      for (const { first, last, state, deliveryCount, lock } of batch.runs(this.startOffset, batch.lastOffset)) {
        const view: ShareRecordsView = {
          firstOffset: first,
          lastOffset: last,
          state: stateNames[state],
          deliveryCount,
          ...(lock && { memberId: lock.memberId, lockLeftMs: Math.max(0, lock.expiresAt - now) }),
        }
        const previous = views.at(-1)
        if (previous !== undefined && isContinuedBy(previous, view)) {
          views[views.length - 1] = { ...previous, lastOffset: last }
        } else {
          views.push(view)
        }
      }
    }
    return views
  }

  #lockExpired(batch: TrackedBatch, lock: AcquisitionLock): void {
    const changes = new RecordChanges(this.#window)
    this.#giveBack(batch, changes, (held) => held === lock)
    if (changes.isEmpty) return
    this.#write(changes.persisted())
    changes.hold(this.#locks)
    this.#window.advance()
    const { onLockExpired, onChange, onAcquirable } = this.#surroundings
    if (onLockExpired !== undefined) {
      for (const { firstOffset, lastOffset } of changes.persisted()) {
        onLockExpired({ memberId: lock.memberId, firstOffset, lastOffset })
      }
    }
    onChange()
    onAcquirable()
    this.#send(changes)
  }

  /** What is held under such a lock is released; what lies below the start is archived. */
  #giveBack(
    batch: TrackedBatch,
    changes: RecordChanges,
    isMeant: (lock: AcquisitionLock) => boolean,
    profile?: VersionProfile,
  ): void {
    const lowersCount = profile?.sessionReleaseLowersDeliveryCount === true
    const release = (deliveryCount: number): ReleaseEffect =>
      lowersCount
        ? { state: RecordState.AVAILABLE, cause: undefined, deliveryCount: deliveryCount - 1 }
        : this.#released(deliveryCount)
    const { startOffset } = this.#window
    const give = (from: number, to: number, effect: (deliveryCount: number) => ReleaseEffect): void => {
      for (const run of batch.runs(from, to)) {
        if (run.lock !== undefined && isMeant(run.lock)) changes.add(batch, run, effect(run.deliveryCount))
      }
    }
    give(batch.firstOffset, startOffset - 1, () => ({ state: RecordState.ARCHIVED, cause: undefined }))
    give(startOffset, batch.lastOffset, release)
  }

  #writeAndHold(changes: RecordChanges, write = this.#writeOf(changes.persisted())): AcknowledgeOutcome {
    const code = this.#surroundings.write(write)
    if (code !== ErrorCode.NONE) {
      changes.takeBack()
      if (fencing.has(code)) this.#isFenced = true
      this.#surroundings.onChange()
      return writeFailures.get(code) ?? unknownFailure
    }
    changes.hold(this.#locks)
    const moved = this.#window.advance()
    this.#surroundings.onChange()
    if (moved) this.#surroundings.onAcquirable()
    this.#send(changes)
    return acknowledged
  }

  /** @returns the share coordinator's error code */
  #write(batches: readonly PersistedBatch[]): number {
    return this.#surroundings.write(this.#writeOf(batches))
  }

  /** Tells of the start and the count as they are now. */
  #writeOf(batches: readonly PersistedBatch[]): SharePartitionWrite {
    const { startOffset, finishedCount } = this.#window
    return { startOffset, deliveryCompleteCount: finishedCount, batches }
  }

  #send(changes: RecordChanges): void {
    const { onGivenUp } = this.#surroundings
    const givenUp = onGivenUp === undefined ? [] : changes.givenUp()
    if (givenUp.length > 0) onGivenUp?.(givenUp)
    const letters = changes.deadLetters()
    if (letters.length > 0) this.#surroundings.onDeadLetters(letters)
  }

  #released(deliveryCount: number): ReleaseEffect {
    const { deliveryCountLimit } = this.#surroundings.settings()
    if (deliveryCount < deliveryCountLimit) return { state: RecordState.AVAILABLE, cause: undefined }
    return { state: this.#givenUp, cause: 'deliveryLimit' }
  }

  get #rejected(): ReleaseEffect {
    return { state: this.#givenUp, cause: 'rejected' }
  }

  get #givenUp(): typeof RecordState.ARCHIVING | typeof RecordState.ARCHIVED {
    const { profile, settings } = this.#surroundings
    const hasQueue = profile.maxShareVersion >= 2 && settings().deadLetterTopic !== undefined
    return hasQueue ? RecordState.ARCHIVING : RecordState.ARCHIVED
  }
}

/** Acknowledgements that the records have judged. */
export interface BegunAcknowledgement {
  /** What the judgement is; what follows may still fail. */
  readonly outcome: AcknowledgeOutcome
  /** Writes what has changed, sets free what was released, and moves the start; to be called once. @returns what became of it */
  complete(): AcknowledgeOutcome
}

function begun(outcome: AcknowledgeOutcome, complete: () => AcknowledgeOutcome = () => outcome): BegunAcknowledgement {
  return { outcome, complete }
}

type ReleaseEffect = Pick<RecordChange, 'state' | 'cause'> & { readonly deliveryCount?: number }

const stateNames = {
  [RecordState.AVAILABLE]: 'AVAILABLE',
  [RecordState.ACQUIRED]: 'ACQUIRED',
  [RecordState.ACKNOWLEDGED]: 'ACKNOWLEDGED',
  [RecordState.ARCHIVING]: 'ARCHIVING',
  [RecordState.ARCHIVED]: 'ARCHIVED',
} as const

function isContinuedBy(previous: ShareRecordsView, next: ShareRecordsView): boolean {
  return (
    previous.lastOffset + 1 === next.firstOffset &&
    previous.state === next.state &&
    previous.deliveryCount === next.deliveryCount &&
    previous.memberId === next.memberId &&
    previous.lockLeftMs === next.lockLeftMs
  )
}

/** Refusals after which the state in memory is worth nothing. */
const fencing: ReadonlySet<number> = new Set([
  ErrorCode.FENCED_STATE_EPOCH,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.GROUP_ID_NOT_FOUND,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
])

function failure(errorCode: number, errorMessage: string | null = null): AcknowledgeOutcome {
  return { errorCode, errorMessage }
}

const unknownFailure = failure(ErrorCode.UNKNOWN_SERVER_ERROR, 'Unable to complete operation due to server error.')

/** What a member is told when the share coordinator refused a write. */
const writeFailures: ReadonlyMap<number, AcknowledgeOutcome> = new Map<number, AcknowledgeOutcome>([
  [ErrorCode.NOT_COORDINATOR, failure(ErrorCode.COORDINATOR_NOT_AVAILABLE)],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, failure(ErrorCode.COORDINATOR_NOT_AVAILABLE)],
  [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, failure(ErrorCode.COORDINATOR_NOT_AVAILABLE)],
  [ErrorCode.GROUP_ID_NOT_FOUND, failure(ErrorCode.GROUP_ID_NOT_FOUND)],
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, failure(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)],
  [
    ErrorCode.FENCED_STATE_EPOCH,
    failure(
      ErrorCode.NOT_LEADER_OR_FOLLOWER,
      'Error in write state RPC. The coordinator rejected the request because the state epoch did not match.',
    ),
  ],
  [ErrorCode.FENCED_LEADER_EPOCH, failure(ErrorCode.NOT_LEADER_OR_FOLLOWER)],
  [
    ErrorCode.INVALID_REQUEST,
    failure(
      ErrorCode.UNKNOWN_SERVER_ERROR,
      'Error in write state RPC. Write operation on uninitialized share partition not allowed.',
    ),
  ],
])
