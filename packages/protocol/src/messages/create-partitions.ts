import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * CreatePartitions (37): raises a topic's number of partitions to `count`. Null assignments leave the replicas to the
 * broker.
 *
 * - 0, 1: plain. 2: flexible. 3: THROTTLING_QUOTA_EXCEEDED may come back (KIP-599).
 */
export const CreatePartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  minVersion: 0,
  maxVersion: 3,
  flexible: '2+',
  request: {
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        count: field('0+', 'int32'),
        assignments: field(
          '0+',
          array({
            brokerIds: field('0+', array('int32')),
          }),
          { nullable: '0+' },
        ),
      }),
    ),
    timeoutMs: field('0+', 'int32'),
    validateOnly: field('0+', 'bool'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    results: field(
      '0+',
      array({
        name: field('0+', 'string'),
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
      }),
    ),
  },
})
