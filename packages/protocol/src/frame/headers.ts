import type { ByteReader } from '../bytes/reader.js'
import type { ByteWriter } from '../bytes/writer.js'
import { KafkaProtocolError } from '../errors.js'
import type { AnyApi } from '../schema/api.js'

// Request headers: version 1 (key, version, correlation id, client id), and version 2, which adds tagged fields behind the
// client id; the client id keeps its old two-byte length in both. Response headers: version 0 (correlation id), and version
// 1, which adds tagged fields. Flexible messages use the newer ones, except that the answer to ApiVersions always has version
// 0: who asks cannot know yet what the broker will choose.

/** What every request begins with. */
export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

export function writeRequestHeader(writer: ByteWriter, api: AnyApi, header: Omit<RequestHeader, 'apiKey'>): void {
  const { apiVersion, correlationId, clientId } = header
  writer.int16(api.key)
  writer.int16(apiVersion)
  writer.int32(correlationId)
  if (clientId === null) {
    writer.int16(-1)
  } else {
    const length = Buffer.byteLength(clientId, 'utf8')
    writer.int16(length)
    writer.utf8(clientId, length)
  }
  if (api.request.isFlexible(apiVersion)) writer.uvarint(0)
}

/** Reads up to the client id; what follows depends on the API and is read by decodeRequest(). */
export function readRequestHeader(reader: ByteReader): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const length = reader.int16()
  if (length < -1) throw new KafkaProtocolError(`The client id claims a length of ${length}.`)
  return { apiKey, apiVersion, correlationId, clientId: length === -1 ? null : reader.utf8(length) }
}

export function writeResponseHeader(writer: ByteWriter, api: AnyApi, apiVersion: number, correlationId: number): void {
  writer.int32(correlationId)
  if (hasResponseTags(api, apiVersion)) writer.uvarint(0)
}

export function skipResponseHeader(reader: ByteReader, api: AnyApi, apiVersion: number): void {
  reader.skip(4)
  if (hasResponseTags(api, apiVersion)) skipTags(reader)
}

function hasResponseTags(api: AnyApi, apiVersion: number): boolean {
  return api.responseHeaderTags && api.response.isFlexible(apiVersion)
}

/** Nothing is known that a header's tagged fields could say. */
export function skipTags(reader: ByteReader): void {
  const count = reader.uvarint()
  if (count * 2 > reader.remaining) {
    throw new KafkaProtocolError(
      `The header claims ${count} tagged fields, but only ${reader.remaining} bytes are left.`,
    )
  }
  for (let i = 0; i < count; i++) {
    reader.uvarint()
    reader.skip(reader.uvarint())
  }
}
