/**
 * Behaviour: begins the member's session anew, and tells it with REBALANCE_IN_PROGRESS to join again. While the leader works
 * out the assignment, heartbeats are fine.
 */
import { ErrorCode, Heartbeat } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const heartbeat = defineHandler(Heartbeat, (request, context) => {
  const { groupId } = request
  if (!context.allows('Read', 'Group', groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
  const errorCode = context.cluster.coordinatorError(groupId, context.node)
  return { errorCode: errorCode === 0 ? context.cluster.classicGroups.heartbeat(groupId, request) : errorCode }
})
