import type { ConsumerRecord } from '@milena/client'
import type { LockLoss } from '@milena/client/internal'
import type { Clock } from '@milena/protocol/runtime'
import type { AckMode } from './ack-mode.js'
import type { ContainerEngine } from './container-engine.js'
import { withinListenerFrame, type ListenerFrame } from './listener-frame.js'
import type { ManualAcknowledgment } from './manual-acknowledgment.js'
import type { MemberSurroundings } from './member-surroundings.js'
import type { RecordFilter } from './record-filter.js'
import { isThenable, type RecordInvoker } from './record-invoker.js'
import { WatchedCalls, type WatchedCall } from './watched-calls.js'

/** What listener calls are made with. */
export interface ListenerCallsOptions<K, V> {
  readonly engine: ContainerEngine<K, V>
  readonly invoker: RecordInvoker<K, V>
  /** Makes the ack mode; `answered` is called whenever a record that waited is answered. */
  readonly ackMode: (answered: () => void) => AckMode<K, V>
  readonly filter: RecordFilter | undefined
  readonly processingDeadlineMs: number | undefined
  readonly surroundings: MemberSurroundings
  readonly clock: Clock
}

/**
 * One member's listener calls, from the hand-out of a record to its answer, or to the moment at which only its answer is waited for:
 *
 *     begin        the filter, if there is one
 *       #call      ack mode opens the settlement -> invoker calls the listener -> ack mode gets the outcome
 *
 * A record whose listener returns no promise costs no promise and no closure.
 */
export class ListenerCalls<K, V> {
  readonly #options: ListenerCallsOptions<K, V>
  readonly #mode: AckMode<K, V>
  readonly #watch: WatchedCalls<K, V> | undefined
  /** Listener calls that returned a promise which has not settled, or whose recoverer is still deciding. */
  #running = 0
  #freed: (() => void) | undefined
  #stopping = false

