import { defaultCompressionCodecs, RecordBatchReader } from '@milena/protocol'
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
  const candidates: LogBatch[] = []
  // Looking into a batch may take a while, during which the log moves on: what is to be looked at is gathered first.
  for (let i = batches.positionOfTimestamp(wanted.timestamp); i < batches.count; i++) {
    const batch = batches.at(i)
    if (batch === undefined || batch.baseOffset >= wanted.upTo) break
    if (batch.maxTimestamp >= wanted.timestamp && batch.lastOffset >= wanted.fromOffset) candidates.push(batch)
    // The time in a header is nearly always that of one of its records, so that the first batch decides.
    if (candidates.length === 8) break
  }
  for (const batch of candidates) {
    const found = await firstIn(batch, (offset, timestamp) => {
      return timestamp >= wanted.timestamp && offset >= wanted.fromOffset && offset < wanted.upTo
    })
    if (found !== undefined) return found
  }
  return undefined
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
  return firstIn(largest, (_offset, timestamp) => timestamp >= target)
}

async function firstIn(
  batch: LogBatch,
  isIt: (offset: number, timestamp: number) => boolean,
): Promise<FoundOffset | undefined> {
  const opened = new RecordBatchReader(batch.bytes).next()?.open(defaultCompressionCodecs)
  const cursor = await opened
  while (cursor?.next() === true) {
    if (isIt(cursor.offset, cursor.timestamp)) {
      return { offset: cursor.offset, timestamp: cursor.timestamp, leaderEpoch: batch.leaderEpoch }
    }
  }
  return undefined
}
