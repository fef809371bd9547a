/**
 * Behaviour: state and members of classic groups. Their metadata is told of stable groups only. Share groups have an API of
 * their own, and are `Dead` here.
 *
 * Versions: before 6 a group that is not there is `Dead` without an error, then GROUP_ID_NOT_FOUND with a sentence.
 */
import { DescribeGroups, ErrorCode } from '@milena/protocol'
import { authorizedGroupOperations } from '../security/authorized-operations.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

const FIRST_VERSION_WITH_NOT_FOUND = 6

export const describeGroups = defineHandler(DescribeGroups, (request, context) => ({
  groups: request.groups.map((groupId) => describe(groupId, request.includeAuthorizedOperations, context)),
}))

function describe(groupId: string, withOperations: boolean, context: RequestContext) {
  const { classicGroups, shareGroups } = context.cluster
  if (!context.allows('Describe', 'Group', groupId)) return nothing(groupId, ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return nothing(groupId, notHere)
  const found = classicGroups.describe(groupId)
  if (found === undefined) {
    if (context.version < FIRST_VERSION_WITH_NOT_FOUND) return { ...nothing(groupId, 0), groupState: 'Dead' }
    const why = shareGroups.has(groupId) ? `Group ${groupId} is not a classic group.` : `Group ${groupId} not found.`
    return { ...nothing(groupId, ErrorCode.GROUP_ID_NOT_FOUND), groupState: 'Dead', errorMessage: why }
  }
  return {
    errorCode: 0,
    groupId,
    groupState: found.state,
    protocolType: found.protocolType,
    protocolData: found.protocolName,
    members: found.members,
    ...(withOperations && { authorizedOperations: authorizedGroupOperations(groupId, context) }),
  }
}

function nothing(groupId: string, errorCode: number) {
  return { errorCode, groupId, groupState: '', protocolType: '', protocolData: '', members: [] }
}
