import { defaultCompressionCodecs, KafkaError, RecordBatchReader, type RecordCursor } from '@milena/protocol'
import type { LogBatch, StoredBatches } from './stored-batches.js'

/** A record found by its time. */
export interface FoundOffset {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

/** The first record at or above `fromOffset` and below `upTo` whose timestamp is at least `timestamp`. */
export async function firstAtOrAfter(
  batches: StoredBatches,
  wanted: { readonly timestamp: number; readonly fromOffset: number; readonly upTo: number },
): Promise<FoundOffset | undefined> {
  const { timestamp, fromOffset, upTo } = wanted
  for (let position = batches.positionOfTimestamp(timestamp); ; position++) {
    const batch = batches.at(position)
    if (batch === undefined || batch.baseOffset >= upTo) return undefined
    if (batch.maxTimestamp < timestamp || batch.lastOffset < fromOffset) continue
    const found = await firstIn(batch, (record) => {
      return record.timestamp >= timestamp && record.offset >= fromOffset && record.offset < upTo
    })
    if (found !== undefined) return found
    // While the batch was opened others may have been let go.
    position = batches.positionOf(batch.lastOffset + 1) - 1
  }
}

/** The first record that has the largest timestamp of all. */
export async function largestTimestampIn(batches: StoredBatches): Promise<FoundOffset | undefined> {
  let largest: LogBatch | undefined
  for (let i = 0; i < batches.count; i++) {
    const batch = batches.at(i)
    if (batch !== undefined && batch.maxTimestamp > (largest?.maxTimestamp ?? -1)) largest = batch
  }
  const target = largest?.maxTimestamp
  if (largest === undefined || target === undefined) return undefined
  return firstIn(largest, (record) => record.timestamp >= target)
}

async function firstIn(batch: LogBatch, isIt: (record: TimedOffset) => boolean): Promise<FoundOffset | undefined> {
  const { leaderEpoch } = batch
  let cursor: RecordCursor | undefined
  try {
    cursor = await new RecordBatchReader(batch.bytes).next()?.open(defaultCompressionCodecs)
    while (cursor?.next() === true) {
      const { offset, timestamp } = cursor
      if (isIt({ offset, timestamp })) return { offset, timestamp, leaderEpoch }
    }
    return undefined
  } catch (error) {
    if (!KafkaError.is(error)) throw error
    // Its consumers will stumble over it, too: it is found, so that they get to see it.
    const record = { offset: batch.lastOffset, timestamp: batch.maxTimestamp }
    return isIt(record) ? { ...record, leaderEpoch } : undefined
  }
}

interface TimedOffset {
  readonly offset: number
  readonly timestamp: number
}
