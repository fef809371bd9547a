import type { Surroundings } from '../surroundings.js'

// SKELETON by the lead: the owner of log/ replaces the bodies and keeps (or extends) the names.

/** One record batch as the log keeps it. Offsets are those of the log; the bytes carry them. */
export interface LogBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly leaderEpoch: number
  readonly maxTimestamp: number
  readonly isControl: boolean
  readonly isTransactional: boolean
  readonly producerId: number
  readonly sizeInBytes: number
  /** The whole batch as it is sent to consumers. */
  readonly bytes: Buffer
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** The offset of its abort marker. */
  readonly lastOffset: number
}

export interface AppendResult {
  readonly errorCode: number
  readonly errorMessage?: string
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
}

export interface ReadOptions {
  readonly fromOffset: number
  /** Soft: the first batch is given even when it is larger. */
  readonly maxBytes: number
  /** Exclusive: the high watermark, or the last stable offset. */
  readonly upTo: number
}

/** Limits and rules of one log, looked up when they are needed (topic configs may change). */
export interface LogSettings {
  readonly retentionBytes: number
  readonly retentionMs: number
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly compressionType: string
}

/** The log of one partition: whole batches in memory. Its high watermark is its end: all brokers share it. */
export class PartitionLog {
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly surroundings: Surroundings,
    readonly settings: () => LogSettings,
    /** Called after the end, the last stable offset or the start has moved. */
    readonly onMoved: () => void,
  ) {}

  get startOffset(): number {
    throw new Error('skeleton')
  }
  /** The offset of the next record. */
  get endOffset(): number {
    throw new Error('skeleton')
  }
  /** Below it every transaction is decided. */
  get lastStableOffset(): number {
    throw new Error('skeleton')
  }
  /** Appends what a producer sent (one or more whole batches), checked: CRC, sizes, sequence numbers, transaction state. */
  append(_records: Buffer, _options: { readonly leaderEpoch: number }): AppendResult | Promise<AppendResult> {
    throw new Error('skeleton')
  }
  /** Batches from the one that holds `fromOffset` (or the first above it). Empty when there are none below `upTo`. */
  read(_options: ReadOptions): readonly LogBatch[] {
    throw new Error('skeleton')
  }
  /** Aborted transactions that have records in [from, to). */
  abortedTransactions(_from: number, _to: number): readonly AbortedTransaction[] {
    throw new Error('skeleton')
  }
  /** The first record whose timestamp is at least this, below `upTo`; undefined when there is none. */
  offsetForTimestamp(
    _timestamp: number,
    _upTo: number,
  ): Promise<{ offset: number; timestamp: number; leaderEpoch: number } | undefined> {
    throw new Error('skeleton')
  }
  /** Moves the start (DeleteRecords). Batches wholly below it are let go. */
  deleteRecordsBefore(_offset: number): { readonly errorCode: number; readonly lowWatermark: number } {
    throw new Error('skeleton')
  }
  /** The log is gone (its topic was deleted): frees memory and timers. */
  close(): void {
    throw new Error('skeleton')
  }
}
