import * as protocol from '@milena/protocol'
import type { AnyApi, Message } from '@milena/protocol'

/** Every API that the package exports: one that is added is tested without a word here. */
export const allApis: readonly AnyApi[] = Object.values(protocol as Record<string, unknown>).filter(
  (exported): exported is AnyApi =>
    typeof exported === 'object' && exported !== null && 'request' in exported && 'response' in exported,
)

/** A message whose type is only known when the test runs. */
export type AnyMessage = Message<unknown, never>

export const allMessages: ReadonlyArray<{ readonly api: AnyApi; readonly message: AnyMessage }> = allApis.flatMap(
  (api) => [
    { api, message: api.request },
    { api, message: api.response },
  ],
)

export function versionsOf({
  minVersion,
  maxVersion,
}: {
  readonly minVersion: number
  readonly maxVersion: number
}): number[] {
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
}

export function write(message: AnyMessage, version: number, body: unknown): Buffer {
  const writer = new protocol.ByteWriter()
  message.write(writer, version, body as never)
  return writer.toBuffer()
}

/** Reads the message and expects it to end where the bytes do. */
export function read(message: AnyMessage, version: number, bytes: Buffer): unknown {
  const reader = new protocol.ByteReader(bytes)
  const body = message.read(reader, version)
  if (reader.remaining > 0) throw new Error(`${message.name} v${version} leaves ${reader.remaining} bytes over.`)
  return body
}
