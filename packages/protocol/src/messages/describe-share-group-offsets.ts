import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DescribeShareGroupOffsets (90), to the group coordinator: where each share partition begins (all before is finished), and
 * how much is left. `topics: null` asks for all of the group.
 *
 * - 0: Kafka 4.1.
 * - 1: Kafka 4.2 adds the lag (KIP-1226); -1 where it is not known.
 */
export const DescribeShareGroupOffsets = defineApi({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  minVersion: 0,
  maxVersion: 1,
  flexible: '0+',
  request: {
    groups: field(
      '0+',
      array({
        groupId: field('0+', 'string'),
        topics: field(
          '0+',
          array({
            topicName: field('0+', 'string'),
            partitions: field('0+', array('int32')),
          }),
          { nullable: '0+' },
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    groups: field(
      '0+',
      array({
        groupId: field('0+', 'string'),
        topics: field(
          '0+',
          array({
            topicName: field('0+', 'string'),
            topicId: field('0+', 'uuid'),
            partitions: field(
              '0+',
              array({
                partitionIndex: field('0+', 'int32'),
                startOffset: field('0+', 'int64'),
                leaderEpoch: field('0+', 'int32'),
                lag: field('1+', 'int64', { default: -1, ignorable: true }),
                errorCode: field('0+', 'int16'),
                errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
              }),
            ),
          }),
        ),
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
      }),
    ),
  },
})
