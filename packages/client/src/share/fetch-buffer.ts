import type { RecordBatch, RecordCursor } from '@milena/protocol'
import type { Clock, Logger } from '@milena/protocol/runtime'
import { AckCode } from './acknowledge-type.js'
import type { AcquiredRange } from './acquired-range.js'
import { ConsumerRecord, noHeaders, type RecordFields } from './consumer-record.js'
import { RecordDeserializationError } from './record-deserialization-error.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { ReceivedPartition } from './share-response.js'
import type { DeserializationContext, Deserializer } from '../serde.js'

// What was acquired and waits for the application. take() is the only way out; deserialises on the way.
//
// Rules kept here
// - Partitions leave in the order they came, records of a partition in offset order.
// - An acquired range leaves in one piece: answered piecemeal it costs the broker several times as much (it then keeps a
//   state per offset). The number of records asked for is therefore soft, unless it was asked to be exact.
// - A record whose session is gone, whose lock ran out, or which was answered meanwhile is not handed out.
// - One bad record costs itself only: it comes out as a failure, the rest goes on.

/** What the application is given at once. */
export interface TakenBatch<K, V> {
  /** In partition and offset order. */
  readonly records: readonly ConsumerRecord<K, V>[]
  /** Records that could not be deserialised; acquired, and not answered yet. */
  readonly failures: readonly RecordDeserializationFailure[]
  /** The pieces of the ledger that `records` stand for; failures are not in them. */
  readonly spans: readonly LedgerSpan[]
}

/** Indices [from, to) of a range. */
export interface LedgerSpan {
  readonly range: AcquiredRange
  readonly from: number
  to: number
}

/** A partition's records on their way out. */
interface Waiting {
  readonly received: ReceivedPartition
  batch: number
  range: number
  /** The last offset that was read. */
  offset: number
  left: number
}

/** undefined: the bytes as they are, K or V being `Buffer | null`. */
export interface RecordDeserializers<K, V> {
  readonly key: Deserializer<K> | undefined
  readonly value: Deserializer<V> | undefined
}

export interface FetchBufferOptions<K, V> {
  readonly deserializers: RecordDeserializers<K, V>
  /** Hand out exactly as many as asked for, also when that cuts a range. */
  readonly exact: boolean
  readonly clock: Clock
  readonly logger: Logger
}

export class FetchBuffer<K, V> {
  readonly #deserializers: RecordDeserializers<K, V>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #queue: Waiting[] = []
  readonly #exact: boolean
  #records = 0

  constructor({ deserializers, exact, clock, logger }: FetchBufferOptions<K, V>) {
    this.#deserializers = deserializers
    this.#exact = exact
    this.#clock = clock
    this.#logger = logger
  }

  /** How many records wait; those whose lock was lost meanwhile still count. */
  get records(): number {
    return this.#records
  }

  add(received: ReceivedPartition): void {
    if (received.records === 0) return
    this.#queue.push({ received, batch: 0, range: 0, offset: -1, left: received.records })
    this.#records += received.records
  }

