import type { Clock } from '@milena/protocol/runtime'
import type { AcquisitionLock, TrackedBatch } from './tracked-batch.js'

/** The locks of one share partition, each with one timer for all offsets that it locks. */
export class AcquisitionLocks {
  readonly #clock: Clock
  readonly #durationMs: () => number
  readonly #onExpired: (batch: TrackedBatch, lock: AcquisitionLock) => void
  readonly #live = new Set<AcquisitionLock>()

  constructor(given: {
    readonly clock: Clock
    /** Asked for each new lock. */
    readonly durationMs: () => number
    /** The lock ran out while it held something; whoever is told takes its offsets from it. */
    readonly onExpired: (batch: TrackedBatch, lock: AcquisitionLock) => void
  }) {
    this.#clock = given.clock
    this.#durationMs = given.durationMs
    this.#onExpired = given.onExpired
  }

  /** A new lock, which counts `held` offsets of the batch. */
  open(batch: TrackedBatch, memberId: string, held: number): AcquisitionLock {
    const durationMs = this.#durationMs()
    const lock: AcquisitionLock = { memberId, expiresAt: this.#clock.now() + durationMs, held, timer: undefined }
    lock.timer = this.#clock.setTimer(() => this.#onExpired(batch, lock), durationMs, { unref: true })
    this.#live.add(lock)
    return lock
  }

  /** So many offsets are not locked by it any more. */
  release(lock: AcquisitionLock, offsets: number): void {
    lock.held -= offsets
    if (lock.held > 0) return
    lock.timer?.cancel()
    lock.timer = undefined
    this.#live.delete(lock)
  }

  close(): void {
    for (const lock of this.#live) lock.timer?.cancel()
    this.#live.clear()
  }
}
