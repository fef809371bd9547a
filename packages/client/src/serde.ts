import { KafkaUsageError } from '@milena/protocol'
import type { RecordHeaders } from '@milena/protocol'

/** What a deserialiser is told about the record besides the bytes. */
export interface DeserializationContext {
  readonly topic: string
  /** The record's headers, decoded when asked for. */
  readonly headers: () => RecordHeaders
  /** True for the key, false for the value. */
  readonly isKey: boolean
}

/**
 * Turns the bytes of a key or value into what the application works with. `null` bytes are a missing key or a tombstone.
 * The bytes are a view of the fetched answer: copy them (`Buffer.from(data)`) to keep them longer than the record. A throw or
 * rejection marks the record as undecodable; it does not end the consumer. A promise is awaited only where one is returned.
 */
export interface Deserializer<T> {
  deserialize(data: Buffer | null, context: DeserializationContext): T | Promise<T>
}

/** A function does for a deserialiser. What makes one, as json() does, is none: it is called first. */
export type DeserializeFunction<T> = (data: Buffer | null, context: DeserializationContext) => T | Promise<T>

/** What a serialiser is told about the record besides the value. */
export interface SerializationContext {
  readonly topic: string
  /** True for the key, false for the value. */
  readonly isKey: boolean
}

/** Turns a key or value into bytes; `null` writes a missing key or a tombstone. */
export interface Serializer<T> {
  serialize(data: T, context: SerializationContext): Buffer | null | Promise<Buffer | null>
}

/** A function does for a serialiser. */
export type SerializeFunction<T> = Serializer<T>['serialize']

/** Both directions in one value. */
export interface Serde<T> extends Serializer<T>, Deserializer<T> {}

// The makers of serdes take nothing. Their parameter says so to the compiler, which then refuses `json` where `json()` is meant.

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 text; `null` stays `null`. Bytes that are not UTF-8 are an error, never replaced in silence. */
export function string(..._nothing: never[]): Serde<string | null> {
  return {
    serialize: (data) => (data === null ? null : Buffer.from(data, 'utf8')),
    deserialize: (data) => (data === null ? null : decodeUtf8(data)),
  }
}

/**
 * JSON in UTF-8. No bytes (a tombstone) read as `null`, and `null` is written as no bytes. The type is a claim, nothing checks it: use a
 * schema at the listener (`@Payload(schema)`) where producers cannot be trusted.
 */
export function json<T = unknown>(..._nothing: never[]): Serde<T> {
  return {
    serialize(data) {
      if (data === null || data === undefined) return null
      const text: string | undefined = JSON.stringify(data)
      if (text === undefined) throw new KafkaUsageError(`A ${typeof data} cannot be written as JSON.`)
      return Buffer.from(text, 'utf8')
    },
    deserialize: (data) => (data === null ? null : parseJson(decodeUtf8(data))) as T,
  }
}

/** Bytes as they are; the default. */
export function bytes(..._nothing: never[]): Serde<Buffer | null> {
  return {
    serialize: (data) => data,
    deserialize: (data) => data,
  }
}

/** Gives a function the form of a deserialiser. */
export function asDeserializer<T>(given: Deserializer<T> | DeserializeFunction<T>): Deserializer<T> {
  if (typeof given !== 'function') return given
  // Who takes nothing may be a maker of deserialisers that was not called; every value would be a deserialiser then.
  return { deserialize: given.length === 0 ? withoutSerdes(given) : given }
}

function withoutSerdes<T>(given: DeserializeFunction<T>): DeserializeFunction<T> {
  return (data, context) => {
    const result = given(data, context)
    if (!isSerde(result)) return result
    throw new KafkaUsageError('The deserialiser is a function that makes one: call it where you set it.')
  }
}

/** Something that serialises or deserialises, and so is no key or value itself. */
export function isSerde(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (
    typeof Reflect.get(value, 'deserialize') === 'function' || typeof Reflect.get(value, 'serialize') === 'function'
  )
}

/** Gives a function the form of a serialiser. */
export function asSerializer<T>(given: Serializer<T> | SerializeFunction<T>): Serializer<T> {
  return typeof given === 'function' ? { serialize: given } : given
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The engine's own error would quote the text, which may be confidential, into every log.
    throw new SyntaxError('its text is not JSON.')
  }
}

function decodeUtf8(data: Buffer): string {
  // TextDecoder is slow on short texts; toString() is fast and replaces what it cannot read, which the check then sees.
  const text = data.toString('utf8')
  return text.includes('\uFFFD') ? strictUtf8.decode(data) : text
}
