import {
  AcknowledgmentFailedEvent,
  AcknowledgmentTimeoutEvent,
  ConsumerFailedToStartEvent,
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  ListenerFailedEvent,
  PollFailedEvent,
  ProcessingDeadlineExceededEvent,
  RecordDeserializationFailedEvent,
  RecordLockLostEvent,
  RecovererFailedEvent,
  ShareConsumerStoppingEvent,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { MethodDecoratorOf } from './kafka-listener.js'
import { expectMethod, ownMarks, type EventClass } from './listener-metadata.js'

/**
 * Has a method called with every event of the given classes, of every container: `@EventListener(ConsumerStoppedEvent)`. It is
 * told in the order in which things happen. What it returns is not waited for; what it throws is logged and never reaches a container.
 */
export function EventListener<const C extends readonly [EventClass, ...EventClass[]]>(
  ...eventClasses: C
): MethodDecoratorOf<(event: InstanceType<C[number]>) => unknown> {
  return (target, method, descriptor) => {
    expectMethod('EventListener', target, method)
    const where = `@EventListener on ${target.constructor.name}.${String(method)}`
    if (typeof descriptor?.value !== 'function') {
      throw new KafkaUsageError(`${where} belongs on a method, not on an accessor or a property.`)
    }
    const given: readonly unknown[] = eventClasses
    if (given.length === 0 || given.some((eventClass) => typeof eventClass !== 'function')) {
      throw new KafkaUsageError(
        `${where} needs the class of the event, for example @EventListener(ConsumerStoppedEvent). (Undefined there is usually a circular import.)`,
      )
    }
    const unknown = eventClasses.find((eventClass) => !isTold(eventClass))
    if (unknown !== undefined) {
      throw new KafkaUsageError(
        `${where} names ${unknown.name}, which is the class of no event of a container, nor a base of one: the method would never be called. ` +
          `Name one of ${EVENTS.map(({ name }) => name).join(', ')}.`,
      )
    }
    ownMarks(target).events.push({ method, eventClasses })
  }
}

const EVENTS: readonly EventClass[] = [
  ConsumerStartingEvent,
  ConsumerStartedEvent,
  ConsumerFailedToStartEvent,
  ShareConsumerStoppingEvent,
  ConsumerStoppedEvent,
  PollFailedEvent,
  RecordDeserializationFailedEvent,
  RecordLockLostEvent,
  RecovererFailedEvent,
  ListenerFailedEvent,
  AcknowledgmentTimeoutEvent,
  ProcessingDeadlineExceededEvent,
  AcknowledgmentFailedEvent,
]

function isTold(eventClass: EventClass): boolean {
  return EVENTS.some((known) => known === eventClass || known.prototype instanceof eventClass)
}
