import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * SyncGroup (14), to the group coordinator: the leader hands in everybody's assignment, every member gets its own. The
 * coordinator does not read them.
 *
 * - 1: throttleTimeMs. 3: static members (KIP-345). 4: flexible.
 * - 5: protocol type and name, refused where they are not the group's (KIP-559).
 */
export const SyncGroup = defineApi({
  key: 14,
  name: 'SyncGroup',
  minVersion: 0,
  maxVersion: 5,
  flexible: '4+',
  request: {
    groupId: field('0+', 'string'),
    generationId: field('0+', 'int32'),
    memberId: field('0+', 'string'),
    groupInstanceId: field('3+', 'string', { nullable: '3+', default: null }),
    protocolType: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
    protocolName: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
    assignments: field(
      '0+',
      array({
        memberId: field('0+', 'string'),
        assignment: field('0+', 'bytes'),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
    protocolType: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
    protocolName: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
    assignment: field('0+', 'bytes'),
  },
})
