import type { ByteReader } from '../bytes/reader.js'
import { ByteWriter } from '../bytes/writer.js'
import { KafkaProtocolError, KafkaUnsupportedVersionError } from '../errors.js'
import {
  leastBytes,
  primitiveReader,
  primitiveWriter,
  readNull,
  unfit,
  writeNull,
  zeroOf,
  type Place,
  type ReadValue,
  type WriteValue,
} from './primitives.js'
import { isArray, type ElementType, type Field, type Fields, type FieldType } from './schema.js'
import { isWithin, parseVersions } from './versions.js'

/** Where a struct stands: its path for error messages, and the version that decides what it looks like. */
export interface StructPlace {
  /** E.g. `ShareFetchRequest.topics[]`. */
  readonly path: string
  readonly version: number
  /** The oldest version that the message is spoken in. */
  readonly minVersion: number
  readonly flexible: boolean
}

/** The fewest bytes that a tagged field takes: its number and its size. */
const LEAST_TAG_BYTES = 2

function isPresent(field: Field, version: number): boolean {
  return isWithin(version, parseVersions(field.versions))
}

function placeOf(name: string, field: Field, { path, version, minVersion, flexible }: StructPlace): Place {
  return {
    path: `${path}.${name}`,
    version,
    minVersion,
    flexible,
    nullable: isWithin(version, parseVersions(field.options.nullable)),
  }
}

/** The value of a field that was not given or is not in the version. A new one each time, where it could be changed. */
function defaultOf(field: Field): () => unknown {
  const { type, options } = field
  if (options.default !== undefined) {
    const value = options.default
    return () => value
  }
  if (typeof type === 'string') {
    const zero = zeroOf(type)
    return () => zero
  }
  if (isArray(type)) return () => []
  const members = Object.entries(type).map(([name, member]) => [name, defaultOf(member)] as const)
  return () => Object.fromEntries(members.map(([name, make]) => [name, make()]))
}

/** Whether a value says nothing that its absence would not say. */
function isDefault(value: unknown, field: Field): boolean {
  if (value === undefined) return true
  const { type, options } = field
  if (options.default !== undefined) return value === options.default
  if (value === null) return false
  if (typeof type === 'string') {
    return type === 'bytes' || type === 'records' ? (value as Uint8Array).length === 0 : value === zeroOf(type)
  }
  if (isArray(type)) return (value as ArrayLike<unknown>).length === 0
  const struct = value as Record<string, unknown>
  return Object.entries(type).every(([name, member]) => isDefault(struct[name], member))
}

// Reading

/** Builds, once, the function that reads this struct in this version. */
export function structReader(fields: Fields, place: StructPlace): ReadValue {
  const names: string[] = []
  const reads: ReadValue[] = []
  const tagged = new Map<number, { readonly name: string; readonly read: ReadValue }>()
  for (const [name, field] of Object.entries(fields)) {
    const isTagged = field.options.tag !== undefined && place.flexible
    const present = isPresent(field, place.version)
    names.push(name)
    if (present && !isTagged) {
      reads.push(valueReader(field.type, placeOf(name, field, place)))
      continue
    }
    // Set to the default in its own turn all the same: objects of one kind then share one shape, whatever they were sent with.
    reads.push(defaultOf(field))
    if (present && field.options.tag !== undefined) {
      tagged.set(field.options.tag, { name, read: valueReader(field.type, placeOf(name, field, place)) })
    }
  }
  const readTags = (reader: ByteReader, into: Record<string, unknown>, count: number): void => {
    if (count * LEAST_TAG_BYTES > reader.remaining) {
      throw new KafkaProtocolError(
        `${place.path} claims ${count} tagged fields, but only ${reader.remaining} bytes are left.`,
      )
    }
    for (let i = 0; i < count; i++) {
      const tag = reader.uvarint()
      const size = reader.uvarint()
      const known = tagged.get(tag)
      if (known === undefined) {
        reader.skip(size)
        continue
      }
      const end = reader.offset + size
      into[known.name] = known.read(reader)
      if (reader.offset !== end) {
        throw new KafkaProtocolError(
          `${place.path}.${known.name} claims ${size} bytes, but takes another number of them.`,
        )
      }
    }
  }
  const { flexible } = place
  return (reader) => {
    const struct: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      const read = reads[i] as ReadValue
      struct[name] = read(reader)
    }
    if (flexible) {
      const count = reader.uvarint()
      if (count > 0) readTags(reader, struct, count)
    }
    return struct
  }
}

function valueReader(type: FieldType, place: Place): ReadValue {
  if (typeof type === 'string') return primitiveReader(type, place)
  if (isArray(type)) return arrayReader(type.element, place)
  const read = structReader(type, place)
  if (!place.nullable) return read
  return (reader) => (reader.int8() < 0 ? null : read(reader))
}

function arrayReader(element: ElementType, place: Place): ReadValue {
  const { path, flexible } = place
  const read = elementReader(element, { ...place, path: `${path}[]`, nullable: false })
  const least = leastBytesOf(element, place)
  return (reader) => {
    const count = flexible ? reader.uvarint() - 1 : reader.int32()
    if (count < 0) return readNull(count, place)
    if (count * least > reader.remaining) {
      throw new KafkaProtocolError(`${path} claims ${count} elements, but only ${reader.remaining} bytes are left.`)
    }
    if (count > reader.elementsLeft) {
      throw new KafkaProtocolError(
        `${path} has ${count} elements, and only ${reader.elementsLeft} more are read of one message.`,
      )
    }
    reader.elementsLeft -= count
    const values: unknown[] = []
    for (let i = 0; i < count; i++) values.push(read(reader))
    return values
  }
}

