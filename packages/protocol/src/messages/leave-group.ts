import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * LeaveGroup (13), to the group coordinator: ends memberships of a classic group at once.
 *
 * - 0 to 2: one member, by memberId; 1 adds throttleTimeMs.
 * - 3: several members, static ones by instance id (KIP-345); each has an error code of its own.
 * - 4: flexible. 5: why the member leaves (KIP-800).
 */
export const LeaveGroup = defineApi({
  key: 13,
  name: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 5,
  flexible: '4+',
  request: {
    groupId: field('0+', 'string'),
    memberId: field('0-2', 'string'),
    members: field(
      '3+',
      array({
        memberId: field('3+', 'string'),
        groupInstanceId: field('3+', 'string', { nullable: '3+', default: null }),
        reason: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
    members: field(
      '3+',
      array({
        memberId: field('3+', 'string'),
        groupInstanceId: field('3+', 'string', { nullable: '3+' }),
        errorCode: field('3+', 'int16'),
      }),
    ),
  },
})
