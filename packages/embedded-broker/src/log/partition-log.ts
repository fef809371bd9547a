import { ErrorCode } from '@milena/protocol'
import type { Surroundings } from '../surroundings.js'
import { readBatchHeader, stampPosition, type BatchHeader } from './batch-header.js'
import type { Refusal } from './incoming-records.js'
import { LeaderEpochs, type EpochEnd } from './leader-epochs.js'
import { LogRetention, type RetainedLog } from './log-retention.js'
import type { LogSettings } from './log-settings.js'
import { prepareBatch, type Preparation, type PreparedBatch } from './prepare-batch.js'
import { ProducerStates, type AbortedTransaction } from './producer-states.js'
import { StoredBatches, type LogBatch } from './stored-batches.js'
import { firstAtOrAfter, largestTimestampIn, type FoundOffset } from './timestamp-search.js'
import { transactionMarkerBatch, type TransactionMarker } from './transaction-marker.js'

export type { AbortedTransaction, EpochEnd, FoundOffset, LogBatch, LogSettings, TransactionMarker }

/*
 * Rules of a partition's log:
 * 1. It keeps whole batches, as they came, with their place stamped in; a batch is copied once and never changed afterwards.
 * 2. What is done at an append or a read is in the number of batches, not of records; where a batch lies is found by halving.
 * 3. The high watermark is the end: all brokers of the cluster share the log.
 * 4. `onMoved` is called after the end, the last stable offset or the start has moved, when the log is in order again.
 * 5. Memory is bounded: see log-retention.ts.
 */

export interface AppendResult {
  readonly errorCode: number
  /** What is wrong, in a sentence. */
  readonly errorMessage?: string
  /** Which records were wrong, where the error is about records. */
  readonly recordErrors?: Refusal['recordErrors']
  readonly baseOffset: number
  /** -1 unless the broker stamps the time. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

export interface AppendOptions {
  readonly leaderEpoch: number
  /** The version of the Produce request; default the newest. */
  readonly produceVersion?: number
}

export interface ReadOptions {
  readonly fromOffset: number
  /** Soft: the first batch is given even when it is larger. */
  readonly maxBytes: number
  /** Exclusive: the high watermark, or the last stable offset. */
  readonly upTo: number
}

const NEWEST_PRODUCE_VERSION = 13
/** Of a producer that does not write any more; Kafka's default of producer.id.expiration.ms. */
const PRODUCER_ID_EXPIRATION_MS = 86_400_000

