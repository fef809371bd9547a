import { KafkaUsageError } from '@milena/protocol'
import type { AcknowledgementMode } from '../config/share-consumer-config.js'
import { AckCode, ackCodeOf, AcknowledgeType } from './acknowledge-type.js'
import type { AcquiredRange } from './acquired-range.js'
import type { Acquired } from './acquired-record.js'
import type { Commits } from './commits.js'
import { ConsumerRecord } from './consumer-record.js'
import { NOTHING, type TakenBatch } from './handout.js'
import { RecordDeserializationFailure } from './record-failure.js'
import { lateAnswer, type AcknowledgementVerdict } from './verdict.js'
import type { ShareEngine } from './share-engine.js'

// What the last poll handed out, and Java's rules for it.
//
// Rules kept here
// - Implicit mode: finish() accepts it. Explicit mode: finish() refuses while a record of it is unanswered, and changes
//   nothing by that.
// - A renewed record is handed out again by the next poll, once, if it is still held: its renewal was granted, or forbidden, which
//   costs it nothing.
// - One terminal answer for each record. With 'lastWins' answers are held back until the next poll or commit, and the last counts.

/** How many offsets a refusal names. */
const NAMED_OFFSETS = 10
const NO_RECORDS: Set<never> = new Set()

export class PolledBatch<K, V> {
  readonly #mode: AcknowledgementMode
  readonly #lastWins: boolean
  readonly #commits: Commits
  #engine: ShareEngine<K, V>
  #batch: TakenBatch<K, V> = NOTHING
  #renewed = new Set<ConsumerRecord<K, V>>()
  /** With 'lastWins': answers that may still change. */
  readonly #changeable = new Map<Acquired<K, V>, AcknowledgeType>()

  constructor(
    { acknowledgementMode, onSecondAcknowledge }: PolledBatchOptions,
    engine: ShareEngine<K, V>,
    commits: Commits,
  ) {
    this.#mode = acknowledgementMode
    this.#lastWins = onSecondAcknowledge === 'lastWins'
    this.#engine = engine
    this.#commits = commits
  }

  /** Records were renewed, and the next poll is to return them. */
  get hasRenewed(): boolean {
    return this.#renewed.size > 0
  }

  handOut(batch: TakenBatch<K, V>): void {
    this.#batch = batch
  }

  /** Another member stands in for the one before: nothing of that is handed out any more. */
  startOver(engine: ShareEngine<K, V>): void {
    this.#engine = engine
    this.#batch = NOTHING
    this.#renewed.clear()
    this.#changeable.clear()
  }

  /** The same for a record of an iteration, which is neither handed out again nor followed by a poll. */
  answerRead(record: Acquired<K, V>, type: AcknowledgeType): void {
    this.#settle(record, type, this.#lastWins)
  }

