import type { ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { PartitionLog } from '../../log/partition-log.js'

/** Where records end that may be delivered (exclusive): the high watermark, or with read_committed the last stable offset. */
export function deliverableEnd(log: PartitionLog, isolationLevel: ShareGroupSettings['isolationLevel']): number {
  return isolationLevel === 'read_committed' ? log.lastStableOffset : log.endOffset
}

/**
 * Where share.auto.offset.reset puts a share partition that was never positioned, as of now. Undefined: by_duration, and no
 * record is as young as that (Kafka does not fall back to latest then). Transactions that are still open count, whatever the
 * isolation level (measured on 4.4.0). A promise only with by_duration.
 */
export function resetPosition(
  log: PartitionLog,
  settings: ShareGroupSettings,
  nowMs: number,
): number | Promise<number | undefined> {
  const { autoOffsetReset: reset } = settings
  switch (reset.kind) {
    case 'earliest':
      return log.startOffset
    case 'latest':
      return log.endOffset
    case 'byDuration':
      return log.offsetForTimestamp(nowMs - reset.durationMs, log.endOffset).then((found) => found?.offset)
  }
}
