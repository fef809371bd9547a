import { KafkaUsageError } from '@milena/protocol'
import { expectMethod, ownMarks } from './listener-metadata.js'

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

/** What @KafkaListener and @EventListener may stand on. */
export type MethodDecoratorOf<F extends (...args: never[]) => unknown> = <T extends F>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<T>,
) => void

/**
 * Has a method called for each record of the topics. It returns, or its promise resolves: the record is acknowledged with
 * ACCEPT. It throws, or rejects: the recoverer of the container factory decides (by default REJECT).
 *
 * Its parameters say what they want: by decorator (@Payload, @Record, @Header, @Headers, @Consumer), or by type, where the
 * compiler emits metadata (ConsumerRecord, ShareConsumer; one further parameter is the payload). Their order is free.
 *
 * A method may carry several; each is a listener of its own. Nothing happens before startKafkaListeners(): the decorator writes
 * metadata only. (Spring's annotation of this name.)
 */
export function KafkaListener(options: KafkaListenerOptions): MethodDecoratorOf<(...args: never[]) => unknown> {
  return (target, method, descriptor) => {
    expectMethod('KafkaListener', target, method)
    if (typeof descriptor?.value !== 'function') {
      throw new KafkaUsageError(
        `@KafkaListener on ${target.constructor.name}.${String(method)} belongs on a method, not on an accessor or a property.`,
      )
    }
    // Decorators run from the last to the first; readers want them as they are written.
    ownMarks(target).listeners.unshift({ method, options })
  }
}
