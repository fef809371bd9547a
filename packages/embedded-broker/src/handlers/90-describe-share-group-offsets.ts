import { DescribeShareGroupOffsets, ErrorCode, ZERO_UUID, type RequestOf } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import { defineHandler } from '../server/handler.js'
import type { TopicPositions } from '../share/coordinator/share-group-offsets.js'
import type { GroupFault } from '../share/coordinator/share-group-faults.js'
import { accessFault, coordinatorFault, TOPIC_REFUSED } from './share-group-access.js'

// DescribeShareGroupOffsets (90): where share partitions begin, and how much is left of them.
//
// Behaviour: what was written last, which lags one write behind the leader's memory. Neither an unknown group nor an unknown
//   topic nor a partition without a position is an error: all of them read -1. A partition that does not exist, of a topic
//   that does, holds the whole answer up for half a minute, as in Kafka, which asks for its leader until it gives up.
//   Topics that the principal may not describe are refused when named, and left out of "all".
// Versions: 1 (4.2) adds the lag.
export const describeShareGroupOffsets = defineHandler(DescribeShareGroupOffsets, async ({ groups }, context) => {
  if (groups.some((group) => waitsForLeader(group, context))) {
    await context.cluster.surroundings.delayed.wait({
      keys: [],
      delayMs: MISSING_PARTITION_MS,
      tryComplete: () => false,
      signal: context.signal,
    })
  }
  return { throttleTimeMs: 0, groups: groups.map((group) => describe(group, context)) }
})

const MISSING_PARTITION_MS = 30_000

/** What Kafka makes of positions asked for in a group without a name. */
const UNEXPECTED = {
  errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
  errorMessage: 'The server experienced an unexpected error when processing the request.',
} as const

type AskedGroup = RequestOf<typeof DescribeShareGroupOffsets>['groups'][number]

function waitsForLeader({ groupId, topics }: AskedGroup, context: RequestContext): boolean {
  if (groupFault(groupId, context) !== undefined) return false
  const { offsets } = context.cluster.shareGroups
  return topics?.some(({ topicName, partitions }) => offsets.namesMissingPartition(topicName, partitions)) === true
}

function groupFault(groupId: string, context: RequestContext): GroupFault | undefined {
  return accessFault(context, groupId, 'Describe') ?? coordinatorFault(context, groupId)
}

function describe({ groupId, topics }: AskedGroup, context: RequestContext) {
  const fault = groupFault(groupId, context)
  if (fault !== undefined) return { groupId, topics: [], ...fault }
  if (groupId === '' && (topics?.length ?? 0) > 0) return { groupId, topics: [], ...UNEXPECTED }
  const positions =
    topics?.map(({ topicName, partitions }) => named(groupId, topicName, partitions, context)) ??
    context.cluster.shareGroups
      .positions(groupId)
      .filter(({ topicName }) => context.allows('Describe', 'Topic', topicName))
  return { groupId, topics: positions, errorCode: 0, errorMessage: null }
}

function named(
  groupId: string,
  topicName: string,
  partitions: readonly number[],
  context: RequestContext,
): TopicPositions {
  if (context.allows('Describe', 'Topic', topicName)) {
    return context.cluster.shareGroups.offsets.describeNamed(groupId, topicName, partitions)
  }
  return {
    topicName,
    topicId: ZERO_UUID,
    partitions: partitions.map((partitionIndex) => ({
      partitionIndex,
      startOffset: 0,
      leaderEpoch: 0,
      lag: -1,
      ...TOPIC_REFUSED,
    })),
  }
}
