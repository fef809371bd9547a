import { CreateTopics, ErrorCode, type RequestOf } from '@milena/protocol'
import { CLUSTER_NAME } from '../security/authorizer.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { isTopicFailure, type NewTopic, type PlannedTopic, type TopicFailure } from '../topics/topic-catalog.js'

type AskedTopic = RequestOf<typeof CreateTopics>['topics'][number]

/** Of one request, as Kafka's controller has it. */
const MAX_PARTITIONS_PER_REQUEST = 10_000

/**
 * Behaviour: each topic for itself; a name given twice fails once for both. A topic that was made can be used when the answer
 * comes. Order of the checks and words of the errors are Kafka's.
 *
 * Versions: 5+ tell the topic's settings (unless the principal may not describe them) and numbers, 7 its id. A topic that is only
 * validated is told an id too, as Kafka does, which means nothing.
 */
export const createTopicsHandler = defineHandler(CreateTopics, (request, context) => {
  const byName = new Map<string, AskedTopic[]>()
  for (const topic of request.topics) {
    const named = byName.get(topic.name)
    if (named === undefined) byName.set(topic.name, [topic])
    else named.push(topic)
  }
  const partitions = request.topics.reduce((sum, topic) => sum + partitionsOf(topic), 0)
  return {
    throttleTimeMs: 0,
    topics: [...byName].map(([name, [topic, another]]) => {
      if (partitions > MAX_PARTITIONS_PER_REQUEST) {
        return failed(name, ErrorCode.POLICY_VIOLATION, 'Excessively large number of partitions per request.')
      }
      if (topic === undefined || another !== undefined) {
        return failed(name, ErrorCode.INVALID_REQUEST, 'Duplicate topic name.')
      }
      return create(topic, request.validateOnly, context)
    }),
  }
})

function partitionsOf({ numPartitions, assignments }: AskedTopic): number {
  if (assignments.length > 0) return assignments.length
  return Math.max(0, numPartitions)
}

function failed(name: string, errorCode: number, errorMessage: string) {
  return { name, errorCode, errorMessage, configs: [] }
}

function create(asked: AskedTopic, validateOnly: boolean, context: RequestContext) {
  const { cluster } = context
  const { name } = asked
  if (!context.allows('Create', 'Cluster', CLUSTER_NAME) && !context.allows('Create', 'Topic', name)) {
    return failed(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED, 'Authorization failed.')
  }
  const topic = newTopic(asked)
  const plan = isTopicFailure(topic) ? topic : cluster.topics.plan(topic)
  const result = isTopicFailure(topic) || isTopicFailure(plan) || validateOnly ? plan : cluster.topics.create(topic)
  if (isTopicFailure(plan) || isTopicFailure(result)) {
    const { errorCode, errorMessage } = isTopicFailure(plan) ? plan : (result as TopicFailure)
    return failed(name, errorCode, errorMessage)
  }
  const topicId = 'id' in result ? result.id : cluster.surroundings.random.uuid().toString('base64url')
  return { name, topicId, errorCode: 0, errorMessage: null, ...settings(plan, context) }
}

function settings(plan: PlannedTopic, context: RequestContext) {
  if (!context.allows('DescribeConfigs', 'Topic', plan.name)) {
    return { topicConfigErrorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, configs: [] }
  }
  return {
    numPartitions: plan.replicas.length,
    replicationFactor: plan.replicas[0]?.length ?? 0,
    configs: context.cluster.configs
      .describeNewTopic(plan.configs)
      .map(({ name, value, readOnly, configSource, isSensitive }) => ({
        name,
        value,
        readOnly,
        configSource,
        isSensitive,
      })),
  }
}

function newTopic({
  name,
  numPartitions,
  replicationFactor,
  assignments,
  configs,
}: AskedTopic): NewTopic | TopicFailure {
  const sorted = assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
  const twice = sorted.find(({ partitionIndex }, i) => sorted[i + 1]?.partitionIndex === partitionIndex)
  const refused = (errorMessage: string): TopicFailure => ({
    errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    errorMessage,
  })
  if (twice !== undefined) {
    return refused(`Found multiple manual partition assignments for partition ${twice.partitionIndex}`)
  }
  if (sorted.some(({ partitionIndex }, i) => partitionIndex !== i)) {
    return refused('partitions should be a consecutive 0-based integer sequence')
  }
  return {
    name,
    numPartitions,
    replicationFactor,
    assignments: sorted.map(({ brokerIds }) => brokerIds),
    configs: Object.fromEntries(configs.map((config) => [config.name, config.value])),
  }
}
