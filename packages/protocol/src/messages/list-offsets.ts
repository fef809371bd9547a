import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ListOffsets (2), to a partition's leader: the offset at a timestamp; -1 asks for the end, -2 for the start. `replicaId` is
 * -1 for a client; isolation level 0 reads all, 1 only what is committed.
 *
 * - 1: one offset with its timestamp. 2: isolation levels. 4: leader epochs, for fencing. 6: flexible.
 * - 7: -3 asks for the record with the largest timestamp.
 * - 8: -4, the first offset not in tiered storage. 9: -5, the last one in it.
 * - 10: a time limit for looking into tiered storage.
 * - 11: -6, the first offset that is yet to be uploaded.
 */
export const ListOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  minVersion: 1,
  maxVersion: 11,
  flexible: '6+',
  request: {
    replicaId: field('0+', 'int32'),
    isolationLevel: field('2+', 'int8'),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            currentLeaderEpoch: field('4+', 'int32', { default: -1, ignorable: true }),
            timestamp: field('0+', 'int64'),
          }),
        ),
      }),
    ),
    timeoutMs: field('10+', 'int32', { ignorable: true }),
  },
  response: {
    throttleTimeMs: field('2+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
            timestamp: field('1+', 'int64', { default: -1 }),
            offset: field('1+', 'int64', { default: -1 }),
            leaderEpoch: field('4+', 'int32', { default: -1 }),
          }),
        ),
      }),
    ),
  },
})
