import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ListPartitionReassignments (46): partitions whose replicas are being moved. Null topics ask for all.
 *
 * - 0: Kafka 2.4 (KIP-455).
 */
export const ListPartitionReassignments = defineApi({
  key: 46,
  name: 'ListPartitionReassignments',
  minVersion: 0,
  maxVersion: 0,
  flexible: '0+',
  request: {
    timeoutMs: field('0+', 'int32', { default: 60000 }),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitionIndexes: field('0+', array('int32')),
      }),
      { nullable: '0+', default: null },
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+' }),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            replicas: field('0+', array('int32')),
            addingReplicas: field('0+', array('int32')),
            removingReplicas: field('0+', array('int32')),
          }),
        ),
      }),
    ),
  },
})
