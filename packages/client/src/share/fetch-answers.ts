import { defaultCompressionCodecs, ErrorCode, type ResponseOf, type ShareFetch } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { AckSettlement, Outgoing } from './ack-settlement.js'
import type { FetchBytes } from './fetch-bytes.js'
import type { PartitionRefusals } from './partition-refusals.js'
import type { RequestManagerHost } from './request-manager-host.js'
import type { TopicIdPartition } from './share-partition.js'
import { receivePartition, type ReceivedPartition } from './share-response.js'

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
  readonly settlement: AckSettlement
  readonly refusals: PartitionRefusals
  readonly bytes: FetchBytes
}

/** Takes a ShareFetch answer apart, partition by partition; an error stays on its partition. */
export class FetchAnswers {
  readonly #options: FetchAnswersOptions

  constructor(options: FetchAnswersOptions) {
    this.#options = options
  }

  async read(outgoing: Outgoing, response: FetchResponse): Promise<FetchOutcome> {
    const { host, clock, settlement, refusals } = this.#options
    const { acquisitionLockTimeoutMs: lockMs, nodeEndpoints } = response
    const missing = new Map(outgoing.sent)
    const brought: ReceivedPartition[] = []
    let refused = false
    for (const { topicId, partitions } of response.responses) {
      for (const fetched of partitions) {
        const partition = host.partitions.find(topicId, fetched.partitionIndex)
        if (partition === undefined) continue
        if (missing.delete(partition)) {
          const { acknowledgeErrorCode: errorCode, acknowledgeErrorMessage: detail } = fetched
          settlement.settle(outgoing, partition, { errorCode, detail, lockMs, now: clock.now() })
        }
        if (fetched.errorCode !== ErrorCode.NONE) {
          refused = true
          refusals.fetch(partition, fetched, nodeEndpoints)
        }
        if (fetched.acquiredRecords.length > 0) brought.push(await this.#open(outgoing, partition, fetched, lockMs))
      }
    }
    settlement.settleMissing(outgoing, missing)
    return { brought, refused }
  }

  async #open(
    { held, sentAt }: Outgoing,
    partition: TopicIdPartition,
    fetched: FetchedPartition,
    lockMs: number,
  ): Promise<ReceivedPartition> {
    const { host, bytes } = this.#options
    const received = await receivePartition(
      { partition, records: fetched.records, acquired: fetched.acquiredRecords },
      {
        holder: held,
        codecs: defaultCompressionCodecs,
        checkCrcs: host.settings.checkCrcs,
        lockDeadline: sentAt + lockMs,
      },
    )
    let acquired = 0
    for (const { length } of received.ranges) acquired += length
    bytes.received(acquired, fetched.records?.length ?? 0)
    return received
  }
}
