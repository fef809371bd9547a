import type { ConsumerRecord } from '@milena/client'
import type { AckMode } from './ack-mode.js'
import type { ContainerEngine } from './container-engine.js'
import { ListenerFailedEvent } from './events.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { RecordAnswers } from './record-answers.js'
import { placeOf } from './recoverers.js'

/** IMPLICIT: a record whose listener has ended is accepted, however it ended. Nobody decides, and nothing is held back. */
export class ImplicitAckMode<K, V> implements AckMode<K, V> {
  readonly waiting = 0
  readonly openAcknowledgments = 0
  readonly awaitedAcknowledgments = 0
  readonly #answers: RecordAnswers<K, V>
  readonly #surroundings: MemberSurroundings

  constructor(engine: ContainerEngine<K, V>, surroundings: MemberSurroundings) {
    this.#answers = new RecordAnswers(engine, surroundings)
    this.#surroundings = surroundings
  }

  open(): undefined {
    return undefined
  }

  returned(record: ConsumerRecord<K, V>): void {
    this.#answers.give(record, 'ACCEPT')
  }

  threw(record: ConsumerRecord<K, V>, error: unknown): undefined {
    const { counters, recordLog, events, source } = this.#surroundings
    counters.failed++
    const late = this.#answers.isClosed
    const counts = this.#answers.give(record, 'ACCEPT')
    if (late) return
    const { topic, partition, offset, deliveryCount } = record
    recordLog.logger.error(
      { err: error, topic, partition, offset, deliveryCount },
      `The listener failed on ${placeOf(record)}; ` +
        (counts
          ? 'the record is accepted all the same, as shareAckMode IMPLICIT has it.'
          : 'the record had lost its lock before.'),
    )
    events.publish(new ListenerFailedEvent(source, { record, error, acknowledgement: counts ? 'ACCEPT' : undefined }))
  }

  passOver(record: ConsumerRecord<K, V>): void {
    this.#answers.give(record, 'ACCEPT')
  }

  lost(): void {
    // The engine tells it; an answer that comes all the same is stale there.
  }

  answerHeld(): void {
    // Nothing is held.
  }

  close(): void {
    this.#answers.close()
  }
}
