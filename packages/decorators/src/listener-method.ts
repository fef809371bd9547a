import type { ListenerKind, ShareAckMode } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Problems } from './errors.js'
import { HandlerChoice } from './handler-choice.js'
import type { ListenerInstance } from './instance-resolver.js'
import type { ExploredHandler, ExploredListener, ExploredMethod } from './listener-explorer.js'
import type { MethodName, ParameterMark } from './listener-metadata.js'
import {
  compileCall,
  compileCallOn,
  compileInvocation,
  schemaOf,
  type Method,
  type PlannedCall,
} from './planned-call.js'

/** What an endpoint is given to call, and what has to be handed to it. */
export interface EndpointListener {
  readonly listener: PlannedCall
  readonly kind: ListenerKind
  /** Every method that takes the acknowledgment knows that it may be undefined. */
  readonly acknowledgmentOptional: boolean
  readonly takesSignal: boolean
}

/**
 * Makes the function that the container calls per record. With one instance for all records everything is looked up here, once;
 * otherwise each record gets its own instance from the DI container.
 */
export function endpointListener(explored: ExploredListener, instance: ListenerInstance): EndpointListener {
  const sources = methodsOf(explored).flatMap(({ plan }) => plan)
  const acknowledgments = sources.filter((source) => source.kind === 'ack')
  const takesSignal = takes(sources, 'signal')
  return {
    listener: callOf(explored, instance),
    kind:
      acknowledgments.length > 0
        ? 'acknowledging'
        : takesSignal || takes(sources, 'consumer')
          ? 'consumerAware'
          : 'plain',
    acknowledgmentOptional: acknowledgments.every(({ optional }) => optional),
    takesSignal,
  }
}

/**
 * A MANUAL listener answers by its acknowledgment: one that cannot get it would leave every record to its lock. Asked where the
 * container's mode is known, which a factory or a placeholder may have set.
 */
export function checkAckMode(explored: ExploredListener, mode: ShareAckMode, problems: Problems): void {
  if (mode !== 'MANUAL') return
  for (const { where, plan } of methodsOf(explored)) {
    if (takes(plan, 'ack')) continue
    problems.add(
      where,
      'It listens in MANUAL mode and has no parameter for the acknowledgment, so no record would ever be answered. Add @Ack() ack: ShareAcknowledgment, ' +
        'or choose another ackMode here or in its container factory.',
    )
  }
}

/** The methods that a listener may call. */
function methodsOf({ target }: ExploredListener): readonly ExploredMethod[] {
  return target.kind === 'method' ? [target.method] : target.handlers
}

function takes(plan: readonly ParameterMark[], kind: ParameterMark['kind']): boolean {
  return plan.some((source) => source.kind === kind)
}

/** Calls a listener on an instance. */
type CallOn = (instance: object, ...delivered: Parameters<PlannedCall>) => unknown

function callOf({ target, where }: ExploredListener, instances: ListenerInstance): PlannedCall {
  if (instances.scope === 'singleton' && target.kind === 'method') {
    const { plan, name, where: of } = target.method
    return compileCall(plan, methodOf(instances.instance, name, of), instances.instance)
  }
  const callOn = target.kind === 'method' ? methodCall(target.method) : handlersCall(where, target.handlers, instances)
  if (instances.scope === 'singleton') {
    const { instance } = instances
    return (record, acknowledgment, consumer, signal) => callOn(instance, record, acknowledgment, consumer, signal)
  }
  return (record, acknowledgment, consumer, signal) => {
    const fresh = instances.create(record)
    return fresh instanceof Promise
      ? fresh.then((made: object) => callOn(made, record, acknowledgment, consumer, signal))
      : callOn(fresh, record, acknowledgment, consumer, signal)
  }
}

function methodCall({ name, where, plan }: ExploredMethod): CallOn {
  const call = compileCallOn(plan)
  return (instance, record, acknowledgment, consumer, signal) =>
    call(methodOf(instance, name, where), instance, record, acknowledgment, consumer, signal, undefined)
}

function handlersCall(where: string, handlers: readonly ExploredHandler[], instances: ListenerInstance): CallOn {
  const asked = [...handlers.filter(({ isDefault }) => !isDefault), ...handlers.filter(({ isDefault }) => isDefault)]
  const choice = new HandlerChoice(
    where,
    asked.map((handler) => ({
      where: handler.where,
      method: methodFinder(handler.name, handler.where, instances),
      invoke: compileInvocation(handler.plan),
      schema: schemaOf(handler.plan),
    })),
  )
  return (instance, record, acknowledgment, consumer, signal) =>
    choice.call(instance, record, acknowledgment, consumer, signal)
}

/** Of one instance for all records the method is looked up once. @throws KafkaUsageError when that instance does not have it */
function methodFinder(name: MethodName, where: string, instances: ListenerInstance): (instance: object) => Method {
  if (instances.scope === 'perCall') return (instance) => methodOf(instance, name, where)
  const method = methodOf(instances.instance, name, where)
  return () => method
}

/** The method of an instance. @throws KafkaUsageError when what the DI container gave does not have it */
export function methodOf(instance: object, name: MethodName, where: string): Method {
  const method: unknown = Reflect.get(instance, name)
  if (typeof method === 'function') return method as Method
  throw new KafkaUsageError(
    `${where}: What the DI container gave for the class has no such method (it gave ${instance.constructor.name}). Bind the class to itself or to a subclass.`,
  )
}
