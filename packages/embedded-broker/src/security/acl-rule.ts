import { KafkaUsageError } from '@milena/protocol'
import { aclOperations, aclResourceTypes, CLUSTER_NAME, type AclOperation, type AclResourceType } from './authorizer.js'

/** One of Kafka's ACLs: who may, or may not, do what to which resource. */
export interface AclRule {
  /** `User:alice`, or `User:*` for everybody. */
  readonly principal: string
  readonly operation: AclOperation | 'All'
  readonly resourceType: AclResourceType
  /** The resource's name, or `*` for all of the type. Default for the type `Cluster`: its only one. */
  readonly name?: string
  /** Whether `name` is the whole name, or how names begin. Default `literal`. */
  readonly patternType?: 'literal' | 'prefixed'
  /** Default `allow`. What one rule denies, no other allows. */
  readonly permission?: 'allow' | 'deny'
}

/** The rule with its defaults. Throws KafkaUsageError naming `where` and what is wrong. */
export function aclRule(rule: AclRule, where: string): Required<AclRule> {
  if (rule === null || typeof rule !== 'object') {
    throw new KafkaUsageError(`${where} is an object such as { principal: 'User:alice', operation: 'Read', … }.`)
  }
  const unknown = Object.keys(rule).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new KafkaUsageError(`${where} has no "${unknown}". A rule has: ${known.join(', ')}.`)
  const { operation, resourceType, patternType = 'literal', permission = 'allow' } = rule
  oneOf(`${where}.operation`, operation, ['All', ...aclOperations])
  oneOf(`${where}.resourceType`, resourceType, aclResourceTypes)
  oneOf(`${where}.patternType`, patternType, ['literal', 'prefixed'])
  oneOf(`${where}.permission`, permission, ['allow', 'deny'])
  const name = rule.name ?? (resourceType === 'Cluster' ? CLUSTER_NAME : '')
  if (typeof name !== 'string' || name === '') {
    throw new KafkaUsageError(`${where}.name is the name of a ${resourceType}, or * for all of them.`)
  }
  return {
    principal: principalOf(rule.principal, `${where}.principal`),
    operation,
    resourceType,
    name,
    patternType,
    permission,
  }
}

const known = ['principal', 'operation', 'resourceType', 'name', 'patternType', 'permission']

/** Throws KafkaUsageError unless it is a user principal. */
export function principalOf(principal: string, where: string): string {
  if (typeof principal === 'string' && /^User:./s.test(principal)) return principal
  throw new KafkaUsageError(
    `${where} is a principal such as User:alice, or User:*; given: ${JSON.stringify(principal)}.`,
  )
}

function oneOf(where: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return
  throw new KafkaUsageError(`${where} is one of ${allowed.join(', ')}; given: ${JSON.stringify(value)}.`)
}
