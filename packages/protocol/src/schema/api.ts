import type { ByteReader } from '../bytes/reader.js'
import type { ByteWriter } from '../bytes/writer.js'
import { KafkaUsageError } from '../errors.js'
import type { ReadValue, WriteValue } from './primitives.js'
import type { Fields, FirstVersion, ReadFields, WriteFields } from './schema.js'
import { structReader, structWriter, type StructPlace } from './struct.js'
import { isWithin, parseVersions, type Versions } from './versions.js'

/** One direction of an API: what it looks like in each version, and how it is read and written. */
export class Message<Read, Write> {
  /** Kafka's name, e.g. `ShareFetchRequest`. */
  readonly name: string
  readonly fields: Fields
  readonly minVersion: number
  readonly maxVersion: number
  readonly #flexible: Versions | undefined
  readonly #readers: (ReadValue | undefined)[] = []
  readonly #writers: (WriteValue | undefined)[] = []

  constructor(definition: {
    readonly name: string
    readonly fields: Fields
    readonly minVersion: number
    readonly maxVersion: number
    readonly flexible: Versions | undefined
  }) {
    this.name = definition.name
    this.fields = definition.fields
    this.minVersion = definition.minVersion
    this.maxVersion = definition.maxVersion
    this.#flexible = definition.flexible
  }

  /** Whether the version uses compact lengths and tagged fields (KIP-482), in the message and in its header. */
  isFlexible(version: number): boolean {
    return isWithin(version, parseVersions(this.#flexible))
  }

  /** Reads the message from where the reader stands. Throws KafkaProtocolError on bytes that are none. */
  read(reader: ByteReader, version: number): Read {
    const read = (this.#readers[version] ??= structReader(this.fields, this.#place(version)))
    return read(reader) as Read
  }

  /**
   * Writes the message. Throws KafkaUsageError naming the field that has a wrong value, and KafkaUnsupportedVersionError
   * naming the one that the version cannot carry.
   */
  write(writer: ByteWriter, version: number, body: Write): void {
    const write = (this.#writers[version] ??= structWriter(this.fields, this.#place(version)))
    write(writer, body)
  }

  #place(version: number): StructPlace {
    if (!Number.isInteger(version) || version < this.minVersion || version > this.maxVersion) {
      throw new KafkaUsageError(
        `${this.name} is known in versions ${this.minVersion} to ${this.maxVersion}, not in ${version}. Negotiate a version first.`,
      )
    }
    return { path: this.name, version, minVersion: this.minVersion, flexible: this.isFlexible(version) }
  }
}

/** One API of Kafka: both its directions, in the versions that Milena speaks. */
export interface Api<Request, RequestIn, Response, ResponseIn> {
  readonly key: number
  /** Kafka's name without Request or Response, e.g. `ShareFetch`. */
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  readonly request: Message<Request, RequestIn>
  readonly response: Message<Response, ResponseIn>
  /** The answer's header has a place for tagged fields in flexible versions: so in all APIs but ApiVersions. */
  readonly responseHeaderTags: boolean
}

export type AnyApi = Api<unknown, never, unknown, never>

/** A request as it is read. */
export type RequestOf<A extends AnyApi> = A['request'] extends Message<infer Read, never> ? Read : never
/** A response as it is read. */
export type ResponseOf<A extends AnyApi> = A['response'] extends Message<infer Read, never> ? Read : never
/** What a request is written from: fields with a default may be left out. */
export type RequestInput<A extends AnyApi> = Parameters<A['request']['write']>[2]
/** What a response is written from: fields with a default may be left out. */
export type ResponseInput<A extends AnyApi> = Parameters<A['response']['write']>[2]

/** Makes the one value that says all about an API; see schema.ts for the fields. */
export function defineApi<
  const Min extends FirstVersion,
  const Req extends Fields,
  const Res extends Fields,
>(definition: {
  readonly key: number
  readonly name: string
  readonly minVersion: Min
  readonly maxVersion: number
  /** The versions that use compact lengths and tagged fields, as Kafka's definition has them. Unset: none. */
  readonly flexible?: Versions
  readonly responseHeaderTags?: boolean
  readonly request: Req
  readonly response: Res
}): Api<ReadFields<Req>, WriteFields<Req, Min>, ReadFields<Res>, WriteFields<Res, Min>> {
  const { key, name, minVersion, maxVersion, flexible } = definition
  return {
    key,
    name,
    minVersion,
    maxVersion,
    request: new Message({ name: `${name}Request`, fields: definition.request, minVersion, maxVersion, flexible }),
    response: new Message({ name: `${name}Response`, fields: definition.response, minVersion, maxVersion, flexible }),
    responseHeaderTags: definition.responseHeaderTags ?? true,
  }
}
