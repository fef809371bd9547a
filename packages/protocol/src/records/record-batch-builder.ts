import { KafkaUsageError } from '../errors.js'
import { defaultCompressionCodecs, type CompressionCodecs } from './compression/compression-codecs.js'
import { CompressionType } from './compression/compression-type.js'
import { crc32c } from './crc32c.js'
import { Attribute, CHECKED_FROM, HEADER_BYTES, SIZE_PREFIX_BYTES } from './record-batch.js'
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './zigzag.js'

/** A record to be written. */
export interface RecordInput {
  /** Epoch milliseconds, a whole number; -1 for none. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: RecordHeaderInputs
  /** Only for logs with holes: an offset above the one before. Default: the next one. */
  readonly offset?: number
}

export type RecordHeaderInputs = ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | null }>

export interface RecordBatchBuilderOptions {
  /** Default none. */
  readonly compression?: CompressionType
  /** Default: `defaultCompressionCodecs`. */
  readonly codecs?: CompressionCodecs
  /** Default 0, as a producer writes it; the broker stamps the real one. */
  readonly baseOffset?: number
  /** What the buffer begins with, default 1 KiB; it grows by itself. */
  readonly initialBytes?: number
  /** See `RecordBatch.deleteHorizonMs`; only a log cleaner sets one. */
  readonly deleteHorizonMs?: number
}

/** What the header says beyond the records. The defaults are those of a producer that is not idempotent. */
export interface BuildBatchOptions {
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** Default -1: the broker stamps it. */
  readonly leaderEpoch?: number
  /** Default: that of the last record. Higher where compaction has removed the end of the batch. */
  readonly lastOffset?: number
  /** Default: the highest of the records. Another where compaction has removed the record that had it. */
  readonly maxTimestamp?: number
  /** Given: the batch is of type logAppend, and this is the timestamp of all its records. */
  readonly logAppendTime?: number
}

const NO_TIMESTAMP = -1
const ATTRIBUTES_BYTES = 1
const MAX_INT32 = 0x7fff_ffff
const MAX_INT64 = 2 ** 63
const DEFAULT_INITIAL_BYTES = 1024

/**
 * Writes one record batch of format 2. Records are encoded as they are appended, so that `sizeInBytes` is exact before compression; keys
 * and values are copied and may be changed afterwards.
 */
export class RecordBatchBuilder {
  readonly #compression: CompressionType
  readonly #codecs: CompressionCodecs
  readonly #baseOffset: number
  readonly #deleteHorizonMs: number | undefined
  #bytes: Buffer
  #end = HEADER_BYTES
  #recordCount = 0
  #lastDelta = -1
  #baseTimestamp = NO_TIMESTAMP
  #maxTimestamp = NO_TIMESTAMP
  #isSealed = false
  #compressed: Promise<Buffer> | Buffer | undefined

