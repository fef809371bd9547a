import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ListGroups (16), to every broker: the groups that it coordinates. Empty filters let all through.
 *
 * - 1: throttleTimeMs. 3: flexible. 4: states, and a filter by them (KIP-518).
 * - 5: group types, and a filter by them: classic, consumer, share, streams (KIP-848).
 */
export const ListGroups = defineApi({
  key: 16,
  name: 'ListGroups',
  minVersion: 0,
  maxVersion: 5,
  flexible: '3+',
  request: {
    statesFilter: field('4+', array('string')),
    typesFilter: field('5+', array('string')),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
    groups: field(
      '0+',
      array({
        groupId: field('0+', 'string'),
        protocolType: field('0+', 'string'),
        groupState: field('4+', 'string', { ignorable: true }),
        groupType: field('5+', 'string', { ignorable: true }),
      }),
    ),
  },
})
