import { json, string, type Deserializer } from '@milena/client'
import { KafkaError } from '@milena/protocol'

// The deserialisers that Kafka and Spring ship, by the names of their classes. A missing key or value, and a tombstone, is null.

/** Numbers of a fixed size, as Kafka writes them: big-endian. */
function fixed<T>(what: string, bytes: number, read: (data: Buffer) => T): () => Deserializer<T | null> {
  return () => ({
    deserialize(data) {
      if (data === null) return null
      if (data.length !== bytes) throw unreadable(`${what} has ${bytes} bytes, this one has ${data.length}.`)
      return read(data)
    },
  })
}

function unreadable(message: string): KafkaError {
  return new KafkaError(message, { code: 'SERIALIZATION' })
}

function readLong(data: Buffer): number {
  const exact = data.readBigInt64BE()
  const number = Number(exact)
  if (Number.isSafeInteger(number)) return number
  throw unreadable(
    'This long is too large for a JavaScript number. Use a deserializer of your own: (data) => data?.readBigInt64BE() ?? null',
  )
}

function readUuid(): Deserializer<string | null> {
  const text = string()
  return {
    deserialize(data, context) {
      const uuid = text.deserialize(data, context) as string | null
      if (uuid === null || /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(uuid)) return uuid
      throw unreadable('This is not the text of a UUID.')
    },
  }
}

const empty: Deserializer<null> = {
  deserialize(data) {
    if (data === null) return null
    throw unreadable('The VoidDeserializer was to find nothing, and found bytes.')
  },
}

/** Undefined: the bytes as they are, without a call per record. */
type DeserializerMaker = (() => Deserializer<unknown>) | undefined

const makers: ReadonlyMap<string, DeserializerMaker> = new Map<string, DeserializerMaker>([
  ['StringDeserializer', string],
  ['ByteArrayDeserializer', undefined],
  ['BytesDeserializer', undefined],
  ['ByteBufferDeserializer', undefined],
  ['ShortDeserializer', fixed('A short', 2, (data) => data.readInt16BE())],
  ['IntegerDeserializer', fixed('An integer', 4, (data) => data.readInt32BE())],
  ['LongDeserializer', fixed('A long', 8, readLong)],
  ['FloatDeserializer', fixed('A float', 4, (data) => data.readFloatBE())],
  ['DoubleDeserializer', fixed('A double', 8, (data) => data.readDoubleBE())],
  ['BooleanDeserializer', fixed('A boolean', 1, (data) => data[0] !== 0)],
  ['UUIDDeserializer', readUuid],
  ['VoidDeserializer', () => empty],
  ['JsonDeserializer', json],
  ['JacksonJsonDeserializer', json],
])

/** The names, for messages. */
export const knownDeserializers: readonly string[] = [...makers.keys()]

/**
 * The deserialiser of this class name, with or without its Java package. `known` tells whether there is one; what it makes may
 * be undefined, which are the bytes as they are.
 */
export function knownDeserializer(name: string): { readonly known: boolean; readonly make: DeserializerMaker } {
  const simple = name.trim().replace(/^(org\.apache\.kafka|org\.springframework\.kafka)\..*\./, '')
  return { known: makers.has(simple), make: makers.get(simple) }
}
