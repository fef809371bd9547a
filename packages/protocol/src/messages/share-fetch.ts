import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ShareFetch (78), to a partition's leader: acquires records for this member, and carries acknowledgements of those acquired
 * before. `records` holds whole batches; only the offsets of `acquiredRecords` are this member's. currentLeader has no -1
 * for "none": it reads 0/0 wherever the broker gives no hint, so it means something only beside an error that says so.
 *
 * - 1: Kafka 4.1 (KIP-932). Version 0 was the early access of 4.0 and is gone.
 * - 2: Kafka 4.2 adds shareAcquireMode (0 batch-optimised, 1 record limit; KIP-1206) and isRenewAck (KIP-1222). Kafka lets the
 *   mode be dropped where the broker is older: the client has to refuse what cannot be honoured.
 */
export const ShareFetch = defineApi({
  key: 78,
  name: 'ShareFetch',
  minVersion: 1,
  maxVersion: 2,
  flexible: '0+',
  request: {
    groupId: field('0+', 'string', { nullable: '0+', default: null }),
    memberId: field('0+', 'string', { nullable: '0+' }),
    shareSessionEpoch: field('0+', 'int32'),
    maxWaitMs: field('0+', 'int32'),
    minBytes: field('0+', 'int32'),
    maxBytes: field('0+', 'int32', { default: 0x7fffffff }),
    maxRecords: field('1+', 'int32'),
    batchSize: field('1+', 'int32'),
    shareAcquireMode: field('2+', 'int8', { default: 0, ignorable: true }),
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
    forgottenTopicsData: field(
      '0+',
      array({
        topicId: field('0+', 'uuid'),
        partitions: field('0+', array('int32')),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
    acquisitionLockTimeoutMs: field('1+', 'int32'),
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
            acknowledgeErrorCode: field('0+', 'int16'),
            acknowledgeErrorMessage: field('0+', 'string', { nullable: '0+', default: null }),
            currentLeader: field('0+', {
              leaderId: field('0+', 'int32'),
              leaderEpoch: field('0+', 'int32'),
            }),
            records: field('0+', 'records'),
            acquiredRecords: field(
              '0+',
              array({
                firstOffset: field('0+', 'int64'),
                lastOffset: field('0+', 'int64'),
                deliveryCount: field('0+', 'int16'),
              }),
            ),
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
