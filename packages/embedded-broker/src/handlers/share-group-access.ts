import { ErrorCode } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import type { AclOperation } from '../security/authorizer.js'
import type { GroupFault } from '../share/coordinator/share-group-faults.js'

/** Kafka's words for what a request is refused for before its group is looked at. */
const refused = {
  unsupported: {
    errorCode: ErrorCode.UNSUPPORTED_VERSION,
    errorMessage: 'The version of API is not supported.',
  },
  group: { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, errorMessage: 'Group authorization failed.' },
  coordinator: { errorCode: ErrorCode.NOT_COORDINATOR, errorMessage: 'This is not the correct coordinator.' },
} satisfies Record<string, GroupFault>

/** What a partition or topic is refused for. */
export const TOPIC_REFUSED = {
  errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  errorMessage: 'Topic authorization failed.',
} satisfies GroupFault

/** Share groups are turned off (share.version 0), or the principal may not do this to the group. */
export function accessFault(context: RequestContext, groupId: string, operation: AclOperation): GroupFault | undefined {
  if (!context.cluster.shareGroups.isEnabled) return refused.unsupported
  return context.allows(operation, 'Group', groupId) ? undefined : refused.group
}

/** Another broker coordinates the group. */
export function coordinatorFault(context: RequestContext, groupId: string): GroupFault | undefined {
  return context.cluster.coordinatorError(groupId, context.node) === 0 ? undefined : refused.coordinator
}
