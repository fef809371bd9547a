import type { ResponseOf, ShareAcknowledge } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { AckSettlement, Outgoing } from './ack-settlement.js'
import type { PartitionRefusals } from './partition-refusals.js'
import type { SharePartitions } from './share-partition.js'

export interface AcknowledgeAnswersOptions {
  readonly partitions: SharePartitions
  readonly clock: Clock
  readonly settlement: AckSettlement
  readonly refusals: PartitionRefusals
}

/** Takes a ShareAcknowledge answer apart, partition by partition. */
export class AcknowledgeAnswers {
  readonly #options: AcknowledgeAnswersOptions

  constructor(options: AcknowledgeAnswersOptions) {
    this.#options = options
  }

  read(outgoing: Outgoing, response: ResponseOf<typeof ShareAcknowledge>): void {
    const { partitions: known, clock, settlement, refusals } = this.#options
    const { acquisitionLockTimeoutMs: lockMs, nodeEndpoints } = response
    const missing = new Map(outgoing.sent)
    for (const { topicId, partitions } of response.responses) {
      for (const { partitionIndex, errorCode, errorMessage: detail, currentLeader } of partitions) {
        const partition = known.find(topicId, partitionIndex)
        if (partition === undefined || !missing.delete(partition)) continue
        settlement.settle(outgoing, partition, { errorCode, detail, lockMs, now: clock.now() })
        refusals.moved(partition, errorCode, currentLeader, nodeEndpoints)
      }
    }
    settlement.settleMissing(outgoing, missing)
  }
}
