import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * TxnOffsetCommit (28), to the group coordinator: offsets that count once the transaction commits.
 *
 * - 0, 1: plain. 2: the leader epoch of the offset. 3: flexible; the member that commits, for fencing (KIP-447).
 * - 4: TRANSACTION_ABORTABLE may come back. 5: adds the group to the transaction as well (KIP-890).
 * - 6: topics by id instead of name (KIP-1319).
 */
export const TxnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  minVersion: 0,
  maxVersion: 6,
  flexible: '3+',
  request: {
    transactionalId: field('0+', 'string'),
    groupId: field('0+', 'string'),
    producerId: field('0+', 'int64'),
    producerEpoch: field('0+', 'int16'),
    generationIdOrMemberEpoch: field('3+', 'int32', { default: -1 }),
    memberId: field('3+', 'string', { default: '' }),
    groupInstanceId: field('3+', 'string', { nullable: '3+', default: null }),
    topics: field(
      '0+',
      array({
        name: field('0-5', 'string', { ignorable: true }),
        topicId: field('6+', 'uuid', { ignorable: true }),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            committedOffset: field('0+', 'int64'),
            committedLeaderEpoch: field('2+', 'int32', { default: -1, ignorable: true }),
            committedMetadata: field('0+', 'string', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    topics: field(
      '0+',
      array({
        name: field('0-5', 'string', { ignorable: true }),
        topicId: field('6+', 'uuid', { ignorable: true }),
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
