import { compressionTypeOf, CompressionType, crc32c, defaultCompressionCodecs, ErrorCode } from '@milena/protocol'
import { RecordBatchReader, type RecordCursor } from '@milena/protocol'
import { BATCH_CHECKED_FROM, BATCH_HEADER_BYTES, stampCompression, stampCrc, type BatchHeader } from './batch-header.js'
import type { Refusal } from './incoming-records.js'
import type { LogSettings } from './log-settings.js'

/*
 * What is checked of single records. Uncompressed ones are all looked at, which costs about a fiftieth of what taking them in does.
 * Compressed ones are opened only where the header cannot answer: the topic is compacted, or a timestamp may lie too far from the
 * broker's time. Kafka opens them always, and so refuses records here that only their consumer will.
 */

const NO_TIMESTAMP = -1
/** The most record errors that are told; the first ones say enough. */
const MAX_TOLD = 100

/** What was found out about the records of a batch. */
export type RecordCheck =
  | { readonly refusal: Refusal }
  /** The largest timestamp of the records, whatever the header says; undefined where they were not looked at. */
  | { readonly refusal?: undefined; readonly maxTimestamp: number | undefined }

interface Rules {
  readonly settings: LogSettings
  readonly nowMs: number
}

const NOT_LOOKED_AT: RecordCheck = { maxTimestamp: undefined }

/** Looks at the records. A promise only where the codec of the batch is asynchronous. */
export function checkRecords(records: Buffer, header: BatchHeader, rules: Rules): RecordCheck | Promise<RecordCheck> {
  const isCompressed = header.compression !== CompressionType.NONE
  if (isCompressed && !needsReading(header, rules)) return NOT_LOOKED_AT
  const failed = (cause: unknown): RecordCheck => ({ refusal: unreadable(cause, isCompressed) })
  const look = (cursor: RecordCursor): RecordCheck => readAll(cursor, rules)
  try {
    const opened = new RecordBatchReader(records).next()?.open(defaultCompressionCodecs)
    if (opened === undefined) return NOT_LOOKED_AT
    return opened instanceof Promise ? opened.then(look).catch(failed) : look(opened)
  } catch (cause) {
    return failed(cause)
  }
}

function needsReading(header: BatchHeader, { settings, nowMs }: Rules): boolean {
  if (settings.isCompacted === true) return true
  if (settings.timestampType === 'LogAppendTime') return false
  if (header.maxTimestamp - nowMs > (settings.timestampAfterMaxMs ?? Infinity)) return true
  return (settings.timestampBeforeMaxMs ?? Infinity) < nowMs
}

/** As Kafka tells them apart: a wrong count is a bad record, bytes that no codec takes are not foreseen. */
function unreadable(cause: unknown, isCompressed: boolean): Refusal {
  return {
    errorCode: isCompressed ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_RECORD,
    errorMessage: cause instanceof Error ? cause.message : String(cause),
  }
}

function readAll(cursor: RecordCursor, { settings, nowMs }: Rules): RecordCheck {
  const needsKeys = settings.isCompacted === true
  const takesAnyTime = settings.timestampType === 'LogAppendTime'
  const oldest = nowMs - (settings.timestampBeforeMaxMs ?? Infinity)
  const youngest = nowMs + (settings.timestampAfterMaxMs ?? Infinity)
  const recordErrors: { batchIndex: number; batchIndexErrorMessage: string | null }[] = []
  let errorCode: number = ErrorCode.NONE
  let maxTimestamp = NO_TIMESTAMP
  for (let batchIndex = 0; cursor.next(); batchIndex++) {
    const { timestamp } = cursor
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    const lacksKey = needsKeys && cursor.keyLength < 0
    const isOutside = !takesAnyTime && timestamp !== NO_TIMESTAMP && (timestamp < oldest || timestamp > youngest)
    if ((!lacksKey && !isOutside) || recordErrors.length === MAX_TOLD) continue
    if (lacksKey) errorCode = ErrorCode.INVALID_RECORD
    else if (errorCode === ErrorCode.NONE) errorCode = ErrorCode.INVALID_TIMESTAMP
    const batchIndexErrorMessage = lacksKey
      ? 'A record of a compacted topic needs a key.'
      : `The timestamp ${timestamp} is too far from the broker's time, ${nowMs}.`
    recordErrors.push({ batchIndex, batchIndexErrorMessage })
  }
  if (errorCode === ErrorCode.NONE) return { maxTimestamp }
  const errorMessage =
    errorCode === ErrorCode.INVALID_RECORD
      ? 'Some records were refused: records of a compacted topic need keys.'
      : 'Some records were refused: their timestamps are too far from the time of the broker.'
  return { refusal: { errorCode, errorMessage, recordErrors } }
}

/**
 * The batch compressed as its topic wants it; undefined when it already is. A promise only where a codec is asynchronous. Fails
 * with a KafkaError for records that cannot be decompressed.
 */
export function recompressed(
  records: Buffer,
  header: BatchHeader,
  settings: LogSettings,
): Buffer | Promise<Buffer> | undefined {
  const { compressionType } = settings
  if (compressionType === 'producer') return undefined
  const from = header.compression as CompressionType
  const to = compressionType === 'uncompressed' ? CompressionType.NONE : compressionTypeOf(compressionType)
  if (to === undefined || to === from) return undefined
  const pack = (plain: Buffer): Buffer | Promise<Buffer> =>
    to === CompressionType.NONE ? plain : defaultCompressionCodecs.compress(to, plain)
  const frame = (packed: Buffer): Buffer => framed(records, packed, to)
  const payload = records.subarray(BATCH_HEADER_BYTES)
  const plain =
    from === CompressionType.NONE
      ? payload
      : defaultCompressionCodecs.decompress(from, payload, { of: 'A produced record batch' })
  const packed = plain instanceof Promise ? plain.then(pack) : pack(plain)
  return packed instanceof Promise ? packed.then(frame) : frame(packed)
}

function framed(records: Buffer, payload: Buffer, compression: CompressionType): Buffer {
  const batch = Buffer.concat([records.subarray(0, BATCH_HEADER_BYTES), payload])
  stampCompression(batch, compression)
  stampCrc(batch, crc32c(batch, BATCH_CHECKED_FROM))
  return batch
}