  constructor(options: ListenerCallsOptions<K, V>) {
    this.#options = options
    this.#mode = options.ackMode(() => this.#wakeFreed())
    const { clock, surroundings, invoker, processingDeadlineMs: deadlineMs } = options
    const signals = invoker.takesSignal
    if (!signals && deadlineMs === undefined) return
    this.#watch = new WatchedCalls({
      clock,
      surroundings,
      deadlineMs,
      signals,
      onUnansweredInTime: (call, error) => this.#decideUnanswered(call, error),
    })
  }

  /** How many listener calls are running. */
  get running(): number {
    return this.#running
  }

  /** Records that have left their listener and are not answered. */
  get waiting(): number {
    return this.#mode.waiting
  }

  /** Handles of MANUAL mode that may still be used. */
  get openAcknowledgments(): number {
    return this.#mode.openAcknowledgments
  }

  /** Hands a record out. Undefined: its listener is done. Otherwise a promise that resolves when it is, and never rejects. */
  begin(record: ConsumerRecord<K, V>, frame: ListenerFrame): Promise<void> | undefined {
    const { filter } = this.#options
    return filter === undefined ? this.#call(record, frame) : this.#sift(record, frame, filter)
  }

  /** Resolves when no listener call runs any more and no acknowledgment is waited for. */
  async idle(): Promise<void> {
    while (this.#running > 0 || this.#mode.awaitedAcknowledgments > 0) await this.oneFreed()
  }

  /** Resolves as soon as a record more is answered, or stop() is called. */
  oneFreed(): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#freed
      this.#freed = () => {
        waiting?.()
        resolve()
      }
    })
  }

  /** Answers at once what was held back, and calls no listener any more: the member is stopping. */
  stop(): void {
    this.#stopping = true
    this.#mode.answerHeld()
    this.#wakeFreed()
  }

  lost(loss: LockLoss<K, V>): void {
    // Before the mode has its handles leave, and their calls with them.
    this.#watch?.lost(loss)
    this.#mode.lost(loss.records, loss.cause)
  }

  /** The broker refused acknowledgements: what was to be renewed may be lost by that. */
  refused(records: readonly ConsumerRecord<K, V>[]): void {
    if (this.#mode.openAcknowledgments === 0) return
    const { engine } = this.#options
    const gone = records.filter((record) => !engine.holds(record))
    // The engine takes no answer for it any more either: handle and broker tell the same.
    for (const record of gone) engine.giveUp(record)
    this.#mode.lost(gone)
  }

  /** What listeners still come up with is too late from now on. */
  giveUp(): void {
    this.#watch?.giveUp()
    this.#mode.close()
  }

  #call(record: ConsumerRecord<K, V>, frame: ListenerFrame): Promise<void> | undefined {
    const mode = this.#mode
    this.#options.surroundings.counters.delivered++
    const acknowledgment = mode.open(record)
    const watched = this.#watch?.begin(record, acknowledgment)
    frame.runningCalls++
    let outcome: unknown
    try {
      outcome = this.#options.invoker.invoke(record, acknowledgment, watched?.controller?.signal)
      if (isThenable(outcome)) {
        return watched === undefined
          ? this.#finish(record, acknowledgment, outcome, frame)
          : this.#finishWatched(watched, outcome, frame)
      }
    } catch (error) {
      const recovery = mode.threw(record, error, acknowledgment)
      watched?.ended()
      if (recovery !== undefined) return this.#recovered(recovery, frame)
      frame.runningCalls--
      return undefined
    }
    mode.returned(record, acknowledgment)
    watched?.ended()
    leaveFrame(frame, acknowledgment)
    return undefined
  }

  async #finish(
    record: ConsumerRecord<K, V>,
    acknowledgment: ManualAcknowledgment<K, V> | undefined,
    outcome: PromiseLike<unknown>,
    frame: ListenerFrame,
  ): Promise<void> {
    this.#running++
    try {
      await outcome
      this.#mode.returned(record, acknowledgment)
    } catch (error) {
      await this.#mode.threw(record, error, acknowledgment)
    }
    this.#ended(frame, acknowledgment)
  }

  async #finishWatched(call: WatchedCall<K, V>, outcome: PromiseLike<unknown>, frame: ListenerFrame): Promise<void> {
    const { record, acknowledgment } = call
    this.#running++
    try {
      await call.outcomeOf(outcome)
      call.ended()
      this.#mode.returned(record, acknowledgment)
    } catch (error) {
      const recovery = this.#mode.threw(record, error, acknowledgment)
      call.ended()
      await recovery
    }
    this.#ended(frame, acknowledgment)
  }

  async #recovered(recovery: Promise<void>, frame: ListenerFrame): Promise<void> {
    this.#running++
    await recovery
    this.#ended(frame)
  }

  /** A record that its listener left unanswered has passed its deadline. */
  #decideUnanswered({ record, acknowledgment }: WatchedCall<K, V>, error: unknown): void {
    // Whoever decides may stop the container, and is not to wait for itself.
    withinListenerFrame(this.#options.surroundings.source.container, (frame) => {
      frame.runningCalls++
      const recovery = this.#mode.threw(record, error, acknowledgment)
      if (recovery === undefined) frame.runningCalls--
      else void this.#recovered(recovery, frame)
    })
  }

  #ended(frame: ListenerFrame, acknowledgment?: ManualAcknowledgment<K, V>): void {
    this.#running--
    leaveFrame(frame, acknowledgment)
    this.#wakeFreed()
  }

  #sift(record: ConsumerRecord<K, V>, frame: ListenerFrame, filter: RecordFilter): Promise<void> | undefined {
    // What a filter calls, it calls from inside, as a listener does.
    frame.runningCalls++
    let wanted: boolean | PromiseLike<boolean>
    try {
      wanted = filter(record)
      if (isThenable(wanted)) return this.#siftLater(record, frame, wanted)
    } catch (error) {
      const recovered = this.#filterFailed(record, frame, error)
      frame.runningCalls--
      return recovered
    }
    frame.runningCalls--
    return wanted ? this.#call(record, frame) : this.#passOver(record)
  }

  async #siftLater(record: ConsumerRecord<K, V>, frame: ListenerFrame, later: PromiseLike<boolean>): Promise<void> {
    this.#running++
    let next: Promise<void> | undefined
    try {
      const wanted = await later
      if (this.#stopping) next = undefined
      else if (!wanted) this.#passOver(record)
      else if (this.#options.engine.holds(record)) next = this.#call(record, frame)
      else this.#options.engine.giveUp(record)
    } catch (error) {
      next = this.#filterFailed(record, frame, error)
    }
    this.#ended(frame)
    await next
  }

  /** As if the listener had thrown. */
  #filterFailed(record: ConsumerRecord<K, V>, frame: ListenerFrame, error: unknown): Promise<void> | undefined {
    const recovery = this.#mode.threw(record, error, this.#mode.open(record))
    if (recovery === undefined) return undefined
    frame.runningCalls++
    return this.#recovered(recovery, frame)
  }

  #passOver(record: ConsumerRecord<K, V>): undefined {
    this.#options.surroundings.counters.filtered++
    this.#mode.passOver(record)
  }

  #wakeFreed(): void {
    const freed = this.#freed
    this.#freed = undefined
    freed?.()
  }
}

/** The listener call is over. Whoever it has handed its record to may still be at work on it. */
function leaveFrame<K, V>(frame: ListenerFrame, acknowledgment: ManualAcknowledgment<K, V> | undefined): void {
  if (acknowledgment?.state === 'open') acknowledgment.frame = frame
  else frame.runningCalls--
}
