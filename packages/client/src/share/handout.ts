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
  readonly #spans: LedgerSpan[] = []
  readonly #late: LateRecord<K, V>[] = []

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
    // Without a deserialiser K or V is Buffer | null; a promise stands in for its value until a LateHandout puts that there.
    let key = rawKey as K
    let value = rawValue as V
    let late = false
    if (this.#key !== undefined) {
      try {
        const made = this.#key.deserialize(rawKey, contextOf(fields, range, true))
        late = isThenable(made)
        key = made as K
      } catch (cause) {
        this.#failures.push(failedPart({ part: 'key', offset: cursor.offset, rawKey, rawValue, range }, cause))
        return
      }
    }
    if (this.#value !== undefined) {
      try {
        const made = this.#value.deserialize(rawValue, contextOf(fields, range, false))
        late ||= isThenable(made)
        value = made as V
      } catch (cause) {
        // Nobody will wait for the key, and its rejection is one that nobody handled then.
        if (late) Promise.resolve(key).catch(() => undefined)
        this.#failures.push(failedPart({ part: 'value', offset: cursor.offset, rawKey, rawValue, range }, cause))
        return
      }
    }
    const record = new ConsumerRecord(fields, key, value, range, this.#clock)
    cover(this.#spans, range, index)
    if (late) this.#late.push({ record, rawKey, rawValue })
    this.#records.push(record)
  }

  /** What was added; a record of `late` is not finished. */
  get batch(): TakenBatch<K, V> {
    return { records: this.#records, failures: this.#failures, spans: this.#spans }
  }

  /** The records for which a deserialiser has promised something. */
  get late(): readonly LateRecord<K, V>[] {
    return this.#late
  }
}

/** A record whose key or value a deserialiser promised. */
export interface LateRecord<K, V> {
  readonly record: ConsumerRecord<K, V>
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
}

/** Adds one record to the pieces of the ledger that a batch stands for. */
export function cover(spans: LedgerSpan[], range: AcquiredRange, index: number): void {
  const span = spans.at(-1)
  if (span !== undefined && span.range === range && span.to === index) span.to = index + 1
  else spans.push({ range, from: index, to: index + 1 })
}

function contextOf(fields: RecordFields, range: AcquiredRange, isKey: boolean): DeserializationContext {
  return { topic: range.partition.topic, headers: fields.headers ?? noHeaders, isKey }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** Which part of which record could not be deserialised. */
export interface FailedPart {
  readonly part: 'key' | 'value'
  readonly offset: number
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
  readonly range: AcquiredRange
}

/** What comes out in place of a record of which a part cannot be deserialised. */
export function failedPart(
  { part, offset, rawKey, rawValue, range }: FailedPart,
  cause: unknown,
): RecordDeserializationFailure {
  const { topic, partition } = range.partition
  const told = textOf(cause).trim()
  const reason = /[.!?]$/.test(told) ? told : `${told}.`
  const error = new RecordDeserializationError(
    `The ${part} of the record at offset ${offset} of ${topic}-${partition} cannot be deserialised: ${reason} ` +
      `Check that the ${part}Deserializer fits what the producer writes.`,
    { topic, partition, offset, deliveryCount: range.deliveryCount },
    cause,
  )
  return new RecordDeserializationFailure({ offset, error, rawKey, rawValue }, range)
}

/** A deserialiser may throw anything: reading that may throw, too. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return 'it threw something that cannot be shown'
  }
}
