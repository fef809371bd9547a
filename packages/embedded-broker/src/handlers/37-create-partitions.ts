import { CreatePartitions, ErrorCode, type RequestOf } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { isTopicFailure } from '../topics/topic-catalog.js'

type AskedTopic = RequestOf<typeof CreatePartitions>['topics'][number]

/** Of one topic in one request, as Kafka's controller has it. */
const MAX_ADDED_PARTITIONS = 10_000

/** Behaviour: each topic for itself; a name given twice fails once for both. Versions: all alike. */
export const createPartitionsHandler = defineHandler(CreatePartitions, (request, context) => {
  const byName = new Map<string, AskedTopic[]>()
  for (const topic of request.topics) {
    const named = byName.get(topic.name)
    if (named === undefined) byName.set(topic.name, [topic])
    else named.push(topic)
  }
  return {
    throttleTimeMs: 0,
    results: [...byName].map(([name, [topic, another]]) => {
      if (topic === undefined || another !== undefined) {
        return { name, errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'Duplicate topic name.' }
      }
      return { name, ...add(topic, request.validateOnly, context) }
    }),
  }
})

function add({ name, count, assignments }: AskedTopic, validateOnly: boolean, context: RequestContext) {
  const { topics } = context.cluster
  if (!context.allows('Alter', 'Topic', name)) {
    return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: null }
  }
  const topic = topics.byName(name)
  if (topic === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null }
  if (count - topic.partitions.length > MAX_ADDED_PARTITIONS) {
    return {
      errorCode: ErrorCode.POLICY_VIOLATION,
      errorMessage: 'Excessively large number of additional partitions per request.',
    }
  }
  const result = topics.addPartitions(name, count, {
    assignments: assignments === null ? null : assignments.map(({ brokerIds }) => brokerIds),
    validateOnly,
  })
  if (!isTopicFailure(result)) return { errorCode: 0, errorMessage: null }
  return { errorCode: result.errorCode, errorMessage: result.errorMessage }
}
