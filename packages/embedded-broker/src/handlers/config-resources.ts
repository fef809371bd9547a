import { ErrorCode } from '@milena/protocol'
import type { ConfigResource } from '../configs/cluster-configs.js'
import { invalidRequest, isFailure, type ConfigFailure } from '../configs/config-values.js'
import { CLUSTER_NAME } from '../security/authorizer.js'
import type { AclOperation, AclResourceType } from '../security/authorizer.js'
import type { RequestContext } from '../server/request-context.js'
import { topicNameFailure } from '../topics/topic-names.js'

/** Kafka's numbers of what can have configurations. */
export const ConfigResourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** The longest that old versions of the protocol can carry. */
const MAX_GROUP_NAME_LENGTH = 32_767

const UNSET = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: '' } as const

/** Why the principal may not do this to the configurations of a resource. */
export function configAccessFailure(
  operation: AclOperation & ('DescribeConfigs' | 'AlterConfigs'),
  resource: { readonly resourceType: number; readonly resourceName: string },
  context: RequestContext,
): ConfigFailure | undefined {
  const { resourceType, resourceName } = resource
  const denied = (type: AclResourceType, name: string, failure: ConfigFailure): ConfigFailure | undefined =>
    context.allows(operation, type, name) ? undefined : failure
  switch (resourceType) {
    case ConfigResourceType.topic:
      return denied('Topic', resourceName, {
        errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        errorMessage: 'Topic authorization failed.',
      })
    case ConfigResourceType.group:
      return denied('Group', resourceName, {
        errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
        errorMessage: 'Group authorization failed.',
      })
    default:
      return denied('Cluster', CLUSTER_NAME, {
        errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        errorMessage: 'Cluster authorization failed.',
      })
  }
}

/** Whose configurations a request means to change, or what is wrong with that, in Kafka's words. */
function resourceToChange(type: number, name: string, context: RequestContext): ConfigResource | ConfigFailure {
  switch (type) {
    case ConfigResourceType.topic: {
      if (name === '') return invalidRequest('Default topic resources are not allowed.')
      const wrong = topicNameFailure(name)
      if (wrong !== undefined) return wrong
      if (context.cluster.topics.byName(name) !== undefined) return { kind: 'topic', name }
      return {
        errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        errorMessage: `The topic '${name}' does not exist.`,
      }
    }
    case ConfigResourceType.group:
      if (name === '') return invalidRequest('Default group resources are not allowed.')
      if (name.length <= MAX_GROUP_NAME_LENGTH) return { kind: 'group', name }
      return invalidRequest(`The name of a group has at most ${MAX_GROUP_NAME_LENGTH} characters.`)
    case ConfigResourceType.broker: {
      const id = brokerId(name)
      if (id === undefined) return { kind: 'broker', id }
      if (Number.isNaN(id)) return invalidRequest(`Node id must be an integer, but it is: ${name}`)
      if (id === context.node.id) return { kind: 'broker', id }
      return invalidRequest(`Unexpected broker id, expected ${context.node.id}, but received ${name}`)
    }
    default:
      return invalidRequest(`Unknown resource type ${type}`)
  }
}

/** Whose configurations a request asks for, or what is wrong with that, in Kafka's words. */
export function resourceToDescribe(
  type: number,
  name: string,
  context: RequestContext,
): ConfigResource | ConfigFailure {
  switch (type) {
    case ConfigResourceType.topic: {
      const wrong = topicNameFailure(name)
      if (wrong !== undefined) return wrong
      if (context.cluster.topics.byName(name) !== undefined) return { kind: 'topic', name }
      return { ...UNSET, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
    }
    case ConfigResourceType.group:
      return name === '' ? invalidRequest('Group name must not be empty') : { kind: 'group', name }
    case ConfigResourceType.broker: {
      const id = brokerId(name)
      if (id === undefined || id === context.node.id) return { kind: 'broker', id }
      if (Number.isNaN(id)) return invalidRequest(`Broker id must be an integer, but it is: ${name}`)
      return invalidRequest(`Unexpected broker id, expected ${context.node.id} or empty string, but received ${name}`)
    }
    default:
      return invalidRequest(
        `The embedded broker tells the settings of topics (2), brokers (4) and groups (32), not of resource type ${type}.`,
      )
  }
}

/** Undefined: all brokers. NaN: no number. */
function brokerId(name: string): number | undefined {
  if (name === '') return undefined
  return /^-?\d{1,10}$/.test(name) ? Number(name) : Number.NaN
}

interface AskedResource {
  readonly resourceType: number
  readonly resourceName: string
}

/**
 * The answer of AlterConfigs and IncrementalAlterConfigs: each resource for itself, but one that is named twice fails.
 *
 * @param change changes one resource and says why not
 */
export function changeResources<R extends AskedResource>(
  resources: readonly R[],
  context: RequestContext,
  change: (resource: ConfigResource, asked: R) => ConfigFailure | undefined,
) {
  const keyOf = ({ resourceType, resourceName }: AskedResource): string => `${resourceType}:${resourceName}`
  const count = new Map<string, number>()
  for (const resource of resources) count.set(keyOf(resource), (count.get(keyOf(resource)) ?? 0) + 1)
  return resources.map((asked) => {
    const { resourceType, resourceName } = asked
    const failure =
      (count.get(keyOf(asked)) ?? 0) > 1
        ? invalidRequest('Each resource must appear at most once.')
        : changeOne(asked, context, change)
    return {
      errorCode: failure?.errorCode ?? 0,
      errorMessage: failure === undefined || failure.errorMessage === '' ? null : failure.errorMessage,
      resourceType,
      resourceName,
    }
  })
}

function changeOne<R extends AskedResource>(
  asked: R,
  context: RequestContext,
  change: (resource: ConfigResource, asked: R) => ConfigFailure | undefined,
): ConfigFailure | undefined {
  const denied = configAccessFailure('AlterConfigs', asked, context)
  if (denied !== undefined) return denied
  const resource = resourceToChange(asked.resourceType, asked.resourceName, context)
  return isFailure(resource) ? resource : change(resource, asked)
}
