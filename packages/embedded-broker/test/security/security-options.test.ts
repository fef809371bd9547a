import { KafkaUsageError } from '@milena/protocol'
import { expect, it } from 'vitest'
import { resolveSecurity, type SecurityOptions } from '../../src/security/security-options.js'

const alice = { name: 'alice', password: 'secret' }
const rule = { principal: 'User:alice', operation: 'Read', resourceType: 'Topic', name: 'orders' } as const
const authorization = (more: object): SecurityOptions => ({
  authorization: { rules: [{ ...rule, ...more }] },
})

it('without options nobody needs to authenticate, and everybody may do everything', () => {
  expect(resolveSecurity({})).toEqual({ tls: undefined, sasl: undefined, authorization: undefined })
})

it('defaults: all mechanisms, sessions for ever, literal permissions, nothing open to everybody', () => {
  expect(resolveSecurity({ sasl: { users: [alice] }, authorization: { rules: [rule] } })).toEqual({
    tls: undefined,
    sasl: { users: [alice], mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], sessionLifetimeMs: 0 },
    authorization: {
      rules: [{ ...rule, patternType: 'literal', permission: 'allow' }],
      superUsers: [],
      allowEveryoneIfNoRule: false,
    },
  })
})

it.each([
  ['a misspelt part', { ssl: {} } as never, 'security has no option "ssl"'],
  [
    'a misspelt option',
    { sasl: { users: [alice], mechanism: 'PLAIN' } } as never,
    'security.sasl has no option "mechanism"',
  ],
  ['no users', { sasl: {} } as never, 'security.sasl.users is an array'],
  ['a user without a password', { sasl: { users: [{ name: 'a', password: '' }] } }, 'a name and a password'],
  ['a user twice', { sasl: { users: [alice, alice] } }, 'names "alice" twice'],
  ['an unknown mechanism', { sasl: { users: [alice], mechanisms: ['GSSAPI' as never] } }, 'PLAIN, SCRAM-SHA-256'],
  ['no mechanism', { sasl: { users: [alice], mechanisms: [] } }, 'security.sasl.mechanisms'],
  ['a negative lifetime', { sasl: { users: [alice], sessionLifetimeMs: -1 } }, 'security.sasl.sessionLifetimeMs'],
  ['a key that is none', { tls: { key: 'x', cert: 'y' } }, 'security.tls cannot be used'],
  ['rules that are no list', { authorization: { rules: rule as never } }, 'security.authorization.rules is an array'],
  ['a rule that is none', { authorization: { rules: ['allow'] as never } }, 'security.authorization.rules[0]'],
  [
    'an unknown operation',
    authorization({ operation: 'read' }),
    'security.authorization.rules[0].operation is one of All',
  ],
  ['an unknown resource type', authorization({ resourceType: 'topic' }), 'rules[0].resourceType is one of Topic'],
  ['an unknown pattern type', authorization({ patternType: 'regex' }), 'rules[0].patternType is one of literal'],
  ['an unknown permission', authorization({ permission: 'forbid' }), 'rules[0].permission is one of allow'],
  ['a misspelt part of a rule', authorization({ host: '*' }), 'rules[0] has no "host"'],
  ['a principal without its type', authorization({ principal: 'alice' }), 'a principal such as User:alice'],
  ['no resource name', authorization({ name: '' }), 'rules[0].name'],
  [
    'a super user without its type',
    { authorization: { rules: [], superUsers: ['admin'] } },
    'security.authorization.superUsers[0]',
  ],
] satisfies readonly [string, SecurityOptions, string][])(
  'refuses %s with a sentence that names it',
  (_, options, sentence) => {
    expect(() => resolveSecurity(options)).toThrow(KafkaUsageError)
    expect(() => resolveSecurity(options)).toThrow(sentence)
  },
)

it('no error tells a password', () => {
  let message = ''
  try {
    resolveSecurity({ sasl: { users: [alice, { name: '', password: 'topsecret' }] } })
  } catch (error) {
    message = String(error)
  }
  expect(message).toContain('security.sasl.users')
  expect(message).not.toContain('secret')
})
