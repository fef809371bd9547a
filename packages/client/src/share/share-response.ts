import {
  KafkaError,
  KafkaProtocolError,
  RecordBatchReader,
  type CompressionCodecs,
  type CutOffBatch,
  type RecordBatch,
  type RecordCursor,
} from '@milena/protocol'
import { AckCode } from './acknowledge-type.js'
import { checkAcquired, offsetAllowance, type AcquiredOffsets, type OffsetAllowance } from './acquired-offsets.js'
import { AcquiredRange, type RangeHolder } from './acquired-range.js'
import type { TopicIdPartition } from './share-partition.js'

// One partition of a ShareFetch answer -> acquired ranges, and cursors over their records. No I/O, no clock.
//
// Rules kept here
// - The bytes hold whole batches: more than was acquired (never surfaced), or less (an acquired offset without a
//   record is a gap, answered GAP at once so that it does not hold the group back).
// - A batch whose checksum or compression is broken costs only its own offsets: they are REJECTed, the rest goes on.
// - Bytes that this process cannot decompress for want of a working codec are not corrupt: their offsets are RELEASEd, for a
//   member that can. So are those of a batch that came cut off; where that is no accident, see unreadable-partitions.ts.
// - Acquired offsets for which no bytes at all came are gaps like any others, but said to be `missing`.
// - Batches are checked and decompressed here; keys and values are read at hand-out.

/** A batch that can be read, and where it stands. */
export interface OpenBatch {
  readonly batch: RecordBatch
  readonly cursor: RecordCursor
}

/** What one partition brought. */
export interface ReceivedPartition {
  readonly partition: TopicIdPartition
  /** In offset order, disjoint. */
  readonly ranges: readonly AcquiredRange[]
  /** In offset order; control batches and broken ones are left out. */
  readonly batches: readonly OpenBatch[]
  /** Records to hand out. */
  readonly records: number
  readonly corrupt: readonly CorruptBatch[]
  /** Why some offsets were RELEASEd although their bytes may be good: a codec is missing here. */
  readonly unsupported: KafkaError | undefined
  /** Why acquired offsets were left out that the broker cannot have meant. */
  readonly fault: KafkaProtocolError | undefined
  /** Why some offsets were RELEASEd: their batch did not come whole. */
  readonly cutOff: CutOffRecords | undefined
  /** Something was acquired, and no bytes came. */
  readonly missing: boolean
}

/** Acquired offsets whose batch did not come whole. */
export interface CutOffRecords {
  readonly firstOffset: number
  readonly lastOffset: number
  /** Of the first one. */
  readonly deliveryCount: number
  /** Nothing of the partition could be read. */
  readonly alone: boolean
  readonly batch: CutOffBatch
}

/** A batch that could not be read. Its acquired offsets were REJECTed. */
export interface CorruptBatch {
  readonly partition: TopicIdPartition
  readonly baseOffset: number
  readonly lastOffset: number
  readonly rejected: number
  readonly reason: unknown
}

export interface AcquiredPartition {
  readonly partition: TopicIdPartition
  readonly records: Buffer | null
  readonly acquired: readonly AcquiredOffsets[]
}

export interface ReceiveOptions {
  readonly holder: RangeHolder
  readonly codecs: CompressionCodecs
  readonly checkCrcs: boolean
  /** When the locks run out, on the injected clock. */
  readonly lockDeadline: number
  /** How many offsets the answer may still bring; used up here. Default: as if this were all of the answer. */
  readonly allowance?: OffsetAllowance
}

/** Offsets, both ends included. */
interface Span {
  readonly first: number
  last: number
}

export async function receivePartition(
  { partition, records, acquired }: AcquiredPartition,
  { holder, codecs, checkCrcs, lockDeadline, allowance = offsetAllowance() }: ReceiveOptions,
): Promise<ReceivedPartition> {
  const { acquired: sound, fault } = checkAcquired(partition, acquired, allowance)
  const ranges = sound.map(
    (a) => new AcquiredRange(partition, holder, a.firstOffset, a.lastOffset, a.deliveryCount, lockDeadline),
  )
  const batches: OpenBatch[] = []
  const corrupt: CorruptBatch[] = []
  const present: Span[] = []
  let unsupported: KafkaError | undefined
  const first = ranges[0]?.firstOffset ?? 0
  const end = ranges.at(-1)?.lastOffset ?? -1
  const { found, cut } = walk(records ?? Buffer.alloc(0), first)
  for (const [index, { baseOffset, batch, reason: broken }] of found.entries()) {
    let reason = broken
    if (batch !== undefined) {
      try {
        if (checkCrcs && !batch.crcMatches()) throw badChecksum(baseOffset)
        if (batch.isControl) continue
        const opened = batch.open(codecs)
        const cursor = opened instanceof Promise ? await opened : opened
        if (batch.isDense) present.push({ first: baseOffset, last: batch.lastOffset })
        else addOffsetsOf(cursor, present)
        batches.push({ batch, cursor })
        continue
      } catch (thrown) {
        reason = thrown
      }
    }
    // What a broken header says of its end is not to be trusted further than to the next batch.
    const lastOffset = Math.min(batch?.lastOffset ?? end, (found[index + 1]?.baseOffset ?? Infinity) - 1)
    if (KafkaProtocolError.is(reason)) {
      const rejected = answerAll(ranges, baseOffset, lastOffset, AckCode.REJECT)
      corrupt.push({ partition, baseOffset, lastOffset, rejected, reason })
    } else {
      answerAll(ranges, baseOffset, lastOffset, AckCode.RELEASE)
      unsupported = KafkaError.is(reason) ? reason : unreadableHere(baseOffset, reason)
    }
  }
  const cutOff = cut && releaseCutOff(ranges, cut, found)
  answerGaps(ranges, present)
  let open = 0
  for (const range of ranges) open += range.open
  const missing = ranges.length > 0 && (records === null || records.length === 0)
  return { partition, ranges, batches, records: open, corrupt, unsupported, fault, cutOff, missing }
}

