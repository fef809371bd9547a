import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DeleteShareGroupOffsets (92), to the group coordinator: forgets all that a share group without members holds of topics.
 *
 * - 0: Kafka 4.1 (KIP-932).
 */
export const DeleteShareGroupOffsets = defineApi({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  minVersion: 0,
  maxVersion: 0,
  flexible: '0+',
  request: {
    groupId: field('0+', 'string'),
    topics: field(
      '0+',
      array({
        topicName: field('0+', 'string'),
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
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
      }),
    ),
  },
})
