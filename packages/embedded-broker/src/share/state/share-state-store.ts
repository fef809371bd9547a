import { ErrorCode, type Uuid } from '@milena/protocol'
import type { VersionProfile } from '../../version-profile.js'
import { applyBatches, type PersistedBatch } from './persisted-batches.js'

export { PersistedState, type PersistedBatch } from './persisted-batches.js'

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
  /** By offset, without overlaps, from startOffset on. */
  readonly batches: readonly PersistedBatch[]
}

export interface ShareStateWrite {
  readonly stateEpoch: number
  readonly leaderEpoch: number
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  /** By offset, without overlaps: what changed. */
  readonly batches: readonly PersistedBatch[]
}

interface Stored {
  stateEpoch: number
  leaderEpoch: number
  startOffset: number
  deliveryCompleteCount: number
  batches: readonly PersistedBatch[]
}

/**
 * What Kafka's share coordinator keeps in `__share_group_state`: the positions and record states that survive a leader. A
 * write tells what changed; it is merged into the whole at once, so that reading costs nothing.
 */
export class ShareStateStore {
  /** By group, then by topic id, then by partition. */
  readonly #groups = new Map<string, Map<Uuid, Map<number, Stored>>>()
  #size = 0
  readonly #profile: Pick<VersionProfile, 'joinsReplacedBatches' | 'keepsHighestFinishedCount'>

  constructor(profile: Pick<VersionProfile, 'joinsReplacedBatches' | 'keepsHighestFinishedCount'>) {
    this.#profile = profile
  }

  /** How many share partitions are initialised. */
  get size(): number {
    return this.#size
  }

  /** Undefined: never initialised. The leader that reads fences those before it. */
  read(key: SharePartitionKey, leaderEpoch: number): PersistedSharePartition | undefined {
    const stored = this.#find(key)
    if (stored === undefined) return undefined
    stored.leaderEpoch = Math.max(stored.leaderEpoch, leaderEpoch)
    const { stateEpoch, startOffset, deliveryCompleteCount, batches } = stored
    return { stateEpoch, startOffset, deliveryCompleteCount, batches }
  }

  /**
   * Makes it known, or begins anew with this start offset: states that were stored are gone. A lower state epoch than the
   * stored one changes nothing.
   */
  initialize(key: SharePartitionKey, state: { readonly stateEpoch: number; readonly startOffset: number }): void {
    const stored = this.#find(key)
    if (stored !== undefined && stored.stateEpoch > state.stateEpoch) return
    const topics = this.#groups.get(key.groupId) ?? new Map<Uuid, Map<number, Stored>>()
    const partitions = topics.get(key.topicId) ?? new Map<number, Stored>()
    this.#groups.set(key.groupId, topics)
    topics.set(key.topicId, partitions)
    if (stored === undefined) this.#size++
    partitions.set(key.partition, {
      stateEpoch: state.stateEpoch,
      leaderEpoch: stored?.leaderEpoch ?? 0,
      startOffset: state.startOffset,
      deliveryCompleteCount: 0,
      batches: [],
    })
  }

  /**
   * Merges what changed. A start offset below the stored one (its writer does not know of an alteration yet) leaves that one
   * and its count as they are, and with the same one the count never falls (since 4.4).
   *
   * @returns an error code: 0; FENCED_STATE_EPOCH after an alteration; FENCED_LEADER_EPOCH after a later leader has read;
   * INVALID_REQUEST when it is not initialised (the offsets, the group or the topic were deleted)
   */
  write(key: SharePartitionKey, write: ShareStateWrite): number {
    const stored = this.#find(key)
    if (stored === undefined) return ErrorCode.INVALID_REQUEST
    if (stored.leaderEpoch > write.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
    if (stored.stateEpoch > write.stateEpoch) return ErrorCode.FENCED_STATE_EPOCH
    stored.leaderEpoch = write.leaderEpoch
    if (write.startOffset > stored.startOffset) {
      stored.startOffset = write.startOffset
      stored.deliveryCompleteCount = write.deliveryCompleteCount
    } else if (write.startOffset === stored.startOffset) {
      const kept = this.#profile.keepsHighestFinishedCount ? stored.deliveryCompleteCount : 0
      stored.deliveryCompleteCount = Math.max(kept, write.deliveryCompleteCount)
    }
    stored.batches = applyBatches(stored.batches, write.batches, stored.startOffset, this.#profile)
    return 0
  }

  delete(key: SharePartitionKey): void {
    const topics = this.#groups.get(key.groupId)
    const partitions = topics?.get(key.topicId)
    if (topics === undefined || partitions === undefined) return
    if (partitions.delete(key.partition)) this.#size--
    if (partitions.size === 0) topics.delete(key.topicId)
    if (topics.size === 0) this.#groups.delete(key.groupId)
  }

  /** The group's offsets of this topic were deleted. */
  deleteGroupTopic(groupId: string, topicId: Uuid): void {
    const topics = this.#groups.get(groupId)
    this.#size -= topics?.get(topicId)?.size ?? 0
    topics?.delete(topicId)
    if (topics?.size === 0) this.#groups.delete(groupId)
  }

  /** The group was deleted. */
  deleteGroup(groupId: string): void {
    for (const partitions of this.#groups.get(groupId)?.values() ?? []) this.#size -= partitions.size
    this.#groups.delete(groupId)
  }

  /** The topic was deleted. */
  deleteTopic(topicId: Uuid): void {
    for (const groupId of this.#groups.keys()) this.deleteGroupTopic(groupId, topicId)
  }

  /** Start offset and delivery-complete count for DescribeShareGroupOffsets; undefined: not initialised. */
  summary(
    key: SharePartitionKey,
  ):
    | { readonly startOffset: number; readonly leaderEpoch: number; readonly deliveryCompleteCount: number }
    | undefined {
    const stored = this.#find(key)
    if (stored === undefined) return undefined
    const { startOffset, leaderEpoch, deliveryCompleteCount } = stored
    return { startOffset, leaderEpoch, deliveryCompleteCount }
  }

  #find(key: SharePartitionKey): Stored | undefined {
    return this.#groups.get(key.groupId)?.get(key.topicId)?.get(key.partition)
  }
}
