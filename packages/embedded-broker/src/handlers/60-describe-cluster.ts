import { DescribeCluster, ErrorCode } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { clusterOperations } from './3-metadata.js'

const EndpointType = { brokers: 1, controllers: 2 } as const

/**
 * Behaviour: the live brokers, and any of them as the controller. Versions: 1+ ask for brokers or controllers, which are not to
 * be asked here; 2 for brokers that are down, too.
 */
export const describeClusterHandler = defineHandler(DescribeCluster, (request, context) => {
  const { endpointType, includeFencedBrokers } = request
  if (endpointType !== EndpointType.brokers) {
    const isKnown = endpointType === EndpointType.controllers
    return {
      throttleTimeMs: 0,
      errorCode: isKnown ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: isKnown
        ? 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER'
        : `Unsupported endpoint type ${endpointType}`,
      clusterId: '',
      brokers: [],
    }
  }
  const { cluster } = context
  const nodes = includeFencedBrokers ? cluster.nodes : cluster.liveNodes
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    brokers: nodes.map(({ id, host, port, rack, isAlive }) => ({
      brokerId: id,
      host,
      port,
      rack: rack ?? null,
      ...(context.version >= 2 && { isFenced: !isAlive }),
    })),
    ...(request.includeClusterAuthorizedOperations && { clusterAuthorizedOperations: clusterOperations(context) }),
  }
})
