import { describe, expect, it } from 'vitest'
import { AclAuthorizer } from '../../src/security/acl-authorizer.js'
import { aclRule, type AclRule } from '../../src/security/acl-rule.js'
import { authorizedOperations } from '../../src/security/authorized-operations.js'
import type { AclOperation, AclResourceType } from '../../src/security/authorizer.js'

function authorizer(
  rules: readonly AclRule[],
  options: { readonly superUsers?: readonly string[]; readonly allowEveryoneIfNoRule?: boolean } = {},
) {
  const made = new AclAuthorizer({
    rules: rules.map((rule) => aclRule(rule, 'rule')),
    superUsers: options.superUsers ?? [],
    allowEveryoneIfNoRule: options.allowEveryoneIfNoRule ?? false,
  })
  return (principal: string, operation: AclOperation, name: string, resourceType: AclResourceType = 'Topic') =>
    made.allows({ principal: `User:${principal}`, operation, name, resourceType })
}

const rule = (more: Partial<AclRule>): AclRule => ({
  principal: 'User:alice',
  operation: 'Read',
  resourceType: 'Topic',
  name: 'orders',
  ...more,
})

describe('the authoriser', () => {
  it('allows what a rule allows, and nothing else', () => {
    const allows = authorizer([rule({})])
    expect(allows('alice', 'Read', 'orders')).toBe(true)
    expect(allows('bob', 'Read', 'orders')).toBe(false)
    expect(allows('alice', 'Write', 'orders')).toBe(false)
    expect(allows('alice', 'Read', 'payments')).toBe(false)
    expect(allows('alice', 'Read', 'orders', 'Group')).toBe(false)
  })

  it('lets a denial win over any permission, also one for everybody', () => {
    const allows = authorizer([
      rule({ principal: 'User:*', operation: 'All', name: '*' }),
      rule({ permission: 'deny', name: 'or', patternType: 'prefixed' }),
    ])
    expect(allows('alice', 'Read', 'orders')).toBe(false)
    expect(allows('alice', 'Write', 'orders')).toBe(true)
    expect(allows('alice', 'Read', 'payments')).toBe(true)
    expect(allows('bob', 'Read', 'orders')).toBe(true)
  })

  it('denies everything by a denial of All, to everybody by a denial for everybody', () => {
    const allows = authorizer([rule({}), rule({ principal: 'User:*', operation: 'All', permission: 'deny' })])
    expect(allows('alice', 'Read', 'orders')).toBe(false)
  })

  it.each(['Read', 'Write', 'Delete', 'Alter'] as const)(
    'lets %s imply Describe, and no denial imply anything',
    (operation) => {
      expect(authorizer([rule({ operation })])('alice', 'Describe', 'orders')).toBe(true)
      const allows = authorizer([rule({ operation: 'Describe' }), rule({ operation, permission: 'deny' })])
      expect(allows('alice', 'Describe', 'orders')).toBe(true)
      expect(allows('alice', operation, 'orders')).toBe(false)
    },
  )

  it('lets AlterConfigs imply DescribeConfigs, but not Describe', () => {
    const allows = authorizer([rule({ operation: 'AlterConfigs' })])
    expect(allows('alice', 'DescribeConfigs', 'orders')).toBe(true)
    expect(allows('alice', 'Describe', 'orders')).toBe(false)
  })

  it('takes * for all names as a literal pattern only, and prefixes as prefixes', () => {
    const allows = authorizer([
      rule({ name: '*', resourceType: 'Group' }),
      rule({ name: 'team.', patternType: 'prefixed' }),
      rule({ name: '*', patternType: 'prefixed', principal: 'User:bob' }),
    ])
    expect(allows('alice', 'Read', 'anything', 'Group')).toBe(true)
    expect(allows('alice', 'Read', 'team.orders')).toBe(true)
    expect(allows('alice', 'Read', 'teams')).toBe(false)
    expect(allows('bob', 'Read', 'orders')).toBe(false)
  })

  it('allows super users everything, and others what no rule speaks of only when told so', () => {
    const rules = [rule({ principal: 'User:*', permission: 'deny', operation: 'All' })]
    const strict = authorizer(rules, { superUsers: ['User:admin'] })
    expect(strict('admin', 'Alter', 'orders')).toBe(true)
    expect(strict('bob', 'Read', 'payments')).toBe(false)
    const open = authorizer(rules, { allowEveryoneIfNoRule: true })
    expect(open('bob', 'Read', 'payments')).toBe(true)
    expect(open('bob', 'Read', 'orders')).toBe(false)
  })

  it('knows the cluster by its one name', () => {
    const allows = authorizer([{ principal: 'User:alice', operation: 'Create', resourceType: 'Cluster' }])
    expect(allows('alice', 'Create', 'kafka-cluster', 'Cluster')).toBe(true)
  })
})

it('the bit fields of what one may do are those of Kafka', () => {
  const everything = { allows: () => true }
  expect(authorizedOperations({ type: 'Group', name: 'g' }, everything)).toBe(3400)
  expect(authorizedOperations({ type: 'Topic', name: 't' }, everything)).toBe(3576)
  expect(authorizedOperations({ type: 'Cluster', name: 'kafka-cluster' }, everything)).toBe(8096)
  const reader = { allows: (operation: AclOperation) => operation === 'Read' || operation === 'Describe' }
  expect(authorizedOperations({ type: 'Topic', name: 't' }, reader)).toBe((1 << 3) | (1 << 8))
})
