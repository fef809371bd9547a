import { KafkaProtocolError } from '../errors.js'
import type { CompressionCodecs } from './compression/compression-codecs.js'
import { CompressionType, compressionName } from './compression/compression-type.js'
import { crc32c } from './crc32c.js'
import { RecordCursor } from './record-cursor.js'

/*
 * Record batch, format 2 (KIP-98), all numbers big-endian:
 *    0 base offset int64        21 attributes int16           43 producer id int64      61 records
 *    8 length int32             23 last offset delta int32    51 producer epoch int16
 *   12 leader epoch int32       27 base timestamp int64       53 base sequence int32
 *   16 magic int8 (2)           35 max timestamp int64        57 record count int32
 *   17 CRC-32C of [21, end)
 * Length counts from 12 on; what lies before 21 is outside the checksum because brokers stamp it.
 */
export const HEADER_BYTES = 61
/** The base offset and the length: they stand before what the length counts. */
export const SIZE_PREFIX_BYTES = 12
/** Where the bytes begin that the checksum covers. */
export const CHECKED_FROM = 21

export const Attribute = {
  COMPRESSION: 0x07,
  LOG_APPEND_TIME: 0x08,
  TRANSACTIONAL: 0x10,
  CONTROL: 0x20,
  DELETE_HORIZON: 0x40,
} as const

/** Who stamped the records: their producer, or the broker when it appended them. */
export type TimestampType = 'create' | 'logAppend'

/** How {@link RecordBatch.open} is bounded. */
export interface OpenBatchOptions {
  /** The most bytes that the batch may take when decompressed. Default 128 MiB. Beyond it: KafkaProtocolError. */
  readonly maxDecompressedBytes?: number
}

/** The header of one record batch, read once; `open` gives the way to its records. */
export class RecordBatch {
  readonly baseOffset: number
  /** Offset of the last record that the batch was written with; compaction may have removed it. */
  readonly lastOffset: number
  readonly recordCount: number
  readonly leaderEpoch: number
  /** Epoch milliseconds; to the nearest double where it is beyond 2^53. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly timestampType: TimestampType
  /** As the header says; 5 to 7, which Kafka has not defined, are refused by `open`. */
  readonly compression: CompressionType
  /** The batch holds markers of transactions or of the log itself, not records for an application. */
  readonly isControl: boolean
  readonly isTransactional: boolean
  /** -1 where the producer is not idempotent; then epoch and sequence are -1 too. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  /** No hole between the first and the last offset: every offset in between is a record. */
  readonly isDense: boolean

  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number

  /** `bytes[start, end)` is one whole batch. Usually made by `RecordBatchReader`. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.baseOffset = this.#readOffset()
    this.#checkMagic()
    const attributes = bytes.readInt16BE(start + 21)
    const lastOffsetDelta = bytes.readInt32BE(start + 23)
    this.lastOffset = this.baseOffset + lastOffsetDelta
    if (lastOffsetDelta < 0 || this.lastOffset > Number.MAX_SAFE_INTEGER) {
      throw this.#unreadable(`its last offset is ${lastOffsetDelta} above the base, which is not a usable offset`)
    }
    this.recordCount = bytes.readInt32BE(start + 57)
    this.isDense = this.recordCount === lastOffsetDelta + 1
    this.leaderEpoch = bytes.readInt32BE(start + 12)
    this.baseTimestamp = nearestInt64(bytes, start + 27)
    this.maxTimestamp = nearestInt64(bytes, start + 35)
    this.timestampType = attributes & Attribute.LOG_APPEND_TIME ? 'logAppend' : 'create'
    this.isTransactional = (attributes & Attribute.TRANSACTIONAL) !== 0
    this.isControl = (attributes & Attribute.CONTROL) !== 0
    this.producerId = nearestInt64(bytes, start + 43)
    this.producerEpoch = bytes.readInt16BE(start + 51)
    this.baseSequence = bytes.readInt32BE(start + 53)
    this.compression = (attributes & Attribute.COMPRESSION) as CompressionType
  }

  /** Bytes of the whole batch as it came, header included. */
  get sizeInBytes(): number {
    return this.#end - this.#start
  }

