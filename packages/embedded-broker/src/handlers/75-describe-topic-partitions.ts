import { DescribeTopicPartitions, ErrorCode } from '@milena/protocol'
import { authorizedOperations } from '../security/authorized-operations.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { topicNameFailure } from '../topics/topic-names.js'
import { partitionView } from './topic-partitions.js'

interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/**
 * Behaviour: topics in alphabetical order, page by page: at most as many partitions as asked for and as
 * `max.request.partition.size.limit` allows, at least one. A cursor begins within the named topics, or among all of them. Named
 * topics that the principal may not describe come last, with TOPIC_AUTHORIZATION_FAILED. Versions: one.
 */
export const describeTopicPartitionsHandler = defineHandler(DescribeTopicPartitions, (request, context) => {
  const { cursor } = request
  const asked = [...new Set(request.topics.map(({ name }) => name))]
  const isAll = asked.length === 0
  const names = isAll ? context.cluster.topics.all().map(({ name }) => name) : asked
  const after = names.filter((name) => cursor === null || name >= cursor.topicName).toSorted(byCodeUnits)
  const isOff = cursor !== null && (cursor.partitionIndex < 0 || (!isAll && after[0] !== cursor.topicName))
  if (isOff)
    return {
      throttleTimeMs: 0,
      topics: asked.map((name) => ({ ...empty(name), errorCode: ErrorCode.INVALID_REQUEST })),
    }
  const mayDescribe = (name: string): boolean => context.allows('Describe', 'Topic', name)
  const limit = Math.min(
    request.responsePartitionLimit,
    context.cluster.configs.brokerNumber('max.request.partition.size.limit'),
  )
  const page = pageOf(after.filter(mayDescribe), { cursor, limit: Math.max(1, limit) }, context)
  const denied = isAll ? [] : after.filter((name) => !mayDescribe(name))
  return {
    throttleTimeMs: 0,
    topics: [
      ...page.topics,
      ...denied.map((name) => ({ ...empty(name), errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })),
    ],
    nextCursor: page.nextCursor,
  }
})

const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function empty(name: string) {
  return { name, topicId: NO_TOPIC_ID, partitions: [] }
}

function pageOf(
  names: readonly string[],
  from: { readonly cursor: Cursor | null; readonly limit: number },
  context: RequestContext,
) {
  const { cluster } = context
  const isLive = (id: number): boolean => cluster.node(id)?.isAlive === true
  const topics = []
  let room = from.limit
  let nextCursor: Cursor | null = null
  for (const name of names) {
    if (room <= 0) {
      nextCursor = { topicName: name, partitionIndex: 0 }
      break
    }
    const topicAuthorizedOperations = authorizedOperations({ type: 'Topic', name }, context)
    const topic = cluster.topics.byName(name)
    if (topic === undefined) {
      const errorCode = topicNameFailure(name)?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      topics.push({ ...empty(name), errorCode, topicAuthorizedOperations })
      continue
    }
    const first = from.cursor?.topicName === name ? from.cursor.partitionIndex : 0
    const partitions = topic.partitions.slice(first, first + room)
    room -= partitions.length
    topics.push({
      errorCode: 0,
      name,
      topicId: topic.id,
      isInternal: topic.isInternal,
      partitions: partitions.map((partition) => ({
        ...partitionView(partition, isLive),
        eligibleLeaderReplicas: [...partition.eligibleLeaderReplicas],
        lastKnownElr: [],
      })),
      topicAuthorizedOperations,
    })
    if (first + partitions.length < topic.partitions.length) {
      nextCursor = { topicName: name, partitionIndex: first + partitions.length }
      break
    }
  }
  return { topics, nextCursor }
}
