import type {
  ContainerEvent,
  ContainerEventPublisher,
  RecovererAnswer,
  ShareConsumerFactory,
  ShareConsumerRecordRecoverer,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { InstanceResolver, ServiceReference } from './instance-resolver.js'
import type { PropertySource } from './property-resolver.js'

// What a DI container gives is checked where it is asked for: its bindings can hold anything. Each of these throws a sentence that
// says what was found and what is wanted, without the name of the binding, which the caller puts before it.

/** Said of what kafkaModule binds, too. */
export const BOUND_TWICE =
  'It is bound more than once. kafkaModule binds it unless it is bound when the module is loaded: bind yours before di.load(kafkaModule(…)), or use di.rebind().'

/** A recoverer: a function, or an object with recover(). */
export function recovererIn(given: unknown): ShareConsumerRecordRecoverer {
  const recover = methodIn(given, 'recover')
  if (recover === undefined)
    throw wanted(given, 'a recoverer', 'a function (record, error) => answer, or an object with recover(record, error)')
  return recover as (...given: unknown[]) => RecovererAnswer
}

/**
 * A recoverer of the DI container. One that is made anew for each record is the one that was made together with the listener of the record,
 * where that was.
 */
export function recovererFrom(
  services: () => InstanceResolver,
  service: ServiceReference,
): ShareConsumerRecordRecoverer {
  const madeFor = async (record: object, create: (record: object) => object | Promise<object>): Promise<object> => {
    try {
      return (await services().madeFor(record, service)) ?? create(record)
    } catch {
      // The listener could not be made, nor what was to be made with it. The recoverer alone may be.
      return create(record)
    }
  }
  return async (record, error, context) => {
    const instance = await services().resolve(service)
    const found = instance.scope === 'singleton' ? instance.instance : await madeFor(record, instance.create)
    return recovererIn(found)(record, error, context)
  }
}

/** A subscriber of all events: a function, or an object with publish(). */
export function publisherIn(given: unknown): ContainerEventPublisher {
  const publish = methodIn(given, 'publish')
  if (publish === undefined)
    throw wanted(given, 'an event publisher', 'a function (event) => …, or an object with publish(event)')
  return { publish: (event: ContainerEvent) => publish(event) }
}

export function propertySourceIn(given: unknown): PropertySource {
  if (typeof given === 'function') return given as PropertySource
  if (typeof given === 'object' && given !== null && !Array.isArray(given) && !(given instanceof Promise))
    return given as PropertySource
  throw wanted(given, 'a property source', 'an object of names and values, or a function (name) => value')
}

export function containerFactoryIn(given: unknown): ShareListenerContainerFactory<unknown, unknown> {
  if (has(given, 'createListenerContainer')) return given as ShareListenerContainerFactory<unknown, unknown>
  throw wanted(given, 'a container factory', 'a ShareListenerContainerFactory')
}

export function consumerFactoryIn(given: unknown): ShareConsumerFactory<unknown, unknown> {
  if (has(given, 'createShareConsumer')) return given as ShareConsumerFactory<unknown, unknown>
  throw wanted(
    given,
    'a consumer factory',
    'a DefaultShareConsumerFactory, or an object of your own with createShareConsumer()',
  )
}

export function containerIn(given: unknown): ShareMessageListenerContainer<unknown, unknown> {
  if (has(given, 'start') && has(given, 'stop') && has(given, 'setupMessageListener'))
    return given as ShareMessageListenerContainer<unknown, unknown>
  throw wanted(given, 'a listener container', 'a ShareMessageListenerContainer')
}

export function loggerIn(given: unknown): Logger {
  if (['trace', 'debug', 'info', 'warn', 'error', 'child'].every((name) => has(given, name))) return given as Logger
  throw wanted(given, 'a logger', 'a pino logger, or an object with trace, debug, info, warn, error and child')
}

function methodIn(given: unknown, name: string): ((...args: unknown[]) => unknown) | undefined {
  if (typeof given === 'function') return given as (...args: unknown[]) => unknown
  if (!has(given, name)) return undefined
  // Looked up per call, as a method is: what a test or a plugin puts in its place is used.
  return (...args) => (given as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args)
}

function has(given: unknown, method: string): boolean {
  return typeof given === 'object' && given !== null && typeof Reflect.get(given, method) === 'function'
}

function wanted(given: unknown, what: string, remedy: string): KafkaUsageError {
  return new KafkaUsageError(
    `${found(given)} is bound there, which is no ${what.replace(/^an? /, '')}. Bind ${remedy}.`,
  )
}

/** What was found, without its value, which may be a secret. */
function found(given: unknown): string {
  if (given === null) return 'null'
  if (given === undefined) return 'Nothing (undefined)'
  if (Array.isArray(given)) return 'A list'
  if (given instanceof Promise) return 'A promise'
  if (typeof given === 'object') {
    const name: unknown = Reflect.get(given, 'constructor')
    return typeof name === 'function' && name !== Object ? `An instance of ${name.name}` : 'An object'
  }
  return (
    { string: 'A text', number: 'A number', boolean: 'A boolean', function: 'A function' }[typeof given as string] ??
    `A ${typeof given}`
  )
}
