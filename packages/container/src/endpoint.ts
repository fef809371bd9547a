import type { ShareAckMode } from './ack-modes.js'
import type { ContainerProperties } from './container-properties.js'
import type { ListenerKind, ShareListener } from './message-listener.js'

/** A listener and how it is to be run: what decorators and code both produce, and a factory turns into a container. */
export interface KafkaListenerEndpoint<K = unknown, V = unknown> {
  /** The name of its container, unique within a registry. Default: `listener-0`, `listener-1` … in order of registration. */
  readonly id?: string | undefined
  /** One topic or several. */
  readonly topics: string | readonly string[]
  readonly listener: ShareListener<K, V>
  /** Of a bare function: whether it takes the record alone (`plain`, the default), or also acknowledgment and consumer. */
  readonly kind?: ListenerKind | undefined
  /** Default: the factory's, else the consumer factory's. */
  readonly groupId?: string | undefined
  /** How many members of the group run the listener. Default: the factory's, else 1. */
  readonly concurrency?: number | undefined
  /** Base of the members' client ids. Default: the id. */
  readonly clientIdPrefix?: string | undefined
  /** False: the registry's start() leaves it alone. Default true. */
  readonly autoStartup?: boolean | undefined
  /** How many records a member may have delivered and not answered. Default: the factory's, else one after another. */
  readonly maxInFlight?: number | undefined
  /** Who acknowledges. Default: the factory's shareAckMode, else EXPLICIT. */
  readonly ackMode?: ShareAckMode | undefined
  /** Further consumer settings; they beat those of the container properties. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

/** What an endpoint sets of its container's properties. */
export function propertiesOfEndpoint(endpoint: KafkaListenerEndpoint<never, never>): ContainerProperties {
  const { id, topics, groupId, concurrency, clientIdPrefix, maxInFlight, ackMode, properties } = endpoint
  return { id, topics, groupId, concurrency, clientIdPrefix, maxInFlight, shareAckMode: ackMode, properties }
}
