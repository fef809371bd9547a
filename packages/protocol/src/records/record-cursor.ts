import { KafkaProtocolError } from '../errors.js'
import { decodeRecordHeaders, NO_HEADERS, type RecordHeaders } from './record-headers.js'

/** The fewest bytes that a record can take: its length, attributes, two deltas, two lengths and the header count. */
const MIN_RECORD_BYTES = 7

/** What a cursor is told about its batch; made by `RecordBatch.open`. */
export interface RecordCursorSource {
  /** Holds the records, decompressed, from `start` up to `end`. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly recordCount: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Two numbers that add up to the base timestamp and are exact, which their sum beyond 2^53 is not; the first is usually 0. */
  readonly baseTimestampHigh: number
  readonly baseTimestampLow: number
  /** The timestamp of every record where the broker stamps on append; undefined where each has its producer's. */
  readonly logAppendTimestamp: number | undefined
}

/**
 * Walks the records of one batch without allocating: `next()` moves on, the fields describe the record it stands on, and
 * `key`, `value` and `headers()` make views or copies only when asked. Every length is checked against the bytes that are there;
 * what cannot be read is a KafkaProtocolError that names the batch's base offset.
 */
export class RecordCursor {
  /** The decompressed records; the positions below point into it. A view of the fetch response for an uncompressed batch. */
  readonly bytes: Buffer
  /** Offset of the current record. */
  offset = -1
  /** Milliseconds since the epoch; of the broker's append for a batch of type logAppend. -1: the producer gave none. */
  timestamp = -1
  /** Where the key begins in `bytes`; its length is -1 for null. */
  keyStart = 0
  keyLength = -1
  /** Where the value begins in `bytes`; its length is -1 for null. */
  valueStart = 0
  valueLength = -1
  /** Where the headers begin in `bytes` (their count); they end at `recordEnd`. For `decodeRecordHeaders`, later. */
  headersStart = 0
  recordEnd = 0

  readonly #source: RecordCursorSource
  #at: number
  #recordsRead = 0
  #lastDelta = -1

  constructor(source: RecordCursorSource) {
    const { recordCount, start, end, baseOffset, lastOffset } = source
    this.#source = source
    this.bytes = source.bytes
    this.#at = start
    if (recordCount < 0 || recordCount * MIN_RECORD_BYTES > end - start) {
      throw this.#malformed(`it claims ${recordCount} records in ${end - start} bytes`)
    }
    if (recordCount > lastOffset - baseOffset + 1) {
      throw this.#malformed(`it claims ${recordCount} records up to offset ${lastOffset}`)
    }
  }

