import {
  crc32c,
  RecordBatchBuilder,
  RecordBatchReader,
  defaultCompressionCodecs,
  type BuildBatchOptions,
  type RecordBatch,
  type RecordBatchBuilderOptions,
} from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { DelayedOperations } from '../../src/delayed-operations.js'
import { LogRetention, type LogRetentionOptions } from '../../src/log/log-retention.js'
import { PartitionLog, type AppendResult, type LogBatch, type LogSettings } from '../../src/log/partition-log.js'
import type { Surroundings } from '../../src/surroundings.js'
import { versionProfile } from '../../src/version-profile.js'

const defaults: LogSettings = {
  retentionBytes: -1,
  retentionMs: 604_800_000,
  maxMessageBytes: 1_048_588,
  timestampType: 'CreateTime',
  compressionType: 'producer',
  timestampAfterMaxMs: 3_600_000,
}

/** One log on a virtual clock, with settings that a test may change. */
export function logWorld(
  settings: Partial<LogSettings> = {},
  options: { readonly retention?: LogRetentionOptions; readonly logger?: Logger } = {},
) {
  const clock = new VirtualClock()
  const surroundings: Surroundings = {
    clock,
    random: new SeededRandom(1),
    logger: options.logger ?? silentLogger,
    profile: versionProfile('4.4'),
    delayed: new DelayedOperations(clock),
    changed: () => undefined,
  }
  const world = { moves: 0, settings: { ...defaults, ...settings } as LogSettings }
  const retention = new LogRetention(surroundings, options.retention)
  const makeLog = (topic = 'orders', partition = 0): PartitionLog =>
    new PartitionLog(
      topic,
      partition,
      surroundings,
      () => world.settings,
      () => world.moves++,
      retention,
    )
  return { clock, surroundings, world, retention, makeLog, log: makeLog() }
}

export interface BatchOptions extends BuildBatchOptions {
  readonly timestamp?: number
  /** Added for each further record. Default 0. */
  readonly step?: number
  readonly key?: string
  readonly valueBytes?: number
}

/** `count` records as a producer would send them. */
export function batchOf(count: number, options: BatchOptions = {}): Buffer {
  const bytes = packedBatchOf(count, options)
  if (bytes instanceof Promise) throw new TypeError('This batch is not built at once.')
  return bytes
}

export function packedBatchOf(
  count: number,
  options: BatchOptions = {},
  builderOptions: RecordBatchBuilderOptions = {},
): Buffer | Promise<Buffer> {
  const { timestamp = 1_767_225_600_000, step = 0, key, valueBytes = 10, ...rest } = options
  const builder = new RecordBatchBuilder(builderOptions)
  for (let i = 0; i < count; i++) {
    builder.append({
      timestamp: timestamp + i * step,
      key: key === undefined ? null : Buffer.from(key),
      value: Buffer.alloc(valueBytes, i),
    })
  }
  return builder.build(rest)
}

/** The batch with other bytes and a checksum that fits them. */
export function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  if (copy.length > 21) copy.writeUInt32BE(crc32c(copy, 21), 17)
  return copy
}

/** Appends where that is done at once. */
export function appendNow(log: PartitionLog, records: Buffer, leaderEpoch = 0): AppendResult {
  const result = log.append(records, { leaderEpoch })
  if (result instanceof Promise) throw new TypeError('This append is not done at once.')
  return result
}

export function headerOf(batch: LogBatch): RecordBatch {
  const header = new RecordBatchReader(batch.bytes).next()
  if (header === undefined) throw new TypeError('The log gave no whole batch.')
  return header
}

/** The offsets and timestamps of all records of a batch. */
export async function recordsIn(batch: LogBatch): Promise<{ readonly offset: number; readonly timestamp: number }[]> {
  const cursor = await headerOf(batch).open(defaultCompressionCodecs)
  const records: { readonly offset: number; readonly timestamp: number }[] = []
  while (cursor.next()) records.push({ offset: cursor.offset, timestamp: cursor.timestamp })
  return records
}

/** All that the log holds. */
export function allOf(log: PartitionLog): readonly LogBatch[] {
  return log.read({ fromOffset: 0, maxBytes: Infinity, upTo: Infinity })
}
