import type { ConsumerRecord, RecordDeserializationFailure } from '@milena/client'
import { isAborted, pause, type Backoff, type TakenBatch } from '@milena/client/internal'
import type { Clock } from '@milena/protocol/runtime'
import type { AckMode } from './ack-modes.js'
import type { ContainerEngine } from './container-engine.js'
import { PollFailedEvent, RecordDeserializationFailedEvent } from './events.js'
import { withinListenerFrame, type ListenerFrame } from './listener-frame.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { sortPollError } from './poll-errors.js'
import { isThenable, type RecordInvoker } from './record-invoker.js'
import { placeOf } from './recoverers.js'
import { TimeSlice } from './time-slice.js'

/** What a loop works with. */
export interface ListenerLoopOptions<K, V> {
  readonly engine: ContainerEngine<K, V>
  readonly invoker: RecordInvoker<K, V>
  /** Makes the ack mode; `freed` is called whenever an answer that was held back has been given. */
  readonly ackMode: (freed: () => void) => AckMode<K, V>
  readonly surroundings: MemberSurroundings
  readonly clock: Clock
  /** The pauses after poll errors that the member survives. */
  readonly pollBackoff: Backoff
  /** Unset: one record after another, one batch after another. Set: that many at once, over batches. */
  readonly maxInFlight: number | undefined
  readonly syncShareCommits: boolean
}

/**
 * One member's loop: takes records, hands each to the listener, and has its outcome answered. Read from run() down:
 *
 *     run          take a batch, or wait while paused
 *       #take      a poll error is survived here, or ends the loop
 *       #reject    what could not be deserialised never reaches a listener
 *       #oneByOne  Spring's batch rule           } for each record: still locked? then
 *       #window    or: n at once, over batches   }
 *         #handOut   ack mode opens the settlement -> invoker calls the listener -> ack mode gets the outcome
 *       #verdicts  the broker's word on this batch, before the next one
 *
 * A record whose listener returns no promise costs no promise and no closure.
 */
export class ListenerLoop<K, V> {
  readonly #options: ListenerLoopOptions<K, V>
  readonly #engine: ContainerEngine<K, V>
  readonly #mode: AckMode<K, V>
  readonly #slice: TimeSlice
  #stopping = false
  #paused = false
  /** Fires when what the loop waits for is not wanted any more; a new one after each resume(). */
  #attention = new AbortController()
  #goOn: (() => void) | undefined
  /** Listener calls that returned a promise which has not settled, or whose recoverer is still deciding. */
  #running = 0
  #freed: (() => void) | undefined

  constructor(options: ListenerLoopOptions<K, V>) {
    this.#options = options
    this.#engine = options.engine
    this.#mode = options.ackMode(() => this.#wakeFreed())
    this.#slice = new TimeSlice(options.clock)
  }

  /** How many listener calls are running. */
  get runningCalls(): number {
    return this.#running
  }

