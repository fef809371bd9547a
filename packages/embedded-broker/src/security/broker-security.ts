// SKELETON by the lead: the owner of security/ replaces the bodies and keeps (or extends) the names.
import type { Authorizer } from './authorizer.js'

/** What one connection has proven so far. */
export interface ConnectionIdentity {
  /** `User:ANONYMOUS` until authenticated, or without authentication; from a TLS client certificate its distinguished name. */
  principal: string
  /** False while SASL is asked for and has not succeeded: only ApiVersions, SaslHandshake and SaslAuthenticate are served. */
  isAuthenticated: boolean
}

/** Who may connect and what they may do. */
export class BrokerSecurity {
  readonly authorizer: Authorizer | undefined = undefined

  /** The identity that a new connection begins with. */
  newConnection(): ConnectionIdentity {
    return { principal: 'User:ANONYMOUS', isAuthenticated: true }
  }
}
