import type { ShareAcknowledgment } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { KafkaListenerOptions, ListenerAckMode } from './kafka-listener-options.js'
import { expectMethod, ownMarks, refuseStandardDecorator } from './listener-metadata.js'

/** What `@KafkaHandler` and `@EventListener` may stand on. */
export type MethodDecoratorOf<F extends (...args: never[]) => unknown> = <T extends F>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<T>,
) => void

/** What `@KafkaListener` may stand on: a method, or a class with `@KafkaHandler` methods. */
export interface KafkaListenerDecorator<M extends ListenerAckMode> {
  <T extends (...args: never[]) => unknown>(
    target: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<T> & TakesAcknowledgment<M, T>,
  ): void
  (target: abstract new (...args: never[]) => object): void
}

/** What the compiler shows where `ackMode: 'MANUAL'` stands on a method that has no parameter for the acknowledgment. */
export interface ManualListenerNeeds {
  readonly 'a MANUAL listener needs a parameter that takes a ShareAcknowledgment': never
}

type TakesAcknowledgment<M, T extends (...args: never[]) => unknown> = [M] extends ['MANUAL']
  ? true extends AcknowledgmentIn<Parameters<T>>
    ? unknown
    : ManualListenerNeeds
  : unknown

type AcknowledgmentIn<Types extends readonly unknown[]> = {
  [I in keyof Types]-?: [ShareAcknowledgment] extends [Types[I]] ? true : false
}[number]

/**
 * Has a method called for each record of the topics. In EXPLICIT mode: it returns, or its promise resolves: the record is acknowledged
 * with ACCEPT. It throws, or rejects: its errorHandler, then the recoverer of the container factory decides (by default REJECT).
 *
 * Its parameters say what they want, in any order: by decorator (`@Payload`, `@Record`, `@Ack`, `@Consumer`, `@Key`, `@Topic`, `@Partition`, `@Offset`,
 * `@Timestamp`, `@DeliveryCount`, `@Header`, `@Headers`, `@Signal`), or by type, where the compiler emits metadata (ConsumerRecord,
 * ShareAcknowledgment, ShareConsumer, AbortSignal; one further parameter is the payload).
 *
 * On a class it is one listener whose records go to the `@KafkaHandler` methods. A method or a class may carry several; each is a
 * listener of its own. Nothing happens before startKafkaListeners(): the decorator writes metadata only. (Spring's annotation of
 * this name.)
 */
export function KafkaListener<const M extends ListenerAckMode = ListenerAckMode>(
  options: KafkaListenerOptions<M>,
): KafkaListenerDecorator<M> {
  return (target: unknown, method?: unknown, descriptor?: { readonly value?: unknown }): void => {
    if (typeof target === 'function' && method === undefined) {
      // Decorators of a class run from the last to the first; readers want them as they are written.
      ownMarks(target.prototype as object).classListeners.unshift(options)
      return
    }
    refuseStandardDecorator('KafkaListener', method)
    decorateMethod(target as object, method as string | symbol, descriptor, options)
  }
}

function decorateMethod(
  target: object,
  method: string | symbol,
  descriptor: { readonly value?: unknown } | undefined,
  options: KafkaListenerOptions,
): void {
  expectMethod('KafkaListener', target, method)
  if (typeof descriptor?.value !== 'function') {
    throw new KafkaUsageError(
      `@KafkaListener on ${target.constructor.name}.${String(method)} belongs on a method, not on an accessor or a property.`,
    )
  }
  // Methods come in their order, the decorators of one from the last to the first; readers want all as they are written.
  const { listeners } = ownMarks(target)
  const later = listeners.findIndex((mark) => mark.method === method)
  listeners.splice(later === -1 ? listeners.length : later, 0, { method, options })
}
