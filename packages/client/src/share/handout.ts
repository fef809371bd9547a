import type { RecordCursor } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { DeserializationContext, Deserializer } from '../serde.js'
import type { AcquiredRange } from './acquired-range.js'
import { ConsumerRecord, noHeaders, type RecordFields } from './consumer-record.js'
import { RecordDeserializationError } from './record-deserialization-error.js'
import { RecordDeserializationFailure } from './record-failure.js'

/** What the application is given at once. */
export interface TakenBatch<K, V> {
  /** In partition and offset order. */
  readonly records: readonly ConsumerRecord<K, V>[]
  /** Records that could not be deserialised; acquired, and not answered yet. */
  readonly failures: readonly RecordDeserializationFailure[]
  /** The pieces of the ledger that `records` stand for; failures are not in them. */
  readonly spans: readonly LedgerSpan[]
}

/** A batch without records. */
export const NOTHING: TakenBatch<never, never> = { records: [], failures: [], spans: [] }

/** Indices [from, to) of a range. */
export interface LedgerSpan {
  readonly range: AcquiredRange
  readonly from: number
  to: number
}

/** undefined: the bytes as they are, K or V being `Buffer | null`. */
export interface RecordDeserializers<K, V> {
  readonly key: Deserializer<K> | undefined
  readonly value: Deserializer<V> | undefined
}

/** One hand-out in the making. */
export class Handout<K, V> {
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
