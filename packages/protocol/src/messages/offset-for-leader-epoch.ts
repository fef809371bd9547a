import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * OffsetForLeaderEpoch (23), to a partition's leader: where a leader epoch ended, so that a consumer finds out whether the
 * log it read was truncated (KIP-320). -1 and -1 where the epoch is not known.
 *
 * - 2: the leader epoch that the asker believes in, for fencing. 3: replicaId, -2 for who is no replica. 4: flexible.
 */
export const OffsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  minVersion: 2,
  maxVersion: 4,
  flexible: '4+',
  request: {
    replicaId: field('3+', 'int32', { default: -2, ignorable: true }),
    topics: field(
      '0+',
      array({
        topic: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partition: field('0+', 'int32'),
            currentLeaderEpoch: field('2+', 'int32', { default: -1, ignorable: true }),
            leaderEpoch: field('0+', 'int32'),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: field('2+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        topic: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            errorCode: field('0+', 'int16'),
            partition: field('0+', 'int32'),
            leaderEpoch: field('1+', 'int32', { default: -1, ignorable: true }),
            endOffset: field('0+', 'int64', { default: -1 }),
          }),
        ),
      }),
    ),
  },
})
