/**
 * What a listener listens to, and how. Every text may hold placeholders, `${name}` or `${name:default}`, which are resolved when
 * the listeners are started: from the `properties` of kafkaModule, then from the environment (`orders.topic` is also looked for
 * as `ORDERS_TOPIC`).
 */
export interface KafkaListenerOptions {
  /** The listener's name in the registry, in logs and events. Default `ClassName.method`. Unique in the application. */
  readonly id?: string
  /** One topic, or several: a list, or names with commas between them. */
  readonly topics: string | readonly string[]
  /** The share group. Default: that of the container factory, then that of the client configuration. */
  readonly groupId?: string
  /** The name of the container factory in kafkaModule. Default `default`. */
  readonly containerFactory?: string
  /** How many members of the group run this listener. A number, or a text that holds one. Default: the factory's. */
  readonly concurrency?: number | string
  /** The base of the members' client ids, which are `base-0`, `base-1` … Default: the listener's id. */
  readonly clientIdPrefix?: string
  /** Whether startKafkaListeners starts it. False: it waits for `registry.getListenerContainer(id).start()`. Default true. */
  readonly autoStartup?: boolean | string
  /** How many records a member may have delivered and not answered, running at once. Default: the factory's, else one after another. */
  readonly maxInFlight?: number | string
  /** Further consumer settings of this listener, by the client's names or Kafka's dotted ones. They beat those of factory and client. */
  readonly properties?: Readonly<Record<string, unknown>>
}
