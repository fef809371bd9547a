import { VirtualClock } from '@milena/protocol/runtime'
import type { ShareGroupSettings } from '../../../src/configs/cluster-configs.js'
import type { AbortedTransaction } from '../../../src/log/partition-log.js'
import {
  AcquireMode,
  SharePartition,
  type AcknowledgeOutcome,
  type BatchOutline,
  type DeadLetter,
  type SharePartitionWrite,
} from '../../../src/share/records/share-partition.js'
import type { PersistedSharePartition } from '../../../src/share/state/share-state-store.js'
import { versionProfile, type KafkaVersion, type VersionProfile } from '../../../src/version-profile.js'

export const GAP = 0
export const ACCEPT = 1
export const RELEASE = 2
export const REJECT = 3
export const RENEW = 4

export interface BenchBatch extends BatchOutline {
  readonly producerId?: number
  readonly isControl?: boolean
}

export interface FetchWish {
  readonly maxRecords?: number
  readonly batchSize?: number
  readonly mode?: AcquireMode
  readonly aborted?: readonly AbortedTransaction[]
  /** Only so many log batches are read. */
  readonly batches?: number
}

/** A share partition on a virtual clock over a log that is only an outline. */
export class PartitionBench {
  readonly clock = new VirtualClock()
  readonly log: BenchBatch[] = []
  readonly writes: SharePartitionWrite[] = []
  readonly letters: DeadLetter[] = []
  /** What people would be told, e.g. `lock of a: 0-4`, `rejected: 3`. */
  readonly told: string[] = []
  wakeUps = 0
  changes = 0
  /** What the share coordinator answers to the next writes. */
  writeError = 0
  settings: ShareGroupSettings = {
    autoOffsetReset: { kind: 'earliest' },
    isolationLevel: 'read_uncommitted',
    recordLockDurationMs: 30_000,
    sessionTimeoutMs: 45_000,
    heartbeatIntervalMs: 5_000,
    deliveryCountLimit: 5,
    partitionMaxRecordLocks: 2_000,
    renewAcknowledgeEnable: true,
    assignmentIntervalMs: 1_000,
    deadLetterTopic: undefined,
    deadLetterCopyRecord: false,
  }
  readonly partition: SharePartition

  constructor(
    given: {
      readonly version?: KafkaVersion
      /** Overrides what the version says. */
      readonly profile?: Partial<VersionProfile>
      readonly settings?: Partial<ShareGroupSettings>
      readonly startOffset?: number
      readonly persisted?: Partial<PersistedSharePartition>
    } = {},
  ) {
    this.set(given.settings ?? {})
    this.partition = new SharePartition(
      {
        clock: this.clock,
        profile: { ...versionProfile(given.version ?? '4.4'), ...given.profile },
        settings: () => this.settings,
        write: (write) => {
          this.writes.push(write)
          return this.writeError
        },
        onAcquirable: () => {
          this.wakeUps++
        },
        onChange: () => {
          this.changes++
        },
        onDeadLetters: (letters) => {
          this.letters.push(...letters)
        },
        onLockExpired: ({ memberId, ...offsets }) => {
          this.told.push(`lock of ${memberId}: ${spelled(offsets)}`)
        },
        onGivenUp: (records) => {
          for (const record of records) this.told.push(`${record.cause}: ${spelled(record)}`)
        },
      },
      {
        persisted: { stateEpoch: 0, startOffset: -1, deliveryCompleteCount: 0, batches: [], ...given.persisted },
        startOffset: given.startOffset ?? 0,
      },
    )
  }

  set(settings: Partial<ShareGroupSettings>): void {
    this.settings = { ...this.settings, ...settings }
  }

  /** Appends log batches of these sizes. */
  produce(...sizes: number[]): void {
    for (const size of sizes) {
      const baseOffset = (this.log.at(-1)?.lastOffset ?? -1) + 1
      this.log.push({ baseOffset, lastOffset: baseOffset + size - 1 })
    }
  }

  /** One fetch; the ranges as e.g. `0-9:1`. */
  fetch(memberId = 'a', wish: FetchWish = {}): string {
    const fetchOffset = this.partition.nextFetchOffset
    const batches = this.log
      .filter((batch) => batch.lastOffset >= fetchOffset)
      .slice(0, wish.batches ?? this.log.length)
    const ranges = this.partition.acquire({
      memberId,
      mode: wish.mode ?? AcquireMode.BATCH_OPTIMIZED,
      maxRecords: wish.maxRecords ?? 500,
      batchSize: wish.batchSize ?? 500,
      batches,
      fetchOffset,
      abortedTransactions: wish.aborted ?? [],
      producerOf: (batch) => {
        const { producerId, isControl } = this.log.find((each) => each.baseOffset === batch.baseOffset) ?? {}
        return {
          producerId: producerId ?? -1,
          isTransactional: producerId !== undefined,
          isControl: isControl === true,
        }
      },
    })
    return ranges.map((range) => `${spelled(range)}:${range.deliveryCount}`).join(' ')
  }

  /** E.g. `ack('a', [0, 9, ACCEPT])`, or with a type for each offset. */
  ack(memberId: string, ...batches: readonly [first: number, last: number, ...types: number[]][]): AcknowledgeOutcome {
    return this.partition.acknowledge(
      memberId,
      batches.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({ firstOffset, lastOffset, acknowledgeTypes })),
    )
  }

  /** E.g. `0-4 ACKNOWLEDGED 1, 5 ACQUIRED 1 a`. */
  get records(): string {
    return this.partition
      .inspect()
      .map((view) => {
        const owner = view.memberId === undefined ? '' : ` ${view.memberId}`
        return `${spelled(view)} ${view.state} ${view.deliveryCount}${owner}`
      })
      .join(', ')
  }

  /** E.g. `start 0, done 0: 0-9 0/1`: the last write with its batches as state/count. */
  get lastWrite(): string {
    const write = this.writes.at(-1)
    if (write === undefined) return 'none'
    const batches = write.batches.map((batch) => `${spelled(batch)} ${batch.state}/${batch.deliveryCount}`)
    return `start ${write.startOffset}, done ${write.deliveryCompleteCount}: ${batches.join(', ')}`
  }
}

function spelled({ firstOffset, lastOffset }: { readonly firstOffset: number; readonly lastOffset: number }): string {
  return firstOffset === lastOffset ? `${firstOffset}` : `${firstOffset}-${lastOffset}`
}
