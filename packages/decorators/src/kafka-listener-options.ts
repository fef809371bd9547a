import type { AnyListenerErrorHandler, AnyRecordFilter, GroupConfigs, ShareAckMode } from '@milena/container'

/** A text with a placeholder in it. */
export type Placeholder = `${string}\${${string}}${string}`

/** What ackMode may be. */
export type ListenerAckMode = ShareAckMode | Placeholder

/** Something to ask the DI container for: a text, a symbol, or the class of what it gives. */
export type HookService<T> = string | symbol | (abstract new (...args: never[]) => T)

/** An error handler that is an object, as a class in the DI container may be. */
export interface ListenerErrorHandlerObject {
  handleError: AnyListenerErrorHandler
}

/** A filter that is an object, as a class in the DI container may be. */
export interface RecordFilterObject {
  filter: AnyRecordFilter
}

/** Settings of a share group, any of which may be a text with placeholders. */
export type GroupConfigsWithPlaceholders = {
  readonly [Name in keyof GroupConfigs]: GroupConfigs[Name] | `${string}\${${string}}${string}`
}

/**
 * What a listener listens to, and how. Every text may hold placeholders, `${name}` or `${name:default}`, which are resolved when
 * the listeners are started: from the `properties` of kafkaModule, then from the environment (`orders.topic` is also looked for
 * as `ORDERS_TOPIC`).
 */
export interface KafkaListenerOptions<M extends ListenerAckMode = ListenerAckMode> {
  /** The listener's name in the registry, in logs and events. Default `ClassName.method`. Unique in the application. */
  readonly id?: string
  /** One topic, or several: a list, or names with commas between them. */
  readonly topics: string | readonly string[]
  /** The share group. Default: that of the container factory, then that of the client configuration. */
  readonly groupId?: string
  /** True: where no groupId is given, the id is the group. Default false, other than in Spring. */
  readonly idIsGroup?: boolean | string
  /** The container factory, by the name it has in kafkaModule: a text or a symbol. Default `default`. */
  readonly containerFactory?: string | symbol
  /** How many members of the group run this listener. A number, or a text that holds one. Default: the factory's. */
  readonly concurrency?: number | string
  /** The base of the members' client ids, which are `base-0`, `base-1` … Default: the listener's id. */
  readonly clientIdPrefix?: string
  /** Whether startKafkaListeners starts it. False: it waits for `registry.getListenerContainer(id).start()`. Default true. */
  readonly autoStartup?: boolean | string
  /** How many records a member may have delivered and not answered, running at once. Default: the factory's, else one after another. */
  readonly maxInFlight?: number | string
  /**
   * Who answers records: EXPLICIT the container, MANUAL the method by its ShareAcknowledgment, IMPLICIT nobody (all are accepted).
   * Default: the factory's, else EXPLICIT. MANUAL on a method that takes no ShareAcknowledgment does not compile; where it comes from
   * a placeholder or a factory, the start refuses it.
   */
  readonly ackMode?: M
  /**
   * How long one call may take, in milliseconds. Then its AbortSignal (`@Signal`) fires and the errorHandler and the recoverer decide.
   * A number, or a text that holds one. Default: the factory's, else no limit.
   */
  readonly processingDeadlineMs?: number | string
  /** Anything you want to find at `container.info`. */
  readonly info?: unknown
  /** The name of a set of containers that are started and stopped together: `registry.getContainerGroup(name)`. */
  readonly containerGroup?: string
  /** Low phases start first and stop last; each waits for the one before. A whole number, or a text that holds one. Default: the factory's, else 0. */
  readonly phase?: number | string
  /**
   * Asked before the recoverer when the method threw: a function, or what the DI container has under a class, a text or a symbol, which is
   * a function or an object with handleError(). Default: the factory's.
   */
  readonly errorHandler?: AnyListenerErrorHandler | HookService<ListenerErrorHandlerObject>
  /**
   * Says which records the method gets: true delivers, as with Array.filter; the others are accepted. A function, or what the DI
   * container has under a class, a text or a symbol, which is a function or an object with filter(). Default: the factory's.
   */
  readonly filter?: AnyRecordFilter | HookService<RecordFilterObject>
  /** Settings of the share group, which are set at the brokers before the listener joins it. */
  readonly groupConfigs?: GroupConfigsWithPlaceholders
  /** Further consumer settings of this listener, by the client's names or Kafka's dotted ones. They beat those of factory and client. */
  readonly properties?: Readonly<Record<string, unknown>>
}
