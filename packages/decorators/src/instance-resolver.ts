import type { ListenerClass } from './errors.js'

/**
 * Where listener instances come from: the one thing that is asked of a DI container. The inversify form is in
 * start-kafka-listeners; another DI container needs another of these and nothing else.
 */
export interface InstanceResolver {
  /** Called once per class, before anything starts. Rejects when the container cannot make one. */
  resolve(listenerClass: ListenerClass): Promise<ListenerInstance>
}

/** The instance of a class, or a way to one for each call. */
export type ListenerInstance =
  /** One instance for the life of the application. */
  | { readonly scope: 'singleton'; readonly instance: object }
  /** An own instance per record, and per event. */
  | { readonly scope: 'perCall'; readonly create: () => object | Promise<object> }
