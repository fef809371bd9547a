import type { ListenerClass } from './errors.js'

/** How a service of the DI container is asked for: a text, a symbol, or its class. */
export type ServiceReference = string | symbol | ListenerClass

/**
 * What is asked of a DI container. The inversify form is in instance-resolver-inversify; another DI container needs another of
 * these and nothing else.
 */
export interface InstanceResolver {
  isBound(service: ServiceReference): boolean

  /** What is bound under a name that may be bound several times, in the order of the bindings; nothing bound: an empty list. */
  all(service: ServiceReference): Promise<readonly unknown[]>

  /**
   * A service, and whether it is the same for ever. A class that is not bound is bound as a singleton. Rejects when the DI
   * container cannot make it.
   */
  resolve(service: ServiceReference): Promise<ListenerInstance>

  /**
   * Has the services that are made anew made together: for one subject (a record, an event) all of them come out of one request
   * of the DI container, so that what they depend on in request scope is one object.
   */
  together(services: readonly ServiceReference[]): Promise<ReadonlyMap<ServiceReference, ListenerInstance>>

  /** What was made of a service together with others for this subject; undefined when nothing was. */
  madeFor(subject: object, service: ServiceReference): object | Promise<object> | undefined
}

/** A service: the one there is, or a way to one for each record or event. */
export type ListenerInstance =
  /** One for the life of the application. */
  | { readonly scope: 'singleton'; readonly instance: object }
  /** An own one per subject, which is a record or an event. What is made together with others is asked for once for each. */
  | { readonly scope: 'perCall'; readonly create: (subject: object) => object | Promise<object> }

/** Whether it is the reference of a service. A function that is no class is none: it is what was asked for itself. */
export function isServiceReference(given: unknown): given is ServiceReference {
  return typeof given === 'string' || typeof given === 'symbol' || isClass(given)
}

/** Whether a value was written as a class, or is what a compiler for old JavaScript made of one: a function with methods. */
export function isClass(given: unknown): given is ListenerClass {
  if (typeof given !== 'function') return false
  if (/^class\b/.test(Function.prototype.toString.call(given))) return true
  const prototype: unknown = given.prototype
  return typeof prototype === 'object' && prototype !== null && Object.getOwnPropertyNames(prototype).length > 1
}

/** A reference, as messages name it. */
export function nameOfService(service: ServiceReference): string {
  if (typeof service === 'string') return `'${service}'`
  return typeof service === 'symbol' ? String(service) : service.name === '' ? 'an unnamed class' : service.name
}
