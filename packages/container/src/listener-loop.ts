import type { ConsumerRecord, RecordDeserializationFailure } from '@milena/client'
import { isAborted, pause, type Backoff, type LockLoss, type TakenBatch } from '@milena/client/internal'
import type { Timer } from '@milena/protocol/runtime'
import type { ContainerEngine } from './container-engine.js'
import { PollFailedEvent, RecordDeserializationFailedEvent } from './events.js'
import { HangWatch } from './hang-watch.js'
import { LateTimer } from './late-timer.js'
import { ListenerCalls, type ListenerCallsOptions } from './listener-calls.js'
import { withinListenerFrame, type ListenerFrame } from './listener-frame.js'
import { ManualBatchSize } from './manual-batch-size.js'
import { waitedInVain } from './member-vitals.js'
import { sortPollError } from './poll-errors.js'
import { placeOf } from './recoverers.js'
import { TimeSlice } from './time-slice.js'

/** What a loop works with. */
export interface ListenerLoopOptions<K, V> extends ListenerCallsOptions<K, V> {
  /** The pauses after poll errors that the member survives. */
  readonly pollBackoff: Backoff
  /** How long one wait for records lasts. */
  readonly pollTimeoutMs: number
  /** Unset: one record after another, one batch after another. Set: that many at once, over batches. */
  readonly maxInFlight: number | undefined
  /** Records may be answered after their listener returned (MANUAL). */
  readonly answeredLater: boolean
  readonly syncShareCommits: boolean
  /** For how long locks are renewed. */
  readonly maxExtensionMs: number
}

/** The lock of a group before any broker has told it. */
const USUAL_LOCK_MS = 30_000
/** How often a member looks for blocks of the event loop while listeners are at work, in parts of a lock. */
const LOOKS_PER_LOCK = 16

/**
 * One member's loop: takes records, and hands each to the listener. Read from run() down:
 *
 *     run          take a batch, or wait while paused
 *       #take      a poll error is survived here, or ends the loop
 *       #reject    what could not be deserialised never reaches a listener
 *       #oneByOne  Spring's batch rule           } for each record: still locked? then
 *       #window    or: n at once, over batches   } ListenerCalls.begin()
 *       #verdicts  the broker's word on this batch, before the next one
 */
export class ListenerLoop<K, V> {
  readonly #options: ListenerLoopOptions<K, V>
  readonly #engine: ContainerEngine<K, V>
  readonly #calls: ListenerCalls<K, V>
  readonly #slice: TimeSlice
  readonly #late: LateTimer
  readonly #batchSize: ManualBatchSize | undefined
  #stopping = false
  #paused = false
  /** Fires when what the loop waits for is not wanted any more; a new one after each resume(). */
  #attention = new AbortController()
  #goOn: (() => void) | undefined
  /** Since when take() has been waiting. */
  #takingSince: number | undefined
  #pollTimer: Timer | undefined
  #lastRecord: ConsumerRecord<K, V> | undefined
  /** The records that were taken last, until each was begun. */
  #batch: readonly ConsumerRecord<K, V>[] = []
  /** The last of them that was begun. */
  #begun: ConsumerRecord<K, V> | undefined
  readonly #hangs: HangWatch
  /** Rejects when the member can do nothing any more, whatever the loop waits for. */
  readonly #failed: Promise<never>
  #fail: (error: unknown) => void = () => undefined

