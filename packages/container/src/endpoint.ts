import { KafkaUsageError } from '@milena/protocol'
import type { ShareAckMode } from './ack-mode.js'
import type { ContainerProperties } from './container-properties.js'
import { containerPropertyNames, reasonAgainst as reasonAgainstProperty } from './container-property-checks.js'
import type { GroupConfigs } from './group-configs.js'
import { requireKnown } from './known-names.js'
import type { ListenerErrorHandler } from './listener-error-handler.js'
import type { ListenerKind, ListenerOptions, ShareListener } from './message-listener.js'
import type { RecordFilter } from './record-filter.js'

/**
 * A listener and how it is to be run: what decorators and code both produce, and a factory turns into a container. What it sets
 * wins over the container properties of the factory.
 */
export interface KafkaListenerEndpoint<K = unknown, V = unknown> {
  /** The name of its container, unique within a registry. Default: `listener-0`, `listener-1` … in order of registration. */
  readonly id?: string | undefined
  /** One topic or several. */
  readonly topics: string | readonly string[]
  readonly listener: ShareListener<K, V>
  /** Of a bare function: what it takes. Default: `acknowledging` when it declares two parameters or more, else `plain`. */
  readonly kind?: ListenerKind | undefined
  /** The listener works without an acknowledgment, too: no warning where its mode gives none. Default false. */
  readonly acknowledgmentOptional?: boolean | undefined
  /** The listener uses its signal. Default: it declares four parameters or more. */
  readonly takesSignal?: boolean | undefined
  /** What the listener is called in log lines and errors. Default: the name of its function or class. */
  readonly listenerName?: string | undefined
  /** Default: the factory's, else the consumer factory's. */
  readonly groupId?: string | undefined
  /** How many members of the group run the listener: a number, or its text. Default: the factory's, else 1. */
  readonly concurrency?: number | string | undefined
  /** Base of the members' client ids. Default: the id. */
  readonly clientIdPrefix?: string | undefined
  /** False: the registry's start() leaves it alone. Default true. */
  readonly autoStartup?: boolean | undefined
  /** How many records a member may have delivered and not answered. Default: the factory's, else one after another. */
  readonly maxInFlight?: number | string | undefined
  /** Who acknowledges. Default: the factory's shareAckMode, else EXPLICIT. */
  readonly ackMode?: ShareAckMode | undefined
  /** How long one listener call may take, in milliseconds. Default: the factory's, else as long as it likes. */
  readonly processingDeadlineMs?: number | undefined
  /** Runs before the recoverer. Default: the factory's, else none. */
  readonly errorHandler?: ListenerErrorHandler<K, V> | undefined
  /** Which records the listener gets: true delivers. Default: the factory's, else all. */
  readonly filter?: RecordFilter<K, V> | undefined
  /** When the registry starts it: low phases first. Default: the factory's, else 0. */
  readonly phase?: number | undefined
  /** The name under which the registry starts and stops several containers together. Default: the factory's, else none. */
  readonly containerGroup?: string | undefined
  /** Settings of the share group, applied at start; merged over the factory's. */
  readonly groupConfigs?: GroupConfigs | undefined
  /** Whatever the application wants to find at container.info. */
  readonly info?: unknown
  /** Further consumer settings; they beat those of the container properties. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

const names: readonly string[] = [
  'id',
  'topics',
  'listener',
  'kind',
  'acknowledgmentOptional',
  'takesSignal',
  'listenerName',
  'groupId',
  'concurrency',
  'clientIdPrefix',
  'autoStartup',
  'maxInFlight',
  'ackMode',
  'processingDeadlineMs',
  'errorHandler',
  'filter',
  'phase',
  'containerGroup',
  'groupConfigs',
  'info',
  'properties',
] satisfies (keyof KafkaListenerEndpoint)[]

/**
 * What an endpoint says, as a plain object: also of one that is an instance of a class, whose getters and methods are read, and whose further
 * fields are its own affair. `further` are names that the caller knows besides.
 * @internal
 * @throws KafkaUsageError for what is no endpoint, and for settings that no endpoint has
 */
export function readEndpoint<E extends object>(given: E, further: readonly string[] = []): E {
  if (typeof given !== 'object' || given === null || Reflect.get(given, 'listener') === undefined) {
    throw new KafkaUsageError(
      "An endpoint is an object with topics and listener, for example { id: 'orders', topics: 'orders', listener: (record) => … }.",
    )
  }
  const id: unknown = Reflect.get(given, 'id')
  const where = typeof id === 'string' ? `Endpoint '${id}'` : 'An endpoint'
  const known = [...names, ...further]
  const ofClass = ![Object.prototype, null].includes(Object.getPrototypeOf(given) as object | null)
  const own = Object.keys(given).filter((name) => !ofClass || reasonAgainst(name) !== undefined)
  requireKnown(own, { noun: 'a setting of an endpoint', known, reasonAgainst }, where)
  return Object.fromEntries(
    known.flatMap((name): [string, unknown][] => {
      const value: unknown = Reflect.get(given, name)
      if (value === undefined) return []
      return [[name, typeof value === 'function' && !Object.hasOwn(given, name) ? value.bind(given) : value]]
    }),
  ) as E
}

/** Why an endpoint cannot set what people look for there. */
function reasonAgainst(name: string): string | undefined {
  if (names.includes(name)) return undefined
  if (name === 'shareAckMode') return 'here it is called ackMode'
  if (name === 'batch') return reasonAgainstProperty('batchListener')
  if (name === 'containerFactory') return 'the container factory is given beside the endpoint'
  const isProperty = containerPropertyNames.includes(name)
  return isProperty ? 'it belongs into the container properties of the container factory' : reasonAgainstProperty(name)
}

/** What an endpoint sets of its container's properties. */
export function propertiesOfEndpoint<K, V>(endpoint: KafkaListenerEndpoint<K, V>): ContainerProperties {
  return {
    id: endpoint.id,
    topics: endpoint.topics,
    groupId: endpoint.groupId,
    concurrency: endpoint.concurrency,
    clientIdPrefix: endpoint.clientIdPrefix,
    maxInFlight: endpoint.maxInFlight,
    shareAckMode: endpoint.ackMode,
    processingDeadlineMs: endpoint.processingDeadlineMs,
    errorHandler: endpoint.errorHandler,
    filter: endpoint.filter,
    phase: endpoint.phase,
    containerGroup: endpoint.containerGroup,
    groupConfigs: endpoint.groupConfigs,
    info: endpoint.info,
    properties: endpoint.properties,
  }
}

/** What an endpoint says of its listener. */
export function listenerOptionsOf<K, V>(endpoint: KafkaListenerEndpoint<K, V>): ListenerOptions {
  const { kind, acknowledgmentOptional, takesSignal, listenerName: name } = endpoint
  return { kind, acknowledgmentOptional, takesSignal, name }
}
