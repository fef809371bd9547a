import type { KafkaError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import type { ShareMetrics } from '../metrics/share-metrics.js'
import { offsetsOfPieces, type SentPiece } from './ack-batches.js'
import type { LostPiece } from './acquired-records.js'
import { BrokerRotation } from './broker-rotation.js'
import type { RenewalOutcome } from './lock-keeper.js'
import type { RequestManagerHost, RequestManagerSettings } from './request-manager-host.js'
import type { SharePartitions } from './share-partition.js'
import type { ReceivedPartition } from './share-response.js'
import { offsetsOf, type AcknowledgementVerdict } from './verdict.js'

/** What the engine does when its request managers ask, or tell. */
export interface EngineReactions extends Pick<
  RequestManagerHost,
  | 'recordsToFetch'
  | 'exactFetches'
  | 'applicationWaits'
  | 'longestRange'
  | 'received'
  | 'verdict'
  | 'lockTimeout'
  | 'lockLost'
  | 'renewalEnded'
  | 'renewalUnneeded'
  | 'leadersMoved'
  | 'lasting'
  | 'failed'
  | 'fatal'
> {
  readonly metrics: ShareMetrics
  readonly logger: Logger
  readonly partitions: SharePartitions
}

/** The engine as its request managers see it: settings, and one place for each kind of news. */
export class ShareEngineHost implements RequestManagerHost {
  readonly groupId: string
  readonly memberId: string
  readonly settings: RequestManagerSettings
  readonly partitions: SharePartitions
  readonly rotation: BrokerRotation | undefined
  readonly metrics: ShareMetrics
  readonly #engine: EngineReactions

  constructor(config: ResolvedShareConsumerConfig, memberId: string, engine: EngineReactions) {
    this.groupId = config.groupId
    this.memberId = memberId
    this.settings = config
    this.partitions = engine.partitions
    this.metrics = engine.metrics
    this.rotation = config.acquireMode === 'record_limit' ? new BrokerRotation() : undefined
    this.#engine = engine
  }

  recordsToFetch(): number {
    return this.#engine.recordsToFetch()
  }

  exactFetches(): boolean {
    return this.#engine.exactFetches()
  }

  applicationWaits(): boolean {
    return this.#engine.applicationWaits()
  }

  longestRange(): number | undefined {
    return this.#engine.longestRange()
  }

  received(answer: readonly ReceivedPartition[]): void {
    this.#engine.received(answer)
  }

  verdict(verdict: AcknowledgementVerdict): void {
    if (verdict.error !== undefined) this.metrics.acknowledgementsFailed.record(offsetsOf(verdict.counts))
    this.#engine.verdict(verdict)
  }

  lockTimeout(ms: number): void {
    this.#engine.lockTimeout(ms)
  }

  leadersMoved(): void {
    this.#engine.leadersMoved()
  }

  lasting(error: KafkaError): void {
    this.#engine.lasting(error)
  }

  failed(error: KafkaError): void {
    this.#engine.failed(error)
  }

  fatal(error: KafkaError): void {
    this.#engine.fatal(error)
  }

  renewalEnded(pieces: readonly SentPiece[], outcome: RenewalOutcome): void {
    if ('error' in outcome) this.metrics.acknowledgementsFailed.record(offsetsOfPieces(pieces))
    this.#engine.renewalEnded(pieces, outcome)
  }

  renewalUnneeded(piece: SentPiece): void {
    this.#engine.renewalUnneeded(piece)
  }

  /** Every loss comes by here, however it came about. */
  lockLost(piece: LostPiece): void {
    this.metrics.counters.lost += piece.to - piece.from
    this.#engine.lockLost(piece)
  }

  /** For the log: lockLost() has been told. */
  expired(records: number): void {
    const { logger } = this.#engine
    logger.warn(
      { groupId: this.groupId, records },
      'locks ran out before their records were acknowledged; the group delivers them again. Lower maxPollRecords, or lengthen share.record.lock.duration.ms of the group.',
    )
  }

  /** The same. */
  lost(records: number, cause: KafkaError): void {
    const { logger } = this.#engine
    const level = records > 0 ? 'warn' : 'debug'
    logger[level](
      { groupId: this.groupId, records, err: cause },
      'a share session was lost; its records will be delivered again',
    )
  }
}