  constructor(options: RecordBatchBuilderOptions = {}) {
    this.#compression = options.compression ?? CompressionType.NONE
    this.#codecs = options.codecs ?? defaultCompressionCodecs
    this.#baseOffset = options.baseOffset ?? 0
    this.#deleteHorizonMs = options.deleteHorizonMs
    if (options.deleteHorizonMs !== undefined) this.#baseTimestamp = options.deleteHorizonMs
    this.#bytes = Buffer.allocUnsafe(Math.max(HEADER_BYTES, options.initialBytes ?? DEFAULT_INITIAL_BYTES))
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** Bytes of the batch so far, header included, before compression. */
  get sizeInBytes(): number {
    return this.#end
  }

  /** `sizeInBytes` as it would be with this record appended. */
  estimateAfter(record: RecordInput): number {
    const size = this.#recordSize(record)
    return this.#end + sizeOfVarint(size) + size
  }

  /** Adds a record. KafkaUsageError: the timestamp is not a whole number, the offset not above the last, or the batch already built. */
  append(record: RecordInput): void {
    if (this.#isSealed) {
      throw new KafkaUsageError('This record batch has been built; put further records into a new RecordBatchBuilder.')
    }
    const { timestamp, key, value } = record
    this.#check(record)
    const size = this.#recordSize(record)
    if (this.#recordCount === 0 && this.#deleteHorizonMs === undefined) this.#baseTimestamp = timestamp
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const delta = this.#offsetDelta(record)

    const bytes = this.#reserve(size + 5)
    let at = writeVarint(bytes, this.#end, size)
    bytes[at++] = 0
    at = writeVarlong(bytes, at, timestamp - this.#baseTimestamp)
    at = writeVarint(bytes, at, delta)
    at = writeBytes(bytes, at, key)
    at = writeBytes(bytes, at, value)
    const headers = record.headers
    if (headers === undefined) bytes[at++] = 0
    else at = writeHeaders(bytes, at, headers)

    this.#end = at
    this.#lastDelta = delta
    this.#recordCount++
  }

  /**
   * The finished batch; a promise only where the codec is asynchronous. May be called again, to stamp the same records with another
   * producer id or sequence: an uncompressed batch is then the same memory, stamped anew.
   */
  build(options: BuildBatchOptions = {}): Buffer | Promise<Buffer> {
    this.#isSealed = true
    if (this.#compression === CompressionType.NONE) return this.#stamp(this.#bytes.subarray(0, this.#end), options)
    this.#compressed ??= this.#codecs.compress(this.#compression, this.#bytes.subarray(HEADER_BYTES, this.#end))
    const payload = this.#compressed
    return payload instanceof Promise
      ? payload.then((bytes) => this.#framed(bytes, options))
      : this.#framed(payload, options)
  }

  #framed(payload: Buffer, options: BuildBatchOptions): Buffer {
    const batch = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
    batch.set(payload, HEADER_BYTES)
    return this.#stamp(batch, options)
  }

  #stamp(batch: Buffer, options: BuildBatchOptions): Buffer {
    const lastOffset = options.lastOffset ?? this.#baseOffset + Math.max(0, this.#lastDelta)
    const attributes =
      this.#compression |
      (options.logAppendTime === undefined ? 0 : Attribute.LOG_APPEND_TIME) |
      (options.isTransactional === true ? Attribute.TRANSACTIONAL : 0) |
      (options.isControl === true ? Attribute.CONTROL : 0) |
      (this.#deleteHorizonMs === undefined ? 0 : Attribute.DELETE_HORIZON)
    writeInt64(batch, 0, this.#baseOffset)
    batch.writeInt32BE(batch.length - SIZE_PREFIX_BYTES, 8)
    batch.writeInt32BE(options.leaderEpoch ?? -1, 12)
    batch.writeInt8(2, 16)
    batch.writeInt16BE(attributes, 21)
    batch.writeInt32BE(lastOffset - this.#baseOffset, 23)
    writeInt64(batch, 27, this.#baseTimestamp)
    writeInt64(batch, 35, options.logAppendTime ?? options.maxTimestamp ?? this.#maxTimestamp)
    writeInt64(batch, 43, options.producerId ?? -1)
    batch.writeInt16BE(options.producerEpoch ?? -1, 51)
    batch.writeInt32BE(options.baseSequence ?? -1, 53)
    batch.writeInt32BE(this.#recordCount, 57)
    batch.writeUInt32BE(crc32c(batch, CHECKED_FROM), 17)
    return batch
  }

  #check({ timestamp, offset }: RecordInput): void {
    if (!Number.isInteger(timestamp) || timestamp < -MAX_INT64 || timestamp >= MAX_INT64) {
      throw new KafkaUsageError(
        `The timestamp ${timestamp} is not a whole number of milliseconds; use Math.round() or leave it out.`,
      )
    }
    if (offset === undefined) return
    const delta = offset - this.#baseOffset
    if (!Number.isInteger(delta) || delta <= this.#lastDelta || delta > MAX_INT32) {
      throw new KafkaUsageError(
        `Offset ${offset} cannot follow ${this.#baseOffset + this.#lastDelta} in a batch that begins at ${this.#baseOffset}.`,
      )
    }
  }

  #offsetDelta({ offset }: RecordInput): number {
    return offset === undefined ? this.#lastDelta + 1 : offset - this.#baseOffset
  }

  /** Without the length in front. */
  #recordSize(record: RecordInput): number {
    const isFirst = this.#recordCount === 0 && this.#deleteHorizonMs === undefined
    let size =
      ATTRIBUTES_BYTES +
      (isFirst ? 1 : sizeOfVarlong(record.timestamp - this.#baseTimestamp)) +
      sizeOfVarint(this.#offsetDelta(record)) +
      sizeOfBytes(record.key) +
      sizeOfBytes(record.value)
    const headers = record.headers
    if (headers === undefined) return size + 1
    size += sizeOfVarint(headers.length)
    for (const { key, value } of headers) {
      const keyBytes = Buffer.byteLength(key)
      size += sizeOfVarint(keyBytes) + keyBytes + sizeOfBytes(value)
    }
    return size
  }

  #reserve(more: number): Buffer {
    const needed = this.#end + more
    if (needed > MAX_INT32) {
      throw new KafkaUsageError(
        `A record batch cannot be larger than ${MAX_INT32} bytes; this record would make it ${needed}.`,
      )
    }
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(MAX_INT32, Math.max(needed, this.#bytes.length * 2)))
      larger.set(this.#bytes.subarray(0, this.#end))
      this.#bytes = larger
    }
    return this.#bytes
  }
}

function sizeOfBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length
}

function writeBytes(target: Buffer, at: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(target, at, -1)
  const start = writeVarint(target, at, bytes.length)
  target.set(bytes, start)
  return start + bytes.length
}

function writeHeaders(target: Buffer, start: number, headers: RecordHeaderInputs): number {
  let at = writeVarint(target, start, headers.length)
  for (const { key, value } of headers) {
    at = writeVarint(target, at, Buffer.byteLength(key))
    at += target.write(key, at)
    at = writeBytes(target, at, value)
  }
  return at
}

function writeInt64(target: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  target.writeInt32BE(high, at)
  target.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}
