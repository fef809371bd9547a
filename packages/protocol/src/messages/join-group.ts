import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * JoinGroup (11), to the group coordinator: enters a classic consumer group and waits for its rebalance. What the members
 * say of themselves (`metadata`) is theirs; the coordinator hands it, unread, to the leader it chooses.
 *
 * - 0: the session timeout bounds the rebalance too. 1: rebalanceTimeoutMs. 2: throttleTimeMs.
 * - 4: a new member is refused once with MEMBER_ID_REQUIRED and the id to come back with (KIP-394).
 * - 5: static members (KIP-345). 6: flexible. 7: the answer names the protocol type; its name may be null (KIP-559).
 * - 8: why the member joins (KIP-800). 9: a static leader that returns may be told to assign nothing (KIP-814).
 */
export const JoinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  minVersion: 0,
  maxVersion: 9,
  flexible: '6+',
  request: {
    groupId: field('0+', 'string'),
    sessionTimeoutMs: field('0+', 'int32'),
    rebalanceTimeoutMs: field('1+', 'int32', { default: -1, ignorable: true }),
    memberId: field('0+', 'string'),
    groupInstanceId: field('5+', 'string', { nullable: '5+', default: null }),
    protocolType: field('0+', 'string'),
    protocols: field(
      '0+',
      array({
        name: field('0+', 'string'),
        metadata: field('0+', 'bytes'),
      }),
    ),
    reason: field('8+', 'string', { nullable: '8+', default: null, ignorable: true }),
  },
  response: {
    throttleTimeMs: field('2+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
    generationId: field('0+', 'int32', { default: -1 }),
    protocolType: field('7+', 'string', { nullable: '7+', default: null, ignorable: true }),
    protocolName: field('0+', 'string', { nullable: '7+' }),
    leader: field('0+', 'string'),
    skipAssignment: field('9+', 'bool', { default: false }),
    memberId: field('0+', 'string'),
    members: field(
      '0+',
      array({
        memberId: field('0+', 'string'),
        groupInstanceId: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
        metadata: field('0+', 'bytes'),
      }),
    ),
  },
})
