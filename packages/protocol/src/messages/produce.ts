import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * Produce (0): appends record batches, one per partition. `acks` is -1 (all replicas in sync), 1 (the leader) or 0, to which
 * the broker sends no answer at all.
 *
 * - 3: record batches of format 2; transactions. 5: the answer tells the log's start offset. 7: zstd (KIP-110).
 * - 8: which records of a refused batch were wrong (KIP-467). 9: flexible.
 * - 10: the answer hints at the current leader and its endpoint (KIP-951), as tagged fields.
 * - 11: the error TRANSACTION_ABORTABLE may come back.
 * - 12: a transaction's partitions are added by producing to them (KIP-890).
 * - 13: topics by id instead of name (KIP-516).
 *
 * Brokers of Kafka 4 list the versions from 0 on, for a client that would not find 3 otherwise, and refuse those below 3.
 */
export const Produce = defineApi({
  key: 0,
  name: 'Produce',
  minVersion: 3,
  maxVersion: 13,
  flexible: '9+',
  request: {
    transactionalId: field('3+', 'string', { nullable: '3+', default: null }),
    acks: field('0+', 'int16'),
    timeoutMs: field('0+', 'int32'),
    topicData: field(
      '0+',
      array({
        name: field('0-12', 'string', { ignorable: true }),
        topicId: field('13+', 'uuid', { ignorable: true }),
        partitionData: field(
          '0+',
          array({
            index: field('0+', 'int32'),
            records: field('0+', 'records', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
  response: {
    responses: field(
      '0+',
      array({
        name: field('0-12', 'string', { ignorable: true }),
        topicId: field('13+', 'uuid', { ignorable: true }),
        partitionResponses: field(
          '0+',
          array({
            index: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
            baseOffset: field('0+', 'int64'),
            logAppendTimeMs: field('2+', 'int64', { default: -1, ignorable: true }),
            logStartOffset: field('5+', 'int64', { default: -1, ignorable: true }),
            recordErrors: field(
              '8+',
              array({
                batchIndex: field('8+', 'int32'),
                batchIndexErrorMessage: field('8+', 'string', { nullable: '8+', default: null }),
              }),
              { ignorable: true },
            ),
            errorMessage: field('8+', 'string', { nullable: '8+', default: null, ignorable: true }),
            currentLeader: field(
              '10+',
              {
                leaderId: field('10+', 'int32', { default: -1 }),
                leaderEpoch: field('10+', 'int32', { default: -1 }),
              },
              { tag: 0 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: field('1+', 'int32', { default: 0, ignorable: true }),
    nodeEndpoints: field(
      '10+',
      array({
        nodeId: field('10+', 'int32'),
        host: field('10+', 'string'),
        port: field('10+', 'int32'),
        rack: field('10+', 'string', { nullable: '10+', default: null }),
      }),
      { tag: 0 },
    ),
  },
})
