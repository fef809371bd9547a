import type { Logger } from '@milena/protocol/runtime'
import type { BrokerCluster } from '../broker-cluster.js'
import type { BrokerNode } from '../broker-node.js'
import type { AclOperation, AclResourceType } from '../security/authorizer.js'
import type { ConnectionIdentity } from '../security/broker-security.js'

/** The connection that a request came by, as handlers see it. */
export interface RequestConnection {
  /** Its own in the cluster's whole life. */
  readonly id: string
  /** The client's address, as describe answers tell it (`/127.0.0.1`). */
  readonly clientHost: string
  /** What the client has proven; SaslAuthenticate changes it. */
  readonly identity: ConnectionIdentity
  /** Ends the connection, where the protocol has no answer to say it with. */
  close(): void
  /** Called once when the connection is gone, for whatever reason; at once when it already is. */
  onClose(fn: () => void): void
}

/** What a handler knows of the request beside its body. */
export interface RequestContext {
  /** All that the brokers share. */
  readonly cluster: BrokerCluster
  /** The broker that was asked. */
  readonly node: BrokerNode
  readonly connection: RequestConnection
  /** E.g. `User:alice`; `User:ANONYMOUS` without authentication. */
  readonly principal: string
  readonly clientId: string | null
  readonly version: number
  /** Aborted when the connection is gone or the broker was killed: no one will read the answer. */
  readonly signal: AbortSignal
  readonly logger: Logger
  /** What a hook of broker.intercept() wants this partition to answer; 0 (nearly always): nothing. */
  partitionError(this: void, topic: string, partition: number): number
  /** Whether the principal may do this. True for everything where no authoriser is configured. */
  allows(operation: AclOperation, resourceType: AclResourceType, name: string): boolean
}
