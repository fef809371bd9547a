import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * OffsetCommit (8), to the group coordinator: where a consumer group has read to. Generation -1 and an empty member id
 * commit for a group without members.
 *
 * - 2 to 4: a retention time, of which brokers take no notice any more; 3 adds throttleTimeMs.
 * - 5: no retention time. 6: the leader epoch of the offset. 7: static members (KIP-345).
 * - 8: flexible. 9: members of the new consumer protocol (KIP-848); GROUP_ID_NOT_FOUND, STALE_MEMBER_EPOCH.
 * - 10: topics by id instead of name.
 */
export const OffsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  minVersion: 2,
  maxVersion: 10,
  flexible: '8+',
  request: {
    groupId: field('0+', 'string'),
    generationIdOrMemberEpoch: field('1+', 'int32', { default: -1, ignorable: true }),
    memberId: field('1+', 'string', { ignorable: true }),
    groupInstanceId: field('7+', 'string', { nullable: '7+', default: null }),
    retentionTimeMs: field('2-4', 'int64', { default: -1, ignorable: true }),
    topics: field(
      '0+',
      array({
        name: field('0-9', 'string', { ignorable: true }),
        topicId: field('10+', 'uuid', { ignorable: true }),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            committedOffset: field('0+', 'int64'),
            committedLeaderEpoch: field('6+', 'int32', { default: -1, ignorable: true }),
            committedMetadata: field('0+', 'string', { nullable: '0+' }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('3+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        name: field('0-9', 'string', { ignorable: true }),
        topicId: field('10+', 'uuid', { ignorable: true }),
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
