import { crc32c, ErrorCode, KafkaError } from '@milena/protocol'
import { BATCH_CHECKED_FROM, stampCrc, stampTimes, type BatchHeader } from './batch-header.js'
import { checkIncoming, withoutRest, type Refusal } from './incoming-records.js'
import type { LogSettings } from './log-settings.js'
import { checkRecords, recompressed, type RecordCheck } from './record-rules.js'

/** A batch that a log may take as it is, but for its place: a copy of what was sent, with what the topic changes in it. */
export interface PreparedBatch {
  readonly refusal?: undefined
  readonly bytes: Buffer
  readonly header: BatchHeader
}

export type Preparation = PreparedBatch | { readonly refusal: Refusal }

export interface PrepareRules {
  readonly settings: LogSettings
  readonly produceVersion: number
  readonly nowMs: number
}

/**
 * Checks what a producer sent as far as that needs no knowledge of the log, and makes it what the topic wants: times, compression.
 * A promise only where records must be looked into and are compressed, or have to be compressed otherwise.
 */
export function prepareBatch(records: Buffer, rules: PrepareRules): Preparation | Promise<Preparation> {
  const { settings, produceVersion, nowMs } = rules
  const whole = withoutRest(records)
  const incoming = checkIncoming(whole, { maxMessageBytes: settings.maxMessageBytes, produceVersion })
  if (incoming.refusal !== undefined) return incoming
  const { header } = incoming
  const goOn = (check: RecordCheck): Preparation | Promise<Preparation> =>
    check.refusal === undefined ? convert(whole, { header, rules, maxTimestamp: check.maxTimestamp }) : check
  const check = checkRecords(whole, header, { settings, nowMs })
  return check instanceof Promise ? check.then(goOn) : goOn(check)
}

interface Checked {
  readonly header: BatchHeader
  readonly rules: PrepareRules
  /** Of the records, where they were looked at. */
  readonly maxTimestamp: number | undefined
}

function convert(whole: Buffer, checked: Checked): Preparation | Promise<Preparation> {
  try {
    const other = recompressed(whole, checked.header, checked.rules.settings)
    return other instanceof Promise
      ? other.then((bytes) => withTimes(bytes, checked)).catch(inconvertible)
      : withTimes(other ?? Buffer.from(whole), checked)
  } catch (cause) {
    return inconvertible(cause)
  }
}

function inconvertible(cause: unknown): Preparation {
  if (!KafkaError.is(cause)) throw cause
  return { refusal: { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: cause.message } }
}

/** @param bytes the log's own from here on */
function withTimes(bytes: Buffer, { header, rules, maxTimestamp: ofRecords }: Checked): PreparedBatch {
  const isLogAppendTime = rules.settings.timestampType === 'LogAppendTime'
  const maxTimestamp = isLogAppendTime ? rules.nowMs : (ofRecords ?? header.maxTimestamp)
  if (isLogAppendTime === header.isLogAppendTime && maxTimestamp === header.maxTimestamp) return { bytes, header }
  stampTimes(bytes, { isLogAppendTime, maxTimestamp })
  stampCrc(bytes, crc32c(bytes, BATCH_CHECKED_FROM))
  return { bytes, header: { ...header, isLogAppendTime, maxTimestamp } }
}
