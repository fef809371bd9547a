import { ErrorCode, ShareGroupDescribe } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import { authorizedGroupOperations } from '../security/authorized-operations.js'
import { defineHandler } from '../server/handler.js'
import type { ShareGroup, ShareGroupMember } from '../share/coordinator/share-group.js'
import { isFault, type GroupFault } from '../share/coordinator/share-group-faults.js'
import { accessFault, coordinatorFault } from './share-group-access.js'

// ShareGroupDescribe (77): state, epochs and members of share groups.
//
// Behaviour: one answer per group asked for, with an error of its own. A group of another type is not found. Topics that were
//   deleted are left out of assignments. A member that has a topic which the principal may not describe fails its group.
// Versions: 1 only.
export const shareGroupDescribe = defineHandler(ShareGroupDescribe, (request, context) => ({
  throttleTimeMs: 0,
  groups: request.groupIds.map((groupId) => describe(groupId, request.includeAuthorizedOperations, context)),
}))

/** "Not asked for", in Kafka's bit field of operations. */
const NO_OPERATIONS = -2147483648

function describe(groupId: string, includeAuthorizedOperations: boolean, context: RequestContext) {
  const access = accessFault(context, groupId, 'Describe')
  if (access !== undefined) return faulty(groupId, { ...access, errorMessage: null })
  if (groupId === '') return faulty(groupId, { errorCode: ErrorCode.INVALID_GROUP_ID, errorMessage: null })
  const group = coordinatorFault(context, groupId) ?? context.cluster.shareGroups.find(groupId)
  if (isFault(group)) return faulty(groupId, group)
  if (!mayDescribeTopics(group, context)) {
    return faulty(groupId, {
      errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      errorMessage: 'The group has described topic(s) that the client is not authorized to describe.',
    })
  }
  return {
    errorCode: 0,
    errorMessage: null,
    groupId,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: 'simple',
    members: group.members.map((member) => describeMember(member, context)),
    authorizedOperations: includeAuthorizedOperations ? authorizedGroupOperations(groupId, context) : NO_OPERATIONS,
  }
}

function describeMember(member: ShareGroupMember, context: RequestContext) {
  const { memberId, rackId, epoch: memberEpoch, clientId, clientHost } = member
  return {
    memberId,
    rackId,
    memberEpoch,
    clientId,
    clientHost,
    subscribedTopicNames: [...member.topics],
    assignment: {
      topicPartitions: [...member.assignment].flatMap(([topicId, partitions]) => {
        const topicName = context.cluster.topics.byId(topicId)?.name
        return topicName === undefined ? [] : { topicId, topicName, partitions: [...partitions] }
      }),
    },
  }
}

function mayDescribeTopics(group: ShareGroup, context: RequestContext): boolean {
  const names = new Set(group.members.flatMap((member) => member.topics))
  return [...names].every((name) => context.allows('Describe', 'Topic', name))
}

function faulty(groupId: string, fault: GroupFault) {
  return {
    errorCode: fault.errorCode,
    errorMessage: fault.errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: NO_OPERATIONS,
  }
}