  /** Moves to the next record; false at the end of the batch. */
  next(): boolean {
    const end = this.#enter()
    if (end < 0) return false
    this.#at++ // the record's attributes: none is defined
    const source = this.#source
    const delta = this.#varlong()
    this.timestamp = source.logAppendTimestamp ?? source.baseTimestampHigh + (source.baseTimestampLow + delta)
    this.#readOffset()

    const keyLength = this.#varint()
    this.keyStart = this.#at
    this.keyLength = keyLength
    if (keyLength > 0) this.#at += keyLength
    // Checked before the value's length is read: a key that reaches beyond its record would have it read elsewhere.
    if (keyLength < -1 || this.#at >= end) throw this.#malformedRecord(`its key claims ${keyLength} bytes`)

    const valueLength = this.#varint()
    this.valueStart = this.#at
    this.valueLength = valueLength
    if (valueLength > 0) this.#at += valueLength
    const headersStart = this.#at
    if (valueLength < -1 || headersStart >= end) throw this.#malformedRecord(`its value claims ${valueLength} bytes`)

    this.headersStart = headersStart
    if (this.bytes[headersStart] === 0 && headersStart + 1 !== end) {
      throw this.#malformedRecord(`${end - headersStart - 1} bytes follow its last field`)
    }
    this.#at = end
    return true
  }

  /**
   * Moves to the next record and reads nothing but its offset (the other fields keep what they had), to find the holes of a
   * compacted batch; -1 at the end.
   */
  nextOffset(): number {
    const end = this.#enter()
    if (end < 0) return -1
    this.#at++
    this.#varlong()
    this.#readOffset()
    this.#at = end
    return this.offset
  }

  /** Passes over records below `offset`, so that `next()` gives the first one at or above it. False: there is none. */
  skipTo(offset: number): boolean {
    while (this.#recordsRead < this.#source.recordCount) {
      const at = this.#at
      const lastDelta = this.#lastDelta
      if (this.nextOffset() >= offset) {
        this.#at = at
        this.#lastDelta = lastDelta
        this.#recordsRead--
        return true
      }
    }
    return false
  }

  /** Back to before the first record; nothing is decompressed again. */
  rewind(): void {
    this.#at = this.#source.start
    this.#recordsRead = 0
    this.#lastDelta = -1
  }

  /** A view of the current record's key (made at every access), or null. */
  get key(): Buffer | null {
    return this.keyLength < 0 ? null : this.bytes.subarray(this.keyStart, this.keyStart + this.keyLength)
  }

  /** A view of the current record's value (made at every access), or null. */
  get value(): Buffer | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueStart, this.valueStart + this.valueLength)
  }

  get hasHeaders(): boolean {
    return this.bytes[this.headersStart] !== 0
  }

  /** Decodes the current record's headers, at every call; their values are views. */
  headers(): RecordHeaders {
    if (!this.hasHeaders) return NO_HEADERS
    return decodeRecordHeaders(this.bytes, { start: this.headersStart, end: this.recordEnd, offset: this.offset })
  }

  /** `headers()` for later: stays with the current record when the cursor moves on. Keeps the batch's bytes alive. */
  headersLater(): () => RecordHeaders {
    const { bytes, offset, recordEnd: end, headersStart: start } = this
    return bytes[start] === 0 ? () => NO_HEADERS : () => decodeRecordHeaders(bytes, { start, end, offset })
  }

  /**
   * In a control batch: which one the current record is (a value of `ControlRecordType`, or a number that Kafka has added
   * since). Undefined where the key is too short to tell.
   */
  controlRecordType(): number | undefined {
    return this.keyLength < 4 ? undefined : this.bytes.readInt16BE(this.keyStart + 2)
  }

  /** Reads the next record's length and returns where it ends, or -1 after the last one. */
  #enter(): number {
    const source = this.#source
    if (this.#recordsRead === source.recordCount) {
      if (this.#at !== source.end) {
        throw this.#malformed(`${source.end - this.#at} bytes follow its ${source.recordCount} records`)
      }
      return -1
    }
    const length = this.#varint()
    const end = this.#at + length
    if (length < MIN_RECORD_BYTES - 1 || end > source.end) {
      throw this.#malformedRecord(`it claims ${length} bytes of the ${source.end - this.#at} that are left`)
    }
    this.#recordsRead++
    this.recordEnd = end
    return end
  }

  #readOffset(): void {
    const source = this.#source
    const delta = this.#varint()
    // Increasing and within the batch, or the ledger of acquired offsets would count a record twice or not at all.
    if (delta <= this.#lastDelta || delta > source.lastOffset - source.baseOffset) {
      throw this.#malformedRecord(`its offset is ${delta} above the base, after ${this.#lastDelta}`)
    }
    this.#lastDelta = delta
    this.offset = source.baseOffset + delta
  }

  #varint(): number {
    const bytes = this.bytes
    let at = this.#at
    // Beyond the end a read gives undefined, which no comparison below takes for a last byte.
    let byte = bytes[at++] as number
    if (byte < 128) {
      this.#at = at
      return (byte >>> 1) ^ -(byte & 1)
    }
    let raw = byte & 127
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[at++] as number
      raw |= (byte & 127) << shift
      if (byte < 128) {
        this.#at = at
        return (raw >>> 1) ^ -(raw & 1)
      }
    }
    throw this.#malformedRecord('it has a number of more than five bytes')
  }

  #varlong(): number {
    const bytes = this.bytes
    let at = this.#at
    let raw = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[at++] as number
      raw |= (byte & 127) << shift
      if (byte < 128) {
        this.#at = at
        return (raw >>> 1) ^ -(raw & 1)
      }
    }
    // More than 28 bits: gathered in parts that a double holds exactly, so that only the last sum can round.
    let high = 0
    let weight = 1
    for (let count = 4; count < 10; count++) {
      const byte = bytes[at++] as number
      high += (byte & 127) * weight
      weight *= 128
      if (byte < 128) {
        this.#at = at
        const half = high * 0x800_0000 + (raw >>> 1)
        return raw & 1 ? -half - 1 : half
      }
    }
    throw this.#malformedRecord('it has a number of more than ten bytes')
  }

  #malformedRecord(what: string): KafkaProtocolError {
    const { recordCount } = this.#source
    return this.#malformed(`near record ${this.#recordsRead} of ${recordCount}, ${what}`)
  }

  #malformed(what: string): KafkaProtocolError {
    return new KafkaProtocolError(
      `The record batch at base offset ${this.#source.baseOffset} cannot be read: ${what}. ` +
        'Its bytes are damaged, or they were not written as a Kafka record batch of format 2.',
    )
  }
}
