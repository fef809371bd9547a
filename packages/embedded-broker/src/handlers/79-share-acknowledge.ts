import { ErrorCode, ShareAcknowledge, type ResponseInput, type Uuid } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { SessionEpoch } from '../share/leader/share-session.js'
import { groupFault } from './share-request-checks.js'
import { beginAcknowledgements, sortAcknowledgements } from './share-acknowledgements.js'
import { LeaderHints } from './leader-hints.js'
import { leaderHint } from './share-fetch-answer.js'

// Behaviour
// - Needs a session; the right epoch is used up before anything else is looked at. -1 applies what it carries, releases
//   the rest of what the member holds in the session's partitions, and ends the session.
// - Each partition's acknowledgements hold all together or not at all. A partition with an empty list is answered
//   only beside one that has acknowledgements.
// Versions
// - 1: Kafka 4.1. 2: Kafka 4.2 has RENEW, and tells the lock's duration.

type Answer = ResponseInput<typeof ShareAcknowledge>
type Partition = Answer['responses'][number]['partitions'][number]

export const shareAcknowledgeHandler = defineHandler(ShareAcknowledge, (request, context): Answer => {
  const { share } = context.node
  const fault = groupFault(request, context)
  const { groupId, memberId, shareSessionEpoch: epoch } = request
  if (fault !== ErrorCode.NONE || groupId === null || memberId === null) return refusal(fault)
  const { errorCode, session } = share.sessions.acknowledge({ groupId, memberId, epoch })
  if (session === undefined) return refusal(errorCode)

  const sorted = sortAcknowledgements(request.topics, { groupId, isRenewAck: request.isRenewAck }, context)
  // Fetches that wait see what was released before, and not yet what becomes free now.
  for (const { led } of sorted.addressed) context.cluster.surroundings.delayed.touch(led.waitKey)
  const results = beginAcknowledgements(sorted, memberId, context)?.complete()
  if (results === undefined) return refusal(ErrorCode.UNKNOWN_SERVER_ERROR)
  if (epoch === SessionEpoch.FINAL) share.closeSession(session)

  const hints = new LeaderHints(context.cluster, { leader: true, endpoints: true })
  const topics = new Map<Uuid, { topicId: Uuid; partitions: Partition[] }>()
  for (const { topicId, partition, ...outcome } of results) {
    const answer: Partition = {
      partitionIndex: partition,
      errorCode: outcome.errorCode,
      errorMessage: outcome.errorMessage,
      currentLeader: leaderHint(hints, outcome.errorCode, context.cluster.topics.partition(topicId, partition)),
    }
    const topic = topics.get(topicId)
    if (topic === undefined) topics.set(topicId, { topicId, partitions: [answer] })
    else topic.partitions.push(answer)
  }
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    acquisitionLockTimeoutMs: share.settings(groupId).recordLockDurationMs,
    responses: [...topics.values()],
    nodeEndpoints: hints.nodeEndpoints,
  }
})

function refusal(errorCode: number): Answer {
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
}
