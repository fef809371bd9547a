import type { AclRule } from './acl-rule.js'
import type { AclOperation, AclResourceType, Authorizer } from './authorizer.js'

/** Operations that come with a permission for another one, as in Kafka. A denial denies no more than it says. */
const impliedBy: Readonly<Partial<Record<AclOperation, readonly AclOperation[]>>> = {
  Describe: ['Read', 'Write', 'Delete', 'Alter'],
  DescribeConfigs: ['AlterConfigs'],
}

/**
 * Kafka's rule for ACLs: super users may everything; else what any rule denies is denied; else what any rule allows is
 * allowed; else it is denied, unless no rule speaks of the resource and that is said to be open to everybody.
 */
export class AclAuthorizer implements Authorizer {
  readonly #rules: ReadonlyMap<AclResourceType, readonly Required<AclRule>[]>
  readonly #superUsers: ReadonlySet<string>
  readonly #allowEveryoneIfNoRule: boolean

  constructor(given: {
    readonly rules: readonly Required<AclRule>[]
    readonly superUsers: readonly string[]
    readonly allowEveryoneIfNoRule: boolean
  }) {
    const rules = new Map<AclResourceType, Required<AclRule>[]>()
    for (const rule of given.rules) rules.set(rule.resourceType, [...(rules.get(rule.resourceType) ?? []), rule])
    this.#rules = rules
    this.#superUsers = new Set(given.superUsers)
    this.#allowEveryoneIfNoRule = given.allowEveryoneIfNoRule
  }

  allows(request: {
    readonly principal: string
    readonly operation: AclOperation
    readonly resourceType: AclResourceType
    readonly name: string
  }): boolean {
    const { principal, operation, resourceType, name } = request
    if (this.#superUsers.has(principal)) return true
    const rules = (this.#rules.get(resourceType) ?? []).filter((rule) => speaksOf(rule, name))
    if (rules.length === 0) return this.#allowEveryoneIfNoRule
    const own = rules.filter((rule) => rule.principal === principal || rule.principal === 'User:*')
    const says = (permission: 'allow' | 'deny', operations: readonly string[]): boolean =>
      own.some((rule) => rule.permission === permission && operations.includes(rule.operation))
    if (says('deny', [operation, 'All'])) return false
    return says('allow', [operation, 'All', ...(impliedBy[operation] ?? [])])
  }
}

function speaksOf(rule: Required<AclRule>, name: string): boolean {
  if (rule.patternType === 'prefixed') return name.startsWith(rule.name)
  return rule.name === '*' || rule.name === name
}
