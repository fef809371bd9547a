import { DescribeConfigs, type RequestOf } from '@milena/protocol'
import type { ConfigResource } from '../configs/cluster-configs.js'
import { isFailure } from '../configs/config-values.js'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { configAccessFailure, ConfigResourceType, resourceToDescribe } from './config-resources.js'

/** Kafka knows them; here there are none. */
const untold: ReadonlySet<number> = new Set([ConfigResourceType.brokerLogger, ConfigResourceType.clientMetrics])

type AskedResource = RequestOf<typeof DescribeConfigs>['resources'][number]

/**
 * Behaviour: all settings of a topic, a broker or a group, or those that are named (an empty list of names means all; unknown
 * names are passed over). A group need not exist. A broker's settings are told by that broker; those of broker '' are what was
 * set on all brokers. Documentation is not kept: null.
 *
 * Versions: 1+ tell where values come from, and their synonyms when asked; 3+ the types.
 */
export const describeConfigsHandler = defineHandler(DescribeConfigs, (request, context) => ({
  throttleTimeMs: 0,
  results: request.resources.map((asked) => {
    const { resourceType, resourceName } = asked
    const denied = configAccessFailure('DescribeConfigs', asked, context)
    const resource = denied ?? resourceToDescribe(resourceType, resourceName, context)
    if (untold.has(resourceType) && denied === undefined) {
      return { errorCode: 0, errorMessage: '', resourceType, resourceName, configs: [] }
    }
    if (isFailure(resource)) return { ...resource, resourceType, resourceName, configs: [] }
    return {
      errorCode: 0,
      errorMessage: '',
      resourceType,
      resourceName,
      configs: configsOf(resource, asked, request.includeSynonyms, context),
    }
  }),
}))

function configsOf(
  resource: ConfigResource,
  { configurationKeys }: AskedResource,
  includeSynonyms: boolean,
  context: RequestContext,
) {
  const keys = configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys)
  return context.cluster.configs
    .describe(resource)
    .filter(({ name }) => keys?.has(name) !== false)
    .map(({ synonyms, ...config }) => ({
      ...config,
      synonyms: includeSynonyms ? synonyms.map((synonym) => ({ ...synonym })) : [],
      documentation: null,
    }))
}