  /** Notes the answer for a record. Throws KafkaUsageError where it may not have one. */
  answer(record: Acquired<K, V>, type: AcknowledgeType): void {
    if (this.#lastWins && type !== AcknowledgeType.RENEW && this.#isChangeable(record)) {
      ackCodeOf(type)
      this.#changeable.set(record, type)
      return
    }
    this.#settle(record, type)
    // A renewal, which is not held back since a lock may be short: it takes the place of what was.
    if (this.#changeable.size > 0) this.#changeable.delete(record)
    if (record instanceof RecordDeserializationFailure) return
    if (type === AcknowledgeType.RENEW) this.#renewed.add(record)
    else if (this.#renewed.size > 0) this.#renewed.delete(record)
  }

  /** With 'lastWins': an answer may wait for the next poll or commit. */
  #isChangeable(record: Acquired<K, V>): boolean {
    if (this.#changeable.has(record) || this.#engine.holds(record)) return true
    return record instanceof ConsumerRecord && this.#renewed.has(record)
  }

  /** The verdict on an answer for a record whose member has left its group. */
  answerLate(record: Acquired<K, V>, type: AcknowledgeType): AcknowledgementVerdict {
    const { range, index } = placeOf(record)
    const records = record instanceof ConsumerRecord ? [record] : []
    return lateAnswer(range, { from: index, to: index + 1 }, ackCodeOf(type), records)
  }

  /** Sends on the answers that could have been changed until now. */
  fix(): void {
    for (const [record, type] of this.#changeable) {
      this.#settle(record, type)
      if (!(record instanceof RecordDeserializationFailure)) this.#renewed.delete(record)
    }
    this.#changeable.clear()
  }

  /** In implicit mode: the batch is processed. */
  accept(): void {
    if (this.#mode === 'explicit') return
    if (this.#engine.acceptRest(this.#batch) > 0) this.#commits.notedAll(this.#batch.spans)
    // What is lost was told; what is answered cannot be answered again.
    this.#batch = NOTHING
  }

  /** In implicit mode: the batch is processed, but its member has left its group; the verdicts on that. */
  acceptLate(): AcknowledgementVerdict[] {
    if (this.#mode === 'explicit') return []
    const runs: {
      readonly range: AcquiredRange
      readonly from: number
      to: number
      records: ConsumerRecord<K, V>[]
    }[] = []
    for (const record of this.#batch.records) {
      const { range, index } = placeOf(record)
      const run = runs.at(-1)
      if (run?.range === range && run.to === index) {
        run.to++
        run.records.push(record)
      } else runs.push({ range, from: index, to: index + 1, records: [record] })
    }
    this.#batch = NOTHING
    return runs.map(({ range, from, to, records }) => lateAnswer(range, { from, to }, AckCode.ACCEPT, records))
  }

  /** The batch is over, or the poll is refused with KafkaUsageError. */
  finish(): void {
    if (this.#mode === 'implicit') {
      this.accept()
      return
    }
    if (this.#commits.pending) throw commitPending(this.#commits)
    const unanswered = this.#engine.unanswered(this.#batch) - this.#answeredAndOpen().size
    if (unanswered > 0) throw notAcknowledged(unanswered, this.#openPlaces())
    this.fix()
  }

  /** The renewed records that are held; whoever calls this has waited for the verdicts. */
  takeRenewed(): readonly ConsumerRecord<K, V>[] {
    const kept: ConsumerRecord<K, V>[] = []
    for (const record of this.#renewed) {
      if (this.#engine.holds(record)) kept.push(record)
      // Its new lock has run out, too: the answer that is missing cannot come from the application any more.
      else if (isOpen(record)) this.#engine.settle(record, AcknowledgeType.RELEASE)
    }
    this.#renewed.clear()
    return kept
  }

  #settle(record: Acquired<K, V>, type: AcknowledgeType, replace = false): void {
    if (!this.#engine.settle(record, type, replace)) return
    const { range, index } = placeOf(record)
    this.#commits.noted(range, index)
  }

  /** Renewed records, and those whose answer may still change: the ledger takes both for unanswered. */
  #answeredAndOpen(): Set<Acquired<K, V>> {
    if (this.#renewed.size + this.#changeable.size === 0) return NO_RECORDS
    const records = new Set<Acquired<K, V>>()
    for (const record of this.#renewed) if (isOpen(record)) records.add(record)
    for (const record of this.#changeable.keys())
      if (record instanceof ConsumerRecord && isOpen(record)) records.add(record)
    return records
  }

  /** The first offsets of the batch that wait for an answer, by partition. */
  #openPlaces(): string {
    const answered = new Set<string>()
    for (const { topic, partition, offset } of this.#answeredAndOpen()) answered.add(`${topic}-${partition}@${offset}`)
    const open = new Map<string, number[]>()
    let named = 0
    for (const { range, from, to } of this.#batch.spans) {
      const place = `${range.partition.topic}-${range.partition.partition}`
      for (let index = from; index < to && named < NAMED_OFFSETS; index++) {
        const offset = range.firstOffset + index
        if (!range.holder.live || !range.isOpen(index) || answered.has(`${place}@${offset}`)) continue
        open.set(place, [...(open.get(place) ?? []), offset])
        named++
      }
    }
    return [...open].map(([place, offsets]) => `${place} at ${offsets.join(', ')}`).join('; ')
  }
}

export interface PolledBatchOptions {
  readonly acknowledgementMode: AcknowledgementMode
  readonly onSecondAcknowledge: 'error' | 'lastWins'
}

function placeOf(record: Acquired<unknown, unknown>): { readonly range: AcquiredRange; readonly index: number } {
  const range =
    record instanceof RecordDeserializationFailure
      ? RecordDeserializationFailure.rangeOf(record)
      : ConsumerRecord.rangeOf(record)
  return { range, index: record.offset - range.firstOffset }
}

/** Unanswered, whether or not its lock has run out meanwhile. */
function isOpen(record: ConsumerRecord<unknown, unknown>): boolean {
  const { range, index } = placeOf(record)
  return range.holder.live && range.isOpen(index)
}

function notAcknowledged(unanswered: number, places: string): KafkaUsageError {
  const what = unanswered === 1 ? '1 record of the last poll is' : `${unanswered} records of the last poll are`
  return new KafkaUsageError(
    `${what} not acknowledged (${places}${unanswered > NAMED_OFFSETS ? ', …' : ''}): in explicit mode call acknowledge(record, type) for each of them before the next poll().`,
    { code: 'NOT_ACKNOWLEDGED' },
  )
}

function commitPending({ pendingPartitions }: Commits): KafkaUsageError {
  const partitions = [...new Set(pendingPartitions.map(({ topic, partition }) => `${topic}-${partition}`))]
  return new KafkaUsageError(
    `A commit ended without the brokers' verdict on ${partitions.slice(0, NAMED_OFFSETS).join(', ')}: the acknowledgements are kept. Commit again before the next poll(), or call unsubscribe() to give them up.`,
    { code: 'COMMIT_PENDING' },
  )
}
