import { ApiVersions, ErrorCode, Metadata, SaslAuthenticate, SaslHandshake } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { DelayedOperations } from '../../src/delayed-operations.js'
import { BrokerSecurity } from '../../src/security/broker-security.js'
import type { SecurityOptions } from '../../src/security/security-options.js'
import { versionProfile } from '../../src/version-profile.js'

const users = [
  { name: 'alice', password: 'secret' },
  { name: 'bob', password: 'other' },
]
const clientHost = '/127.0.0.1'

function world(options: SecurityOptions) {
  const clock = new VirtualClock()
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (facts, sentence) => warnings.push(JSON.stringify(facts) + sentence) }
  const security = new BrokerSecurity(
    {
      clock,
      random: new SeededRandom(1),
      logger,
      profile: versionProfile('4.4'),
      delayed: new DelayedOperations(clock),
      changed: () => undefined,
    },
    options,
  )
  const identity = security.newConnection()
  return {
    clock,
    warnings,
    security,
    identity,
    handshake: (mechanism: string) => security.handshake(identity, { mechanism, clientHost }),
    authenticate: (token: string) => security.authenticate(identity, { token: Buffer.from(token), clientHost }),
    serves: (api: { readonly key: number }) => security.mayServe(identity, api.key),
  }
}

describe('without SASL', () => {
  it('everybody is User:ANONYMOUS and is served everything', () => {
    const { identity, serves, security } = world({})
    expect(identity.principal).toBe('User:ANONYMOUS')
    expect(serves(Metadata)).toBe(true)
    expect(security.authorizer).toBeUndefined()
  })

  it('there is nothing to negotiate, and trying to does no harm', () => {
    const { handshake, authenticate, identity } = world({})
    expect(handshake('PLAIN')).toEqual({ errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
    expect(authenticate('\0alice\0secret')).toMatchObject({ errorCode: ErrorCode.ILLEGAL_SASL_STATE })
    expect(identity.mustClose).toBe(false)
  })
})

describe('with SASL', () => {
  it('only the way to authentication is served before it, then everything', () => {
    const { handshake, authenticate, identity, serves } = world({ sasl: { users } })
    expect([ApiVersions, SaslHandshake, SaslAuthenticate].map(serves)).toEqual([true, true, true])
    expect(serves(Metadata)).toBe(false)
    expect(handshake('PLAIN')).toEqual({ errorCode: 0, mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] })
    expect([Metadata, ApiVersions].map(serves)).toEqual([false, false])
    expect(authenticate('\0alice\0secret')).toEqual({
      errorCode: 0,
      errorMessage: '',
      token: Buffer.alloc(0),
      sessionLifetimeMs: 0,
    })
    expect(identity.principal).toBe('User:alice')
    expect([ApiVersions, Metadata].map(serves)).toEqual([true, true])
  })

  it('requests are read up to sasl.server.max.receive.size before it, and socket.request.max.bytes after it', () => {
    const { security, identity, handshake, authenticate } = world({ sasl: { users } })
    const configs = { brokerNumber: (name: string) => (name === 'sasl.server.max.receive.size' ? 1 : 2) }
    expect(security.maxFrameBytesFor(identity, configs)).toBe(1)
    handshake('PLAIN')
    authenticate('\0alice\0secret')
    expect(security.maxFrameBytesFor(identity, configs)).toBe(2)
  })

  it('a mechanism that is not enabled ends the connection, and the answer tells which are', () => {
    const { handshake, identity, warnings } = world({ sasl: { users, mechanisms: ['SCRAM-SHA-512'] } })
    expect(handshake('PLAIN')).toEqual({
      errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: ['SCRAM-SHA-512'],
    })
    expect(identity.mustClose).toBe(true)
    expect(warnings).toHaveLength(1)
  })

  it('a wrong password ends the connection with the words of Kafka, and a log line without secrets', () => {
    const { handshake, authenticate, identity, warnings, serves } = world({ sasl: { users } })
    handshake('PLAIN')
    expect(authenticate('\0alice\0wrongone')).toMatchObject({
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Authentication failed: Invalid username or password',
    })
    expect(identity).toMatchObject({ mustClose: true, isAuthenticated: false, principal: 'User:ANONYMOUS' })
    expect(serves(Metadata)).toBe(false)
    expect(warnings.join()).toContain('the password of alice was wrong')
    expect(warnings.join()).not.toMatch(/wrongone|secret/)
  })

  it('a SCRAM that fails is told no reason', () => {
    const { handshake, authenticate } = world({ sasl: { users } })
    handshake('SCRAM-SHA-256')
    expect(authenticate('n,,n=nobody,r=abc')).toMatchObject({
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage:
        'Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256',
    })
  })

  it('tokens before a mechanism is chosen, and a second choice, end the connection', () => {
    const early = world({ sasl: { users } })
    expect(early.authenticate('\0alice\0secret')).toBeUndefined()
    expect(early.identity.mustClose).toBe(true)
    const twice = world({ sasl: { users } })
    twice.handshake('PLAIN')
    expect(twice.handshake('PLAIN').errorCode).toBe(ErrorCode.ILLEGAL_SASL_STATE)
    expect(twice.identity.mustClose).toBe(true)
  })

  it('authenticating anew is an error where sessions do not end, and leaves the session as it is', () => {
    const { handshake, authenticate, identity, serves } = world({ sasl: { users } })
    handshake('PLAIN')
    authenticate('\0alice\0secret')
    expect(handshake('PLAIN')).toEqual({ errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
    expect(authenticate('\0alice\0secret')?.errorCode).toBe(ErrorCode.ILLEGAL_SASL_STATE)
    expect(identity.mustClose).toBe(false)
    expect(serves(Metadata)).toBe(true)
  })
})

describe('sessions that end', () => {
  const options = { sasl: { users, sessionLifetimeMs: 60_000 } }

  it('are told to the client, can be begun anew, and are refused anything else when they are over', async () => {
    const { clock, handshake, authenticate, serves } = world(options)
    handshake('PLAIN')
    expect(authenticate('\0alice\0secret')?.sessionLifetimeMs).toBe(60_000)
    await clock.advance(59_999)
    expect(serves(Metadata)).toBe(true)
    await clock.advance(1)
    expect(serves(Metadata)).toBe(false)
    expect(handshake('PLAIN').errorCode).toBe(0)
    expect(authenticate('\0alice\0secret')?.errorCode).toBe(0)
    expect(serves(Metadata)).toBe(true)
  })

  it.each([
    ['as somebody else', '\0bob\0other', 'Cannot change principals during re-authentication from User.alice: User.bob'],
    ['with a wrong password', '\0alice\0guessed', 'Authentication failed: Invalid username or password'],
  ])('cannot be begun anew %s', (_, token, errorMessage) => {
    const { handshake, authenticate, identity } = world(options)
    handshake('PLAIN')
    authenticate('\0alice\0secret')
    handshake('PLAIN')
    expect(authenticate(token)).toMatchObject({ errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage })
    expect(identity.mustClose).toBe(true)
  })

  it('serve nothing else while they are begun anew, as by another mechanism', () => {
    const { handshake, authenticate, serves } = world(options)
    handshake('PLAIN')
    authenticate('\0alice\0secret')
    expect(handshake('SCRAM-SHA-256').errorCode).toBe(0)
    expect([Metadata, ApiVersions].map(serves)).toEqual([false, false])
  })
})
