import { KafkaUsageError } from '@milena/protocol'
import type { MethodDecoratorOf } from './kafka-listener.js'
import { expectMethod, ownMarks } from './listener-metadata.js'

/** What a `@KafkaHandler` may be told. */
export interface KafkaHandlerOptions {
  /** Takes what no other handler of the class takes. One per class. Default false. */
  readonly isDefault?: boolean
}

/**
 * One of several methods of a class that has `@KafkaListener` itself. Per record the first one is called whose `@Payload(schema)` takes the
 * value, in the order in which they are written (those of base classes last); the default one is asked after all others. When
 * none takes it, the record goes to the recoverer with a NoHandlerError. (Spring's annotation of this name, which chooses by
 * Java class.)
 */
export function KafkaHandler(options: KafkaHandlerOptions = {}): MethodDecoratorOf<(...args: never[]) => unknown> {
  return (target, method, descriptor) => {
    expectMethod('KafkaHandler', target, method)
    if (typeof descriptor?.value !== 'function') {
      throw new KafkaUsageError(
        `@KafkaHandler on ${target.constructor.name}.${String(method)} belongs on a method, not on an accessor or a property.`,
      )
    }
    ownMarks(target).handlers.push({ method, isDefault: options.isDefault === true })
  }
}
