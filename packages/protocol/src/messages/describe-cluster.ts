import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DescribeCluster (60): the cluster's id, controller and brokers, without topics (KIP-700). From a broker, controllerId is
 * any living broker.
 *
 * - 1: brokers (1) or controllers (2) may be asked for (KIP-919). 2: fenced brokers, when asked for (KIP-1073).
 */
export const DescribeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  minVersion: 0,
  maxVersion: 2,
  flexible: '0+',
  request: {
    includeClusterAuthorizedOperations: field('0+', 'bool'),
    endpointType: field('1+', 'int8', { default: 1 }),
    includeFencedBrokers: field('2+', 'bool'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
    endpointType: field('1+', 'int8', { default: 1 }),
    clusterId: field('0+', 'string'),
    controllerId: field('0+', 'int32', { default: -1 }),
    brokers: field(
      '0+',
      array({
        brokerId: field('0+', 'int32'),
        host: field('0+', 'string'),
        port: field('0+', 'int32'),
        rack: field('0+', 'string', { nullable: '0+', default: null }),
        isFenced: field('2+', 'bool'),
      }),
    ),
    clusterAuthorizedOperations: field('0+', 'int32', { default: -2147483648 }),
  },
})
