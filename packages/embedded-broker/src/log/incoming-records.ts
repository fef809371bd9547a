import { CompressionType, crc32c, ErrorCode } from '@milena/protocol'
import {
  BATCH_CHECKED_FROM,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC_END,
  BATCH_PREFIX_BYTES,
  batchMagic,
  claimedBatchSize,
  readBatchHeader,
  type BatchHeader,
} from './batch-header.js'

/*
 * What a producer may send for one partition: exactly one whole batch of format 2 whose header agrees with itself. The checks stand
 * in the order in which Kafka makes them, because a batch with two faults is refused for the first.
 */

/** Why the records of a partition were not written. */
export interface Refusal {
  readonly errorCode: number
  readonly errorMessage: string
  /** Refused before the log was looked at: the answer does not tell where it starts. Default false. */
  readonly isBeforeLog?: boolean
  readonly recordErrors?: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[]
}

export interface IncomingRules {
  readonly maxMessageBytes: number
  /** Of the Produce request; before 7 there is no zstd. */
  readonly produceVersion: number
}

export type Incoming = { readonly header: BatchHeader; readonly refusal?: undefined } | { readonly refusal: Refusal }

/** The header of the one batch in `records`, or why it is refused. */
export function checkIncoming(records: Buffer, rules: IncomingRules): Incoming {
  const framing = framingFault(records)
  if (framing !== undefined) return framing
  const header = readBatchHeader(records, 0)
  if (header.compression === CompressionType.ZSTD && rules.produceVersion < 7) {
    return refused(
      ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
      `Produce version ${rules.produceVersion} cannot carry zstd; use version 7 or later.`,
      true,
    )
  }
  return sizeFault(records, header, rules) ?? headerFault(header) ?? { header }
}

/** The smallest length that a batch of any format can claim. */
const LEAST_CLAIM = 14

/** Without the few bytes behind the last batch that cannot hold another one's length: Kafka passes over them. */
export function withoutRest(records: Buffer): Buffer {
  if (records.length < BATCH_MAGIC_END) return records
  const rest = records.length - claimedBatchSize(records, 0)
  return rest > 0 && rest < BATCH_PREFIX_BYTES && rest < records.length - BATCH_HEADER_BYTES + 1
    ? records.subarray(0, records.length - rest)
    : records
}

function framingFault(records: Buffer): Incoming | undefined {
  if (records.length < BATCH_MAGIC_END) {
    return malformed(`there must be one record batch per partition; here are ${records.length} bytes`)
  }
  const size = claimedBatchSize(records, 0)
  const magic = batchMagic(records, 0)
  if (size < BATCH_PREFIX_BYTES + LEAST_CLAIM) return damaged(`it claims ${size} bytes, fewer than the smallest takes`)
  if (magic < 0 || magic > 2) return damaged(`it has message format ${magic}; only format 2 is taken`)
  if (size > records.length) return malformed(`it claims ${size} bytes; ${records.length} were sent`)
  if (magic !== 2) return malformed(`it has message format ${magic}; only format 2 is taken`)
  if (size < BATCH_HEADER_BYTES) return damaged(`it claims ${size} bytes, fewer than its own header has`)
  if (size === records.length) return undefined
  const next = records.length - size < BATCH_PREFIX_BYTES ? LEAST_CLAIM : claimedBatchSize(records, size)
  return next < BATCH_PREFIX_BYTES + LEAST_CLAIM
    ? damaged(`bytes that are no record batch follow its ${size} bytes`)
    : malformed('there must be exactly one record batch per partition, and more follow')
}

function malformed(what: string): Incoming {
  return refused(ErrorCode.INVALID_RECORD, `The record batch cannot be taken: ${what}.`, true)
}

function damaged(what: string): Incoming {
  return refused(ErrorCode.CORRUPT_MESSAGE, `The record batch is damaged: ${what}.`, true)
}

function sizeFault(records: Buffer, header: BatchHeader, rules: IncomingRules): Incoming | undefined {
  if (header.baseOffset !== 0) {
    return refused(
      ErrorCode.INVALID_RECORD,
      `The base offset of a produced batch must be 0; this one has ${header.baseOffset}.`,
    )
  }
  if (records.length > rules.maxMessageBytes) {
    return refused(
      ErrorCode.MESSAGE_TOO_LARGE,
      `The record batch has ${records.length} bytes; the topic's max.message.bytes is ${rules.maxMessageBytes}.`,
      true,
    )
  }
  const crc = crc32c(records, BATCH_CHECKED_FROM)
  if (crc !== header.crc) return damaged(`its checksum is ${crc}, but its header says ${header.crc}`)
  return undefined
}

function headerFault(header: BatchHeader): Incoming | undefined {
  const { lastOffsetDelta, recordCount } = header
  if (lastOffsetDelta < 0 || recordCount <= 0 || lastOffsetDelta + 1 !== recordCount) {
    return refused(
      ErrorCode.INVALID_RECORD,
      `The record batch claims ${recordCount} records up to offset ${lastOffsetDelta}; the two do not agree.`,
    )
  }
  if (header.producerId >= 0 && header.baseSequence < 0) {
    return refused(
      ErrorCode.INVALID_RECORD,
      `The record batch of producer ${header.producerId} has the sequence ${header.baseSequence}; it must be 0 or more.`,
    )
  }
  if (header.isControl) {
    return refused(ErrorCode.INVALID_RECORD, 'Clients may not write control records.')
  }
  if (header.compression > CompressionType.ZSTD) {
    return refused(
      ErrorCode.UNKNOWN_SERVER_ERROR,
      `The record batch has the compression type ${header.compression}; Kafka defines 0 to 4.`,
    )
  }
  return undefined
}

function refused(errorCode: number, errorMessage: string, isBeforeLog = false): { readonly refusal: Refusal } {
  return { refusal: { errorCode, errorMessage, isBeforeLog } }
}
