import { ErrorCode, ListConfigResources } from '@milena/protocol'
import { CLUSTER_NAME } from '../security/authorizer.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { ConfigResourceType } from './config-resources.js'

const namesOf: Readonly<Record<number, (context: RequestContext) => readonly string[]>> = {
  [ConfigResourceType.group]: ({ cluster }) => cluster.configs.configuredGroups,
  [ConfigResourceType.clientMetrics]: () => [],
  [ConfigResourceType.brokerLogger]: ({ cluster }) => cluster.liveNodes.map(({ id }) => String(id)),
  [ConfigResourceType.broker]: ({ cluster }) => cluster.liveNodes.map(({ id }) => String(id)),
  [ConfigResourceType.topic]: ({ cluster }) => cluster.topics.all().map(({ name }) => name),
}

/** In the order in which Kafka tells them. */
const allTypes = [
  ConfigResourceType.group,
  ConfigResourceType.clientMetrics,
  ConfigResourceType.brokerLogger,
  ConfigResourceType.broker,
  ConfigResourceType.topic,
]

/**
 * Behaviour: all topics, live brokers, and groups with settings of their own. Versions: 0 knows subscriptions to client metrics
 * only, of which there are none; 1 all types, or those that are named; an unknown one is UNSUPPORTED_VERSION.
 */
export const listConfigResourcesHandler = defineHandler(ListConfigResources, (request, context) => {
  const failed = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, configResources: [] })
  if (!context.allows('DescribeConfigs', 'Cluster', CLUSTER_NAME)) {
    return failed(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  }
  if (context.version === 0) return { throttleTimeMs: 0, errorCode: 0, configResources: [] }
  const types = request.resourceTypes.length === 0 ? allTypes : [...new Set(request.resourceTypes)]
  if (types.some((type) => namesOf[type] === undefined)) return failed(ErrorCode.UNSUPPORTED_VERSION)
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    configResources: types.flatMap((resourceType) =>
      (namesOf[resourceType]?.(context) ?? []).map((resourceName) => ({ resourceName, resourceType })),
    ),
  }
})
