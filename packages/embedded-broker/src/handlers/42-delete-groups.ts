/** Behaviour: deletes groups of any kind that have no members, with what they have committed. */
import { DeleteGroups, ErrorCode } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

export const deleteGroups = defineHandler(DeleteGroups, (request, context) => ({
  throttleTimeMs: 0,
  results: [...new Set(request.groupsNames)].map((groupId) => ({ groupId, errorCode: deleteGroup(groupId, context) })),
}))

function deleteGroup(groupId: string, context: RequestContext): number {
  const { classicGroups, shareGroups } = context.cluster
  if (!context.allows('Delete', 'Group', groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return notHere
  return shareGroups.has(groupId) ? shareGroups.delete(groupId) : classicGroups.delete(groupId)
}
