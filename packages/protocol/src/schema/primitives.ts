import type { ByteReader } from '../bytes/reader.js'
import type { ByteWriter } from '../bytes/writer.js'
import { ZERO_UUID } from '../bytes/uuid.js'
import { KafkaProtocolError, KafkaUsageError } from '../errors.js'
import type { Primitive } from './schema.js'

export type ReadValue = (reader: ByteReader) => unknown
export type WriteValue = (writer: ByteWriter, value: unknown) => void

/** How one place in a message is written: where it is, for error messages, and what its version says. */
export interface Place {
  /** E.g. `ShareFetchRequest.topics[].topicId`. */
  readonly path: string
  readonly version: number
  /** The oldest version that the message is spoken in. */
  readonly minVersion: number
  /** Lengths are compact varints, and tags may follow. */
  readonly flexible: boolean
  readonly nullable: boolean
}

/** Kafka's own limit of a string, in bytes, also where the encoding could say more. */
const MAX_STRING_BYTES = 0x7fff

const emptyBytes = Buffer.alloc(0)

/** The value of a primitive that nobody gave and whose definition names no default. */
export function zeroOf(type: Primitive): unknown {
  switch (type) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return ZERO_UUID
    case 'bytes':
    case 'records':
      return emptyBytes
    default:
      return 0
  }
}

/** The fewest bytes that a value takes: what an array's claimed length is checked against. */
export function leastBytes(type: Primitive, flexible: boolean): number {
  switch (type) {
    case 'bool':
    case 'int8':
      return 1
    case 'int16':
    case 'uint16':
      return 2
    case 'int32':
      return 4
    case 'int64':
    case 'float64':
      return 8
    case 'uuid':
      return 16
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
      return flexible ? 1 : 4
  }
}

export function primitiveReader(type: Primitive, place: Place): ReadValue {
  switch (type) {
    case 'bool':
      return (reader) => reader.bool()
    case 'int8':
      return (reader) => reader.int8()
    case 'int16':
      return (reader) => reader.int16()
    case 'uint16':
      return (reader) => reader.uint16()
    case 'int32':
      return (reader) => reader.int32()
    case 'int64':
      return (reader) => reader.int64()
    case 'float64':
      return (reader) => reader.float64()
    case 'uuid':
      return (reader) => reader.uuid()
    case 'string':
      return stringReader(place)
    case 'bytes':
    case 'records':
      return bytesReader(place)
  }
}

function stringReader(place: Place): ReadValue {
  const { flexible } = place
  return (reader) => {
    const length = flexible ? reader.uvarint() - 1 : reader.int16()
    if (length < 0) return readNull(length, place)
    if (length > MAX_STRING_BYTES) {
      throw new KafkaProtocolError(`${place.path} claims a text of ${length} bytes; ${MAX_STRING_BYTES} is the most.`)
    }
    return length === 0 ? '' : reader.utf8(length)
  }
}

function bytesReader(place: Place): ReadValue {
  const { flexible } = place
  return (reader) => {
    const length = flexible ? reader.uvarint() - 1 : reader.int32()
    return length < 0 ? readNull(length, place) : reader.bytes(length)
  }
}

/** A length below 0 was read: -1 is null, where that is allowed. */
export function readNull(length: number, { path, nullable, version }: Place): null {
  if (length === -1 && nullable) return null
  throw new KafkaProtocolError(
    length === -1
      ? `${path} is null, which version ${version} does not allow.`
      : `${path} claims a length of ${length}.`,
  )
}

export function primitiveWriter(type: Primitive, place: Place): WriteValue {
  const { path, flexible } = place
  switch (type) {
    case 'bool':
      return (writer, value) => {
        if (typeof value !== 'boolean') throw unfit(value, place, 'true or false')
        writer.bool(value)
      }
    case 'int8':
      return (writer, value) => writer.int8(wholeNumber(value, -0x80, 0x7f, place))
    case 'int16':
      return (writer, value) => writer.int16(wholeNumber(value, -0x8000, 0x7fff, place))
    case 'uint16':
      return (writer, value) => writer.int16(wholeNumber(value, 0, 0xffff, place))
    case 'int32':
      return (writer, value) => writer.int32(wholeNumber(value, -0x80000000, 0x7fffffff, place))
    case 'int64':
      return (writer, value) => writer.int64(wholeNumber(value, -(2 ** 63), 2 ** 63, place))
    case 'float64':
      return (writer, value) => {
        if (typeof value !== 'number') throw unfit(value, place, 'a number')
        writer.float64(value)
      }
    case 'uuid':
      return (writer, value) => {
        if (value === null || value === undefined) throw unfit(value, place, 'a UUID')
        writer.uuid(value, path)
      }
    case 'string':
      return (writer, value) => {
        if (value === null) return writeNull(writer, place, 2)
        if (typeof value !== 'string') throw unfit(value, place, 'a string')
        const length = Buffer.byteLength(value, 'utf8')
        if (length > MAX_STRING_BYTES) {
          throw new KafkaUsageError(
            `${path} takes ${length} bytes; Kafka allows ${MAX_STRING_BYTES}. Give a shorter text.`,
          )
        }
        if (flexible) writer.uvarint(length + 1)
        else writer.int16(length)
        writer.utf8(value, length)
      }
    case 'bytes':
    case 'records':
      return (writer, value) => {
        if (value === null) return writeNull(writer, place, 4)
        if (!(value instanceof Uint8Array)) throw unfit(value, place, 'a Buffer')
        if (flexible) writer.uvarint(value.length + 1)
        else writer.int32(value.length)
        writer.bytes(value)
      }
  }
}

function wholeNumber(value: unknown, least: number, most: number, place: Place): number {
  if (typeof value === 'number' && value >= least && value <= most && Number.isInteger(value)) return value
  throw unfit(value, place, `a whole number from ${least} to ${most}`)
}

/** Writes the null of something with a length; `width` is the length's own size where it is not a varint. */
export function writeNull(writer: ByteWriter, place: Place, width: 2 | 4): void {
  if (!place.nullable) throw unfit(null, place, 'a value')
  if (place.flexible) writer.uvarint(0)
  else if (width === 2) writer.int16(-1)
  else writer.int32(-1)
}

/** The error for a value that the place cannot take. */
export function unfit(value: unknown, { path, version }: Place, wanted: string): KafkaUsageError {
  if (value === undefined) return new KafkaUsageError(`${path} has no default in version ${version}: give ${wanted}.`)
  const given =
    typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : `a ${typeof value}`
  return new KafkaUsageError(`${path} must be ${wanted} in version ${version}, not ${given}.`)
}
