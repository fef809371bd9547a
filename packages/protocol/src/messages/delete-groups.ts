import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DeleteGroups (42), to the group coordinator: removes groups of any type that have no members, with their offsets.
 *
 * - 0, 1: plain. 2: flexible. 3: an error message for each group (Kafka 4.4).
 */
export const DeleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  minVersion: 0,
  maxVersion: 3,
  flexible: '2+',
  request: {
    groupsNames: field('0+', array('string')),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    results: field(
      '0+',
      array({
        groupId: field('0+', 'string'),
        errorCode: field('0+', 'int16'),
        errorMessage: field('3+', 'string', { nullable: '3+', default: null, ignorable: true }),
      }),
    ),
  },
})
