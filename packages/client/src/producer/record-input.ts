import { KafkaUsageError, type RecordHeaderInputs } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { nearestName } from '../config/nearest-name.js'
import { withoutFields } from '../config/plain-object.js'
import { shownArgument } from '../config/shown-argument.js'

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

/**
 * Throws KafkaUsageError for a field that records do not have: what was given under another name would be lost, a value even
 * sent as a tombstone.
 */
export function checkFields(record: object): void {
  // Every record comes by here: this form costs nothing that can be measured, a set of names or Object.keys() does.
  for (const name in record) {
    switch (name) {
      case 'topic':
      case 'key':
      case 'value':
      case 'headers':
      case 'partition':
      case 'timestamp':
        break
      default:
        refuseField(record, name)
    }
  }
}

function refuseField(record: object, name: string): void {
  const value: unknown = Reflect.get(record, name)
  if (value === undefined) return
  const nearest = nearestName(name, FIELDS)
  const hint = nearest === undefined ? '.' : `; did you mean '${nearest}'?`
  throw new KafkaUsageError(
    `send() takes a record, such as { topic: 'orders', value: 'text' }; '${name}' is no field of one${hint} ` +
      `Its fields are ${FIELDS.join(', ')}. ` +
      `${Array.isArray(value) ? 'Each record is sent by a send() of its own.' : 'Leave out what it has besides.'}`,
  )
}

const HEADERS = "The headers of a record are an object such as { name: 'text' }, or a list of { key, value }"

export function headersOf(given: HeadersInput | undefined): RecordHeaderInputs {
  if (given === undefined) return NONE
  const unknown: unknown = given
  if (typeof unknown !== 'object' || unknown === null) throw wrongHeaders(shownArgument(unknown))
  if (isList(given)) return given.map(listedHeader)
  const wrong = unknown instanceof Uint8Array ? 'bytes' : withoutFields(unknown)
  if (wrong !== undefined) throw wrongHeaders(wrong)
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => headerOf(key, value ?? null))
}

function isList(given: HeadersInput): given is Extract<HeadersInput, readonly unknown[]> {
  return Array.isArray(given)
}

function wrongHeaders(what: string): KafkaUsageError {
  return new KafkaUsageError(`${HEADERS}; it has ${what}.`)
}

function listedHeader(header: { readonly key: string; readonly value: Uint8Array | string | null }) {
  const unknown: unknown = header
  if (typeof unknown !== 'object' || unknown === null || Array.isArray(unknown)) {
    throw wrongHeaders(`a list with ${shownArgument(unknown)} in it`)
  }
  return headerOf(header.key, header.value)
}

function headerOf(key: string, value: Uint8Array | string | null): RecordHeaderInputs[number] {
  if (typeof key !== 'string')
    throw new KafkaUsageError(`The name of a record header must be a text, not ${shownArgument(key)}. ${HEADERS}.`)
  if (value === null || value instanceof Uint8Array) return { key, value }
  if (typeof value === 'string') return { key, value: Buffer.from(value, 'utf8') }
  throw new KafkaUsageError(
    `The value of the record header '${key}' must be a Buffer, a text or null, not of type ${typeof value}. Give String(value), or bytes.`,
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
    `The timestamp of a record must be a whole number of milliseconds since 1970, such as Date.now(), not ${shownArgument(given)}.`,
  )
}

export function checkPartition(given: number | undefined): number | undefined {
  if (given === undefined || (Number.isInteger(given) && given >= 0)) return given
  throw new KafkaUsageError(
    `The partition of a record must be a whole number, at least 0, not ${shownArgument(given)}. Leave it out to have it chosen.`,
  )
}
