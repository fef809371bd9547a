import { KafkaConnectionError, KafkaError } from '@milena/protocol'
import { acknowledgeTypeOf, type AcknowledgeType } from './acknowledge-type.js'
import type { TopicIdPartition } from './share-partition.js'

// The verdict on a single record, for whoever asks. No I/O, no clock.
//
// Rules kept here
// - Nothing is made for a record that nobody asks about: a range has a RangeVerdicts once a verdict is waited for, or
//   something of it failed.
// - A record is decided by the verdict on its terminal answer, or by the loss of its lock, whichever comes first. A renewal
//   that succeeds decides nothing.
// - A verdict never changes.

/** What became of one record's acknowledgement. */
export interface AcknowledgementResult {
  /** Undefined: the broker stored an acknowledgement. Otherwise it did not, and the group may deliver the record again. */
  readonly error: KafkaError | undefined
  /**
   * What it stored; undefined: nothing. A record that nobody acknowledged and that close() or unsubscribe() gave back is a
   * RELEASE.
   */
  readonly type: AcknowledgeType | undefined
}

/** Where an offset stands; `on its way`: answered, and without the broker's word. */
export type Fate = 'open' | 'on its way' | 'finished' | 'lost'

/** A range as seen from here. */
interface WatchedRange {
  readonly partition: TopicIdPartition
  readonly holder: { readonly live: boolean }
  verdicts: RangeVerdicts | undefined
  fateOf(index: number): Fate
  /** The wire form of the answer to what is finished. */
  typeAt(index: number): number
}

interface Waiter {
  readonly promise: Promise<AcknowledgementResult>
  readonly resolve: (result: AcknowledgementResult) => void
}

/** Indices [from, to) of a range that failed together. */
interface Failure {
  readonly from: number
  readonly to: number
  readonly error: KafkaError
}

/** Waits for the verdict on one record; at once when there is one. Never rejects. */
export function waitForVerdict(range: WatchedRange, index: number): Promise<AcknowledgementResult> {
  const known = verdictSoFar(range, index)
  if (known !== undefined) return Promise.resolve(known)
  range.verdicts ??= new RangeVerdicts()
  return range.verdicts.wait(index)
}

function verdictSoFar(range: WatchedRange, index: number): AcknowledgementResult | undefined {
  switch (range.fateOf(index)) {
    case 'finished': {
      const error = range.verdicts?.errorOf(index)
      return error === undefined ? { error, type: acknowledgeTypeOf(range.typeAt(index)) } : failed(error)
    }
    case 'lost':
      return failed(range.verdicts?.errorOf(index) ?? lockOver(range.partition))
    case 'open':
      return range.holder.live ? undefined : failed(sessionOver(range.partition))
    case 'on its way':
      return undefined
  }
}

export class RangeVerdicts {
  readonly #failures: Failure[] = []
  readonly #waiters = new Map<number, Waiter>()

  wait(index: number): Promise<AcknowledgementResult> {
    const waiting = this.#waiters.get(index)
    if (waiting !== undefined) return waiting.promise
    let resolve: Waiter['resolve'] = () => undefined
    const promise = new Promise<AcknowledgementResult>((settle) => (resolve = settle))
    this.#waiters.set(index, { promise, resolve })
    return promise
  }

  /** The error that ended what is finished or lost at `index`. */
  errorOf(index: number): KafkaError | undefined {
    return this.#failures.find(({ from, to }) => from <= index && index < to)?.error
  }

  /** What is finished or lost among [from, to) is so because of this. */
  failed(range: WatchedRange, { from, to }: { readonly from: number; readonly to: number }, error: KafkaError): void {
    let start = from
    for (let i = from; i <= to; i++) {
      // A terminal answer behind a refused renewal is still to get its own verdict.
      const ended = i < to && range.fateOf(i) !== 'on its way' && range.fateOf(i) !== 'open'
      if (ended) continue
      if (start < i) this.#failures.push({ from: start, to: i, error })
      start = i + 1
    }
  }

  /** Something among [from, to) may have been decided: those who wait for it are told. */
  decided(range: WatchedRange, from: number, to: number): void {
    if (this.#waiters.size === 0) return
    if (to - from < this.#waiters.size) for (let i = from; i < to; i++) this.#tell(range, i)
    else for (const index of this.#waiters.keys()) if (from <= index && index < to) this.#tell(range, index)
  }

  /** The session is gone: what was not on its way to the broker is decided by that. */
  abandon(range: WatchedRange, error: KafkaError): void {
    for (const [index, { resolve }] of this.#waiters) {
      if (range.fateOf(index) === 'on its way') continue
      this.#waiters.delete(index)
      resolve(failed(error))
    }
  }

  #tell(range: WatchedRange, index: number): void {
    const waiter = this.#waiters.get(index)
    const result = waiter === undefined ? undefined : verdictSoFar(range, index)
    if (waiter === undefined || result === undefined) return
    this.#waiters.delete(index)
    waiter.resolve(result)
  }
}

function failed(error: KafkaError): AcknowledgementResult {
  return { error, type: undefined }
}

// Whether there was an acknowledgement is not remembered of a record whose lock was lost.
function lockOver({ topic, partition }: TopicIdPartition): KafkaError {
  return new KafkaError(
    `The record's lock was over before an acknowledgement was stored; ${topic}-${partition} delivers it again.`,
    { code: 'INVALID_RECORD_STATE' },
  )
}

function sessionOver({ topic, partition }: TopicIdPartition): KafkaError {
  return new KafkaConnectionError(
    `The record's share session was lost before an acknowledgement was stored; ${topic}-${partition} delivers it again.`,
  )
}

/** An answer came when the lock of its record had run out, or was given to somebody else. */
export function lockGone({ topic, partition }: TopicIdPartition): KafkaError {
  return new KafkaError(
    `The acknowledgement came when the record's lock was gone; ${topic}-${partition} delivers it again.`,
    { code: 'INVALID_RECORD_STATE' },
  )
}

/** An answer came when the share session in which its record was acquired had ended. */
export function sessionGone({ topic, partition }: TopicIdPartition): KafkaError {
  return new KafkaConnectionError(
    `The acknowledgement came when the record's share session was lost; ${topic}-${partition} delivers it again.`,
  )
}
