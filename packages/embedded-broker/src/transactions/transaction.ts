import type { Uuid } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'

/** A partition that a transaction has touched. */
export interface TransactionPartition {
  readonly topicId: Uuid
  readonly partition: number
}

/** `empty`: no transaction yet, since the producer came up. Markers are written at once, so that nothing stands between. */
export type TransactionState = 'empty' | 'ongoing' | 'committed' | 'aborted'

/** What the coordinator knows of one transactional id. */
export interface TransactionEntry {
  readonly transactionalId: string
  producerId: number
  producerEpoch: number
  /** The one before the latest change of the epoch; -1 when there is none. A repeated request is known by it. */
  lastEpoch: number
  /** The id before the epochs of one ran out; -1 when there is none. */
  lastProducerId: number
  timeoutMs: number
  state: TransactionState
  readonly partitions: Map<string, TransactionPartition>
  /** Groups whose offsets the transaction commits. */
  readonly groups: Set<string>
  timer: Timer | undefined
  updatedAtMs: number
}

/** Epochs are int16, and the largest is kept for markers. */
const MAX_EPOCH = 0x7fff

export function newTransaction(transactionalId: string, producerId: number): TransactionEntry {
  return {
    transactionalId,
    producerId,
    producerEpoch: -1,
    lastEpoch: -1,
    lastProducerId: -1,
    timeoutMs: 0,
    state: 'empty',
    partitions: new Map(),
    groups: new Set(),
    timer: undefined,
    updatedAtMs: 0,
  }
}

/** No further producer can come up under this epoch's id. */
export function isEpochExhausted(epoch: number): boolean {
  return epoch >= MAX_EPOCH - 1
}

export function partitionKey({ topicId, partition }: TransactionPartition): string {
  return `${topicId}:${partition}`
}
