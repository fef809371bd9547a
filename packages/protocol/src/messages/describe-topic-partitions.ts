import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DescribeTopicPartitions (75): partitions of topics, page by page (KIP-966): `cursor` says where to begin, `nextCursor`
 * where the next page does, null at the end. No topics: all.
 *
 * - 0: the only one.
 */
export const DescribeTopicPartitions = defineApi({
  key: 75,
  name: 'DescribeTopicPartitions',
  minVersion: 0,
  maxVersion: 0,
  flexible: '0+',
  request: {
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
      }),
    ),
    responsePartitionLimit: field('0+', 'int32', { default: 2000 }),
    cursor: field(
      '0+',
      {
        topicName: field('0+', 'string'),
        partitionIndex: field('0+', 'int32'),
      },
      { nullable: '0+', default: null },
    ),
  },
  response: {
    throttleTimeMs: field('0+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        name: field('0+', 'string', { nullable: '0+' }),
        topicId: field('0+', 'uuid', { ignorable: true }),
        isInternal: field('0+', 'bool', { default: false, ignorable: true }),
        partitions: field(
          '0+',
          array({
            errorCode: field('0+', 'int16'),
            partitionIndex: field('0+', 'int32'),
            leaderId: field('0+', 'int32'),
            leaderEpoch: field('0+', 'int32', { default: -1, ignorable: true }),
            replicaNodes: field('0+', array('int32')),
            isrNodes: field('0+', array('int32')),
            eligibleLeaderReplicas: field('0+', array('int32'), { nullable: '0+', default: null }),
            lastKnownElr: field('0+', array('int32'), { nullable: '0+', default: null }),
            offlineReplicas: field('0+', array('int32'), { ignorable: true }),
          }),
        ),
        topicAuthorizedOperations: field('0+', 'int32', { default: -2147483648 }),
      }),
    ),
    nextCursor: field(
      '0+',
      {
        topicName: field('0+', 'string'),
        partitionIndex: field('0+', 'int32'),
      },
      { nullable: '0+', default: null },
    ),
  },
})
