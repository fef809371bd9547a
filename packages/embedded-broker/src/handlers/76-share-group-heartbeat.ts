import { ErrorCode, ShareGroupHeartbeat } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { heartbeatFault, isFault } from '../share/coordinator/share-group-faults.js'
import { accessFault, coordinatorFault } from './share-group-access.js'

// ShareGroupHeartbeat (76): joins, stays in, or leaves a share group.
//
// Behaviour: authorisation (Read of the group, Describe of every topic named: one that is not allowed fails the whole), then
//   what is wrong with the request whatever the group, then the coordinator, then the group (share-groups.ts). The answer to
//   an error carries nothing but the error; those of authorisation and of share.version 0 come without a sentence.
// Versions: 1 only.
export const shareGroupHeartbeat = defineHandler(ShareGroupHeartbeat, (request, context) => {
  const { groupId, memberId, memberEpoch, rackId, subscribedTopicNames: topics } = request
  const access = accessFault(context, groupId, 'Read')
  if (access !== undefined) return refuse(access.errorCode, null)
  if (topics?.some((name) => !context.allows('Describe', 'Topic', name)) === true) {
    return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED, null)
  }
  const heartbeat = {
    groupId,
    memberId,
    memberEpoch,
    rackId,
    topics,
    clientId: context.clientId ?? '',
    clientHost: context.connection.clientHost,
  }
  const answer =
    heartbeatFault(heartbeat) ?? coordinatorFault(context, groupId) ?? context.cluster.shareGroups.heartbeat(heartbeat)
  if (isFault(answer)) return refuse(answer.errorCode, answer.errorMessage)
  const { assignment } = answer
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    memberId: answer.memberId,
    memberEpoch: answer.memberEpoch,
    heartbeatIntervalMs: answer.heartbeatIntervalMs,
    assignment:
      assignment === null
        ? null
        : {
            topicPartitions: [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions] })),
          },
  }
})

function refuse(errorCode: number, errorMessage: string | null) {
  return {
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
  }
}
