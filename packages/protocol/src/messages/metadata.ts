import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * Metadata (3): brokers, topics with their ids, partitions with their leaders. Share requests name topics by id only, so this
 * is where names become ids. `topics: null` asks for all.
 *
 * - 0: no topics ask for all. 1: null does; racks, the controller, internal topics. 2: the cluster's id.
 * - 4: allowAutoTopicCreation. 5: offline replicas. 7: leader epochs. 8: operations that are allowed. 9: flexible.
 * - 10: topic ids (KIP-516).
 * - 11: no operations allowed on the cluster any more.
 * - 12: a topic may be asked for by its id alone, with a null name.
 * - 13: an error code for the whole answer (REBOOTSTRAP_REQUIRED, KIP-1102).
 */
export const Metadata = defineApi({
  key: 3,
  name: 'Metadata',
  minVersion: 0,
  maxVersion: 13,
  flexible: '9+',
  request: {
    topics: field(
      '0+',
      array({
        topicId: field('10+', 'uuid', { ignorable: true }),
        name: field('0+', 'string', { nullable: '10+' }),
      }),
      { nullable: '1+' },
    ),
    allowAutoTopicCreation: field('4+', 'bool', { default: true }),
    includeClusterAuthorizedOperations: field('8-10', 'bool'),
    includeTopicAuthorizedOperations: field('8+', 'bool'),
  },
  response: {
    throttleTimeMs: field('3+', 'int32', { ignorable: true }),
    brokers: field(
      '0+',
      array({
        nodeId: field('0+', 'int32'),
        host: field('0+', 'string'),
        port: field('0+', 'int32'),
        rack: field('1+', 'string', { nullable: '1+', default: null, ignorable: true }),
      }),
    ),
    clusterId: field('2+', 'string', { nullable: '2+', default: null, ignorable: true }),
    controllerId: field('1+', 'int32', { default: -1, ignorable: true }),
    topics: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        name: field('0+', 'string', { nullable: '12+' }),
        topicId: field('10+', 'uuid', { ignorable: true }),
        isInternal: field('1+', 'bool', { default: false, ignorable: true }),
        partitions: field(
          '0+',
          array({
            errorCode: field('0+', 'int16'),
            partitionIndex: field('0+', 'int32'),
            leaderId: field('0+', 'int32'),
            leaderEpoch: field('7+', 'int32', { default: -1, ignorable: true }),
            replicaNodes: field('0+', array('int32')),
            isrNodes: field('0+', array('int32')),
            offlineReplicas: field('5+', array('int32'), { ignorable: true }),
          }),
        ),
        topicAuthorizedOperations: field('8+', 'int32', { default: -2147483648 }),
      }),
    ),
    clusterAuthorizedOperations: field('8-10', 'int32', { default: -2147483648 }),
    errorCode: field('13+', 'int16', { ignorable: true }),
  },
})
