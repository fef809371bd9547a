import { inspect } from 'node:util'
import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import { ListenerFailedEvent, RecovererFailedEvent } from './events.js'
import type { ListenerErrorHandler } from './listener-error-handler.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { placeOf, type RecovererAnswer, type ShareConsumerRecordRecoverer } from './recoverers.js'
import { isThenable } from './record-invoker.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

// A record whose listener failed: its error handler is asked first, then its recoverer.
//
// Rules kept here
// - The error handler may answer; nothing, nonsense or a throw leaves it to the recoverer, which gets what the listener threw.
// - The recoverer has the last word. What it throws, RENEW and nonsense are REJECT.
// - Both only decide. Whoever has a word in between (a handle of MANUAL mode) is not overruled.
// - Nothing throws or rejects, and nothing is waited for unless one of the two returns a promise.

/** A record that waits for a decision. */
export interface FailedRecord<K, V> {
  readonly record: ConsumerRecord<K, V>
  /** What its listener threw. */
  readonly error: unknown
  readonly acknowledgment: ShareAcknowledgment | undefined
  /** How it is answered by now, where somebody else has done that. */
  readonly answered: AcknowledgeType | 'not any more' | undefined
  /** Has it answered. False: that does not count any more. */
  decide(type: AcknowledgeType, delayMs: number): boolean
}

/** What the decisions are made with. */
export interface FailedRecordsOptions {
  readonly errorHandler: ListenerErrorHandler | undefined
  readonly recoverer: ShareConsumerRecordRecoverer
  readonly surroundings: MemberSurroundings
}

export class FailedRecords<K, V> {
  readonly #options: FailedRecordsOptions

  constructor(options: FailedRecordsOptions) {
    this.#options = options
  }

  /** Has a record decided on. A promise comes back where that has to be waited for. */
  take(failed: FailedRecord<K, V>): Promise<void> | undefined {
    const { errorHandler, surroundings } = this.#options
    if (errorHandler === undefined) return this.#recover(failed)
    const { record, error, acknowledgment } = failed
    try {
      const { logger } = surroundings.recordLog
      const answer = errorHandler(record, error, { logger, acknowledgment })
      return isThenable(answer) ? this.#handledLater(failed, answer) : this.#handled(failed, answer)
    } catch (handlerError) {
      return this.#handlerFailed(failed, handlerError)
    }
  }

  async #handledLater(failed: FailedRecord<K, V>, later: PromiseLike<RecovererAnswer | void>): Promise<void> {
    let answer: RecovererAnswer | void
    try {
      answer = await later
    } catch (handlerError) {
      await this.#handlerFailed(failed, handlerError)
      return
    }
    await this.#handled(failed, answer)
  }

  #handled(failed: FailedRecord<K, V>, answer: RecovererAnswer | void | null): Promise<void> | undefined {
    if (failed.answered !== undefined) return this.#decided(failed, NOBODY)
    if (answer === undefined || answer === null) return this.#recover(failed)
    const read = readAnswer(answer, 'An error handler')
    if (read instanceof Error) return this.#handlerFailed(failed, read)
    return this.#decided(failed, read)
  }

  #handlerFailed(failed: FailedRecord<K, V>, handlerError: unknown): Promise<void> | undefined {
    const { record, error } = failed
    // To throw again what it was given is the usual way to leave it to the recoverer.
    if (handlerError !== error) {
      const { topic, partition, offset } = record
      this.#options.surroundings.recordLog.logger.error(
        { err: handlerError, listenerError: error, topic, partition, offset },
        `The error handler failed on ${placeOf(record)}, after its listener had. Mend the error handler.`,
      )
    }
    return failed.answered === undefined ? this.#recover(failed) : this.#decided(failed, NOBODY)
  }

  #recover(failed: FailedRecord<K, V>): Promise<void> | undefined {
    const { recoverer, surroundings } = this.#options
    try {
      const answer = recoverer(failed.record, failed.error, { logger: surroundings.recordLog.logger })
      return isThenable(answer) ? this.#recoveredLater(failed, answer) : this.#recovered(failed, answer)
    } catch (recovererError) {
      return this.#recovererFailed(failed, recovererError)
    }
  }

  async #recoveredLater(failed: FailedRecord<K, V>, later: PromiseLike<RecovererAnswer>): Promise<void> {
    let answer: RecovererAnswer
    try {
      answer = await later
    } catch (recovererError) {
      this.#recovererFailed(failed, recovererError)
      return
    }
    this.#recovered(failed, answer)
  }

  #recovered(failed: FailedRecord<K, V>, answer: RecovererAnswer): undefined {
    const read = readAnswer(answer, 'A recoverer')
    return read instanceof Error ? this.#recovererFailed(failed, read) : this.#decided(failed, read)
  }

  #recovererFailed(failed: FailedRecord<K, V>, cause: unknown): undefined {
    const { recordLog, events, source } = this.#options.surroundings
    const { record, error: listenerError } = failed
    const { topic, partition, offset } = record
    recordLog.logger.error(
      { err: cause, listenerError, topic, partition, offset },
      `The recoverer failed on ${placeOf(record)}, after its listener had; the record is rejected. Mend the recoverer.`,
    )
    this.#decided(failed, { type: 'REJECT', delayMs: 0 })
    events.publish(new RecovererFailedEvent(source, { record, listenerError, cause }))
  }

  #decided(failed: FailedRecord<K, V>, { type, delayMs }: ReadAnswer): undefined {
    // What was said meanwhile stands.
    const { answered } = failed
    const counts = failed.decide(type, delayMs)
    return this.#publish(failed, answered ?? (counts ? type : 'not any more'))
  }

  #publish({ record, error }: FailedRecord<K, V>, answered: AcknowledgeType | 'not any more'): undefined {
    const { events, source } = this.#options.surroundings
    const acknowledgement = answered === 'not any more' ? undefined : answered
    events.publish(new ListenerFailedEvent(source, { record, error, acknowledgement }))
  }
}

/** For a record that nobody has to decide on any more: only that it is late may have to be told. */
const NOBODY: ReadAnswer = { type: 'REJECT', delayMs: 0 }

interface ReadAnswer {
  readonly type: AcknowledgeType
  readonly delayMs: number
}

/** What was decided, or what is wrong with it. */
function readAnswer(answer: RecovererAnswer, who: string): ReadAnswer | KafkaUsageError {
  try {
    const { type, delayMs } = typeof answer === 'object' && answer !== null ? answer : { type: answer, delayMs: 0 }
    if (type !== 'ACCEPT' && type !== 'RELEASE' && type !== 'REJECT') {
      return new KafkaUsageError(`${who} answers ACCEPT, RELEASE or REJECT; not ${inspect(type)}.`)
    }
    if (typeof delayMs === 'number' && delayMs >= 0) return { type, delayMs }
    return new KafkaUsageError(`delayMs is a number of milliseconds, 0 or more; not ${inspect(delayMs)}.`)
  } catch (cause) {
    return new KafkaUsageError(`${who} gave an answer that cannot be read.`, { cause })
  }
}