  /** Runs until stop(). Rejects with the poll error that ends it; listener calls may then still be running: see idle(). */
  async run(): Promise<void> {
    const { surroundings, maxInFlight, syncShareCommits } = this.#options
    const owner = surroundings.source.container
    while (!this.#stopping) {
      if (this.#paused) {
        await this.#resumption()
        continue
      }
      if (maxInFlight !== undefined && this.#free(maxInFlight) <= 0) {
        await this.#oneFreed()
        // Many calls end together: one take for all of them costs half of the CPU of one for each.
        await this.#slice.yield()
        continue
      }
      const batch = await this.#take()
      if (batch === undefined) continue
      for (const failure of batch.failures) this.#reject(failure)
      if (maxInFlight === undefined) {
        await withinListenerFrame(owner, (frame) => this.#oneByOne(batch.records, frame))
      } else {
        await withinListenerFrame(owner, (frame) => this.#window(batch.records, maxInFlight, frame))
      }
      if (maxInFlight === undefined && syncShareCommits) await this.#verdicts()
    }
  }

  /** Hands nothing more to the listener, and answers at once what was held back. Idempotent. */
  stop(): void {
    this.#stopping = true
    this.#attention.abort()
    this.#mode.answerHeld()
    this.#goOn?.()
    this.#wakeFreed()
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

  /** Resolves when no listener call runs any more. */
  async idle(): Promise<void> {
    while (this.#running > 0) await this.#oneFreed()
  }

  /** What listeners still come up with is too late from now on. */
  giveUp(): void {
    this.#mode.close()
  }

  async #take(): Promise<TakenBatch<K, V> | undefined> {
    const { clock, pollBackoff, surroundings, maxInFlight } = this.#options
    const { signal } = this.#attention
    try {
      // A lost record is not outstanding any more, and its listener still runs.
      const room = maxInFlight === undefined ? undefined : this.#engine.outstanding + this.#free(maxInFlight)
      const batch = await this.#engine.take({ signal, maxInFlight: room })
      pollBackoff.reset()
      return batch
    } catch (error) {
      if (signal.aborted && isAborted(error)) return undefined
      if (sortPollError(error) !== 'survived') throw error
      const retryInMs = pollBackoff.next()
      surroundings.logger.warn({ err: error, retryInMs }, 'Taking records failed; the member stays and tries again.')
      surroundings.events.publish(new PollFailedEvent(surroundings.source, error, retryInMs))
      // Cut short by stop() and pause(), which the loop finds by itself.
      await pause(clock, retryInMs, signal).catch(() => undefined)
      return undefined
    }
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
    for (const record of records) {
      if (this.#stopping) break
      if (this.#engine.holds(record)) {
        const answered = this.#handOut(record, frame)
        if (answered !== undefined) await answered
      } else this.#engine.giveUp(record)
      if (this.#slice.isSpent()) await this.#slice.yield()
    }
    while (this.#mode.heldAnswers > 0) await this.#oneFreed()
  }

  async #window(records: readonly ConsumerRecord<K, V>[], maxInFlight: number, frame: ListenerFrame): Promise<void> {
    for (const record of records) {
      while (this.#free(maxInFlight) <= 0 && !this.#stopping) await this.#oneFreed()
      if (this.#stopping) break
      if (this.#engine.holds(record)) void this.#handOut(record, frame)
      else this.#engine.giveUp(record)
      if (this.#slice.isSpent()) await this.#slice.yield()
    }
  }

  /** How many listeners more may be called now. */
  #free(maxInFlight: number): number {
    return maxInFlight - this.#running - this.#mode.heldAnswers
  }

  /** Undefined: answered. Otherwise a promise that resolves when it is, and never rejects. */
  #handOut(record: ConsumerRecord<K, V>, frame: ListenerFrame): Promise<void> | undefined {
    const mode = this.#mode
    this.#options.surroundings.counters.delivered++
    const acknowledgment = mode.open(record)
    frame.runningCalls++
    let outcome: unknown
    try {
      outcome = this.#options.invoker.invoke(record, acknowledgment)
      if (isThenable(outcome)) return this.#answerLater(record, outcome, frame)
    } catch (error) {
      const recovery = mode.threw(record, error)
      if (recovery !== undefined) return this.#recovered(recovery, frame)
      frame.runningCalls--
      return undefined
    }
    mode.returned(record)
    frame.runningCalls--
    return undefined
  }

  async #answerLater(record: ConsumerRecord<K, V>, outcome: PromiseLike<unknown>, frame: ListenerFrame): Promise<void> {
    this.#running++
    try {
      await outcome
      this.#mode.returned(record)
    } catch (error) {
      await this.#mode.threw(record, error)
    }
    this.#ended(frame)
  }

  async #recovered(recovery: Promise<void>, frame: ListenerFrame): Promise<void> {
    this.#running++
    await recovery
    this.#ended(frame)
  }

  #ended(frame: ListenerFrame): void {
    this.#running--
    frame.runningCalls--
    this.#wakeFreed()
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

  /** Resolves as soon as a record more is answered, or stop() is called. */
  #oneFreed(): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#freed
      this.#freed = () => {
        waiting?.()
        resolve()
      }
    })
  }

  #wakeFreed(): void {
    const freed = this.#freed
    this.#freed = undefined
    freed?.()
  }
}
