/**
 * The rules this file keeps:
 * - Nobody is served anything but ApiVersions, SaslHandshake and SaslAuthenticate before a SASL authentication that is asked
 *   for has succeeded, nor after its session has run out.
 * - A mechanism is chosen, then its tokens follow, then it is over: whatever comes in another order ends the connection.
 * - Passwords, tokens and names of users that do not exist are never logged.
 */
import type { PeerCertificate } from 'node:tls'
import { ErrorCode, SaslAuthenticate, SaslHandshake, ApiVersions } from '@milena/protocol'
import type { Surroundings } from '../surroundings.js'
import { AclAuthorizer } from './acl-authorizer.js'
import type { Authorizer } from './authorizer.js'
import { certificatePrincipal } from './certificate-principal.js'
import { PlainExchange } from './plain-exchange.js'
import type { SaslEnd, SaslExchange } from './sasl-exchange.js'
import { scramCredential, type ScramCredential, type ScramHash } from './scram-credential.js'
import { ScramExchange } from './scram-exchange.js'
import { resolveSecurity, type ResolvedSecurity, type SaslMechanism, type SecurityOptions } from './security-options.js'

const ANONYMOUS = 'User:ANONYMOUS'

/** What one connection has proven so far. */
export interface ConnectionIdentity {
  /** `User:ANONYMOUS` until authenticated, or without authentication; from a TLS client certificate its distinguished name. */
  principal: string
  /** False while SASL is asked for and has not succeeded: only ApiVersions, SaslHandshake and SaslAuthenticate are served. */
  isAuthenticated: boolean
  /** The authentication has failed for good: the connection ends when its answer is sent. */
  mustClose: boolean
  /** The mechanism that was chosen last. */
  mechanism: SaslMechanism | undefined
  /** An authentication that is under way. */
  exchange: SaslExchange | undefined
  /** When the session ends, by the clock; Infinity: never. */
  expiresAt: number
}

/** Who may connect and what they may do. */
export class BrokerSecurity {
  /** What node:tls needs; undefined: no TLS. */
  readonly tls: ResolvedSecurity['tls']
  /** Undefined: everybody may do everything. */
  readonly authorizer: Authorizer | undefined
  readonly #surroundings: Surroundings
  readonly #sasl: ResolvedSecurity['sasl']
  readonly #passwords: ReadonlyMap<string, string>
  /** Made when first asked for: each costs some milliseconds. */
  readonly #credentials = new Map<string, ScramCredential>()

  /** Throws KafkaUsageError naming the option that cannot be used. */
  constructor(surroundings: Surroundings, options: SecurityOptions = {}) {
    const { tls, sasl, authorization } = resolveSecurity(options)
    this.#surroundings = surroundings
    this.tls = tls
    this.#sasl = sasl
    this.#passwords = new Map((sasl?.users ?? []).map(({ name, password }) => [name, password]))
    this.authorizer = authorization === undefined ? undefined : new AclAuthorizer(authorization)
  }

  /** The identity that a new connection begins with. @param peer the certificate that the client showed, if any */
  newConnection(peer?: PeerCertificate): ConnectionIdentity {
    const isAuthenticated = this.#sasl === undefined
    return {
      principal: isAuthenticated && peer !== undefined ? certificatePrincipal(peer.raw) : ANONYMOUS,
      isAuthenticated,
      mustClose: false,
      mechanism: undefined,
      exchange: undefined,
      expiresAt: Infinity,
    }
  }

  /** Whether a request of this API is to be served on the connection now; else the connection ends. */
  mayServe(identity: ConnectionIdentity, apiKey: number): boolean {
    const isOpen = identity.isAuthenticated && this.#surroundings.clock.now() < identity.expiresAt
    if (isOpen && identity.exchange === undefined) return true
    if (apiKey === SaslHandshake.key || apiKey === SaslAuthenticate.key) return true
    return apiKey === ApiVersions.key && !identity.isAuthenticated && identity.exchange === undefined
  }

  /** The largest request that is read from the connection now. */
  maxFrameBytesFor(identity: ConnectionIdentity, configs: { brokerNumber(name: string): number }): number {
    return configs.brokerNumber(identity.isAuthenticated ? 'socket.request.max.bytes' : 'sasl.server.max.receive.size')
  }

