import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ShareGroupHeartbeat (76), to the group coordinator: joins (epoch 0), stays in (the epoch last received), leaves (epoch -1).
 * Null rack or topics: as before. An assignment of null in the answer: as before.
 *
 * - 1: Kafka 4.1 (KIP-932). Version 0 was the early access of 4.0 and is gone.
 */
export const ShareGroupHeartbeat = defineApi({
  key: 76,
  name: 'ShareGroupHeartbeat',
  minVersion: 1,
  maxVersion: 1,
  flexible: '0+',
  request: {
    groupId: field('0+', 'string'),
    memberId: field('0+', 'string'),
    memberEpoch: field('0+', 'int32'),
    rackId: field('0+', 'string', { nullable: '0+', default: null }),
    subscribedTopicNames: field('0+', array('string'), { nullable: '0+', default: null }),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
    memberId: field('0+', 'string', { nullable: '0+', default: null }),
    memberEpoch: field('0+', 'int32'),
    heartbeatIntervalMs: field('0+', 'int32'),
    assignment: field(
      '0+',
      {
        topicPartitions: field(
          '0+',
          array({
            topicId: field('0+', 'uuid'),
            partitions: field('0+', array('int32')),
          }),
        ),
      },
      { nullable: '0+', default: null },
    ),
  },
})
