import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import type { AcknowledgingShareConsumerAwareMessageListener, MessageListener } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { compileCall, takesConsumer, type ArgumentPlan, type PlannedCall } from './argument-plan.js'
import type { ListenerInstance } from './instance-resolver.js'
import type { MethodName } from './listener-metadata.js'

/** What an endpoint is given to call. */
export type EndpointListener =
  | { readonly kind: 'plain'; readonly listener: MessageListener }
  | { readonly kind: 'acknowledging'; readonly listener: AcknowledgingShareConsumerAwareMessageListener }

/** A decorated method, and where its instances come from. */
export interface ListenerMethod {
  readonly where: string
  readonly name: MethodName
  readonly plan: ArgumentPlan
  readonly instance: ListenerInstance
}

/**
 * Makes the function that the container calls per record. With one instance for all records everything is looked up here, once;
 * otherwise each record gets its own instance from the DI container.
 */
export function endpointListener(method: ListenerMethod): EndpointListener {
  const call = plannedCall(method)
  return takesConsumer(method.plan)
    ? { kind: 'acknowledging', listener: (record, _acknowledgment, consumer) => call(record, consumer) }
    : { kind: 'plain', listener: (record) => call(record, undefined) }
}

function plannedCall({ where, name, plan, instance }: ListenerMethod): PlannedCall {
  if (instance.scope === 'singleton')
    return compileCall(plan, methodOf(instance.instance, name, where), instance.instance)
  const callOn = (
    fresh: object,
    record: ConsumerRecord<unknown, unknown>,
    consumer: ShareConsumer<unknown, unknown> | undefined,
  ) => compileCall(plan, methodOf(fresh, name, where), fresh)(record, consumer)
  return (record, consumer) => {
    const fresh = instance.create()
    return fresh instanceof Promise
      ? fresh.then((made: object) => callOn(made, record, consumer))
      : callOn(fresh, record, consumer)
  }
}

/** The method of an instance. @throws KafkaUsageError when what the DI container gave does not have it */
export function methodOf(instance: object, name: MethodName, where: string): (...args: unknown[]) => unknown {
  const method: unknown = Reflect.get(instance, name)
  if (typeof method === 'function') return method as (...args: unknown[]) => unknown
  throw new KafkaUsageError(
    `${where}: What the DI container gave for the class has no such method (it gave ${instance.constructor.name}). Bind the class to itself or to a subclass.`,
  )
}