  /** Chooses a mechanism. @returns an error code, and the mechanisms that there are */
  handshake(
    identity: ConnectionIdentity,
    asked: { readonly mechanism: string; readonly clientHost: string },
  ): { readonly errorCode: number; readonly mechanisms: readonly string[] } {
    const sasl = this.#sasl
    const isAgain = identity.isAuthenticated
    // Without SASL, and where sessions do not end, there is nothing to negotiate any more; Kafka leaves the connection as it is.
    if (sasl === undefined || (isAgain && sasl.sessionLifetimeMs === 0)) {
      return { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] }
    }
    const { mechanisms } = sasl
    const mechanism = mechanisms.find((each) => each === asked.mechanism)
    if (mechanism === undefined) {
      identity.mustClose = true
      this.#refuse(asked.clientHost, `it asked for a SASL mechanism that is not enabled (${mechanisms.join(', ')} are)`)
      return { errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms }
    }
    if (identity.exchange !== undefined) {
      identity.mustClose = true
      this.#refuse(asked.clientHost, 'it chose a SASL mechanism twice')
      return { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] }
    }
    identity.mechanism = mechanism
    identity.exchange = this.#newExchange(mechanism)
    return { errorCode: 0, mechanisms }
  }

  /** Takes one token of the mechanism. Undefined: there is no answer, and the connection is to be closed. */
  authenticate(
    identity: ConnectionIdentity,
    sent: { readonly token: Buffer; readonly clientHost: string },
  ):
    | {
        readonly errorCode: number
        readonly errorMessage: string
        readonly token: Buffer
        readonly sessionLifetimeMs: number
      }
    | undefined {
    const { exchange, mechanism } = identity
    const nothing = Buffer.alloc(0)
    if (exchange === undefined || mechanism === undefined) {
      if (identity.isAuthenticated) {
        return {
          errorCode: ErrorCode.ILLEGAL_SASL_STATE,
          errorMessage: 'SaslAuthenticate request received after successful authentication',
          token: nothing,
          sessionLifetimeMs: 0,
        }
      }
      identity.mustClose = true
      this.#refuse(sent.clientHost, 'it sent SaslAuthenticate before a SaslHandshake that chooses the mechanism')
      return undefined
    }
    const isAgain = identity.isAuthenticated
    const taken = exchange.next(sent.token)
    if (taken.kind === 'continue') return { errorCode: 0, errorMessage: '', token: taken.token, sessionLifetimeMs: 0 }
    identity.exchange = undefined
    const step = isAgain ? sameUser(identity.principal, taken) : taken
    if (step.kind === 'success') {
      const sessionLifetimeMs = this.#sasl?.sessionLifetimeMs ?? 0
      identity.principal = `User:${step.user}`
      identity.isAuthenticated = true
      identity.expiresAt = sessionLifetimeMs === 0 ? Infinity : this.#surroundings.clock.now() + sessionLifetimeMs
      this.#surroundings.logger.debug(
        { principal: identity.principal, mechanism, client: sent.clientHost },
        'A client has authenticated.',
      )
      return { errorCode: 0, errorMessage: '', token: step.token, sessionLifetimeMs }
    }
    identity.mustClose = true
    this.#refuse(sent.clientHost, `SASL authentication by ${mechanism} failed: ${step.why}`)
    const generic = `Authentication failed during ${isAgain ? 're-authentication' : 'authentication'} due to invalid credentials with SASL mechanism ${mechanism}`
    return {
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage: step.toClient ?? generic,
      token: nothing,
      sessionLifetimeMs: 0,
    }
  }

  #newExchange(mechanism: SaslMechanism): SaslExchange {
    switch (mechanism) {
      case 'PLAIN':
        return new PlainExchange((user) => this.#passwords.get(user))
      case 'SCRAM-SHA-256':
        return new ScramExchange({ hash: 'sha256', credentialOf: (user) => this.#credential('sha256', user) })
      case 'SCRAM-SHA-512':
        return new ScramExchange({ hash: 'sha512', credentialOf: (user) => this.#credential('sha512', user) })
    }
  }

  #credential(hash: ScramHash, user: string): ScramCredential | undefined {
    const password = this.#passwords.get(user)
    if (password === undefined) return undefined
    const key = `${hash}:${user}`
    const known = this.#credentials.get(key)
    if (known !== undefined) return known
    const made = scramCredential(hash, password)
    this.#credentials.set(key, made)
    return made
  }

  #refuse(clientHost: string, why: string): void {
    this.#surroundings.logger.warn({ client: clientHost }, `Refused the client at ${clientHost}: ${why}.`)
  }
}

/** Who authenticates anew must be who it was (KIP-368). */
function sameUser(principal: string, step: SaslEnd): SaslEnd {
  if (step.kind === 'failure' || principal === `User:${step.user}`) return step
  const [before, now] = [principal, `User:${step.user}`].map((each) => each.replace(':', '.'))
  return {
    kind: 'failure',
    why: 'it came back as another user',
    toClient: `Cannot change principals during re-authentication from ${before}: ${now}`,
  }
}
