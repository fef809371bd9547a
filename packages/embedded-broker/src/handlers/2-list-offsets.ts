import { ErrorCode, ListOffsets, type RequestOf, type ResponseInput } from '@milena/protocol'
import type { FoundOffset } from '../log/partition-log.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import type { PartitionEntry } from '../topics/topic-catalog.js'
import { leadershipError } from './leader-hints.js'

/*
 * Behaviour
 * - A time gets the first record that is at least as young, below the high watermark or (isolation level 1) the last stable
 *   offset; -1 where there is none. -1 asks for that end, -2 for the start, -3 for the record with the largest timestamp.
 * - Nothing is ever tiered: -4 is the start, -5 and -6 are not there.
 * - A partition that is named twice gets INVALID_REQUEST, once.
 * Versions
 * - -3 needs 7, -4 needs 8, -5 needs 9, -6 needs 11; else UNSUPPORTED_VERSION, as for any other time below 0.
 */

type TopicRequest = RequestOf<typeof ListOffsets>['topics'][number]
type PartitionRequest = TopicRequest['partitions'][number]
type PartitionAnswer = ResponseInput<typeof ListOffsets>['topics'][number]['partitions'][number]

const Special = {
  LATEST: -1,
  EARLIEST: -2,
  LARGEST_TIMESTAMP: -3,
  EARLIEST_LOCAL: -4,
  LATEST_TIERED: -5,
  PENDING: -6,
} as const

const READ_COMMITTED = 1

export const listOffsetsHandler = defineHandler(ListOffsets, async (request, context) => {
  const topics = await Promise.all(
    request.topics.map(async (topic) => ({
      name: topic.name,
      partitions: await Promise.all(
        onceEach(topic).map(({ partition, isRepeated }) =>
          isRepeated
            ? Promise.resolve(failed(partition.partitionIndex, ErrorCode.INVALID_REQUEST))
            : offsetOf(topic.name, partition, { context, isCommitted: request.isolationLevel === READ_COMMITTED }),
        ),
      ),
    })),
  )
  return { topics }
})

function onceEach(topic: TopicRequest): { readonly partition: PartitionRequest; readonly isRepeated: boolean }[] {
  const counts = new Map<number, { readonly partition: PartitionRequest; readonly isRepeated: boolean }>()
  for (const partition of topic.partitions) {
    counts.set(partition.partitionIndex, { partition, isRepeated: counts.has(partition.partitionIndex) })
  }
  return [...counts.values()]
}

async function offsetOf(
  name: string,
  request: PartitionRequest,
  { context, isCommitted }: { readonly context: RequestContext; readonly isCommitted: boolean },
): Promise<PartitionAnswer> {
  const { partitionIndex, currentLeaderEpoch, timestamp } = request
  if (!context.allows('Describe', 'Topic', name)) return failed(partitionIndex, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  if (!isAskedFor(timestamp, context.version)) return failed(partitionIndex, ErrorCode.UNSUPPORTED_VERSION)
  const partition = context.cluster.topics.byName(name)?.partitions[partitionIndex]
  if (partition === undefined) return failed(partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const leadership = leadershipError(partition, context, currentLeaderEpoch)
  if (leadership !== ErrorCode.NONE) return failed(partitionIndex, leadership)
  const upTo = isCommitted ? partition.log.lastStableOffset : partition.log.endOffset
  const found = await find(partition, timestamp, upTo)
  if (found === undefined) return failed(partitionIndex, ErrorCode.NONE)
  return {
    partitionIndex,
    errorCode: ErrorCode.NONE,
    timestamp: found.timestamp,
    offset: found.offset,
    ...(context.version >= 4 ? { leaderEpoch: found.leaderEpoch } : {}),
  }
}

function isAskedFor(timestamp: number, version: number): boolean {
  switch (timestamp) {
    case Special.LARGEST_TIMESTAMP:
      return version >= 7
    case Special.EARLIEST_LOCAL:
      return version >= 8
    case Special.LATEST_TIERED:
      return version >= 9
    case Special.PENDING:
      return version >= 11
    default:
      return timestamp >= Special.EARLIEST
  }
}

async function find(
  { log, leaderEpoch }: PartitionEntry,
  timestamp: number,
  upTo: number,
): Promise<FoundOffset | undefined> {
  switch (timestamp) {
    case Special.LATEST:
      return { timestamp: -1, offset: upTo, leaderEpoch }
    case Special.EARLIEST:
    case Special.EARLIEST_LOCAL: {
      const offset = log.startOffset
      return { timestamp: -1, offset, leaderEpoch: log.leaderEpochAt(offset) ?? leaderEpoch }
    }
    case Special.LARGEST_TIMESTAMP: {
      const found = await log.offsetOfLargestTimestamp()
      return found !== undefined && found.offset < upTo ? found : undefined
    }
    case Special.LATEST_TIERED:
    case Special.PENDING:
      return undefined
    default:
      return log.offsetForTimestamp(timestamp, upTo)
  }
}

function failed(partitionIndex: number, errorCode: number): PartitionAnswer {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 }
}