/** The log of one partition: whole batches in memory. */
export class PartitionLog implements RetainedLog {
  readonly label: string
  readonly #batches = new StoredBatches()
  readonly #producers = new ProducerStates()
  readonly #epochs = new LeaderEpochs()
  readonly #retention: LogRetention
  #startOffset = 0
  #endOffset = 0
  #isClosed = false

  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly surroundings: Surroundings,
    readonly settings: () => LogSettings,
    /** Called after the end, the last stable offset or the start has moved. */
    readonly onMoved: () => void,
    /** What keeps all logs within bounds; default: one for this log alone. */
    retention: LogRetention = new LogRetention(surroundings),
  ) {
    this.label = `${topic}-${partition}`
    this.#retention = retention
    retention.add(this)
  }

  get startOffset(): number {
    return this.#startOffset
  }

  /** The offset of the next record. */
  get endOffset(): number {
    return this.#endOffset
  }

  /**
   * Below it every transaction is decided. Where the start was moved into an open transaction it is the first offset of the batch
   * that the log begins with, as in Kafka: it can lie below the start.
   */
  get lastStableOffset(): number {
    const firstOpen = this.#producers.firstOpenOffset
    if (firstOpen === undefined) return this.#endOffset
    return firstOpen >= this.#startOffset ? firstOpen : (this.#batches.oldest?.baseOffset ?? this.#endOffset)
  }

  /** Bytes of all batches. */
  get sizeInBytes(): number {
    return this.#batches.sizeInBytes
  }

  get sizeInMemory(): number {
    return this.#batches.sizeInMemory
  }

  get oldestAge(): number | undefined {
    return this.#batches.oldest?.age
  }

  /** The leader epoch of the newest batch; undefined when nothing was written. */
  get latestEpoch(): number | undefined {
    return this.#epochs.latest
  }

  /** Whether this producer has written here in a transaction that is not decided. */
  hasOpenTransaction(producerId: number, producerEpoch: number): boolean {
    return this.#producers.hasOpenTransaction(producerId, producerEpoch)
  }

  /** Whether this producer has numbered batches here that are remembered. */
  knowsProducer(producerId: number): boolean {
    return this.#producers.knows(producerId)
  }

  /**
   * Appends the one batch that a producer sent, checked as Kafka does: framing, checksum, sizes, sequence numbers. A promise only
   * where the records must be looked into and are compressed, or have to be compressed otherwise.
   */
  append(records: Buffer, options: AppendOptions): AppendResult | Promise<AppendResult> {
    const settings = this.settings()
    const prepared = prepareBatch(records, {
      settings,
      produceVersion: options.produceVersion ?? NEWEST_PRODUCE_VERSION,
      nowMs: this.#nowMs(),
    })
    const take = (outcome: Preparation): AppendResult =>
      outcome.refusal === undefined ? this.#admit(outcome, settings, options) : this.#refuse(outcome.refusal)
    return prepared instanceof Promise ? prepared.then(take) : take(prepared)
  }

  /** Ends a producer's transaction here. */
  appendMarker(marker: TransactionMarker, options: AppendOptions): void {
    if (this.#isClosed) return
    const nowMs = this.#nowMs()
    const bytes = transactionMarkerBatch(marker, nowMs)
    const offset = this.#endOffset
    this.#store(bytes, readBatchHeader(bytes, 0), options.leaderEpoch)
    this.#producers.decided({ ...marker, offset, nowMs })
    this.#keepWithin(this.settings())
    this.onMoved()
  }

  /** Batches from the one that holds `fromOffset` (or the first above it). Empty when there are none below `upTo`. */
  read({ fromOffset, maxBytes, upTo }: ReadOptions): readonly LogBatch[] {
    const found: LogBatch[] = []
    let bytes = 0
    const batches = this.#batches
    if (fromOffset >= upTo) return found
    for (let i = batches.positionOf(fromOffset); i < batches.count; i++) {
      const batch = batches.at(i)
      if (batch === undefined || batch.baseOffset >= upTo) break
      bytes += batch.sizeInBytes
      if (found.length > 0 && bytes > maxBytes) break
      found.push(batch)
    }
    return found
  }

  /** How many bytes a read would give; counting ends once there are `enough`. */
  bytesAvailable(options: { readonly fromOffset: number; readonly upTo: number; readonly enough: number }): number {
    if (options.fromOffset >= options.upTo) return 0
    let bytes = 0
    const batches = this.#batches
    for (let i = batches.positionOf(options.fromOffset); i < batches.count && bytes < options.enough; i++) {
      const batch = batches.at(i)
      if (batch === undefined || batch.baseOffset >= options.upTo) break
      bytes += batch.sizeInBytes
    }
    return bytes
  }

  /** Aborted transactions that have records in [from, to). */
  abortedTransactions(from: number, to: number): readonly AbortedTransaction[] {
    return this.#producers.abortedWithin(from, to)
  }

  /** The first record whose timestamp is at least this, below `upTo`; undefined when there is none. */
  offsetForTimestamp(timestamp: number, upTo: number): Promise<FoundOffset | undefined> {
    return firstAtOrAfter(this.#batches, { timestamp, fromOffset: this.#startOffset, upTo })
  }

  /** The first record with the largest timestamp; undefined when there is none. */
  offsetOfLargestTimestamp(): Promise<FoundOffset | undefined> {
    return largestTimestampIn(this.#batches)
  }

  /** The leader epoch under which the record at this offset was written. */
  leaderEpochAt(offset: number): number | undefined {
    return this.#epochs.at(offset)
  }

  /** Where the largest leader epoch up to `epoch` ended. */
  endOfEpoch(epoch: number, currentLeaderEpoch: number): EpochEnd {
    return this.#epochs.endOf(epoch, { leaderEpoch: currentLeaderEpoch, endOffset: this.#endOffset })
  }

  /** Moves the start (DeleteRecords); -1 is the high watermark. Batches wholly below it are let go. */
  deleteRecordsBefore(offset: number): { readonly errorCode: number; readonly lowWatermark: number } {
    const target = offset === -1 ? this.#endOffset : offset
    if (target < 0 || target > this.#endOffset) return { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 }
    if (target > this.#startOffset) {
      for (let oldest = this.#batches.oldest; oldest !== undefined; oldest = this.#batches.oldest) {
        if (oldest.lastOffset >= target) break
        this.#drop()
      }
      this.#startOffset = target
      this.droppedOldest()
    }
    return { errorCode: ErrorCode.NONE, lowWatermark: this.#startOffset }
  }

  /** The log is gone (its topic was deleted): frees memory and timers. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#retention.remove(this)
    this.#batches.clear()
  }

  dropOldest(): void {
    this.#drop()
  }

  droppedOldest(): void {
    this.#producers.startMoved(this.#startOffset)
    this.#epochs.startMoved(this.#startOffset)
    this.surroundings.logger.debug(
      { partition: this.label, startOffset: this.#startOffset },
      `Partition ${this.label} begins at offset ${this.#startOffset} now`,
    )
    this.onMoved()
  }

  expire(nowMs: number): void {
    this.#producers.expire(nowMs - PRODUCER_ID_EXPIRATION_MS)
    const { retentionMs, isDeleted } = this.settings()
    if (retentionMs < 0 || isDeleted === false) return
    const startedAt = this.#startOffset
    for (let oldest = this.#batches.oldest; oldest !== undefined; oldest = this.#batches.oldest) {
      const stampedMs = oldest.maxTimestamp < 0 ? oldest.appendedAtMs : oldest.maxTimestamp
      if (nowMs - stampedMs <= retentionMs) break
      this.#drop()
    }
    if (this.#startOffset !== startedAt) this.droppedOldest()
  }

  #admit({ bytes, header }: PreparedBatch, settings: LogSettings, options: AppendOptions): AppendResult {
    if (this.#isClosed) {
      return this.#refuse({
        errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        errorMessage: `Partition ${this.label} was deleted.`,
      })
    }
    const isNumbered = header.producerId >= 0
    if (isNumbered) {
      const duplicate = this.#producers.duplicateOf(header)
      if (duplicate !== undefined) {
        return this.#result({ baseOffset: duplicate.baseOffset, logAppendTimeMs: duplicate.timestampMs })
      }
      const refusal = this.#producers.check(header)
      if (refusal !== undefined) return this.#refuse(refusal)
    }
    const baseOffset = this.#endOffset
    this.#store(bytes, header, options.leaderEpoch)
    if (isNumbered) this.#producers.written(header, { baseOffset, nowMs: this.#nowMs() })
    this.#keepWithin(settings)
    this.onMoved()
    return this.#result({ baseOffset, logAppendTimeMs: header.isLogAppendTime ? header.maxTimestamp : -1 })
  }

  #store(bytes: Buffer, header: BatchHeader, leaderEpoch: number): void {
    const baseOffset = this.#endOffset
    const lastOffset = baseOffset + header.lastOffsetDelta
    stampPosition(bytes, { offset: baseOffset, leaderEpoch })
    const before = this.#batches.sizeInMemory
    this.#batches.push({
      baseOffset,
      lastOffset,
      recordCount: header.recordCount,
      leaderEpoch,
      maxTimestamp: header.maxTimestamp,
      isControl: header.isControl,
      isTransactional: header.isTransactional,
      producerId: header.producerId,
      sizeInBytes: bytes.length,
      bytes,
      largestTimestampSoFar: Math.max(this.#batches.newest?.largestTimestampSoFar ?? -1, header.maxTimestamp),
      appendedAtMs: this.#nowMs(),
      age: this.#retention.nextAge(),
    })
    this.#endOffset = lastOffset + 1
    this.#epochs.wrote(leaderEpoch, baseOffset)
    this.#retention.resized(this.#batches.sizeInMemory - before)
  }

  #keepWithin({ retentionBytes, isDeleted }: LogSettings): void {
    const startedAt = this.#startOffset
    const limit = retentionBytes < 0 || isDeleted === false ? Infinity : retentionBytes
    while (this.#batches.count > 1 && this.#batches.sizeInBytes > limit) this.#drop()
    while (this.#batches.count > 1 && this.sizeInMemory > this.#retention.maxPartitionBytes) {
      this.#retention.warnOfPartition(this)
      this.#drop()
    }
    if (this.#startOffset !== startedAt) {
      this.#producers.startMoved(this.#startOffset)
      this.#epochs.startMoved(this.#startOffset)
    }
    this.#retention.makeRoom()
  }

  #drop(): void {
    const before = this.#batches.sizeInMemory
    const dropped = this.#batches.dropOldest()
    if (dropped === undefined) return
    this.#retention.resized(this.#batches.sizeInMemory - before)
    this.#startOffset = Math.max(this.#startOffset, dropped.lastOffset + 1)
  }

  #nowMs(): number {
    return Math.floor(this.surroundings.clock.wallTime())
  }

  #result(written: { readonly baseOffset: number; readonly logAppendTimeMs: number }): AppendResult {
    return { errorCode: ErrorCode.NONE, ...written, logStartOffset: this.#startOffset }
  }

  #refuse(refusal: Refusal): AppendResult {
    this.surroundings.logger.warn(
      { partition: this.label, errorCode: refusal.errorCode },
      `Records for ${this.label} were refused: ${refusal.errorMessage}`,
    )
    const { errorCode, errorMessage, recordErrors } = refusal
    return {
      errorCode,
      errorMessage,
      ...(recordErrors === undefined ? {} : { recordErrors }),
      baseOffset: -1,
      logAppendTimeMs: -1,
      logStartOffset: refusal.isBeforeLog === true ? -1 : this.#startOffset,
    }
  }
}
