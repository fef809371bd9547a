import { createSecureContext } from 'node:tls'
import { KafkaUsageError } from '@milena/protocol'
import { aclRule, principalOf, type AclRule } from './acl-rule.js'

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

export interface SaslUser {
  readonly name: string
  readonly password: string
}

/** Who may connect, how, and what they may do then. Each part stands for itself; without any, everybody may do everything. */
export interface SecurityOptions {
  /** All brokers speak TLS only. Key and certificates in PEM. A client's certificate makes it `User:CN=…`, as in Kafka. */
  readonly tls?: {
    readonly key: string | Buffer
    readonly cert: string | Buffer
    /** Trusted for client certificates. */
    readonly ca?: string | Buffer
    /** Asks clients for a certificate and refuses those without. Default false. */
    readonly requestCert?: boolean
  }
  /** All clients must authenticate by SASL; they are `User:<name>` then. */
  readonly sasl?: {
    readonly users: readonly SaslUser[]
    /** Default: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
    readonly mechanisms?: readonly SaslMechanism[]
    /**
     * After so long a client must authenticate anew on the same connection (KIP-368; Kafka's connections.max.reauth.ms).
     * Default 0: never, and trying to is an error.
     */
    readonly sessionLifetimeMs?: number
  }
  /** What principals may do: Kafka's ACLs. Unset: everything. */
  readonly authorization?: {
    readonly rules: readonly AclRule[]
    /** Principals, e.g. `User:admin`, who may do everything whatever the rules say. Default: none. */
    readonly superUsers?: readonly string[]
    /** What no rule speaks of is allowed to everybody (allow.everyone.if.no.acl.found). Default false. */
    readonly allowEveryoneIfNoRule?: boolean
  }
}

export interface ResolvedSecurity {
  readonly tls: SecurityOptions['tls'] | undefined
  readonly sasl:
    | {
        readonly users: readonly SaslUser[]
        readonly mechanisms: readonly SaslMechanism[]
        readonly sessionLifetimeMs: number
      }
    | undefined
  readonly authorization:
    | {
        readonly rules: readonly Required<AclRule>[]
        readonly superUsers: readonly string[]
        readonly allowEveryoneIfNoRule: boolean
      }
    | undefined
}

/** Throws KafkaUsageError naming the option and what it may be. */
export function resolveSecurity(given: SecurityOptions): ResolvedSecurity {
  onlyKnown('security', given, ['tls', 'sasl', 'authorization'])
  return { tls: resolveTls(given.tls), sasl: resolveSasl(given.sasl), authorization: resolveRules(given.authorization) }
}

function resolveTls(tls: SecurityOptions['tls']): ResolvedSecurity['tls'] {
  if (tls === undefined) return undefined
  onlyKnown('security.tls', tls, ['key', 'cert', 'ca', 'requestCert'])
  try {
    createSecureContext({ key: tls.key, cert: tls.cert, ca: tls.ca })
  } catch (error) {
    throw new KafkaUsageError(
      `security.tls cannot be used: ${error instanceof Error ? error.message : String(error)}. Give key, cert (and ca) as PEM text, key and cert belonging together.`,
      { cause: error },
    )
  }
  return tls
}

function resolveSasl(sasl: SecurityOptions['sasl']): ResolvedSecurity['sasl'] {
  if (sasl === undefined) return undefined
  onlyKnown('security.sasl', sasl, ['users', 'mechanisms', 'sessionLifetimeMs'])
  const names = new Set<string>()
  for (const { name, password } of listOf('security.sasl.users', sasl.users)) {
    if (typeof name !== 'string' || name === '' || typeof password !== 'string' || password === '') {
      throw new KafkaUsageError('security.sasl.users: every user has a name and a password, neither of them empty.')
    }
    if (names.has(name)) throw new KafkaUsageError(`security.sasl.users names "${name}" twice. Leave one of them out.`)
    names.add(name)
  }
  const mechanisms = listOf('security.sasl.mechanisms', sasl.mechanisms ?? saslMechanisms)
  const unknown = mechanisms.find((mechanism) => !saslMechanisms.includes(mechanism))
  if (unknown !== undefined || mechanisms.length === 0) {
    throw new KafkaUsageError(
      `security.sasl.mechanisms are some of ${saslMechanisms.join(', ')}; given: ${JSON.stringify(mechanisms)}.`,
    )
  }
  const sessionLifetimeMs = sasl.sessionLifetimeMs ?? 0
  if (!Number.isSafeInteger(sessionLifetimeMs) || sessionLifetimeMs < 0) {
    throw new KafkaUsageError(
      `security.sasl.sessionLifetimeMs is a whole number of milliseconds, or 0 for ever, not ${String(sessionLifetimeMs)}.`,
    )
  }
  return { users: sasl.users, mechanisms, sessionLifetimeMs }
}

function resolveRules(authorization: SecurityOptions['authorization']): ResolvedSecurity['authorization'] {
  if (authorization === undefined) return undefined
  onlyKnown('security.authorization', authorization, ['rules', 'superUsers', 'allowEveryoneIfNoRule'])
  return {
    rules: listOf('security.authorization.rules', authorization.rules).map((rule, i) =>
      aclRule(rule, `security.authorization.rules[${i}]`),
    ),
    superUsers: listOf('security.authorization.superUsers', authorization.superUsers ?? []).map((principal, i) =>
      principalOf(principal, `security.authorization.superUsers[${i}]`),
    ),
    allowEveryoneIfNoRule: authorization.allowEveryoneIfNoRule ?? false,
  }
}

function listOf<T>(name: string, value: readonly T[]): readonly T[] {
  if (Array.isArray(value)) return value
  throw new KafkaUsageError(`${name} is an array; given: ${JSON.stringify(value)}.`)
}

/** A misspelt option must not pass for one that is not set: here it would leave a door open. */
function onlyKnown(name: string, given: object, known: readonly string[]): void {
  if (given === null || typeof given !== 'object') {
    throw new KafkaUsageError(`${name} is an object with ${known.join(', ')}; given: ${JSON.stringify(given)}.`)
  }
  const unknown = Object.keys(given).find((key) => !known.includes(key))
  if (unknown !== undefined) {
    throw new KafkaUsageError(`${name} has no option "${unknown}". It has: ${known.join(', ')}.`)
  }
}
