import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * OffsetFetch (9), to the group coordinator: what a consumer group has committed; -1 where nothing is. Null topics ask for
 * all of the group, from version 2 on.
 *
 * - 1: the group's error is said with each partition. 2: and once for all. 3: throttleTimeMs. 5: leader epochs.
 * - 6: flexible. 7: requireStable, which refuses offsets that an open transaction may still change (KIP-447).
 * - 8: several groups in one request; groupId, topics and the answer's topics stand for one group, before it.
 * - 9: member id and epoch of the new consumer protocol (KIP-848). 10: topics by id instead of name.
 */
export const OffsetFetch = defineApi({
  key: 9,
  name: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 10,
  flexible: '6+',
  request: {
    groupId: field('0-7', 'string'),
    topics: field(
      '0-7',
      array({
        name: field('0-7', 'string'),
        partitionIndexes: field('0-7', array('int32')),
      }),
      { nullable: '2-7' },
    ),
    groups: field(
      '8+',
      array({
        groupId: field('8+', 'string'),
        memberId: field('9+', 'string', { nullable: '9+', default: null, ignorable: true }),
        memberEpoch: field('9+', 'int32', { default: -1, ignorable: true }),
        topics: field(
          '8+',
          array({
            name: field('8-9', 'string', { ignorable: true }),
            topicId: field('10+', 'uuid', { ignorable: true }),
            partitionIndexes: field('8+', array('int32')),
          }),
          { nullable: '8+' },
        ),
      }),
    ),
    requireStable: field('7+', 'bool', { default: false }),
  },
  response: {
    throttleTimeMs: field('3+', 'int32', { ignorable: true }),
    topics: field(
      '0-7',
      array({
        name: field('0-7', 'string'),
        partitions: field(
          '0-7',
          array({
            partitionIndex: field('0-7', 'int32'),
            committedOffset: field('0-7', 'int64'),
            committedLeaderEpoch: field('5-7', 'int32', { default: -1, ignorable: true }),
            metadata: field('0-7', 'string', { nullable: '0-7' }),
            errorCode: field('0-7', 'int16'),
          }),
        ),
      }),
    ),
    errorCode: field('2-7', 'int16', { default: 0, ignorable: true }),
    groups: field(
      '8+',
      array({
        groupId: field('8+', 'string'),
        topics: field(
          '8+',
          array({
            name: field('8-9', 'string', { ignorable: true }),
            topicId: field('10+', 'uuid', { ignorable: true }),
            partitions: field(
              '8+',
              array({
                partitionIndex: field('8+', 'int32'),
                committedOffset: field('8+', 'int64'),
                committedLeaderEpoch: field('8+', 'int32', { default: -1, ignorable: true }),
                metadata: field('8+', 'string', { nullable: '8+' }),
                errorCode: field('8+', 'int16'),
              }),
            ),
          }),
        ),
        errorCode: field('8+', 'int16', { default: 0 }),
      }),
    ),
  },
})
