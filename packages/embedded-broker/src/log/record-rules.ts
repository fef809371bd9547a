import { compressionTypeOf, CompressionType, crc32c, defaultCompressionCodecs, ErrorCode } from '@milena/protocol'
import { RecordBatchReader, type RecordCursor } from '@milena/protocol'
import { BATCH_CHECKED_FROM, BATCH_HEADER_BYTES, stampCompression, stampCrc, type BatchHeader } from './batch-header.js'
import type { Refusal } from './incoming-records.js'
import type { LogSettings } from './log-settings.js'

/*
 * What is checked of single records. Uncompressed ones are counted and their offsets read, which costs about a hundredth of what
 * taking them in does. Compressed ones are opened only where the header cannot answer: the topic is compacted, or a timestamp may
 * lie too far from the broker's time. Kafka opens them always, and so refuses records here that only their consumer will.
 */

const NO_TIMESTAMP = -1
/** The most record errors that are told; the first ones say enough. */
const MAX_TOLD = 100

/** Whether what the records say is to be looked at, one by one. */
function needsReading(header: BatchHeader, settings: LogSettings, nowMs: number): boolean {
  if (settings.isCompacted === true) return true
  if (settings.timestampType === 'LogAppendTime') return false
  if (header.maxTimestamp - nowMs > (settings.timestampAfterMaxMs ?? Infinity)) return true
  const before = settings.timestampBeforeMaxMs ?? Infinity
  return before < nowMs
}

/** The fault of the records, if there is one. A promise only where the codec of the batch is asynchronous. */
export function checkRecords(
  records: Buffer,
  header: BatchHeader,
  rules: { readonly settings: LogSettings; readonly nowMs: number },
): Refusal | undefined | Promise<Refusal | undefined> {
  const { settings, nowMs } = rules
  const isCompressed = header.compression !== CompressionType.NONE
  const reads = needsReading(header, settings, nowMs)
  if (isCompressed && !reads) return undefined
  const failed = (cause: unknown): Refusal => unreadable(cause, isCompressed)
  const look = (cursor: RecordCursor): Refusal | undefined => {
    if (reads) return faultIn(cursor, settings, nowMs)
    let offset = cursor.nextOffset()
    while (offset >= 0) offset = cursor.nextOffset()
    return undefined
  }
  try {
    const opened = new RecordBatchReader(records).next()?.open(defaultCompressionCodecs)
    if (opened === undefined) return undefined
    return opened instanceof Promise ? opened.then(look).catch(failed) : look(opened)
  } catch (cause) {
    return failed(cause)
  }
}

/** As Kafka tells them apart: a wrong count is a bad record, bytes that no codec takes are not foreseen. */
function unreadable(cause: unknown, isCompressed: boolean): Refusal {
  return {
    errorCode: isCompressed ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_RECORD,
    errorMessage: cause instanceof Error ? cause.message : String(cause),
  }
}

function faultIn(cursor: RecordCursor, settings: LogSettings, nowMs: number): Refusal | undefined {
  const recordErrors: { batchIndex: number; batchIndexErrorMessage: string | null }[] = []
  let errorCode: number = ErrorCode.NONE
  for (let batchIndex = 0; cursor.next() && recordErrors.length < MAX_TOLD; batchIndex++) {
    if (settings.isCompacted === true && cursor.keyLength < 0) {
      errorCode = ErrorCode.INVALID_RECORD
      recordErrors.push({ batchIndex, batchIndexErrorMessage: 'Compacted topic cannot accept message without key' })
    } else if (isOutside(cursor.timestamp, settings, nowMs)) {
      if (errorCode === ErrorCode.NONE) errorCode = ErrorCode.INVALID_TIMESTAMP
      recordErrors.push({
        batchIndex,
        batchIndexErrorMessage: `The timestamp ${cursor.timestamp} is too far from the broker's time, ${nowMs}.`,
      })
    }
  }
  if (errorCode === ErrorCode.NONE) return undefined
  return {
    errorCode,
    errorMessage:
      errorCode === ErrorCode.INVALID_RECORD
        ? 'Some records were refused: records of a compacted topic need keys.'
        : 'Some records were refused: their timestamps are too far from the time of the broker.',
    recordErrors,
  }
}

function isOutside(timestamp: number, settings: LogSettings, nowMs: number): boolean {
  if (timestamp === NO_TIMESTAMP || settings.timestampType === 'LogAppendTime') return false
  return (
    nowMs - timestamp > (settings.timestampBeforeMaxMs ?? Infinity) ||
    timestamp - nowMs > (settings.timestampAfterMaxMs ?? Infinity)
  )
}

/** The batch compressed as its topic wants it; undefined when it already is. Rejects on records that cannot be decompressed. */
export function recompressed(records: Buffer, header: BatchHeader, settings: LogSettings): Promise<Buffer> | undefined {
  const { compressionType } = settings
  if (compressionType === 'producer') return undefined
  const wanted = compressionType === 'uncompressed' ? CompressionType.NONE : compressionTypeOf(compressionType)
  if (wanted === undefined || wanted === header.compression) return undefined
  return recompress(records, header.compression as CompressionType, wanted)
}

async function recompress(records: Buffer, from: CompressionType, to: CompressionType): Promise<Buffer> {
  const payload = records.subarray(BATCH_HEADER_BYTES)
  const plain =
    from === CompressionType.NONE
      ? payload
      : await defaultCompressionCodecs.decompress(from, payload, { of: 'A produced record batch' })
  const packed = to === CompressionType.NONE ? plain : await defaultCompressionCodecs.compress(to, plain)
  const batch = Buffer.concat([records.subarray(0, BATCH_HEADER_BYTES), packed])
  stampCompression(batch, to)
  stampCrc(batch, crc32c(batch, BATCH_CHECKED_FROM))
  return batch
}