  constructor(options: ListenerLoopOptions<K, V>) {
    this.#options = options
    this.#engine = options.engine
    this.#calls = new ListenerCalls(options)
    this.#batchSize = options.answeredLater ? new ManualBatchSize() : undefined
    this.#slice = new TimeSlice(options.clock, (ms, calls) => {
      const before = calls === 2 ? 'the record before it' : `one of the ${calls - 1} records before it`
      if (!this.#blocked(ms, calls > 1 ? `, or ${before}` : '')) return
      this.#late.told()
    })
    this.#late = new LateTimer({
      clock: options.clock,
      everyMs: () => this.#lockMs / LOOKS_PER_LOCK,
      isAtWork: () => {
        this.#hangs.look()
        return this.#calls.running > 0
      },
      onLate: (ms) => {
        this.#blocked(ms, options.maxInFlight === undefined ? '' : ', or on another one that it had at the same time')
        if (!this.#late.runs) this.#lastRecord = undefined
      },
    })
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    // Where the loop has not begun, or is over, nobody waits for it.
    this.#failed.catch(() => undefined)
    const { clock, invoker, maxExtensionMs, surroundings } = options
    const { counters, vitals } = surroundings
    this.#hangs = new HangWatch({
      clock,
      listenerName: invoker.listenerName,
      maxExtensionMs,
      lockMs: () => this.#lockMs,
      isStuck: () => this.#isStuck(),
      calls: () => counters.delivered,
      lastRecord: () => this.#begun,
      onTrouble: (error) => {
        vitals.trouble = { error, at: clock.now() }
      },
      onHung: (error) => {
        vitals.hung = true
        this.#fail(error)
      },
    })
  }

  /** How many listener calls are running. */
  get runningCalls(): number {
    return this.#calls.running
  }

  /** Records that are delivered and not answered. */
  get inFlight(): number {
    return this.#calls.running + this.#calls.waiting
  }

  /** MANUAL: handles that may still be used. */
  get openAcknowledgments(): number {
    return this.#calls.openAcknowledgments
  }

  /**
   * Runs until stop(). Rejects with the poll error that ends it, or with LISTENER_HANGS; listener calls may then still be running: see
   * idle().
   */
  async run(): Promise<void> {
    try {
      await Promise.race([this.#rounds(), this.#failed])
    } finally {
      this.#pollTimer?.cancel()
      this.#late.cancel()
    }
  }

  async #rounds(): Promise<void> {
    while (!this.#stopping) await this.#round()
  }

  /** Hands nothing more to the listener, and answers at once what was held back. Idempotent. */
  stop(): void {
    this.#stopping = true
    this.#attention.abort()
    this.#pollTimer?.cancel()
    this.#late.cancel()
    this.#goOn?.()
    this.#calls.stop()
  }

  /** Ends run() with this error: the member is one no more. */
  fail(error: unknown): void {
    this.#fail(error)
  }

  /** Takes no more records; the batch at hand is finished, and what waits behind it goes back to the group. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#engine.pause()
    this.#attention.abort()
  }

  resume(): void {
    if (!this.#paused || this.#stopping) return
    this.#paused = false
    this.#attention = new AbortController()
    this.#engine.resume()
    this.#goOn?.()
  }

  /** Resolves when no listener call runs any more, and no acknowledgment is waited for. */
  idle(): Promise<void> {
    return this.#calls.idle()
  }

  /** What listeners still come up with is too late from now on. */
  giveUp(): void {
    this.#calls.giveUp()
  }

  lost(loss: LockLoss<K, V>): void {
    this.#calls.lost(loss)
    this.#hangs.lost(loss)
  }

  /** A call takes so long that what was taken with its record, and not begun, is better off with somebody else. */
  giveBackUnbegun(): void {
    const engine = this.#engine
    const from = this.#begun === undefined ? 0 : this.#batch.lastIndexOf(this.#begun) + 1
    const unbegun = this.#batch.slice(from).filter((record) => engine.holds(record))
    for (const record of unbegun) engine.settle(record, 'RELEASE')
    if (unbegun.length === 0 || this.#begun === undefined) return
    this.#options.surroundings.logger.info(
      { records: unbegun.length },
      `The listener is at work on ${placeOf(this.#begun)} for so long that ${unbegun.length} records behind it go back to the group.`,
    )
  }

  /** The broker refused acknowledgements of these records. */
  refused(records: readonly ConsumerRecord<K, V>[]): void {
    this.#calls.refused(records)
  }

  async #round(): Promise<void> {
    const { surroundings, maxInFlight, syncShareCommits } = this.#options
    const owner = surroundings.source.container
    if (this.#paused) return this.#resumption()
    if (maxInFlight !== undefined && this.#free(maxInFlight) <= 0) {
      await this.#calls.oneFreed()
      // Many calls end together: one take for all of them costs half of the CPU of one for each.
      return this.#slice.yield()
    }
    const batch = await this.#take()
    if (batch === undefined) return
    for (const failure of batch.failures) this.#reject(failure)
    this.#slice.resumes()
    this.#batch = batch.records
    if (maxInFlight === undefined) {
      await withinListenerFrame(owner, (frame) => this.#oneByOne(batch.records, frame))
    } else await withinListenerFrame(owner, (frame) => this.#window(batch.records, maxInFlight, frame))
    // A record that is kept keeps the whole response in memory.
    if (!this.#late.runs) this.#lastRecord = undefined
    this.#begun = undefined
    this.#batch = []
    if (maxInFlight === undefined && syncShareCommits) await this.#verdicts()
  }

  async #take(): Promise<TakenBatch<K, V> | undefined> {
    const { clock, pollBackoff, surroundings, maxInFlight } = this.#options
    const { signal } = this.#attention
    try {
      const free = maxInFlight === undefined ? this.#batchSize?.records : this.#free(maxInFlight)
      // A lost record is not outstanding any more, and its listener still runs.
      const room = free === undefined ? undefined : this.#engine.outstanding + free
      this.#takingSince = clock.now()
      this.#pollTimer ??= this.#armPollTimer(this.#takingSince)
      const batch = await this.#engine.take({ signal, maxInFlight: room, batch: maxInFlight === undefined })
      const { vitals } = surroundings
      vitals.trouble = undefined
      if (batch.records.length > 0) vitals.lastRecordAt = clock.now()
      pollBackoff.reset()
      return batch
    } catch (error) {
      if (signal.aborted && isAborted(error)) {
        if (!this.#stopping && !this.#paused && this.#engine.isMember) waitedInVain(surroundings.vitals, clock.now())
        return undefined
      }
      if (sortPollError(error) !== 'survived') throw error
      this.#takingSince = undefined
      surroundings.vitals.trouble = { error, at: clock.now() }
      const retryInMs = pollBackoff.next()
      surroundings.logger.warn({ err: error, retryInMs }, 'Taking records failed; the member stays and tries again.')
      surroundings.events.publish(new PollFailedEvent(surroundings.source, error, retryInMs))
      // Cut short by stop() and pause(), which the loop finds by itself.
      await pause(clock, retryInMs, signal).catch(() => undefined)
      return undefined
    } finally {
      this.#takingSince = undefined
    }
  }

  /** One timer serves all takes: most of them end long before it. */
  #armPollTimer(since: number): Timer {
    const { clock, pollTimeoutMs } = this.#options
    const leftMs = since + pollTimeoutMs - clock.now()
    return clock.setTimer(() => this.#lookRound(), leftMs, { unref: true })
  }

  #lookRound(): void {
    const { clock, pollTimeoutMs } = this.#options
    this.#pollTimer = undefined
    if (this.#stopping || this.#paused || this.#takingSince === undefined) return
    if (this.#takingSince + pollTimeoutMs <= clock.now()) {
      this.#attention.abort()
      this.#attention = new AbortController()
    } else this.#pollTimer = this.#armPollTimer(this.#takingSince)
  }

  #reject(failure: RecordDeserializationFailure): void {
    const { surroundings } = this.#options
    const { topic, partition, offset, deliveryCount, error } = failure
    surroundings.counters.undeserializable++
    this.#engine.settle(failure, 'REJECT')
    surroundings.recordLog.logger.warn(
      { err: error, topic, partition, offset, deliveryCount },
      `${placeOf(failure)} could not be deserialised and is rejected. Mend its producer, or use a deserializer that reads it; ` +
        'a dead-letter topic set on the group (Kafka 4.4) keeps such records.',
    )
    surroundings.events.publish(new RecordDeserializationFailedEvent(surroundings.source, failure))
  }

  // A record that is not held any more has lost its lock. The engine tells that, and must not renew what is passed over here.

  async #oneByOne(records: readonly ConsumerRecord<K, V>[], frame: ListenerFrame): Promise<void> {
    const calls = this.#calls
    const slice = this.#slice
    const { clock } = this.#options
    const beganAt = clock.now()
    for (const record of records) {
      if (this.#stopping) return
      let spent: boolean
      if (this.#engine.holds(record)) {
        this.#lastRecord = this.#begun = record
        const finished = calls.begin(record, frame)
        if (finished === undefined) spent = slice.isSpent()
        else {
          slice.hasPromise()
          this.#late.begin()
          await finished
          spent = slice.resumes()
          this.#late.look(slice.readAt)
        }
      } else {
        this.#engine.giveUp(record)
        spent = slice.isSpent()
      }
      if (spent) await slice.yield()
    }
    this.#batchSize?.started(records.length, clock.now() - beganAt)
    // Those that somebody still decides on are running.
    while (calls.running + calls.waiting > 0 && !this.#stopping) await calls.oneFreed()
  }

  async #window(records: readonly ConsumerRecord<K, V>[], maxInFlight: number, frame: ListenerFrame): Promise<void> {
    const slice = this.#slice
    for (const record of records) {
      while (this.#free(maxInFlight) <= 0 && !this.#stopping) {
        await this.#calls.oneFreed()
        slice.resumes()
        this.#late.look(slice.readAt)
      }
      if (this.#stopping) return
      let finished: Promise<void> | undefined
      if (this.#engine.holds(record)) {
        this.#lastRecord = this.#begun = record
        finished = this.#calls.begin(record, frame)
      } else this.#engine.giveUp(record)
      if (finished !== undefined) this.#late.begin()
      if (finished === undefined ? slice.isSpent() : slice.hasPromise()) await slice.yield()
    }
  }

  /** How many listeners more may be called now. */
  #free(maxInFlight: number): number {
    return maxInFlight - this.#calls.running - this.#calls.waiting
  }

  /** No listener can be called, and every record that one has is lost. */
  #isStuck(): boolean {
    const { maxInFlight } = this.#options
    const isFull = maxInFlight === undefined ? this.#takingSince === undefined : this.#free(maxInFlight) <= 0
    return isFull && !this.#stopping && this.#calls.running > 0 && this.#engine.outstanding === 0
  }

  get #lockMs(): number {
    return this.#engine.acquisitionLockTimeoutMs ?? USUAL_LOCK_MS
  }

  /** Nothing else ran for a while: no heartbeat, no renewal, no answer. Whether that is worth a word. */
  #blocked(ms: number, others: string): boolean {
    const lockMs = this.#lockMs
    const record = this.#lastRecord
    if (ms <= lockMs / 2 || record === undefined) return false
    const { surroundings, invoker } = this.#options
    const { topic, partition, offset } = record
    surroundings.recordLog.logger.warn(
      { topic, partition, offset, blockedMs: Math.round(ms), lockMs, listener: invoker.listenerName },
      `${invoker.listenerName} blocked the event loop for ${Math.round(ms)} ms on ${placeOf(record)}${others}. Locks of ${lockMs} ms are not ` +
        'renewed meanwhile, nothing is answered, and the group may hold this member lost. Make its work asynchronous, or move it to a worker thread.',
    )
    return true
  }

  /** Waits for the broker's word on every answer given; stop() and pause() cut that short. */
  async #verdicts(): Promise<void> {
    const { signal } = this.#attention
    if (signal.aborted) return
    let cut = (): void => undefined
    const unwanted = new Promise<void>((resolve) => {
      cut = resolve
    })
    signal.addEventListener('abort', cut, { once: true })
    await Promise.race([this.#engine.whenSettled(), unwanted])
    signal.removeEventListener('abort', cut)
  }

  #resumption(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = () => {
        this.#goOn = undefined
        resolve()
      }
    })
  }
}
