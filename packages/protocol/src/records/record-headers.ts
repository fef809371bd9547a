import { KafkaProtocolError } from '../errors.js'

/** One header of a record; a key may occur more than once. */
export interface RecordHeader {
  readonly key: string
  /** A view of the batch's bytes; null is a header without a value. */
  readonly value: Buffer | null
}

export type RecordHeaders = ReadonlyArray<RecordHeader>

export const NO_HEADERS: RecordHeaders = Object.freeze([])

/**
 * Decodes the headers that lie in `bytes` from `start` (their count) up to `end` (the end of the record). `offset` is the record's
 * own, for the message of the KafkaProtocolError that unreadable bytes end in.
 */
export function decodeRecordHeaders(
  bytes: Buffer,
  record: { readonly start: number; readonly end: number; readonly offset: number },
): RecordHeaders {
  const { end } = record
  let at = record.start

  const malformed = (what: string) =>
    new KafkaProtocolError(`The headers of the record at offset ${record.offset} cannot be read: ${what}.`)
  const varint = (): number => {
    let raw = 0
    for (let shift = 0; shift < 35 && at < end; shift += 7) {
      const byte = bytes[at++] ?? 0
      raw |= (byte & 127) << shift
      if (byte < 128) return (raw >>> 1) ^ -(raw & 1)
    }
    throw malformed('a number does not end')
  }
  const take = (length: number, what: string): number => {
    if (length > end - at) throw malformed(`${what} claims ${length} bytes of the ${end - at} that are left`)
    at += length
    return at
  }

  const count = varint()
  // Two bytes is the least that a header takes; checked before anything is allocated by the count.
  if (count < 0 || count * 2 > end - at) throw malformed(`they claim to be ${count} in ${end - at} bytes`)
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const keyLength = varint()
    if (keyLength < 0) throw malformed(`a key claims ${keyLength} bytes`)
    const keyStart = at
    const key = bytes.toString('utf8', keyStart, take(keyLength, 'a key'))
    const valueLength = varint()
    if (valueLength < -1) throw malformed(`the value of ${JSON.stringify(key)} claims ${valueLength} bytes`)
    const valueStart = at
    const value =
      valueLength < 0 ? null : bytes.subarray(valueStart, take(valueLength, `the value of ${JSON.stringify(key)}`))
    headers.push({ key, value })
  }
  if (at !== end) throw malformed(`${end - at} bytes follow the last one`)
  return headers
}
