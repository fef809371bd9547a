import type { KafkaError } from '@milena/protocol'
import type { ShareMetrics } from '../metrics/share-metrics.js'
import type { SentPiece } from './ack-batches.js'
import type { LostPiece } from './acquired-records.js'
import type { BrokerRotation } from './broker-rotation.js'
import type { RenewalOutcome } from './lock-keeper.js'
import type { SharePartitions } from './share-partition.js'
import type { ShareFetchSettings } from './share-requests.js'
import type { ReceivedPartition } from './share-response.js'
import type { AcknowledgementVerdict } from './verdict.js'

/** What a request manager asks of, and tells, the engine. */
export interface RequestManagerHost {
  readonly groupId: string
  readonly memberId: string
  readonly settings: RequestManagerSettings
  readonly partitions: SharePartitions
  /** Brokers take turns in being asked for records; undefined: they do not. */
  readonly rotation: BrokerRotation | undefined
  readonly metrics: ShareMetrics
  /** How many records are wanted now; 0: none. */
  recordsToFetch(): number
  /** Whether a fetch should acquire no more than it asks for. */
  exactFetches(): boolean
  /** The application waits for records, and has none to work on but those that are out. */
  applicationWaits(): boolean
  /** The most offsets that an acquired range should have, as ranges are handed out whole; undefined: as many as a fetch asks for. */
  longestRange(): number | undefined
  /** What one answer brought. */
  received(answer: readonly ReceivedPartition[]): void
  verdict(verdict: AcknowledgementVerdict): void
  /** The broker's acquisition lock duration. */
  lockTimeout(ms: number): void
  /** The metadata is out of date. */
  leadersMoved(): void
  /** The broker refuses for some seconds what it may take any moment; again every 20 s. */
  lasting(error: KafkaError): void
  /** To be told to the application once; the manager goes on after a back-off. */
  failed(error: KafkaError): void
  /** Does not heal by itself. */
  fatal(error: KafkaError): void
  /** The locks of `records` records ran out before they were answered. */
  expired(records: number): void
  /** The broker's word on renewals that the lock keeper wanted for one partition. */
  renewalEnded(pieces: readonly SentPiece[], outcome: RenewalOutcome): void
  /** A renewal is not asked for: all of it was answered meanwhile. */
  renewalUnneeded(piece: SentPiece): void
  /** The lock of unanswered records is gone. */
  lockLost(piece: LostPiece): void
  /** `records` acquired and unanswered records were lost with their session. */
  lost(records: number, cause: KafkaError): void
}

export interface RequestManagerSettings extends ShareFetchSettings {
  readonly clientId: string
  /** Most bytes of one answer, soft. */
  readonly fetchMaxBytes: number
  readonly checkCrcs: boolean
  readonly defaultApiTimeoutMs: number
  readonly requestTimeoutMs: number
}
