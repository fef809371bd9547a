import { ErrorCode, OffsetForLeaderEpoch, type RequestOf, type ResponseInput } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { leadershipError } from './leader-hints.js'

/*
 * Behaviour
 * - Answers with the largest epoch up to the asked one, and where it ended; -1 and -1 for an epoch that lies ahead.
 * - The log is never truncated, so that this tells consumers only that all they read still holds.
 */

type PartitionAnswer = ResponseInput<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number]
type PartitionRequest = RequestOf<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number]

export const offsetForLeaderEpochHandler = defineHandler(OffsetForLeaderEpoch, (request, context) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((each) => endOfEpoch(topic, each, context)),
  })),
}))

function endOfEpoch(name: string, request: PartitionRequest, context: RequestContext): PartitionAnswer {
  const failed = (errorCode: number): PartitionAnswer => ({
    partition: request.partition,
    errorCode,
    leaderEpoch: -1,
    endOffset: -1,
  })
  if (!context.allows('Describe', 'Topic', name)) return failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const partition = context.cluster.topics.byName(name)?.partitions[request.partition]
  if (partition === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const leadership = leadershipError(partition, context, request.currentLeaderEpoch)
  if (leadership !== ErrorCode.NONE) return failed(leadership)
  return {
    partition: request.partition,
    errorCode: ErrorCode.NONE,
    ...partition.log.endOfEpoch(request.leaderEpoch, partition.leaderEpoch),
  }
}
