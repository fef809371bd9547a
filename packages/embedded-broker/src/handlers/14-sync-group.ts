/**
 * Behaviour: the leader hands in the assignments, every member gets its own; the others wait for the leader.
 *
 * Versions: from 5 on protocol type and name have to be given, and to be those of the generation.
 */
import { ErrorCode, SyncGroup } from '@milena/protocol'
import { refusedSync } from '../groups/group-answers.js'
import { defineHandler } from '../server/handler.js'

export const syncGroup = defineHandler(SyncGroup, (request, context) => {
  const { groupId } = request
  if (context.version >= 5 && (request.protocolType === null || request.protocolName === null)) {
    return refusedSync(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  }
  if (!context.allows('Read', 'Group', groupId)) return refusedSync(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return refusedSync(notHere)
  // Copied: assignments are kept, the request they came in is not.
  const assignments = request.assignments.map(({ memberId, assignment }) => ({
    memberId,
    assignment: Buffer.from(assignment),
  }))
  return context.cluster.classicGroups.sync(groupId, { ...request, assignments }, context.signal)
})
