import { ErrorCode } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'

const MAX_MEMBER_ID_LENGTH = 36

/** What ShareFetch and ShareAcknowledge are refused for before their session is looked at, in Kafka's order. */
export function groupFault(
  request: { readonly groupId: string | null; readonly memberId: string | null },
  context: RequestContext,
): number {
  const { groupId, memberId } = request
  if (!context.node.share.isEnabled) return ErrorCode.UNSUPPORTED_VERSION
  const { missingIdsAreServerErrors } = context.cluster.surroundings.profile
  const missing = missingIdsAreServerErrors ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_REQUEST
  if (groupId === null) return missing
  if (!context.allows('Read', 'Group', groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED
  if (memberId === null) return missing
  if (memberId === '' || memberId.length > MAX_MEMBER_ID_LENGTH) return ErrorCode.INVALID_REQUEST
  return ErrorCode.NONE
}