function elementReader(element: ElementType, place: Place): ReadValue {
  return typeof element === 'string' ? primitiveReader(element, place) : structReader(element, place)
}

function leastBytesOf(type: FieldType, place: StructPlace): number {
  const { version, flexible } = place
  if (typeof type === 'string') return leastBytes(type, flexible)
  if (isArray(type)) return flexible ? 1 : 4
  let sum = flexible ? 1 : 0
  for (const [name, field] of Object.entries(type)) {
    if (!isPresent(field, version) || (field.options.tag !== undefined && flexible)) continue
    const isNullableStruct =
      typeof field.type === 'object' && !isArray(field.type) && placeOf(name, field, place).nullable
    sum += isNullableStruct ? 1 : leastBytesOf(field.type, place)
  }
  return Math.max(1, sum)
}

// Writing

interface TaggedWriter {
  readonly tag: number
  readonly name: string
  readonly field: Field
  readonly write: WriteValue
}

/** Builds, once, the function that writes this struct in this version. */
export function structWriter(fields: Fields, place: StructPlace): WriteValue {
  const { path, version, flexible } = place
  const names: string[] = []
  const writes: WriteValue[] = []
  const tagged: TaggedWriter[] = []
  for (const [name, field] of Object.entries(fields)) {
    const { tag, ignorable } = field.options
    if (!isPresent(field, version)) {
      if (ignorable === true) continue
      names.push(name)
      writes.push((_, value) => {
        if (!isDefault(value, field)) throw noRoom(`${path}.${name}`, value, field, version)
      })
      continue
    }
    const write = givenOrDefault(
      field,
      valueWriter(field.type, placeOf(name, field, place)),
      placeOf(name, field, place),
    )
    if (tag !== undefined && flexible) {
      tagged.push({ tag, name, field, write })
    } else {
      names.push(name)
      writes.push(write)
    }
  }
  tagged.sort((a, b) => a.tag - b.tag)
  return (writer, value) => {
    if (typeof value !== 'object' || value === null) throw unfit(value, { ...place, nullable: false }, 'an object')
    const struct = value as Record<string, unknown>
    for (let i = 0; i < names.length; i++) {
      const write = writes[i] as WriteValue
      write(writer, struct[names[i] as string])
    }
    if (flexible) writeTags(writer, struct, tagged)
  }
}

function writeTags(writer: ByteWriter, struct: Record<string, unknown>, tagged: readonly TaggedWriter[]): void {
  const given = tagged.length === 0 ? tagged : tagged.filter(({ name, field }) => !isDefault(struct[name], field))
  writer.uvarint(given.length)
  for (const { tag, name, write } of given) {
    const inner = new ByteWriter()
    write(inner, struct[name])
    writer.uvarint(tag)
    writer.uvarint(inner.offset)
    writer.bytes(inner.toBuffer())
  }
}

/**
 * A value left out is the default that the definition names, else null where that is allowed, else what reads as nothing: but
 * only where the types let it be left out (WriteFields), else it had to be given.
 */
function givenOrDefault(field: Field, write: WriteValue, place: Place): WriteValue {
  const { options } = field
  if (options.default === undefined && !place.nullable && !mayBeLeftOut(field, place)) return write
  const value = options.default === undefined && place.nullable ? null : defaultOf(field)()
  return (writer, given) => write(writer, given === undefined ? value : given)
}

/** Who writes for several versions cannot be asked for a field that some of them do not have, or may have as null. */
function mayBeLeftOut({ versions, options }: Field, { minVersion }: Place): boolean {
  const { first, last } = parseVersions(versions)
  return first > minVersion || last !== Infinity || options.nullable !== undefined
}

function valueWriter(type: FieldType, place: Place): WriteValue {
  if (typeof type === 'string') return primitiveWriter(type, place)
  if (isArray(type)) return arrayWriter(type.element, place)
  const write = structWriter(type, place)
  if (!place.nullable) return write
  return (writer, value) => {
    writer.int8(value === null ? -1 : 1)
    if (value !== null) write(writer, value)
  }
}

function arrayWriter(element: ElementType, place: Place): WriteValue {
  const { path, flexible } = place
  const elementPlace = { ...place, path: `${path}[]`, nullable: false }
  const write =
    typeof element === 'string' ? primitiveWriter(element, elementPlace) : structWriter(element, elementPlace)
  return (writer, value) => {
    if (value === null) return writeNull(writer, place, 4)
    if (typeof value !== 'object' || !('length' in value)) throw unfit(value, place, 'an array')
    const values = value as ArrayLike<unknown>
    if (flexible) writer.uvarint(values.length + 1)
    else writer.int32(values.length)
    for (let i = 0; i < values.length; i++) write(writer, values[i])
  }
}

function noRoom(path: string, value: unknown, field: Field, version: number): KafkaUnsupportedVersionError {
  const given = typeof value === 'object' && value !== null ? 'a value' : JSON.stringify(value)
  return new KafkaUnsupportedVersionError(
    `${path} was given ${given}, but the message has no such field in version ${version}, the newest that the broker shares with this client (it needs ${field.versions}). Leave it out, or use a newer broker.`,
  )
}
