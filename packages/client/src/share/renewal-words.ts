import { ErrorCode, KafkaBrokerError, type ResponseOf, type ShareAcknowledge } from '@milena/protocol'
import type { SentByPartition } from './acquired-records.js'
import type { RenewalOutcome } from './lock-keeper.js'
import type { SharePartitions, TopicIdPartition } from './share-partition.js'

/** The broker's words on a request of renewals: one outcome for each partition that it carried. */
export function renewalOutcomes(
  sent: SentByPartition,
  response: ResponseOf<typeof ShareAcknowledge>,
  { partitions, sentAt }: { readonly partitions: SharePartitions; readonly sentAt: number },
): ReadonlyMap<TopicIdPartition, RenewalOutcome> {
  const { errorCode, errorMessage, acquisitionLockTimeoutMs } = response
  const outcomes = new Map<TopicIdPartition, RenewalOutcome>()
  for (const { topicId, partitions: answered } of response.responses) {
    for (const { partitionIndex, errorCode: code, errorMessage: detail } of answered) {
      const partition = partitions.find(topicId, partitionIndex)
      if (partition === undefined || !sent.has(partition)) continue
      outcomes.set(
        partition,
        code === ErrorCode.NONE ? { lockDeadline: sentAt + acquisitionLockTimeoutMs } : refused(code, detail),
      )
    }
  }
  const code = errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_SERVER_ERROR : errorCode
  for (const partition of sent.keys())
    if (!outcomes.has(partition)) outcomes.set(partition, refused(code, errorMessage))
  return outcomes
}

function refused(code: number, detail: string | null): RenewalOutcome {
  return { code, error: KafkaBrokerError.of(code, { api: 'ShareAcknowledge', detail }) }
}
