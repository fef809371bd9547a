import { KafkaUnsupportedVersionError, KafkaUsageError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { ShareCounters } from './share-counters.js'
import { AckCode, ackCodeOf, type AcknowledgeType } from './acknowledge-type.js'
import type { AcquiredRange, Run } from './acquired-range.js'
import { rangeOf, type Acquired } from './acquired-record.js'
import type { TakenBatch } from './handout.js'
import type { SharePartitions, TopicIdPartition } from './share-partition.js'
import { lateAnswer, type AcknowledgementVerdict } from './verdict.js'

// What the application says of records that it was handed. An answer is one store in the ledger of the broker that handed the
// record out, if the record is still this member's; one that comes too late is dropped here and reported, never sent.

export interface RecordAnswersOptions {
  readonly clock: Clock
  readonly counters: ShareCounters
  readonly partitions: SharePartitions
  /** Of answers that came too late. */
  readonly verdict: (verdict: AcknowledgementVerdict) => void
}

export class RecordAnswers<K, V> {
  readonly #clock: Clock
  readonly #counters: ShareCounters
  readonly #partitions: SharePartitions
  readonly #verdict: (verdict: AcknowledgementVerdict) => void
  /** The last partition that was found to be among them: records are answered in runs. */
  #ownPartition: TopicIdPartition | undefined

  constructor({ clock, counters, partitions, verdict }: RecordAnswersOptions) {
    this.#clock = clock
    this.#counters = counters
    this.#partitions = partitions
    this.#verdict = verdict
  }

  /** See ShareEngine.settle(). */
  settle(record: Acquired<K, V>, type: AcknowledgeType, replace: boolean): boolean {
    const range = rangeOf(record)
    const index = record.offset - range.firstOffset
    const code = ackCodeOf(type)
    switch (range.answer(index, code, replace)) {
      case 'noted':
        return true
      case 'stale':
        this.#stale(range, { from: index, to: index + 1 }, code)
        return false
      case 'unsupported':
        throw new KafkaUnsupportedVersionError(
          `The record at offset ${record.offset} of ${record.topic}-${record.partition} cannot be renewed: its broker is older than Apache Kafka 4.2. Answer ACCEPT, RELEASE or REJECT.`,
        )
      case 'already-answered':
        throw new KafkaUsageError(
          `The record at offset ${record.offset} of ${record.topic}-${record.partition} is acknowledged already: a record takes one of ACCEPT, RELEASE and REJECT, once.`,
          { code: 'ALREADY_ACKNOWLEDGED' },
        )
    }
  }

  /** Accepts what is unanswered of a batch; how many records that were. */
  acceptRest({ spans }: TakenBatch<K, V>): number {
    let accepted = 0
    for (const { range, from, to } of spans) {
      if (range.holder.live) accepted += range.answerOpen(AckCode.ACCEPT, from, to)
      else if (range.openAmong(from, to) > 0) {
        // Told once.
        range.supersede(from, to)
        this.#stale(range, { from, to }, AckCode.ACCEPT)
      }
    }
    return accepted
  }

  /** How many records of a batch wait for their answer. */
  unanswered({ spans }: TakenBatch<K, V>): number {
    let open = 0
    for (const { range, from, to } of spans) if (range.holder.live) open += range.openAmong(from, to)
    return open
  }

  /** Whether this member acquired the record, be it answered or lost by now. */
  owns(record: Acquired<K, V>): boolean {
    const { partition } = rangeOf(record)
    if (partition === this.#ownPartition) return true
    if (this.#partitions.find(partition.topicId, partition.partition) !== partition) return false
    this.#ownPartition = partition
    return true
  }

  /** The record's lock has not run out, its session lives, and it is not answered: it may be worked on. */
  holds(record: Acquired<K, V>): boolean {
    const range = rangeOf(record)
    const index = record.offset - range.firstOffset
    return range.holder.live && range.isOpen(index) && range.deadlineOf(index) > this.#clock.now()
  }

  /** See ShareEngine.giveUp(). */
  giveUp(record: Acquired<K, V>): void {
    const range = rangeOf(record)
    const index = record.offset - range.firstOffset
    if (!range.holder.live || !range.isOpen(index)) return
    range.holder.giveUp(range, index, index + 1)
  }

  /** An answer came when the lock was gone: nothing is sent, and the answer is reported as failed. */
  #stale(range: AcquiredRange, run: Run, code: AckCode): void {
    this.#counters.stale += run.to - run.from
    this.#verdict(lateAnswer(range, run, code))
  }
}
