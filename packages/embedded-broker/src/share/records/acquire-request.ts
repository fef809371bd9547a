import type { AbortedTransaction } from '../../log/partition-log.js'
import type { BatchOutline, BatchProducer } from './aborted-batches.js'

export const AcquireMode = { BATCH_OPTIMIZED: 0, RECORD_LIMIT: 1 } as const
export type AcquireMode = (typeof AcquireMode)[keyof typeof AcquireMode]

export interface AcquireRequest {
  readonly memberId: string
  readonly mode: AcquireMode
  /** At least 1. */
  readonly maxRecords: number
  readonly batchSize: number
  /** The batches that were read from the log, beginning with the one that holds nextFetchOffset (or the first behind it). */
  readonly batches: readonly BatchOutline[]
  /** The offset that was read from. */
  readonly fetchOffset: number
  /** With read_committed: aborted transactions over the range of these batches, else empty. */
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** Batches of aborted transactions need to know whose they are; asked only when there are aborted transactions. */
  readonly producerOf: (batch: BatchOutline) => BatchProducer
}

export interface AcquiredRange {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

/**
 * Records were acquired, and yet nobody is told of them: they stay locked until that runs out. Kafka 4.4.0 fails so with
 * read_committed when a batch of an aborted transaction was read that begins below everything that is tracked, for example
 * because the group's start offset was set into the middle of it.
 */
export class AcquisitionFailure extends Error {}
