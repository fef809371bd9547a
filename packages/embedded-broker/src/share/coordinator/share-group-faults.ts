import { ErrorCode } from '@milena/protocol'
import type { MemberHeartbeat, ShareGroupMember } from './share-group.js'

/** Why a share group does not do what was asked, in Kafka's codes and words. */
export interface GroupFault {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface ShareHeartbeat extends MemberHeartbeat {
  readonly groupId: string
}

export const INVALID_GROUP_ID: GroupFault = {
  errorCode: ErrorCode.INVALID_GROUP_ID,
  errorMessage: 'The group id is invalid.',
}

export const NON_EMPTY_GROUP: GroupFault = {
  errorCode: ErrorCode.NON_EMPTY_GROUP,
  errorMessage: 'The group is not empty.',
}

const LONGEST_MEMBER_ID = 36

export function isFault<Result extends object>(result: Result | GroupFault): result is GroupFault {
  return 'errorCode' in result
}

export function groupNotFound(errorMessage: string): GroupFault {
  return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage }
}

export function groupIsFull(maxSize: number): GroupFault {
  return {
    errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED,
    errorMessage: `The share group has reached its maximum capacity of ${maxSize} members.`,
  }
}

/** Not of Kafka, which has no such limit. */
export function tooManyGroups(maxGroups: number): GroupFault {
  return {
    errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED,
    errorMessage: `The embedded broker keeps at most ${maxGroups} share groups. Delete some, or start another broker.`,
  }
}

export function unknownMember(memberId: string, groupId: string): GroupFault {
  return {
    errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
    errorMessage: `Member ${memberId} is not a member of group ${groupId}.`,
  }
}

/** What is wrong with a heartbeat whatever the group, in the order of Kafka's checks. */
export function heartbeatFault({
  groupId,
  memberId,
  memberEpoch,
  rackId,
  topics,
}: ShareHeartbeat): GroupFault | undefined {
  if (memberId === '' || memberId.length > LONGEST_MEMBER_ID) return invalid(null)
  if (memberId.trim() === '') return invalid("MemberId can't be empty.")
  if (groupId.trim() === '') return invalid("GroupId can't be empty.")
  if (rackId?.trim() === '') return invalid("RackId can't be empty.")
  if (memberEpoch === 0 && (topics === null || topics.length === 0)) {
    return invalid('SubscribedTopicNames must be set in first request.')
  }
  if (memberEpoch < -1) return invalid('MemberEpoch is invalid.')
  return undefined
}

/**
 * Whether a member may come with this epoch: the one it was last given, the one before that (the answer was lost), or 0,
 * which is always right and changes nothing for one that is known.
 */
export function memberEpochFault(
  { groupId, memberId, memberEpoch }: ShareHeartbeat,
  member: ShareGroupMember | undefined,
): GroupFault | undefined {
  if (memberEpoch === 0) return undefined
  if (member === undefined) return unknownMember(memberId, groupId)
  const { epoch, previousEpoch } = member
  if (memberEpoch === epoch || memberEpoch === previousEpoch) return undefined
  return {
    errorCode: ErrorCode.FENCED_MEMBER_EPOCH,
    errorMessage:
      memberEpoch > epoch
        ? `The share group member has a greater member epoch (${memberEpoch}) than the one known by the group coordinator (${epoch}). The member must abandon all its partitions and rejoin.`
        : `The share group member has a smaller member epoch (${memberEpoch}) than the one known by the group coordinator (${epoch}), and it does not match the previous member epoch (${previousEpoch}). The member must abandon all its partitions and rejoin.`,
  }
}

function invalid(errorMessage: string | null): GroupFault {
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
}
