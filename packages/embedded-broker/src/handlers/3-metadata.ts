import { ErrorCode, Metadata, ZERO_UUID, type RequestOf } from '@milena/protocol'
import { authorizedOperations } from '../security/authorized-operations.js'
import { CLUSTER_NAME } from '../security/authorizer.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { isTopicFailure, type TopicEntry } from '../topics/topic-catalog.js'
import { topicNameFailure } from '../topics/topic-names.js'
import { partitionView, type PartitionView } from './topic-partitions.js'

/** Topics may be asked for by their ids from here on. */
const ASKS_BY_ID = 12

type AskedTopic = NonNullable<RequestOf<typeof Metadata>['topics']>[number]

interface ToldTopic {
  readonly errorCode: number
  readonly name: string | null
  readonly topicId?: string
  readonly partitions: readonly PartitionView[]
}

/**
 * Behaviour: live brokers, topics asked for by name or id, or all. A topic that is not there is made when the client and
 * `auto.create.topics.enable` allow it; as with Kafka, this answer still says UNKNOWN_TOPIC_OR_PARTITION, and the next one has
 * it. Topics that the principal may not describe are left out of "all", and answered with TOPIC_AUTHORIZATION_FAILED when named.
 *
 * Versions: 0 asks for all with an empty list, later ones with null. Up to 3 every request lets topics be made. 10 and 11 have
 * a place for ids, but asking by id is INVALID_REQUEST before 12.
 */
export const metadataHandler = defineHandler(Metadata, (request, context) => {
  const { cluster, version } = context
  const asked = version === 0 && request.topics?.length === 0 ? null : request.topics
  const malformed = asked === null ? 0 : malformedError(asked, version)
  if (asked !== null && malformed !== 0) {
    return {
      throttleTimeMs: 0,
      brokers: [],
      topics: asked.map(({ topicId, name }) => ({
        errorCode: malformed,
        name: name ?? '',
        ...(version >= 10 && { topicId }),
        partitions: [],
      })),
    }
  }
  const told = asked === null ? allTopics(context) : askedTopics(asked, request.allowAutoTopicCreation, context)
  return {
    throttleTimeMs: 0,
    brokers: cluster.liveNodes.map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack: rack ?? null })),
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    topics: told.map((topic) => ({
      errorCode: topic.errorCode,
      name: topic.name,
      topicId: topic.topicId ?? ZERO_UUID,
      isInternal: false,
      partitions: [...topic.partitions],
      ...(request.includeTopicAuthorizedOperations &&
        topic.name !== null && {
          topicAuthorizedOperations: authorizedOperations({ type: 'Topic', name: topic.name }, context),
        }),
    })),
    ...(request.includeClusterAuthorizedOperations && { clusterAuthorizedOperations: clusterOperations(context) }),
  }
})

/** What the principal may do to the cluster; nothing when it may not even describe it. */
export function clusterOperations(context: RequestContext): number {
  if (!context.allows('Describe', 'Cluster', CLUSTER_NAME)) return 0
  return authorizedOperations({ type: 'Cluster', name: CLUSTER_NAME }, context)
}

function malformedError(asked: readonly AskedTopic[], version: number): number {
  if (version < ASKS_BY_ID) {
    const isById = asked.some(({ topicId, name }) => name === null || topicId !== ZERO_UUID)
    return isById ? ErrorCode.INVALID_REQUEST : 0
  }
  const isNothing = asked.some(({ topicId, name }) => name === null && topicId === ZERO_UUID)
  return isNothing ? ErrorCode.UNKNOWN_SERVER_ERROR : 0
}

function mayDescribe(name: string, context: RequestContext): boolean {
  return context.allows('Describe', 'Topic', name)
}

function known(topic: TopicEntry, { cluster }: RequestContext): ToldTopic {
  const isLive = (id: number): boolean => cluster.node(id)?.isAlive === true
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map((partition) => partitionView(partition, isLive)),
  }
}

function allTopics(context: RequestContext): readonly ToldTopic[] {
  return context.cluster.topics
    .all()
    .filter(({ name }) => mayDescribe(name, context))
    .map((topic) => known(topic, context))
}

function askedTopics(asked: readonly AskedTopic[], mayCreate: boolean, context: RequestContext): readonly ToldTopic[] {
  const told = new Map<string, ToldTopic>()
  for (const { topicId, name } of asked) {
    const key = topicId === ZERO_UUID ? `name:${name}` : `id:${topicId}`
    if (told.has(key)) continue
    told.set(key, topicId === ZERO_UUID ? byName(name ?? '', mayCreate, context) : byId(topicId, context))
  }
  return [...told.values()]
}

function byId(topicId: string, context: RequestContext): ToldTopic {
  const topic = context.cluster.topics.byId(topicId)
  if (topic === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, name: null, topicId, partitions: [] }
  if (!mayDescribe(topic.name, context)) {
    return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, name: null, topicId, partitions: [] }
  }
  return known(topic, context)
}

function byName(name: string, mayCreate: boolean, context: RequestContext): ToldTopic {
  const failed = (errorCode: number): ToldTopic => ({ errorCode, name, partitions: [] })
  if (!mayDescribe(name, context)) return failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const { topics, configs } = context.cluster
  const topic = topics.byName(name)
  if (topic !== undefined) return known(topic, context)
  const wrongName = topicNameFailure(name)
  if (mayCreate && configs.brokerBoolean('auto.create.topics.enable')) {
    if (!context.allows('Create', 'Cluster', CLUSTER_NAME) && !context.allows('Create', 'Topic', name)) {
      return failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    }
    if (wrongName === undefined) {
      const made = topics.create({ name })
      if (isTopicFailure(made)) {
        context.logger.warn({ topic: name }, `Topic ${name} was asked for and could not be made: ${made.errorMessage}`)
      }
    }
  }
  return failed(wrongName?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
}
