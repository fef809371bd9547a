/**
 * Behaviour: ends memberships at once; the others rebalance. A static member may be named by its instance id alone.
 *
 * Versions: up to 2 one member, whose error is the answer's; from 3 on several, each with an error of its own.
 */
import { ErrorCode, LeaveGroup } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const leaveGroup = defineHandler(LeaveGroup, (request, context) => {
  const { groupId } = request
  if (!context.allows('Read', 'Group', groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return { errorCode: notHere }
  const leaving = context.version < 3 ? [{ memberId: request.memberId, groupInstanceId: null }] : request.members
  const left = context.cluster.classicGroups.leave(groupId, leaving)
  if (typeof left === 'number') return { errorCode: left }
  if (context.version < 3) return { errorCode: left[0] ?? 0 }
  return {
    errorCode: 0,
    members: leaving.map(({ memberId, groupInstanceId }, i) => ({
      memberId,
      groupInstanceId,
      errorCode: left[i] ?? 0,
    })),
  }
})
