import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * Fetch (1), to a partition's leader: record batches from an offset on, for plain consumers (and followers). Topics that
 * did not change since the last request of a fetch session may be left out (KIP-227); epoch -1 means no session.
 * Isolation level 1 ends at the last stable offset and lists the aborted transactions that a reader has to pass over.
 *
 * - 4: record batches of format 2, isolation levels. 5: the log's start offset.
 * - 7: fetch sessions. 9: the leader epoch, for fencing (KIP-320). 10: zstd (KIP-110). 11: a replica near by (KIP-392).
 * - 12: flexible; diverging epochs and the current leader as tagged fields.
 * - 13: topics by id instead of name (KIP-516). 14: OFFSET_MOVED_TO_TIERED_STORAGE may come back.
 * - 15: who asks as a tagged field (KIP-903); replicaId is gone. 16: the leaders' endpoints (KIP-951).
 * - 17: the follower's directory (KIP-853). 18: the high watermark it knows (KIP-1166); 2^63 where it tells none.
 */
export const Fetch = defineApi({
  key: 1,
  name: 'Fetch',
  minVersion: 4,
  maxVersion: 18,
  flexible: '12+',
  request: {
    clusterId: field('12+', 'string', { tag: 0, nullable: '12+', default: null, ignorable: true }),
    replicaId: field('0-14', 'int32', { default: -1 }),
    replicaState: field(
      '15+',
      {
        replicaId: field('15+', 'int32', { default: -1 }),
        replicaEpoch: field('15+', 'int64', { default: -1 }),
      },
      { tag: 1 },
    ),
    maxWaitMs: field('0+', 'int32'),
    minBytes: field('0+', 'int32'),
    maxBytes: field('3+', 'int32', { default: 0x7fffffff, ignorable: true }),
    isolationLevel: field('4+', 'int8', { default: 0, ignorable: true }),
    sessionId: field('7+', 'int32', { default: 0, ignorable: true }),
    sessionEpoch: field('7+', 'int32', { default: -1, ignorable: true }),
    topics: field(
      '0+',
      array({
        topic: field('0-12', 'string', { ignorable: true }),
        topicId: field('13+', 'uuid', { ignorable: true }),
        partitions: field(
          '0+',
          array({
            partition: field('0+', 'int32'),
            currentLeaderEpoch: field('9+', 'int32', { default: -1, ignorable: true }),
            fetchOffset: field('0+', 'int64'),
            lastFetchedEpoch: field('12+', 'int32', { default: -1 }),
            logStartOffset: field('5+', 'int64', { default: -1, ignorable: true }),
            partitionMaxBytes: field('0+', 'int32'),
            replicaDirectoryId: field('17+', 'uuid', { tag: 0, ignorable: true }),
            highWatermark: field('18+', 'int64', { tag: 1, default: 2 ** 63, ignorable: true }),
          }),
        ),
      }),
    ),
    forgottenTopicsData: field(
      '7+',
      array({
        topic: field('7-12', 'string', { ignorable: true }),
        topicId: field('13+', 'uuid', { ignorable: true }),
        partitions: field('7+', array('int32')),
      }),
    ),
    rackId: field('11+', 'string', { default: '', ignorable: true }),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('7+', 'int16', { ignorable: true }),
    sessionId: field('7+', 'int32', { default: 0 }),
    responses: field(
      '0+',
      array({
        topic: field('0-12', 'string', { ignorable: true }),
        topicId: field('13+', 'uuid', { ignorable: true }),
        partitions: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            errorCode: field('0+', 'int16'),
            highWatermark: field('0+', 'int64'),
            lastStableOffset: field('4+', 'int64', { default: -1, ignorable: true }),
            logStartOffset: field('5+', 'int64', { default: -1, ignorable: true }),
            divergingEpoch: field(
              '12+',
              {
                epoch: field('12+', 'int32', { default: -1 }),
                endOffset: field('12+', 'int64', { default: -1 }),
              },
              { tag: 0 },
            ),
            currentLeader: field(
              '12+',
              {
                leaderId: field('12+', 'int32', { default: -1 }),
                leaderEpoch: field('12+', 'int32', { default: -1 }),
              },
              { tag: 1 },
            ),
            snapshotId: field(
              '12+',
              {
                endOffset: field('0+', 'int64', { default: -1 }),
                epoch: field('0+', 'int32', { default: -1 }),
              },
              { tag: 2 },
            ),
            abortedTransactions: field(
              '4+',
              array({
                producerId: field('4+', 'int64'),
                firstOffset: field('4+', 'int64'),
              }),
              { nullable: '4+', ignorable: true },
            ),
            preferredReadReplica: field('11+', 'int32', { default: -1 }),
            records: field('0+', 'records', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    nodeEndpoints: field(
      '16+',
      array({
        nodeId: field('16+', 'int32'),
        host: field('16+', 'string'),
        port: field('16+', 'int32'),
        rack: field('16+', 'string', { nullable: '16+', default: null }),
      }),
      { tag: 0 },
    ),
  },
})
