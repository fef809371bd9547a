import type { Clock } from '@milena/protocol/runtime'
import type { ShareGroupSettings } from '../configs/cluster-configs.js'
import type { AbortedTransaction } from '../log/partition-log.js'
import type { VersionProfile } from '../version-profile.js'
import type { PersistedBatch, PersistedSharePartition } from './share-state-store.js'
import type { ShareRecordsView } from './share-leader.js'

// SKELETON by the lead: the owner of the share partition replaces the bodies and keeps (or extends) the names.

export const AcquireMode = { BATCH_OPTIMIZED: 0, RECORD_LIMIT: 1 } as const
export type AcquireMode = (typeof AcquireMode)[keyof typeof AcquireMode]

export interface AcquiredRange {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

export interface AcknowledgementBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  /** One for all offsets, or one for each. Checked already: 0 (GAP) to 4 (RENEW). */
  readonly acknowledgeTypes: readonly number[]
}

/** What the log holds, as far as acquiring needs to know it (a LogBatch is one). */
export interface BatchOutline {
  readonly baseOffset: number
  readonly lastOffset: number
}

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
  /** Batches of aborted transactions need to know whose they are. */
  readonly producerOf: (batch: BatchOutline) => {
    readonly producerId: number
    readonly isTransactional: boolean
    readonly isControl: boolean
  }
}

/** An error code (0: none) with Kafka's sentence for it. */
export interface AcknowledgeOutcome {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** What a change has to have written to the share coordinator. */
export interface SharePartitionWrite {
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly batches: readonly PersistedBatch[]
}

/** A record that its group gives up on, for the dead-letter queue. */
export interface DeadLetter {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
  readonly cause: 'rejected' | 'deliveryLimit'
}

export interface SharePartitionSurroundings {
  readonly clock: Clock
  readonly profile: VersionProfile
  /** The group's settings now; asked whenever one is needed. */
  readonly settings: () => ShareGroupSettings
  /** Writes to the share coordinator; an error code other than 0 takes the change back (specification 7.5). Synchronous. */
  readonly write: (write: SharePartitionWrite) => number
  /** Fetches that wait may find something now (lock expiry, start offset moved); NOT called for RELEASE and session end (6.1 item 10). */
  readonly onAcquirable: () => void
  /** Something visible changed. */
  readonly onChange: () => void
  /** Offsets that became ARCHIVED by REJECT or by the delivery limit (not GAP, not retention). */
  readonly onDeadLetters: (letters: readonly DeadLetter[]) => void
}

/** The state machine of one (group, topic partition) on its leader: specification section 7. Reads no log and no wire. */
export class SharePartition {
  constructor(
    _surroundings: SharePartitionSurroundings,
    _given: {
      readonly persisted: PersistedSharePartition
      /** Where the reset policy put it when persisted.startOffset is -1. */ readonly startOffset: number
    },
  ) {}
  get startOffset(): number {
    throw new Error('skeleton')
  }
  get endOffset(): number {
    throw new Error('skeleton')
  }
  get deliveryCompleteCount(): number {
    throw new Error('skeleton')
  }
  /** Where the next read of the log begins. */
  get nextFetchOffset(): number {
    throw new Error('skeleton')
  }
  /** Room in the window, or something available inside of it. */
  get canAcquire(): boolean {
    throw new Error('skeleton')
  }
  acquire(_request: AcquireRequest): readonly AcquiredRange[] {
    throw new Error('skeleton')
  }
  /** All or nothing (6.2, from "offsets below SPSO" on; the checks above that row are the handler's). */
  acknowledge(_memberId: string, _batches: readonly AcknowledgementBatch[]): AcknowledgeOutcome {
    throw new Error('skeleton')
  }
  /** The member's session ended. */
  releaseMember(_memberId: string): void {
    throw new Error('skeleton')
  }
  /** The log begins later than it did (retention, DeleteRecords). */
  logStartMoved(_logStartOffset: number): void {
    throw new Error('skeleton')
  }
  /** 4.4: the dead-letter writes of these offsets are done; ARCHIVING becomes ARCHIVED. Only when deadLetterTopic is set. */
  deadLettersWritten(_letters: readonly DeadLetter[]): void {
    throw new Error('skeleton')
  }
  /** Timers are cancelled; nothing is written. */
  close(): void {
    throw new Error('skeleton')
  }
  inspect(): readonly ShareRecordsView[] {
    throw new Error('skeleton')
  }
}
