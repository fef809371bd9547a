import { KafkaUsageError } from '@milena/protocol'
import type { KafkaListenerOptions } from './kafka-listener-options.js'
import { expectMethod, ownMarks } from './listener-metadata.js'

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
    // Methods come in their order, the decorators of one from the last to the first; readers want all as they are written.
    const { listeners } = ownMarks(target)
    const later = listeners.findIndex((mark) => mark.method === method)
    listeners.splice(later === -1 ? listeners.length : later, 0, { method, options })
  }
}
