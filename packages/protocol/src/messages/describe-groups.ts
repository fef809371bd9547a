import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DescribeGroups (15), to the group coordinator: state, protocol and members of classic groups; other types of groups have
 * APIs of their own. Member metadata and assignments are opaque.
 *
 * - 1: throttleTimeMs. 3: operations that are allowed, when asked for. 4: static members. 5: flexible.
 * - 6: a group that is not there is GROUP_ID_NOT_FOUND instead of the state Dead (KIP-1043).
 */
export const DescribeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  minVersion: 0,
  maxVersion: 6,
  flexible: '5+',
  request: {
    groups: field('0+', array('string')),
    includeAuthorizedOperations: field('3+', 'bool'),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    groups: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        errorMessage: field('6+', 'string', { nullable: '6+', default: null }),
        groupId: field('0+', 'string'),
        groupState: field('0+', 'string'),
        protocolType: field('0+', 'string'),
        protocolData: field('0+', 'string'),
        members: field(
          '0+',
          array({
            memberId: field('0+', 'string'),
            groupInstanceId: field('4+', 'string', { nullable: '4+', default: null, ignorable: true }),
            clientId: field('0+', 'string'),
            clientHost: field('0+', 'string'),
            memberMetadata: field('0+', 'bytes'),
            memberAssignment: field('0+', 'bytes'),
          }),
        ),
        authorizedOperations: field('3+', 'int32', { default: -2147483648 }),
      }),
    ),
  },
})
