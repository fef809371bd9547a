import type { Timer } from '@milena/protocol/runtime'

/** Record states, with the numbers Kafka persists them under (ACQUIRED is never persisted). */
export const RecordState = { AVAILABLE: 0, ACQUIRED: 1, ACKNOWLEDGED: 2, ARCHIVING: 3, ARCHIVED: 4 } as const
export type RecordState = (typeof RecordState)[keyof typeof RecordState]

/** Nothing more happens to a record in this state. */
export function isFinished(state: RecordState): boolean {
  return state === RecordState.ACKNOWLEDGED || state === RecordState.ARCHIVED
}

/** One member's lock on offsets of one tracked batch that were acquired (or renewed) together. */
export interface AcquisitionLock {
  readonly memberId: string
  /** By clock.now(). */
  readonly expiresAt: number
  /** How many offsets it still locks; at none its timer is cancelled. */
  held: number
  timer: Timer | undefined
}

/** Neighbouring offsets of one tracked batch that share everything. */
export interface OffsetRun {
  readonly first: number
  readonly last: number
  readonly state: RecordState
  readonly deliveryCount: number
  readonly lock: AcquisitionLock | undefined
}

interface OffsetStates {
  readonly states: Uint8Array
  readonly counts: Uint16Array
  readonly locks: (AcquisitionLock | undefined)[]
}

/**
 * Offsets that were acquired together from one fetch: Kafka's unit of state. As long as all of them are treated alike there
 * is one state for all, so that a batch of any size is acquired and acknowledged whole at the cost of one record; once they
 * differ it is divided, for good, into a state for each offset, kept in arrays.
 *
 * Knows nothing of timers and counters: who changes a state settles the lock.
 */
export class TrackedBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  #state: RecordState
  #deliveryCount: number
  #lock: AcquisitionLock | undefined
  #offsets: OffsetStates | undefined

  constructor(firstOffset: number, lastOffset: number, state: RecordState, deliveryCount: number) {
    this.firstOffset = firstOffset
    this.lastOffset = lastOffset
    this.#state = state
    this.#deliveryCount = deliveryCount
  }

  get size(): number {
    return this.lastOffset - this.firstOffset + 1
  }

  /** Each offset has a state of its own. */
  get isDivided(): boolean {
    return this.#offsets !== undefined
  }

  /** The lock on all of it; undefined when it is divided, or not acquired. */
  get wholeLock(): AcquisitionLock | undefined {
    return this.#offsets === undefined ? this.#lock : undefined
  }

  stateAt(offset: number): RecordState {
    if (this.#offsets === undefined) return this.#state
    return asState(this.#offsets.states[offset - this.firstOffset])
  }

  divide(): void {
    if (this.#offsets !== undefined) return
    const { size } = this
    this.#offsets = {
      states: new Uint8Array(size).fill(this.#state),
      counts: new Uint16Array(size).fill(this.#deliveryCount),
      locks: Array.from<AcquisitionLock | undefined>({ length: size }).fill(this.#lock),
    }
    this.#lock = undefined
  }

  /** The run that begins at `offset`, up to `limit` at most; both lie inside of this batch. */
  runFrom(offset: number, limit: number): OffsetRun {
    const offsets = this.#offsets
    if (offsets === undefined) {
      return { first: offset, last: limit, state: this.#state, deliveryCount: this.#deliveryCount, lock: this.#lock }
    }
    const { states, counts, locks } = offsets
    const begin = offset - this.firstOffset
    const end = limit - this.firstOffset
    const state = states[begin]
    const deliveryCount = counts[begin]
    const lock = locks[begin]
    let index = begin
    while (
      index < end &&
      states[index + 1] === state &&
      counts[index + 1] === deliveryCount &&
      locks[index + 1] === lock
    ) {
      index++
    }
    return {
      first: offset,
      last: this.firstOffset + index,
      state: asState(state),
      deliveryCount: deliveryCount ?? 0,
      lock,
    }
  }

  /** All runs between two offsets, cut to this batch, in order. What is set meanwhile is seen only behind it. */
  *runs(from: number, to: number): Generator<OffsetRun, void> {
    const last = Math.min(to, this.lastOffset)
    for (let offset = Math.max(from, this.firstOffset); offset <= last;) {
      const run = this.runFrom(offset, last)
      yield run
      offset = run.last + 1
    }
  }

  /** The first offset in this state; undefined when there is none. */
  find(state: RecordState): number | undefined {
    if (this.#offsets === undefined) return this.#state === state ? this.firstOffset : undefined
    const index = this.#offsets.states.indexOf(state)
    return index < 0 ? undefined : this.firstOffset + index
  }

  /** Divides the batch when this is not all of it. */
  set(first: number, last: number, state: RecordState, deliveryCount: number, lock: AcquisitionLock | undefined): void {
    if (this.#offsets === undefined && first === this.firstOffset && last === this.lastOffset) {
      this.#state = state
      this.#deliveryCount = deliveryCount
      this.#lock = lock
      return
    }
    this.divide()
    const offsets = this.#offsets
    if (offsets === undefined) return
    const begin = first - this.firstOffset
    const end = last - this.firstOffset + 1
    offsets.states.fill(state, begin, end)
    offsets.counts.fill(deliveryCount, begin, end)
    offsets.locks.fill(lock, begin, end)
  }
}

function asState(value: number | undefined): RecordState {
  switch (value) {
    case RecordState.ACQUIRED:
    case RecordState.ACKNOWLEDGED:
    case RecordState.ARCHIVING:
    case RecordState.ARCHIVED:
      return value
    default:
      return RecordState.AVAILABLE
  }
}