/** A batch as the walk over the bytes met it; without one its header could not be read, for the reason given. */
interface FoundBatch {
  readonly baseOffset: number
  readonly batch?: RecordBatch
  readonly reason?: unknown
}

/** The batches in these bytes. `cut`: the last one is not whole, and not among them; behind damage of unknown length it is part of that. */
function walk(records: Buffer, firstOffset: number): { found: FoundBatch[]; cut: CutOffBatch | undefined } {
  const reader = new RecordBatchReader(records)
  const found: FoundBatch[] = []
  for (;;) {
    const { remaining } = reader
    try {
      const batch = reader.next()
      if (batch === undefined) return { found, cut: isUnreadable(found.at(-1)) ? undefined : reader.cutOff }
      found.push({ baseOffset: batch.baseOffset, batch })
    } catch (reason) {
      const before = found.at(-1)
      // What cannot be read, right behind what cannot be read, is the same damage.
      if (!isUnreadable(before)) found.push({ baseOffset: (before?.batch?.lastOffset ?? firstOffset - 1) + 1, reason })
      // Where the next batch begins cannot be told.
      if (reader.remaining === remaining) return { found, cut: undefined }
    }
  }
}

function isUnreadable(found: FoundBatch | undefined): boolean {
  return found !== undefined && found.batch === undefined
}

function badChecksum(baseOffset: number): KafkaProtocolError {
  return new KafkaProtocolError(
    `The checksum of the record batch at base offset ${baseOffset} does not match its bytes.`,
  )
}

function unreadableHere(baseOffset: number, cause: unknown): KafkaError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError(
    `The record batch at base offset ${baseOffset} cannot be decompressed by this process: ${reason} Check the codecs that the application registered.`,
    { code: 'CODEC_FAILED', cause },
  )
}

/** The runs of offsets that a batch with holes (compacted) really holds; leaves the cursor at its start. */
function addOffsetsOf(cursor: RecordCursor, spans: Span[]): void {
  let current: Span | undefined
  for (let offset = cursor.nextOffset(); offset >= 0; offset = cursor.nextOffset()) {
    if (current !== undefined && offset === current.last + 1) current.last = offset
    else spans.push((current = { first: offset, last: offset }))
  }
  cursor.rewind()
}

/** RELEASEs what was acquired of the batch that is not whole; undefined: nothing was. */
function releaseCutOff(
  ranges: readonly AcquiredRange[],
  batch: CutOffBatch,
  found: readonly FoundBatch[],
): CutOffRecords | undefined {
  const start = ranges[0]?.firstOffset ?? 0
  const from = Math.max((found.at(-1)?.batch?.lastOffset ?? start - 1) + 1, batch.baseOffset ?? 0)
  const range = ranges.find(({ lastOffset }) => lastOffset >= from)
  const end = ranges.at(-1)?.lastOffset ?? -1
  if (range === undefined || answerAll(ranges, from, end, AckCode.RELEASE) === 0) return undefined
  const { deliveryCount } = range
  const alone = !found.some((one) => (one.batch?.lastOffset ?? end) >= start)
  return { firstOffset: Math.max(from, range.firstOffset), lastOffset: end, deliveryCount, alone, batch }
}

/** Answers every open offset from `first` to `last`; how many. */
function answerAll(ranges: readonly AcquiredRange[], first: number, last: number, answer: AckCode): number {
  let answered = 0
  for (const range of ranges) {
    const from = Math.max(first, range.firstOffset) - range.firstOffset
    const to = Math.min(last, range.lastOffset) - range.firstOffset + 1
    if (from < to) answered += range.answerOpen(answer, from, to)
  }
  return answered
}

/** Both lists stand in offset order, so one walk over them finds what was acquired and is not there. */
function answerGaps(ranges: readonly AcquiredRange[], present: readonly Span[]): void {
  let next = 0
  for (const range of ranges) {
    let offset = range.firstOffset
    while (offset <= range.lastOffset) {
      let span = present[next]
      while (span !== undefined && span.last < offset) span = present[++next]
      const gapEnd = Math.min(span === undefined ? Infinity : span.first, range.lastOffset + 1)
      if (gapEnd > offset) range.answerOpen(AckCode.GAP, offset - range.firstOffset, gapEnd - range.firstOffset)
      if (span === undefined) break
      offset = Math.max(offset, span.last + 1)
    }
  }
}