  /** Takes out records, range by range, until there are at least `max`. Awaited work is done only where a deserialiser returns a promise. */
  take(max: number): TakenBatch<K, V> | Promise<TakenBatch<K, V>> {
    const out = new Handout<K, V>(this.#deserializers, this.#clock)
    while (out.size < max) {
      const waiting = this.#queue[0]
      if (waiting === undefined) break
      const before = out.size
      const exhausted = this.#drain(waiting, out, max)
      const left = exhausted ? 0 : Math.max(0, waiting.left - (out.size - before))
      this.#records -= waiting.left - left
      waiting.left = left
      if (exhausted) this.#queue.shift()
    }
    return out.finish()
  }

  /** RELEASEs everything that waits here; how many records that were. */
  release(): number {
    let released = 0
    for (const { received, range, offset } of this.#queue) {
      for (const waiting of received.ranges.slice(range)) {
        if (waiting.lastOffset <= offset || !waiting.holder.live) continue
        // A range that was cut is partly with the application.
        released += waiting.answerOpen(AckCode.RELEASE, Math.max(0, offset + 1 - waiting.firstOffset))
      }
    }
    this.clear()
    return released
  }

  /** Drops everything. Whoever calls this has answered it, or lost it. */
  clear(): void {
    this.#queue.length = 0
    this.#records = 0
  }

  #drain(waiting: Waiting, out: Handout<K, V>, max: number): boolean {
    const { batches, ranges } = waiting.received
    const now = this.#clock.now()
    for (; waiting.batch < batches.length; waiting.batch++) {
      const open = batches[waiting.batch]
      if (open === undefined) break
      const { batch, cursor } = open
      out.fields.timestampType = batch.timestampType
      out.fields.leaderEpoch = batch.leaderEpoch
      try {
        for (;;) {
          if (out.size >= max && (this.#exact || waiting.offset >= (ranges[waiting.range]?.lastOffset ?? 0)))
            return false
          if (!cursor.next()) break
          const { offset } = cursor
          waiting.offset = offset
          let range = ranges[waiting.range]
          while (range !== undefined && range.lastOffset < offset) range = ranges[++waiting.range]
          if (range === undefined) return true
          if (offset < range.firstOffset) continue
          const index = offset - range.firstOffset
          if (!range.holder.live || range.deadlineOf(index) <= now || !range.isOpen(index)) continue
          out.add(cursor, range, index)
        }
      } catch (reason) {
        this.#refuse(waiting, batch, reason)
      }
    }
    return true
  }

  // The checksum was right and the records cannot be read all the same: whoever wrote the batch is at fault.
  #refuse({ received, offset: lastGood }: Waiting, { baseOffset, lastOffset }: RecordBatch, reason: unknown): void {
    let rejected = 0
    for (const range of received.ranges) {
      const from = Math.max(baseOffset, range.firstOffset, lastGood + 1) - range.firstOffset
      const to = Math.min(lastOffset, range.lastOffset) - range.firstOffset + 1
      if (from < to) rejected += range.answerOpen(AckCode.REJECT, from, to)
    }
    const { topic, partition } = received.partition
    this.#logger.error(
      { topic, partition, baseOffset, rejected, err: reason },
      `The record batch at offset ${baseOffset} of ${topic}-${partition} cannot be read; its ${rejected} remaining records are rejected and the rest goes on.`,
    )
  }
}

/** One hand-out in the making. */
class Handout<K, V> {
  readonly fields: RecordFields = {
    offset: 0,
    timestamp: 0,
    timestampType: 'create',
    leaderEpoch: 0,
    headers: undefined,
  }
  readonly #key: Deserializer<K> | undefined
  readonly #value: Deserializer<V> | undefined
  readonly #clock: Clock
  readonly #records: ConsumerRecord<K, V>[] = []
  readonly #failures: RecordDeserializationFailure[] = []
  #spans: LedgerSpan[] = []
  #late: LateRecord<K, V>[] | undefined

  constructor({ key, value }: RecordDeserializers<K, V>, clock: Clock) {
    this.#key = key
    this.#value = value
    this.#clock = clock
  }

  get size(): number {
    return this.#records.length + this.#failures.length
  }

