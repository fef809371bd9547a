import type { AcquisitionLocks } from './acquisition-locks.js'
import type { InFlightWindow } from './in-flight-window.js'
import type { PersistedBatch } from '../state/persisted-batches.js'
import { isFinished, RecordState, type AcquisitionLock, type OffsetRun, type TrackedBatch } from './tracked-batch.js'

export type DeadLetterCause = 'rejected' | 'deliveryLimit'

/** A record that its group gives up on, for the dead-letter queue. */
export interface DeadLetter {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
  readonly cause: DeadLetterCause
}

/** What acquired offsets became. */
export interface RecordChange {
  readonly batch: TrackedBatch
  readonly first: number
  readonly last: number
  readonly state: Exclude<RecordState, typeof RecordState.ACQUIRED>
  readonly deliveryCount: number
  /** Why it is given up on. */
  readonly cause: DeadLetterCause | undefined
  /** The count and the lock it had, in case it is taken back. */
  readonly previousCount: number
  readonly lock: AcquisitionLock | undefined
}

/** Changes that are seen at once, and hold or are taken back together once the write to the share coordinator has ended. */
export class RecordChanges {
  readonly #window: InFlightWindow
  readonly #changes: RecordChange[] = []

  constructor(window: InFlightWindow) {
    this.#window = window
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0
  }

  /** The run is acquired. */
  add(
    batch: TrackedBatch,
    { first, last, deliveryCount, lock }: OffsetRun,
    to: Pick<RecordChange, 'state' | 'cause'> & { readonly deliveryCount?: number },
  ): void {
    const newCount = to.deliveryCount ?? deliveryCount
    const { state, cause } = to
    batch.set(first, last, state, newCount, undefined)
    if (isFinished(state)) this.#window.countFinished(first, last)
    this.#changes.push({
      batch,
      first,
      last,
      state,
      deliveryCount: newCount,
      cause,
      previousCount: deliveryCount,
      lock,
    })
  }

  /** What was released stays acquired until {@link handOver}: a fetch in between must not have it. */
  withhold(): void {
    this.#setReleased(RecordState.ACQUIRED)
  }

  handOver(): void {
    this.#setReleased(RecordState.AVAILABLE)
  }

  #setReleased(to: typeof RecordState.ACQUIRED | typeof RecordState.AVAILABLE): void {
    for (const { batch, first, last, state, deliveryCount, lock } of this.#changes) {
      if (state !== RecordState.AVAILABLE) continue
      batch.set(first, last, to, deliveryCount, to === RecordState.ACQUIRED ? lock : undefined)
    }
  }

  takeBack(): void {
    for (const { batch, first, last, state, previousCount, lock } of this.#changes) {
      batch.set(first, last, RecordState.ACQUIRED, previousCount, lock)
      if (isFinished(state)) this.#window.countFinished(first, last, -1)
    }
  }

  /** Ends the locks of what was changed. */
  hold(locks: AcquisitionLocks): void {
    for (const { first, last, state, lock } of this.#changes) {
      if (lock !== undefined) locks.release(lock, last - first + 1)
      if (state === RecordState.AVAILABLE) this.#window.noteAvailable()
    }
  }

  /** For the write, in the order of offsets. */
  persisted(): readonly PersistedBatch[] {
    return this.#changes.map(({ first, last, state, deliveryCount }) => ({
      firstOffset: first,
      lastOffset: last,
      state,
      deliveryCount,
    }))
  }

  /** What was rejected or has reached the delivery limit. */
  givenUp(): readonly DeadLetter[] {
    return this.#lettersOf((change) => change.cause !== undefined)
  }

  /** Those of them that wait for the dead-letter queue. */
  deadLetters(): readonly DeadLetter[] {
    return this.#lettersOf((change) => change.state === RecordState.ARCHIVING)
  }

  #lettersOf(isMeant: (change: RecordChange) => boolean): readonly DeadLetter[] {
    const letters: DeadLetter[] = []
    for (const change of this.#changes) {
      const { first, last, deliveryCount, cause } = change
      if (cause === undefined || !isMeant(change)) continue
      letters.push({ firstOffset: first, lastOffset: last, deliveryCount, cause })
    }
    return letters
  }
}
