import { KafkaUsageError, type RecordHeaderInputs } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { withoutFields } from '../config/plain-object.js'

/** Headers of a record to be sent: in order and with repeated keys as an array, or as an object. Texts are written as UTF-8. */
export type HeadersInput =
  | readonly { readonly key: string; readonly value: Uint8Array | string | null }[]
  | Readonly<Record<string, Uint8Array | string | null | undefined>>

/** A record to be sent. */
export interface ProducerRecord<K, V> {
  readonly topic: string
  /** Records with equal keys go to the same partition, in order. Absent or null: no key. */
  readonly key?: K | null | undefined
  /** Absent or null: no value (a tombstone in a compacted topic). */
  readonly value?: V | null | undefined
  readonly headers?: HeadersInput | undefined
  /** Default: chosen by the key as Java's client does; without a key one that changes now and then. */
  readonly partition?: number | undefined
  /** Epoch milliseconds. Default: now. */
  readonly timestamp?: number | undefined
}

const NONE: RecordHeaderInputs = []
const FIELDS: readonly string[] = ['topic', 'key', 'value', 'headers', 'partition', 'timestamp']

/** Throws KafkaUsageError for a field that records do not have. */
export function checkFields(record: object): void {
  const unknown = Object.keys(record).find((name) => !FIELDS.includes(name))
  if (unknown === undefined) return
  throw new KafkaUsageError(
    `send() takes a record, such as { topic: 'orders', value: 'text' }; '${unknown}' is no field of one. ` +
      `Its fields are ${FIELDS.join(', ')}. Each record is sent by a send() of its own.`,
  )
}

export function headersOf(given: HeadersInput | undefined): RecordHeaderInputs {
  if (given === undefined) return NONE
  if (isList(given)) return given.map(({ key, value }) => headerOf(key, value))
  const wrong = withoutFields(given)
  if (wrong !== undefined)
    throw new KafkaUsageError(`The headers of a record are an object, or a list of { key, value }; it has ${wrong}.`)
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => headerOf(key, value ?? null))
}

function isList(given: HeadersInput): given is Extract<HeadersInput, readonly unknown[]> {
  return Array.isArray(given)
}

function headerOf(key: string, value: Uint8Array | string | null): RecordHeaderInputs[number] {
  if (typeof key !== 'string')
    throw new KafkaUsageError(`The name of a record header must be a text, not of type ${typeof key}.`)
  if (value === null || value instanceof Uint8Array) return { key, value }
  if (typeof value === 'string') return { key, value: Buffer.from(value, 'utf8') }
  throw new KafkaUsageError(
    `The value of the record header '${key}' must be a Buffer, a text or null, not of type ${typeof value}.`,
  )
}

/** Lengths, attributes, timestamp and offset of a record at their longest. */
const RECORD_OVERHEAD = 21
const HEADER_OVERHEAD = 10

/** At most so many bytes a record takes in its batch. */
export function sizeOf(key: Buffer | null, value: Buffer | null, headers: RecordHeaderInputs): number {
  let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers) size += HEADER_OVERHEAD + header.key.length * 3 + (header.value?.length ?? 0)
  return size
}

/** The timestamp to write: the given one if it is legal, else the time of day. */
export function timestampOf(given: number | undefined, clock: Clock): number {
  if (given === undefined) return Math.floor(clock.wallTime())
  if (Number.isSafeInteger(given) && given >= 0) return given
  throw new KafkaUsageError(
    `The timestamp of a record must be a whole number of milliseconds since 1970, not ${given}.`,
  )
}

export function checkPartition(given: number | undefined): number | undefined {
  if (given === undefined || (Number.isInteger(given) && given >= 0)) return given
  throw new KafkaUsageError(
    `The partition of a record must be a whole number, at least 0, not ${given}. Leave it out to have it chosen.`,
  )
}
