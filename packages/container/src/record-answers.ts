import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { ContainerEngine } from './container-engine.js'
import { AcknowledgmentFailedEvent } from './events.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { placeOf } from './recoverers.js'

/** The answers that a container gives for its listeners, until its member has given its records back. Nothing here throws. */
export class RecordAnswers<K, V> {
  readonly #engine: ContainerEngine<K, V>
  readonly #surroundings: MemberSurroundings
  #closed = false

  constructor(engine: ContainerEngine<K, V>, surroundings: MemberSurroundings) {
    this.#engine = engine
    this.#surroundings = surroundings
  }

  /** The records are given back: every further answer is late. */
  get isClosed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = true
  }

  /** False: it came to nothing. What the engine does not take, it tells as a verdict. */
  give(record: ConsumerRecord<K, V>, type: AcknowledgeType): boolean {
    if (this.#closed) {
      this.late(record)
      return false
    }
    try {
      return this.#engine.settle(record, type)
    } catch (error) {
      this.#refused(record, type, error)
      return false
    }
  }

  /** What a listener came up with is not sent any more. */
  late(record: ConsumerRecord<K, V>): void {
    const { recordLog, counters } = this.#surroundings
    counters.lateOutcomes++
    recordLog.logger.warn(
      { topic: record.topic, partition: record.partition, offset: record.offset },
      `The listener finished ${placeOf(record)} after its container had given the record back: it may be processed again. ` +
        'Raise shutdownTimeoutMs if listeners take this long.',
    )
  }

  #refused(record: ConsumerRecord<K, V>, type: AcknowledgeType, cause: unknown): void {
    const { recordLog, events, source } = this.#surroundings
    const { topic, partition, offset } = record
    recordLog.logger.error(
      { err: cause, topic, partition, offset, acknowledgement: type },
      `${placeOf(record)} could not be answered with ${type}.`,
    )
    const ranges = [{ firstOffset: offset, lastOffset: offset }]
    events.publish(new AcknowledgmentFailedEvent(source, { topic, partition, ranges, records: [record], cause }))
  }
}
