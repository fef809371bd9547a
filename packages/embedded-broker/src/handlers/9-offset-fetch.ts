/**
 * Behaviour: what a group has committed; -1 and no error where it has nothing, also for a group that does not exist and for
 * partitions that do not. Null topics ask for all. With requireStable, a position that an open transaction may still change
 * is refused with UNSTABLE_OFFSET_COMMIT.
 *
 * Versions: 1 tells the group's error with each partition, later ones once. From 8 on several groups. 10 names topics by id.
 */
import { ErrorCode, OffsetFetch, ZERO_UUID, type Uuid } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

interface AskedTopic {
  readonly name: string
  readonly topicId: Uuid
  readonly partitionIndexes: readonly number[]
}

interface FetchedPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  readonly committedLeaderEpoch: number
  readonly metadata: string
  readonly errorCode: number
}

interface FetchedTopic {
  readonly name: string
  readonly topicId: Uuid
  readonly partitions: FetchedPartition[]
}

const FIRST_VERSION_WITH_GROUPS = 8

export const offsetFetch = defineHandler(OffsetFetch, (request, context) => {
  const { requireStable } = request
  if (context.version >= FIRST_VERSION_WITH_GROUPS) {
    return {
      groups: request.groups.map(({ groupId, topics }) => {
        const errorCode = groupError(groupId, context)
        if (errorCode !== 0) return { groupId, topics: [], errorCode }
        return { groupId, topics: fetch(groupId, { topics, requireStable }, context), errorCode }
      }),
    }
  }
  const errorCode = groupError(request.groupId, context)
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null
  if (errorCode === 0) return { topics: fetch(request.groupId, { topics, requireStable }, context), errorCode }
  if (context.version >= 2) return { topics: [], errorCode }
  return { topics: (topics ?? []).map((topic) => refused(topic, errorCode)), errorCode }
})

function groupError(groupId: string, context: RequestContext): number {
  if (!context.allows('Describe', 'Group', groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED
  return context.cluster.coordinatorError(groupId, context.node)
}

function fetch(
  groupId: string,
  asked: { readonly topics: readonly AskedTopic[] | null; readonly requireStable: boolean },
  context: RequestContext,
): FetchedTopic[] {
  const topics = asked.topics ?? allTopics(groupId, context)
  return topics.map((topic) => {
    const name = topic.name === '' ? context.cluster.topics.byId(topic.topicId)?.name : topic.name
    if (name === undefined) return refused(topic, ErrorCode.UNKNOWN_TOPIC_ID)
    if (!context.allows('Describe', 'Topic', name)) return refused(topic, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    return {
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitionIndexes.map((partitionIndex) => {
        const { committed, isUnstable } = context.cluster.classicGroups.committed(groupId, {
          topic: name,
          partition: partitionIndex,
        })
        if (isUnstable && asked.requireStable) return nothing(partitionIndex, ErrorCode.UNSTABLE_OFFSET_COMMIT)
        if (committed === undefined) return nothing(partitionIndex, 0)
        return {
          partitionIndex,
          committedOffset: committed.offset,
          committedLeaderEpoch: committed.leaderEpoch,
          metadata: committed.metadata,
          errorCode: 0,
        }
      }),
    }
  })
}

/** The topics with committed positions that the principal may know of. */
function allTopics(groupId: string, context: RequestContext): readonly AskedTopic[] {
  const partitionsOf = new Map<string, number[]>()
  for (const { topic, partition } of context.cluster.classicGroups.allCommitted(groupId)) {
    const partitions = partitionsOf.get(topic)
    if (partitions === undefined) partitionsOf.set(topic, [partition])
    else partitions.push(partition)
  }
  return [...partitionsOf]
    .filter(([name]) => context.allows('Describe', 'Topic', name))
    .map(([name, partitionIndexes]) => ({
      name,
      topicId: context.cluster.topics.byName(name)?.id ?? ZERO_UUID,
      partitionIndexes,
    }))
}

function refused({ name, topicId, partitionIndexes }: AskedTopic, errorCode: number): FetchedTopic {
  return { name, topicId, partitions: partitionIndexes.map((partitionIndex) => nothing(partitionIndex, errorCode)) }
}

function nothing(partitionIndex: number, errorCode: number): FetchedPartition {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}
