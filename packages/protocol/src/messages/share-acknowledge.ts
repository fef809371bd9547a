import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ShareAcknowledge (79), to the broker that handed the records out: acknowledgements that no fetch carries. currentLeader
 * reads 0/0 wherever the broker gives no hint, as in ShareFetch.
 *
 * - 1: Kafka 4.1 (KIP-932). Version 0 was the early access of 4.0 and is gone.
 * - 2: Kafka 4.2 adds isRenewAck (KIP-1222), and the lock's duration to the answer.
 */
export const ShareAcknowledge = defineApi({
  key: 79,
  name: 'ShareAcknowledge',
  minVersion: 1,
  maxVersion: 2,
  flexible: '0+',
  request: {
    groupId: field('0+', 'string', { nullable: '0+', default: null }),
    memberId: field('0+', 'string', { nullable: '0+' }),
    shareSessionEpoch: field('0+', 'int32'),
    isRenewAck: field('2+', 'bool', { default: false }),
    topics: field(
      '0+',
      array({
        topicId: field('0+', 'uuid'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            acknowledgementBatches: field(
              '0+',
              array({
                firstOffset: field('0+', 'int64'),
                lastOffset: field('0+', 'int64'),
                acknowledgeTypes: field('0+', array('int8')),
              }),
            ),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
    acquisitionLockTimeoutMs: field('2+', 'int32', { ignorable: true }),
    responses: field(
      '0+',
      array({
        topicId: field('0+', 'uuid'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
            errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
            currentLeader: field('0+', {
              leaderId: field('0+', 'int32'),
              leaderEpoch: field('0+', 'int32'),
            }),
          }),
        ),
      }),
    ),
    nodeEndpoints: field(
      '0+',
      array({
        nodeId: field('0+', 'int32'),
        host: field('0+', 'string'),
        port: field('0+', 'int32'),
        rack: field('0+', 'string', { nullable: '0+', default: null }),
      }),
    ),
  },
})
