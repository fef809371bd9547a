// SKELETON by the lead: the owner (share sessions and handlers) replaces the bodies and keeps (or extends) the names.

/** Offsets of one state, as an assertion wants to see them; neighbours of equal state are one entry. */
export interface ShareRecordsView {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly state: 'AVAILABLE' | 'ACQUIRED' | 'ACKNOWLEDGED' | 'ARCHIVING' | 'ARCHIVED'
  readonly deliveryCount: number
  /** Of ACQUIRED ones. */
  readonly memberId?: string
  /** Milliseconds until the lock runs out. Of ACQUIRED ones. */
  readonly lockLeftMs?: number
}

export interface SharePartitionView {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly nodeId: number
  /** The first offset that is not finished (SPSO). */
  readonly startOffset: number
  /** The last offset that was acquired so far (SPEO); startOffset - 1 when nothing was. */
  readonly endOffset: number
  readonly deliveryCompleteCount: number
  /** From startOffset on; records above endOffset are not listed. */
  readonly records: readonly ShareRecordsView[]
}

export interface ShareSessionView {
  readonly nodeId: number
  readonly groupId: string
  readonly memberId: string
  /** The epoch that the next request has to carry. */
  readonly nextEpoch: number
  /** E.g. `orders-0`. */
  readonly partitions: readonly string[]
  readonly connectionId: string
}

/** What one broker keeps as leader of share partitions: their in-memory state, and the share sessions of its members. */
export class ShareLeader {
  inspectPartitions(): readonly SharePartitionView[] {
    throw new Error('skeleton')
  }
  inspectSessions(): readonly ShareSessionView[] {
    throw new Error('skeleton')
  }
  /** The broker was killed: in-memory state, timers and sessions are gone; nothing is written. */
  crash(): void {
    throw new Error('skeleton')
  }
}
