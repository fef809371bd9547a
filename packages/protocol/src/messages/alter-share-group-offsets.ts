import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * AlterShareGroupOffsets (91), to the group coordinator: sets where share partitions begin; the group must have no members.
 *
 * - 0: Kafka 4.1 (KIP-932).
 */
export const AlterShareGroupOffsets = defineApi({
  key: 91,
  name: 'AlterShareGroupOffsets',
  minVersion: 0,
  maxVersion: 0,
  flexible: '0+',
  request: {
    groupId: field('0+', 'string'),
    topics: field(
      '0+',
      array({
        topicName: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            startOffset: field('0+', 'int64'),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
    responses: field(
      '0+',
      array({
        topicName: field('0+', 'string'),
        topicId: field('0+', 'uuid'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
            errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
          }),
        ),
      }),
    ),
  },
})