  add(cursor: RecordCursor, range: AcquiredRange, index: number): void {
    const { fields } = this
    fields.offset = cursor.offset
    fields.timestamp = cursor.timestamp
    fields.headers = cursor.hasHeaders ? cursor.headersLater() : undefined
    const rawKey = cursor.key
    const rawValue = cursor.value
    // Without a deserialiser K or V is Buffer | null; a promise stands in for its value only until finish() puts that there.
    let key = rawKey as K
    let value = rawValue as V
    let late = false
    if (this.#key !== undefined) {
      try {
        const made = this.#key.deserialize(rawKey, contextOf(fields, range, true))
        late = isThenable(made)
        key = made as K
      } catch (cause) {
        this.#failures.push(failed({ part: 'key', offset: cursor.offset, rawKey, rawValue, range }, cause))
        return
      }
    }
    if (this.#value !== undefined) {
      try {
        const made = this.#value.deserialize(rawValue, contextOf(fields, range, false))
        late ||= isThenable(made)
        value = made as V
      } catch (cause) {
        this.#failures.push(failed({ part: 'value', offset: cursor.offset, rawKey, rawValue, range }, cause))
        return
      }
    }
    const record = new ConsumerRecord(fields, key, value, range, this.#clock)
    this.#cover(range, index)
    if (late) {
      this.#late ??= []
      this.#late.push({ record, rawKey, rawValue, range })
    }
    this.#records.push(record)
  }

  #cover(range: AcquiredRange, index: number): void {
    const span = this.#spans.at(-1)
    if (span !== undefined && span.range === range && span.to === index) span.to = index + 1
    else this.#spans.push({ range, from: index, to: index + 1 })
  }

  finish(): TakenBatch<K, V> | Promise<TakenBatch<K, V>> {
    if (this.#late !== undefined) return this.#finishLate(this.#late)
    return { records: this.#records, failures: this.#failures, spans: this.#spans }
  }

  async #finishLate(late: readonly LateRecord<K, V>[]): Promise<TakenBatch<K, V>> {
    const dropped = new Set<ConsumerRecord<K, V>>()
    const settle = async ({ record, rawKey, rawValue, range }: LateRecord<K, V>): Promise<void> => {
      const settable: Settable<ConsumerRecord<K, V>> = record
      // Both are awaited whatever becomes of the first, so that no rejection is left unhandled.
      const [key, value] = await Promise.allSettled([record.key, record.value])
      if (key.status === 'fulfilled' && value.status === 'fulfilled') {
        settable.key = key.value
        settable.value = value.value
        return
      }
      dropped.add(record)
      const of = { offset: record.offset, rawKey, rawValue, range }
      if (key.status === 'rejected') this.#failures.push(failed({ part: 'key', ...of }, key.reason))
      else if (value.status === 'rejected') this.#failures.push(failed({ part: 'value', ...of }, value.reason))
    }
    await Promise.all(late.map(settle))
    if (dropped.size === 0) return { records: this.#records, failures: this.#failures, spans: this.#spans }
    const records = this.#records.filter((record) => !dropped.has(record))
    this.#spans = []
    for (const record of records) {
      const range = ConsumerRecord.rangeOf(record)
      this.#cover(range, record.offset - range.firstOffset)
    }
    return { records, failures: this.#failures, spans: this.#spans }
  }
}

/** A record whose key or value a deserialiser promised. */
interface LateRecord<K, V> {
  readonly record: ConsumerRecord<K, V>
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
  readonly range: AcquiredRange
}

type Settable<T> = { -readonly [P in keyof T]: T[P] }

function contextOf(fields: RecordFields, range: AcquiredRange, isKey: boolean): DeserializationContext {
  return { topic: range.partition.topic, headers: fields.headers ?? noHeaders, isKey }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Which part of which record could not be deserialised. */
interface FailedPart {
  readonly part: 'key' | 'value'
  readonly offset: number
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
  readonly range: AcquiredRange
}

function failed({ part, offset, rawKey, rawValue, range }: FailedPart, cause: unknown): RecordDeserializationFailure {
  const { topic, partition } = range.partition
  const told = (cause instanceof Error ? cause.message : String(cause)).trim()
  const reason = /[.!?]$/.test(told) ? told : `${told}.`
  const error = new RecordDeserializationError(
    `The ${part} of the record at offset ${offset} of ${topic}-${partition} cannot be deserialised: ${reason} ` +
      `Check that the ${part}Deserializer fits what the producer writes.`,
    { topic, partition, offset },
    cause,
  )
  return new RecordDeserializationFailure({ offset, error, rawKey, rawValue }, range)
}
