/**
 * Behaviour: enters a classic group. The answer waits until the generation begins: until all members have joined again, or
 * the rebalance timeout, or for a new group group.initial.rebalance.delay.ms is over. A member whose connection ends while it
 * waits stays in the group until its session ends, as in Kafka.
 *
 * Versions: 0 has one timeout for session and rebalance. 4 sends a new member back once for its id. Before 7 a protocol name
 * must not be null. 9 may tell a static leader that came back to leave the assignment as it is.
 */
import { ErrorCode, JoinGroup, type ResponseInput } from '@milena/protocol'
import { refusedJoin, type JoinAnswer } from '../groups/group-answers.js'
import { defineHandler } from '../server/handler.js'

export const joinGroup = defineHandler(JoinGroup, (request, context) => {
  const { groupId, memberId } = request
  if (!context.allows('Read', 'Group', groupId)) {
    return inVersion(refusedJoin('', ErrorCode.GROUP_AUTHORIZATION_FAILED), context.version)
  }
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return inVersion(refusedJoin(memberId, notHere), context.version)
  const joining = context.cluster.classicGroups.join(
    groupId,
    {
      memberId,
      groupInstanceId: request.groupInstanceId,
      clientId: context.clientId ?? '',
      clientHost: context.connection.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: context.version === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      // Copied: what a member says is kept, the request it came in is not.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      requiresKnownMemberId: context.version >= 4 && request.groupInstanceId === null,
      supportsSkippingAssignment: context.version >= 9,
    },
    context.signal,
  )
  if (!(joining instanceof Promise)) return inVersion(joining, context.version)
  return joining.then((answer) => (answer === undefined ? undefined : inVersion(answer, context.version)))
})

function inVersion(answer: JoinAnswer, version: number): ResponseInput<typeof JoinGroup> {
  const { skipAssignment, ...rest } = answer
  return {
    ...rest,
    protocolName: version < 7 ? (answer.protocolName ?? '') : answer.protocolName,
    ...(version >= 9 && { skipAssignment }),
  }
}
