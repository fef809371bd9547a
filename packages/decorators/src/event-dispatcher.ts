import type { ContainerEvent, ContainerEventPublisher } from '@milena/container'
import type { Logger } from '@milena/protocol/runtime'
import type { ListenerInstance } from './instance-resolver.js'
import type { EventClass, MethodName } from './listener-metadata.js'
import { methodOf } from './listener-method.js'

/** One @EventListener method with its instance. */
export interface EventSubscription {
  readonly where: string
  readonly method: MethodName
  readonly eventClasses: readonly EventClass[]
  readonly instance: ListenerInstance
}

/** One who is told everything, and what to call it in messages. */
export interface NamedPublisher {
  readonly where: string
  readonly publisher: ContainerEventPublisher
}

/**
 * Brings the events of all containers to the @EventListener methods, and to the publishers of the application. Whoever fails is
 * logged and does not keep the others from theirs; nobody is waited for.
 */
export class EventDispatcher implements ContainerEventPublisher {
  #subscriptions: readonly EventSubscription[] = []
  #publishers: readonly NamedPublisher[] = []

  constructor(private readonly logger: () => Logger) {}

  /** Who is told from now on. */
  subscribe(subscriptions: readonly EventSubscription[], publishers: readonly NamedPublisher[] = []): void {
    this.#subscriptions = subscriptions
    this.#publishers = publishers
  }

  publish(event: ContainerEvent): void {
    /** What was made for this event: the methods of one class share it. */
    const made = new Map<ListenerInstance, object | Promise<object>>()
    for (const subscription of this.#subscriptions) {
      if (!subscription.eventClasses.some((eventClass) => event instanceof eventClass)) continue
      this.#attempt(subscription.where, event, () => tell(subscription, event, made))
    }
    for (const { where, publisher } of this.#publishers) this.#attempt(where, event, () => publisher.publish(event))
  }

  #attempt(where: string, event: ContainerEvent, call: () => unknown): void {
    try {
      const outcome = call()
      if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#report(where, event, error))
    } catch (error) {
      this.#report(where, event, error)
    }
  }

  #report(where: string, event: ContainerEvent, error: unknown): void {
    this.logger().error(
      { err: error, listener: where, event: event.type, container: event.containerId },
      `${where} failed on '${event.type}'. The container is not affected; mend the method.`,
    )
  }
}

function tell(
  { instance, method, where }: EventSubscription,
  event: ContainerEvent,
  made: Map<ListenerInstance, object | Promise<object>>,
): unknown {
  const call = (on: object): unknown => methodOf(on, method, where).call(on, event)
  if (instance.scope === 'singleton') return call(instance.instance)
  const present = made.get(instance) ?? instance.create(event)
  made.set(instance, present)
  return present instanceof Promise ? present.then(call) : call(present)
}
