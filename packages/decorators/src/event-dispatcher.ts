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

/** Brings the events of all containers to the @EventListener methods. A method that fails is logged and does not keep the others from theirs. */
export class EventDispatcher implements ContainerEventPublisher {
  #subscriptions: readonly EventSubscription[] = []

  constructor(private readonly logger: () => Logger) {}

  /** Who is told from now on. */
  subscribe(subscriptions: readonly EventSubscription[]): void {
    this.#subscriptions = subscriptions
  }

  publish(event: ContainerEvent): void {
    for (const subscription of this.#subscriptions) {
      if (!subscription.eventClasses.some((eventClass) => event instanceof eventClass)) continue
      try {
        const outcome = tell(subscription, event)
        if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#report(subscription, event, error))
      } catch (error) {
        this.#report(subscription, event, error)
      }
    }
  }

  #report({ where }: EventSubscription, event: ContainerEvent, error: unknown): void {
    this.logger().error(
      { err: error, listener: where, event: event.type, container: event.containerId },
      `${where} failed on '${event.type}'. The container is not affected; mend the method.`,
    )
  }
}

function tell({ instance, method, where }: EventSubscription, event: ContainerEvent): unknown {
  const call = (on: object): unknown => methodOf(on, method, where).call(on, event)
  if (instance.scope === 'singleton') return call(instance.instance)
  const fresh = instance.create()
  return fresh instanceof Promise ? fresh.then(call) : call(fresh)
}
