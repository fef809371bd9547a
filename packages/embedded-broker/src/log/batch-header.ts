/*
 * The header of a record batch of format 2, where a broker writes in it: base offset and leader epoch lie outside the checksum, so
 * that stamping them costs nothing; everything from the attributes on is covered.
 */
const At = {
  LENGTH: 8,
  LEADER_EPOCH: 12,
  MAGIC: 16,
  CRC: 17,
  ATTRIBUTES: 21,
  LAST_OFFSET_DELTA: 23,
  BASE_TIMESTAMP: 27,
  MAX_TIMESTAMP: 35,
  PRODUCER_ID: 43,
  PRODUCER_EPOCH: 51,
  BASE_SEQUENCE: 53,
  RECORD_COUNT: 57,
} as const

/** The base offset and the length: they stand before what the length counts. */
export const BATCH_PREFIX_BYTES = 12
/** Where the bytes begin that the checksum covers. */
export const BATCH_CHECKED_FROM = At.ATTRIBUTES
/** All of the header; records follow. */
export const BATCH_HEADER_BYTES = 61
/** Up to here formats 0 to 2 agree on where things are. */
export const BATCH_MAGIC_END = At.MAGIC + 1

const COMPRESSION_MASK = 0x07
const LOG_APPEND_TIME_FLAG = 0x08
const TRANSACTIONAL_FLAG = 0x10
const CONTROL_FLAG = 0x20

/** What a batch says of itself. */
export interface BatchHeader {
  readonly baseOffset: number
  readonly lastOffsetDelta: number
  readonly recordCount: number
  readonly crc: number
  readonly compression: number
  readonly isLogAppendTime: boolean
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** The length that the batch at `at` claims, prefix included. */
export function claimedBatchSize(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + At.LENGTH) + BATCH_PREFIX_BYTES
}

export function batchMagic(bytes: Buffer, at: number): number {
  return bytes.readInt8(at + At.MAGIC)
}

/** Reads the header; the caller has checked that it is all there. */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const attributes = bytes.readInt16BE(at + At.ATTRIBUTES)
  return {
    baseOffset: int64(bytes, at),
    lastOffsetDelta: bytes.readInt32BE(at + At.LAST_OFFSET_DELTA),
    recordCount: bytes.readInt32BE(at + At.RECORD_COUNT),
    crc: bytes.readUInt32BE(at + At.CRC),
    compression: attributes & COMPRESSION_MASK,
    isLogAppendTime: (attributes & LOG_APPEND_TIME_FLAG) !== 0,
    isTransactional: (attributes & TRANSACTIONAL_FLAG) !== 0,
    isControl: (attributes & CONTROL_FLAG) !== 0,
    baseTimestamp: int64(bytes, at + At.BASE_TIMESTAMP),
    maxTimestamp: int64(bytes, at + At.MAX_TIMESTAMP),
    producerId: int64(bytes, at + At.PRODUCER_ID),
    producerEpoch: bytes.readInt16BE(at + At.PRODUCER_EPOCH),
    baseSequence: bytes.readInt32BE(at + At.BASE_SEQUENCE),
  }
}

/** Puts the batch at its place in the log. */
export function stampPosition(
  batch: Buffer,
  position: { readonly offset: number; readonly leaderEpoch: number },
): void {
  putInt64(batch, 0, position.offset)
  batch.writeInt32BE(position.leaderEpoch, At.LEADER_EPOCH)
}

/** Says who gave the records their times, and the largest of them. The checksum is due afterwards, see `stampCrc`. */
export function stampTimes(
  batch: Buffer,
  times: { readonly isLogAppendTime: boolean; readonly maxTimestamp: number },
): void {
  const others = batch.readInt16BE(At.ATTRIBUTES) & ~LOG_APPEND_TIME_FLAG
  batch.writeInt16BE(others | (times.isLogAppendTime ? LOG_APPEND_TIME_FLAG : 0), At.ATTRIBUTES)
  putInt64(batch, At.MAX_TIMESTAMP, times.maxTimestamp)
}

export function stampCrc(batch: Buffer, crc: number): void {
  batch.writeUInt32BE(crc, At.CRC)
}

/** Says that the records are compressed otherwise; length and checksum are due afterwards. */
export function stampCompression(batch: Buffer, compression: number): void {
  batch.writeInt16BE((batch.readInt16BE(At.ATTRIBUTES) & ~COMPRESSION_MASK) | compression, At.ATTRIBUTES)
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, At.LENGTH)
}

/** An int64 as a number: exact up to 2^53, to the nearest double beyond. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

function putInt64(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}

/** Who sent a batch, as far as its header tells without any check. */
export type PeekedProducer = Pick<BatchHeader, 'isTransactional' | 'producerId' | 'producerEpoch' | 'baseSequence'>

/** The producer of the first batch; undefined where there is no whole header. */
export function peekProducer(records: Buffer | null): PeekedProducer | undefined {
  if (records === null || records.length < BATCH_HEADER_BYTES || batchMagic(records, 0) !== 2) return undefined
  return readBatchHeader(records, 0)
}
