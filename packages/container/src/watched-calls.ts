import type { ConsumerRecord } from '@milena/client'
import type { LockLoss } from '@milena/client/internal'
import type { Clock } from '@milena/protocol/runtime'
import { ProcessingDeadlineError, RecordLockLostError, stoppedError } from './abandonment.js'
import { AgedList, AgeLimit, type Aged } from './aged-list.js'
import { ProcessingDeadlineExceededEvent } from './events.js'
import type { ManualAcknowledgment } from './manual-acknowledgment.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { placeOf } from './recoverers.js'

// Listener calls that have a deadline, or a signal. Without either nothing of this exists.
//
// Rules kept here
// - A call is over when its listener has ended and, in MANUAL mode, its record is answered or lost.
// - The deadline ends the wait for a call, once. What the call comes up with after that is counted, and told as late.
// - A signal fires at most once: deadline, lost lock, or the end of the container.

/** One listener call. */
export class WatchedCall<K, V> implements Aged<WatchedCall<K, V>> {
  since = 0
  list: AgedList<WatchedCall<K, V>> | undefined
  older: WatchedCall<K, V> | undefined
  newer: WatchedCall<K, V> | undefined
  #expire: ((error: ProcessingDeadlineError) => void) | undefined
  #listenerRuns = true

  constructor(
    readonly record: ConsumerRecord<K, V>,
    readonly acknowledgment: ManualAcknowledgment<K, V> | undefined,
    readonly controller: AbortController | undefined,
    private readonly watch: WatchedCalls<K, V>,
  ) {}

  get listenerRuns(): boolean {
    return this.#listenerRuns
  }

  /** The outcome of a listener that returned a promise, or a ProcessingDeadlineError. */
  outcomeOf(outcome: PromiseLike<unknown>): PromiseLike<unknown> {
    if (!this.watch.hasDeadline) return outcome
    return new Promise((resolve, reject) => {
      let expired = false
      this.#expire = (error) => {
        expired = true
        reject(error)
      }
      outcome.then(
        (value) => (expired ? this.watch.late(this) : resolve(value)),
        // It is whatever the listener threw.
        (error: Error) => {
          if (!expired) reject(error)
          // It has ended because its signal fired: that is what it is asked for.
          else if (!this.#obeys(error)) this.watch.late(this)
        },
      )
    })
  }

  #obeys(error: unknown): boolean {
    const { controller } = this
    return controller !== undefined && (error === controller.signal.reason || isAbortError(error))
  }

  /** Whoever waits for the listener is told that it takes too long. */
  expire(error: ProcessingDeadlineError): void {
    this.#expire?.(error)
  }

  /** The listener is over. */
  ended(): void {
    this.#listenerRuns = false
    const { acknowledgment } = this
    // What somebody decides on is out of the listener's hands.
    if (acknowledgment?.state !== 'open' || acknowledgment.deciding) this.list?.remove(this)
  }

  /** The record's handle is open no more. */
  settled(): void {
    if (!this.#listenerRuns) this.list?.remove(this)
  }
}

/** What calls are watched with. */
export interface WatchedCallsOptions<K, V> {
  readonly clock: Clock
  readonly surroundings: MemberSurroundings
  readonly deadlineMs: number | undefined
  /** Each call has a signal. */
  readonly signals: boolean
  /** The deadline of a record passed whose listener has returned: it is still unanswered (MANUAL). */
  readonly onUnansweredInTime: (call: WatchedCall<K, V>, error: ProcessingDeadlineError) => void
}

export class WatchedCalls<K, V> {
  readonly #options: WatchedCallsOptions<K, V>
  readonly #calls = new AgedList<WatchedCall<K, V>>()
  readonly #deadline: AgeLimit<WatchedCall<K, V>> | undefined

  constructor(options: WatchedCallsOptions<K, V>) {
    this.#options = options
    const { clock, deadlineMs } = options
    if (deadlineMs === undefined) return
    const onOverdue = (call: WatchedCall<K, V>): void => this.#overdue(call, deadlineMs)
    this.#deadline = new AgeLimit({ clock, list: this.#calls, limitMs: deadlineMs, onOverdue })
  }

  get hasDeadline(): boolean {
    return this.#deadline !== undefined
  }

  begin(record: ConsumerRecord<K, V>, acknowledgment: ManualAcknowledgment<K, V> | undefined): WatchedCall<K, V> {
    const { clock, signals } = this.#options
    const call = new WatchedCall(record, acknowledgment, signals ? new AbortController() : undefined, this)
    if (acknowledgment !== undefined) acknowledgment.onLeft = call
    this.#calls.add(call, clock.now())
    this.#deadline?.added()
    return call
  }

  lost({ records, cause, error }: Pick<LockLoss<K, V>, 'records' | 'cause' | 'error'>): void {
    if (!this.#options.signals || this.#calls.size === 0 || records.length === 0) return
    const gone = new Set(records)
    for (const call of this.#calls.all()) {
      if (gone.has(call.record)) call.controller?.abort(new RecordLockLostError(call.record, cause, error))
    }
  }

  /** Nobody waits any more. */
  giveUp(): void {
    this.#deadline?.close()
    const containerId = this.#options.surroundings.source.container.id
    for (const call of this.#calls.all()) {
      this.#calls.remove(call)
      call.controller?.abort(stoppedError(call.record, containerId))
    }
  }

  #overdue(call: WatchedCall<K, V>, deadlineMs: number): void {
    const { surroundings, onUnansweredInTime } = this.#options
    const { counters, events, source } = surroundings
    const { record } = call
    const error = new ProcessingDeadlineError(record, deadlineMs)
    counters.deadlinesExceeded++
    call.controller?.abort(error)
    events.publish(new ProcessingDeadlineExceededEvent(source, { record, deadlineMs }))
    if (call.listenerRuns) call.expire(error)
    else onUnansweredInTime(call, error)
  }

  /** What a listener came up with when nobody waited for it any more. */
  late({ record }: WatchedCall<K, V>): void {
    const { counters, recordLog } = this.#options.surroundings
    counters.lateOutcomes++
    const { topic, partition, offset } = record
    recordLog.logger.warn(
      { topic, partition, offset },
      `The listener finished ${placeOf(record)} after its processing deadline: it does not count any more. ` +
        'Have it stop when its signal fires, or raise processingDeadlineMs.',
    )
  }
}

/** What APIs of the platform reject with when their signal fires. Reading it may throw: it is whatever a listener threw. */
function isAbortError(error: unknown): boolean {
  try {
    return error instanceof Error && (error.name === 'AbortError' || error.cause instanceof ProcessingDeadlineError)
  } catch {
    return false
  }
}
