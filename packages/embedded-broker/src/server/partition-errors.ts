import { KafkaUsageError } from '@milena/protocol'
import type { FailedPartition } from './intercept.js'

/** What a hook wants partitions to answer; 0: nothing. */
export type PartitionErrors = (topic: string, partition: number) => number

export const noPartitionError: PartitionErrors = () => 0

/** Whose handlers ask for it, each at the place where it looks who leads a partition. */
const askers: ReadonlySet<string> = new Set([
  'Produce',
  'Fetch',
  'ListOffsets',
  'DeleteRecords',
  'OffsetForLeaderEpoch',
  'ShareFetch',
  'ShareAcknowledge',
])

/** Throws KafkaUsageError for an API that is not about what leaders have. */
export function partitionErrors(
  api: string,
  partitions: readonly FailedPartition[],
  errorCode: number,
): PartitionErrors {
  if (!askers.has(api)) {
    throw new KafkaUsageError(
      `${api} cannot fail for single partitions, only ${[...askers].join(', ')} can: leave partitions out, or give { do: 'change' }.`,
    )
  }
  return (topic, partition) =>
    partitions.some((each) => each.topic === topic && (each.partition ?? partition) === partition) ? errorCode : 0
}
