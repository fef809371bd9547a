import type { Uuid } from '@milena/protocol'

// SKELETON by the lead: the owner (share-group coordinator) replaces the bodies and keeps (or extends) the names.

/** Record states as they are persisted. */
export const PersistedState = { AVAILABLE: 0, ACKNOWLEDGED: 2, ARCHIVED: 4 } as const
export type PersistedState = (typeof PersistedState)[keyof typeof PersistedState]

export interface PersistedBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly state: PersistedState
  readonly deliveryCount: number
}

export interface SharePartitionKey {
  readonly groupId: string
  readonly topicId: Uuid
  readonly partition: number
}

/** What a leader reads when it takes a share partition over. */
export interface PersistedSharePartition {
  readonly stateEpoch: number
  /** -1: never positioned, the reset policy decides at the first fetch. */
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly batches: readonly PersistedBatch[]
}

/** Kafka's `__share_group_state`: what survives a leader. Writes are whole snapshots or deltas, applied at once. */
export class ShareStateStore {
  /** Undefined: never initialised. */
  read(_key: SharePartitionKey, _leaderEpoch: number): PersistedSharePartition | undefined {
    throw new Error('skeleton')
  }
  /** Makes it known; an existing state is replaced when `stateEpoch` is higher. */
  initialize(_key: SharePartitionKey, _state: { readonly stateEpoch: number; readonly startOffset: number }): void {
    throw new Error('skeleton')
  }
  /**
   * @returns an error code: 0, FENCED_STATE_EPOCH, FENCED_LEADER_EPOCH, GROUP_ID_NOT_FOUND or UNKNOWN_TOPIC_OR_PARTITION
   */
  write(
    _key: SharePartitionKey,
    _write: {
      readonly stateEpoch: number
      readonly leaderEpoch: number
      readonly startOffset: number
      readonly deliveryCompleteCount: number
      readonly batches: readonly PersistedBatch[]
    },
  ): number {
    throw new Error('skeleton')
  }
  delete(_key: SharePartitionKey): void {
    throw new Error('skeleton')
  }
  /** Start offset and delivery-complete count for DescribeShareGroupOffsets; undefined: not initialised. */
  summary(
    _key: SharePartitionKey,
  ):
    | { readonly startOffset: number; readonly leaderEpoch: number; readonly deliveryCompleteCount: number }
    | undefined {
    throw new Error('skeleton')
  }
}
