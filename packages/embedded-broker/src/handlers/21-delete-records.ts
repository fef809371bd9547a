import { DeleteRecords, ErrorCode, type RequestOf, type ResponseInput } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { leadershipError } from './leader-hints.js'

/*
 * Behaviour
 * - The log then begins at the offset, also in the middle of a batch: that batch stays, and readers pass over its first records.
 * - -1 is the high watermark; below that or above the high watermark: OFFSET_OUT_OF_RANGE. A start further on stays where it is.
 * - A topic that is only compacted does not allow it: POLICY_VIOLATION.
 */

type PartitionAnswer = ResponseInput<typeof DeleteRecords>['topics'][number]['partitions'][number]
type PartitionRequest = RequestOf<typeof DeleteRecords>['topics'][number]['partitions'][number]

export const deleteRecordsHandler = defineHandler(DeleteRecords, (request, context) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((each) => deleteFrom(name, each, context)),
  })),
}))

function deleteFrom(
  name: string,
  { partitionIndex, offset }: PartitionRequest,
  context: RequestContext,
): PartitionAnswer {
  const failed = (errorCode: number): PartitionAnswer => ({ partitionIndex, errorCode, lowWatermark: -1 })
  const { cluster } = context
  if (!context.allows('Delete', 'Topic', name)) return failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const partition = cluster.topics.byName(name)?.partitions[partitionIndex]
  if (partition === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const leadership = leadershipError(partition, context)
  if (leadership !== ErrorCode.NONE) return failed(leadership)
  if (partition.log.settings().isDeleted === false) return failed(ErrorCode.POLICY_VIOLATION)
  return { partitionIndex, ...partition.log.deleteRecordsBefore(offset) }
}
