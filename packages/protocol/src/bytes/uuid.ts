import { KafkaUsageError } from '../errors.js'

/** A UUID in Kafka's text form: its 16 bytes in base64url without padding, 22 characters. */
export type Uuid = string

/** All bits zero: "no topic id". */
export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const TEXT_LENGTH = 22
const BYTES = 16

interface Known {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly text: Uuid
}

// The same few topic ids come in every answer, and making the text takes ten times as long as finding it here. It also gives
// equal ids the same string, whose hash is then worked out once. One id to a slot; the later one stays.
const SLOTS = 64
const known: (Known | undefined)[] = Array.from({ length: SLOTS })

/** The text of the 16 bytes at `offset`; the caller has checked that they are there. */
export function uuidText(bytes: Buffer, offset: number): Uuid {
  const a = bytes.readInt32BE(offset)
  const b = bytes.readInt32BE(offset + 4)
  const c = bytes.readInt32BE(offset + 8)
  const d = bytes.readInt32BE(offset + 12)
  const mixed = a ^ b ^ c ^ d
  const slot = (mixed ^ (mixed >>> 16)) & (SLOTS - 1)
  const found = known[slot]
  if (found !== undefined && found.a === a && found.b === b && found.c === c && found.d === d) return found.text
  const text = bytes.toString('base64url', offset, offset + BYTES)
  known[slot] = { a, b, c, d, text }
  return text
}

/** Writes the 16 bytes of `text` at `offset`; the caller has made room. Throws KafkaUsageError naming `path`. */
export function putUuid(text: unknown, bytes: Buffer, offset: number, path: string): void {
  if (
    typeof text !== 'string' ||
    text.length !== TEXT_LENGTH ||
    bytes.write(text, offset, BYTES, 'base64url') !== BYTES
  ) {
    throw new KafkaUsageError(
      `${path} must be a UUID in Kafka's text form, 22 characters of base64url, such as '${ZERO_UUID}'. Given: ${String(text)}`,
    )
  }
}
