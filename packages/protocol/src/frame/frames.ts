import { ByteReader } from '../bytes/reader.js'
import { ByteWriter } from '../bytes/writer.js'
import { KafkaProtocolError, KafkaUsageError } from '../errors.js'
import type { AnyApi, RequestInput, RequestOf, ResponseInput, ResponseOf } from '../schema/api.js'
import {
  readRequestHeader,
  skipResponseHeader,
  skipTags,
  writeRequestHeader,
  writeResponseHeader,
  type RequestHeader,
} from './headers.js'

export interface RequestToEncode<A extends AnyApi> {
  readonly version: number
  /** Comes back with the answer; 32 bits. */
  readonly correlationId: number
  readonly clientId: string | null
  readonly body: RequestInput<A>
}

export interface ResponseToEncode<A extends AnyApi> {
  readonly version: number
  /** That of the request. */
  readonly correlationId: number
  readonly body: ResponseInput<A>
}

/**
 * A whole request, from its 4-byte size to its last byte.
 *
 * Throws KafkaUsageError naming the field that has a wrong value or is missing, and KafkaUnsupportedVersionError naming the
 * one that this version cannot carry (unless Kafka lets that field be dropped).
 */
export function encodeRequest<A extends AnyApi>(api: A, request: RequestToEncode<A>): Buffer {
  const { version, correlationId, clientId, body } = request
  if (clientId !== null && Buffer.byteLength(clientId, 'utf8') > 0x7fff) {
    throw new KafkaUsageError('The client id is longer than 32767 bytes. Give a shorter one.')
  }
  return frame((writer) => {
    writeRequestHeader(writer, api, { apiVersion: version, correlationId, clientId })
    api.request.write(writer, version, body)
  })
}

/** A whole response, from its 4-byte size to its last byte. Throws as encodeRequest() does. */
export function encodeResponse<A extends AnyApi>(api: A, response: ResponseToEncode<A>): Buffer {
  const { version, correlationId, body } = response
  return frame((writer) => {
    writeResponseHeader(writer, api, version, correlationId)
    api.response.write(writer, version, body)
  })
}

/** The correlation id of a response frame (without its size). Throws KafkaProtocolError when it is too short to have one. */
export function correlationIdOf(frame: Buffer): number {
  if (frame.length < 4)
    throw new KafkaProtocolError(`A frame of ${frame.length} bytes is too short for a correlation id.`)
  return frame.readInt32BE(0)
}

/**
 * Reads a response frame (without its size). Error codes in it are values like others: nothing is thrown for them. Bytes and
 * records are views of `frame`. Throws KafkaProtocolError on bytes that are no such response.
 */
export function decodeResponse<A extends AnyApi>(api: A, version: number, frame: Buffer): ResponseOf<A> {
  return wholeFrame(frame, `${api.response.name} v${version}`, (reader) => {
    skipResponseHeader(reader, api, version)
    return api.response.read(reader, version) as ResponseOf<A>
  })
}

/** What a request frame (without its size) is about. Throws KafkaProtocolError. */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  return readRequestHeader(new ByteReader(frame))
}

/**
 * Reads a request frame (without its size) whose header named this API and version. Throws KafkaProtocolError. With
 * `allowMore`, bytes behind the request are passed over, as Kafka's brokers do; else they are an error. `maxElements` bounds how
 * many elements all arrays of the request have together (default: as many as the frame holds); more are an error.
 */
export function decodeRequest<A extends AnyApi>(
  api: A,
  version: number,
  frame: Buffer,
  options: { readonly allowMore?: boolean; readonly maxElements?: number } = {},
): RequestOf<A> {
  return wholeFrame(
    frame,
    `${api.request.name} v${version}`,
    (reader) => {
      reader.elementsLeft = options.maxElements ?? Infinity
      readRequestHeader(reader)
      if (api.request.isFlexible(version)) skipTags(reader)
      return api.request.read(reader, version) as RequestOf<A>
    },
    options.allowMore,
  )
}

function frame(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter()
  const size = writer.reserve(4)
  write(writer)
  writer.int32At(size, writer.offset - 4)
  return writer.toBuffer()
}

function wholeFrame<T>(frame: Buffer, what: string, read: (reader: ByteReader) => T, allowMore = false): T {
  const reader = new ByteReader(frame)
  let value: T
  try {
    value = read(reader)
  } catch (error) {
    if (!KafkaProtocolError.is(error)) throw error
    throw new KafkaProtocolError(`${what} cannot be read: ${error.message}`, { cause: error })
  }
  if (reader.remaining > 0 && !allowMore) {
    throw new KafkaProtocolError(`${what} ends ${reader.remaining} bytes before its frame does.`)
  }
  return value
}