  /**
   * The time (epoch ms) from which compaction may drop this batch's tombstones or transaction markers; undefined where the cleaner has
   * not set one. It then stands in place of the base timestamp. Source: KIP-534.
   */
  get deleteHorizonMs(): number | undefined {
    const attributes = this.#bytes.readInt16BE(this.#start + 21)
    return attributes & Attribute.DELETE_HORIZON ? this.baseTimestamp : undefined
  }

  /** Whether the checksum in the header is that of the bytes. */
  crcMatches(): boolean {
    const stated = this.#bytes.readUInt32BE(this.#start + 17)
    return stated === crc32c(this.#bytes, this.#start + CHECKED_FROM, this.#end)
  }

  /**
   * A cursor before the first record. A promise only where the codec of this batch is asynchronous. Fails with
   * a KafkaProtocolError where the bytes cannot be decompressed within the bound, and with a KafkaError that names the package to
   * install where there is no codec.
   */
  open(codecs: CompressionCodecs, options: OpenBatchOptions = {}): RecordCursor | Promise<RecordCursor> {
    const recordsStart = this.#start + HEADER_BYTES
    if (this.compression === CompressionType.NONE) return this.#cursor(this.#bytes, recordsStart, this.#end)
    if (compressionName(this.compression) === undefined) {
      throw this.#unreadable(
        `its compression type is ${this.compression}; Kafka defines 0 to 4. It may need a newer version of this package`,
      )
    }
    const compressed = this.#bytes.subarray(recordsStart, this.#end)
    const plain = codecs.decompress(this.compression, compressed, {
      of: `The record batch at base offset ${this.baseOffset}`,
      ...(options.maxDecompressedBytes === undefined ? {} : { maxOutputBytes: options.maxDecompressedBytes }),
    })
    return plain instanceof Promise
      ? plain.then((bytes) => this.#cursor(bytes, 0, bytes.length))
      : this.#cursor(plain, 0, plain.length)
  }

  #cursor(bytes: Buffer, start: number, end: number): RecordCursor {
    const isExact = Number.isSafeInteger(this.baseTimestamp)
    return new RecordCursor({
      bytes,
      start,
      end,
      recordCount: this.recordCount,
      baseOffset: this.baseOffset,
      lastOffset: this.lastOffset,
      baseTimestampHigh: isExact ? 0 : this.#bytes.readInt32BE(this.#start + 27) * 0x1_0000_0000,
      baseTimestampLow: isExact ? this.baseTimestamp : this.#bytes.readUInt32BE(this.#start + 31),
      logAppendTimestamp: this.timestampType === 'logAppend' ? this.maxTimestamp : undefined,
    })
  }

  #readOffset(): number {
    const offset = nearestInt64(this.#bytes, this.#start)
    if (offset < 0 || offset > Number.MAX_SAFE_INTEGER) {
      throw new KafkaProtocolError(
        `A record batch has the base offset ${this.#bytes.readBigInt64BE(this.#start)}; offsets from 0 to 2^53 - 1 can be worked with.`,
      )
    }
    return offset
  }

  #checkMagic(): void {
    const magic = this.#end - this.#start > 16 ? this.#bytes.readInt8(this.#start + 16) : 0
    if (magic === 0 || magic === 1) {
      throw this.#unreadable(
        `it has message format ${magic}, which Kafka 0.11 replaced. Copy the topic with a current producer, or let its retention pass`,
      )
    }
    if (magic !== 2 || this.#end - this.#start < HEADER_BYTES) {
      throw this.#unreadable(
        `it has message format ${magic} in ${this.#end - this.#start} bytes; format 2 is what can be read`,
      )
    }
  }

  #unreadable(what: string): KafkaProtocolError {
    return new KafkaProtocolError(`The record batch at base offset ${this.baseOffset} cannot be read: ${what}.`)
  }
}

/** An int64 as a number: exact up to 2^53, to the nearest double beyond. */
function nearestInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
