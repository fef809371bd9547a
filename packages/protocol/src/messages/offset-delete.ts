import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * OffsetDelete (47), to the group coordinator: forgets committed offsets of a group, for topics it does not subscribe to.
 * Never flexible.
 *
 * - 0: Kafka 2.4 (KIP-496).
 */
export const OffsetDelete = defineApi({
  key: 47,
  name: 'OffsetDelete',
  minVersion: 0,
  maxVersion: 0,
  request: {
    groupId: field('0+', 'string'),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: field('0+', 'int16'),
    throttleTimeMs: field('0+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
          }),
        ),
      }),
    ),
  },
})
