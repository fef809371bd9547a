import { defaultCompressionCodecs, ErrorCode, type ResponseOf, type ShareFetch } from '@milena/protocol'
import type { Clock, Logger } from '@milena/protocol/runtime'
import type { AckSettlement, Outgoing } from './ack-settlement.js'
import { offsetAllowance, type OffsetAllowance } from './acquired-offsets.js'
import type { FetchBytes } from './fetch-bytes.js'
import type { PartitionRefusals } from './partition-refusals.js'
import type { RequestManagerHost } from './request-manager-host.js'
import type { TopicIdPartition } from './share-partition.js'
import { receivePartition, type CorruptBatch, type ReceivedPartition } from './share-response.js'
import type { ShareSession } from './share-session.js'
import type { UnreadablePartitions } from './unreadable-partitions.js'

type FetchResponse = ResponseOf<typeof ShareFetch>
type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

/** What one ShareFetch answer came to. */
export interface FetchOutcome {
  readonly brought: readonly ReceivedPartition[]
  /** Some partition could not be fetched from. */
  readonly refused: boolean
}

export interface FetchAnswersOptions {
  readonly host: RequestManagerHost
  readonly clock: Clock
  readonly logger: Logger
  readonly session: ShareSession
  readonly settlement: AckSettlement
  readonly refusals: PartitionRefusals
  readonly unreadable: UnreadablePartitions
  readonly bytes: FetchBytes
}

/**
 * Takes a ShareFetch answer apart, partition by partition; an error stays on its partition. What was not asked for is left alone:
 * if the broker has locked something for it, the locks run out there.
 */
export class FetchAnswers {
  readonly #options: FetchAnswersOptions
  #strangerTold = false

  constructor(options: FetchAnswersOptions) {
    this.#options = options
  }

  async read(outgoing: Outgoing, response: FetchResponse): Promise<FetchOutcome> {
    const { host, clock, session, settlement, refusals, unreadable } = this.#options
    const { acquisitionLockTimeoutMs: lockMs, nodeEndpoints } = response
    const missing = new Map(outgoing.sent)
    const brought: ReceivedPartition[] = []
    host.metrics.fetchAnswered(clock.now() - outgoing.sentAt, response.throttleTimeMs)
    let bytes = 0
    let records = 0
    const allowance = offsetAllowance()
    let refused = false
    for (const { topicId, partitions } of response.responses) {
      for (const fetched of partitions) {
        const partition = host.partitions.find(topicId, fetched.partitionIndex)
        if (partition === undefined || (outgoing.held.live && !session.has(partition))) {
          this.#stranger(topicId, fetched.partitionIndex)
          continue
        }
        if (missing.delete(partition)) {
          const { acknowledgeErrorCode: errorCode, acknowledgeErrorMessage: detail } = fetched
          settlement.settle(outgoing, partition, { errorCode, detail, lockMs, now: clock.now() })
          refusals.moved(partition, errorCode, fetched.currentLeader, nodeEndpoints)
        }
        if (fetched.errorCode !== ErrorCode.NONE) {
          refused = true
          refusals.fetch(partition, fetched, nodeEndpoints)
        }
        if (fetched.acquiredRecords.length > 0) {
          const received = await this.#open(outgoing, partition, fetched, { lockMs, allowance })
          for (const batch of received.corrupt) this.#corrupt(batch)
          unreadable.received(received)
          if (received.fault !== undefined) refusals.tell(partition, received.fault)
          if (received.ranges.length > 0) brought.push(received)
          bytes += fetched.records?.length ?? 0
          records += received.records
        }
      }
    }
    host.metrics.fetched(bytes, records)
    settlement.settleMissing(outgoing, missing)
    return { brought, refused }
  }

  async #open(
    { held, sentAt }: Outgoing,
    partition: TopicIdPartition,
    fetched: FetchedPartition,
    { lockMs, allowance }: { readonly lockMs: number; readonly allowance: OffsetAllowance },
  ): Promise<ReceivedPartition> {
    const { host, bytes } = this.#options
    const received = await receivePartition(
      { partition, records: fetched.records, acquired: fetched.acquiredRecords },
      {
        holder: held,
        codecs: defaultCompressionCodecs,
        checkCrcs: host.settings.checkCrcs,
        lockDeadline: sentAt + lockMs,
        allowance,
      },
    )
    let acquired = 0
    for (const { length } of received.ranges) acquired += length
    bytes.received(acquired, fetched.records?.length ?? 0)
    return received
  }

  #corrupt({ partition: { topic, partition }, baseOffset, rejected, reason }: CorruptBatch): void {
    // Records of others, or of nobody any more.
    if (rejected === 0) return
    this.#options.logger.error(
      { topic, partition, baseOffset, rejected, err: reason },
      `the record batch at offset ${baseOffset} of ${topic}-${partition} is corrupt; its ${rejected} records are rejected and the rest goes on`,
    )
  }

  #stranger(topicId: string, partition: number): void {
    const level = this.#strangerTold ? 'debug' : 'warn'
    this.#strangerTold = true
    this.#options.logger[level](
      { topicId, partition },
      'a broker answered for a partition that it was not asked for; that part of the answer is not used',
    )
  }
}
