import { planArguments, type ArgumentPlan } from './argument-plan.js'
import { placeOf, type ListenerClass, type Problems } from './errors.js'
import type { KafkaListenerOptions } from './kafka-listener-options.js'
import { parameterTypes, readOwnMarks, type ClassMarks, type EventClass, type MethodName } from './listener-metadata.js'

/** One @KafkaListener of a class: what it was given, and how its method is called. */
export interface ExploredListener {
  readonly listenerClass: ListenerClass
  readonly method: MethodName
  /** `OrderListener.onOrder()`, for messages. */
  readonly where: string
  /** The id of a listener that is given none. */
  readonly defaultId: string
  readonly options: KafkaListenerOptions
  readonly plan: ArgumentPlan
}

/** One @EventListener of a class. */
export interface ExploredEventListener {
  readonly method: MethodName
  readonly where: string
  readonly eventClasses: readonly EventClass[]
}

/** All that the decorators of a class and of its base classes said. */
export interface ExploredClass {
  readonly listenerClass: ListenerClass
  readonly listeners: readonly ExploredListener[]
  readonly eventListeners: readonly ExploredEventListener[]
}

/**
 * Reads a listener class. Decorated methods of base classes listen too; a subclass that decorates a method again replaces what
 * its base said of it, one that only overrides it keeps that. Done once per class, before anything starts.
 */
export function exploreListenerClass(listenerClass: ListenerClass, problems: Problems): ExploredClass {
  const listeners: ExploredListener[] = []
  const eventListeners: ExploredEventListener[] = []
  const listening = new Set<MethodName>()
  const observing = new Set<MethodName>()
  const before = problems.count
  // From the class to its bases: the first who speaks of a method is heard.
  for (const prototype of prototypesOf(listenerClass)) {
    const marks = readOwnMarks(prototype)
    if (marks === undefined) continue
    const methods = new Set(marks.listeners.map((mark) => mark.method).filter((method) => !listening.has(method)))
    for (const method of methods) {
      listening.add(method)
      listeners.push(...listenersOf({ listenerClass, prototype, method, marks, problems }))
    }
    for (const { method, eventClasses } of marks.events.filter((mark) => !observing.has(mark.method))) {
      eventListeners.push({ method, eventClasses, where: placeOf(listenerClass, method) })
    }
    for (const { method } of marks.events) observing.add(method)
    for (const method of new Set(marks.parameters.map((placed) => placed.method))) {
      if (!listening.has(method)) {
        problems.add(
          placeOf(listenerClass, method),
          'Its parameters are decorated, and it has no @KafkaListener. Add that, or remove their decorators.',
        )
      }
    }
  }
  if (listeners.length === 0 && eventListeners.length === 0 && problems.count === before) {
    problems.add(
      placeOf(listenerClass),
      'None of its methods has @KafkaListener or @EventListener. Decorate one, or take the class off the listeners of kafkaModule.',
    )
  }
  return { listenerClass, listeners, eventListeners }
}

function listenersOf(found: {
  readonly listenerClass: ListenerClass
  readonly prototype: object
  readonly method: MethodName
  readonly marks: ClassMarks
  readonly problems: Problems
}): ExploredListener[] {
  const { listenerClass, prototype, method, marks, problems } = found
  const where = placeOf(listenerClass, method)
  const implementation: unknown = Reflect.get(prototype, method)
  const plan = planArguments(
    {
      where,
      name: method,
      arity: typeof implementation === 'function' ? implementation.length : 0,
      marks: marks.parameters.filter((placed) => placed.method === method),
      types: parameterTypes(prototype, method),
    },
    problems,
  )
  const ofMethod = marks.listeners.filter((mark) => mark.method === method)
  return ofMethod.map(({ options }, index) => ({
    listenerClass,
    method,
    where,
    defaultId: `${listenerClass.name}.${String(method)}${index === 0 ? '' : `-${index + 1}`}`,
    options,
    plan,
  }))
}

function* prototypesOf(listenerClass: ListenerClass): Generator<object> {
  let prototype: unknown = listenerClass.prototype
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    yield prototype
    prototype = Object.getPrototypeOf(prototype)
  }
}
