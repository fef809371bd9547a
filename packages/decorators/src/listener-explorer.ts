import { planArguments, type ArgumentPlan } from './argument-plan.js'
import { placeOf, type ListenerClass, type Problems } from './errors.js'
import type { KafkaListenerOptions } from './kafka-listener-options.js'
import { parameterTypes, readOwnMarks, type ClassMarks, type EventClass, type MethodName } from './listener-metadata.js'
import { schemaOf } from './planned-call.js'

/** A method that is called with records. */
export interface ExploredMethod {
  readonly name: MethodName
  /** `OrderListener.onOrder()`, for messages. */
  readonly where: string
  readonly plan: ArgumentPlan
}

/** One `@KafkaHandler`. */
export interface ExploredHandler extends ExploredMethod {
  readonly isDefault: boolean
}

/** One `@KafkaListener`: what it was given, and what is called for its records. */
export interface ExploredListener {
  readonly listenerClass: ListenerClass
  /** `OrderListener.onOrder()`, or `OrderListener` where it stands on the class, for messages. */
  readonly where: string
  /** The id of a listener that is given none. */
  readonly defaultId: string
  readonly options: KafkaListenerOptions
  readonly target:
    | { readonly kind: 'method'; readonly method: ExploredMethod }
    | { readonly kind: 'handlers'; readonly handlers: readonly ExploredHandler[] }
}

/** One `@EventListener` of a class. */
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
 * Reads a listener class. Decorated methods of base classes listen too, and so does what stands on a base class; a subclass that decorates a
 * method (or itself) again replaces what its base said of it, one that only overrides it keeps that. Done once per class, before
 * anything starts.
 */
export function exploreListenerClass(listenerClass: ListenerClass, problems: Problems): ExploredClass {
  return new ClassExplorer(listenerClass, problems).explore()
}

class ClassExplorer {
  readonly #listeners: ExploredListener[] = []
  readonly #handlers: ExploredHandler[] = []
  readonly #eventListeners: ExploredEventListener[] = []
  /** Methods of which a class nearer to the explored one has spoken. */
  readonly #listening = new Set<MethodName>()
  readonly #handling = new Set<MethodName>()
  readonly #observing = new Set<MethodName>()
  #ofClass: readonly KafkaListenerOptions[] = []

  constructor(
    private readonly listenerClass: ListenerClass,
    private readonly problems: Problems,
  ) {}

  explore(): ExploredClass {
    const before = this.problems.count
    // From the class to its bases: the first who speaks of a method is heard.
    for (const prototype of prototypesOf(this.listenerClass)) {
      const marks = readOwnMarks(prototype)
      if (marks !== undefined) this.#read(prototype, marks)
    }
    const listeners = [...this.#classListeners(), ...this.#listeners]
    const eventListeners = this.#eventListeners
    if (listeners.length === 0 && eventListeners.length === 0 && this.problems.count === before) {
      this.problems.add(
        placeOf(this.listenerClass),
        'Neither it nor one of its methods has @KafkaListener or @EventListener. Decorate one, or take the class off the listeners of kafkaModule.',
      )
    }
    return { listenerClass: this.listenerClass, listeners, eventListeners }
  }

  #read(prototype: object, marks: ClassMarks): void {
    const { listenerClass } = this
    if (this.#ofClass.length === 0) this.#ofClass = marks.classListeners
    const listened = new Set(marks.listeners.map((mark) => mark.method).filter((name) => !this.#listening.has(name)))
    const handled = marks.handlers.filter(({ method }) => !this.#handling.has(method))
    const described = new Map<MethodName, ExploredMethod>()
    const describe = (name: MethodName): ExploredMethod => {
      const known = described.get(name) ?? this.#describe(prototype, marks, name)
      described.set(name, known)
      return known
    }
    for (const name of listened) this.#listeners.push(...this.#methodListeners(describe(name), marks))
    for (const { method, isDefault } of handled) this.#handlers.push({ ...describe(method), isDefault })
    for (const { method, eventClasses } of marks.events.filter((mark) => !this.#observing.has(mark.method))) {
      this.#eventListeners.push({ method, eventClasses, where: placeOf(listenerClass, method) })
    }
    for (const name of listened) this.#listening.add(name)
    for (const { method } of marks.handlers) this.#handling.add(method)
    for (const { method } of marks.events) this.#observing.add(method)
    for (const name of new Set(marks.parameters.map((placed) => placed.method))) {
      if (this.#listening.has(name) || this.#handling.has(name)) continue
      this.problems.add(
        placeOf(listenerClass, name),
        'Its parameters are decorated, and it has neither @KafkaListener nor @KafkaHandler. Add one of them, or remove their decorators.',
      )
    }
  }

  #describe(prototype: object, marks: ClassMarks, name: MethodName): ExploredMethod {
    const where = placeOf(this.listenerClass, name)
    const implementation: unknown = Reflect.get(prototype, name)
    const plan = planArguments(
      {
        where,
        name,
        arity: typeof implementation === 'function' ? implementation.length : 0,
        marks: marks.parameters.filter((placed) => placed.method === name),
        types: parameterTypes(prototype, name),
      },
      this.problems,
    )
    return { name, where, plan }
  }

  #methodListeners(method: ExploredMethod, marks: ClassMarks): ExploredListener[] {
    const { listenerClass } = this
    const { where, name } = method
    return marks.listeners
      .filter((mark) => mark.method === name)
      .map(({ options }, index) => ({
        listenerClass,
        where,
        defaultId: numbered(`${listenerClass.name}.${String(name)}`, index),
        options,
        target: { kind: 'method', method },
      }))
  }

  /** The listeners that stand on the class. What is wrong with its handlers is noted once. */
  #classListeners(): ExploredListener[] {
    const { listenerClass } = this
    const handlers = this.#handlers
    const where = placeOf(listenerClass)
    if (this.#ofClass.length > 0 && handlers.length === 0) {
      this.problems.add(
        where,
        'It has @KafkaListener, and none of its methods has @KafkaHandler. Decorate those that take its records, or put @KafkaListener on the method itself.',
      )
    }
    if (this.#ofClass.length === 0) {
      for (const handler of handlers) {
        if (this.#listening.has(handler.name)) continue
        this.problems.add(
          handler.where,
          "It has @KafkaHandler, and its class has no @KafkaListener. Put @KafkaListener({ topics: … }) on the class, or on the method in the handler's place.",
        )
      }
      return []
    }
    this.#checkHandlers()
    return this.#ofClass.map((options, index) => ({
      listenerClass,
      where,
      defaultId: numbered(listenerClass.name, index),
      options,
      target: { kind: 'handlers', handlers },
    }))
  }

  #checkHandlers(): void {
    const defaults = this.#handlers.filter(({ isDefault }) => isDefault)
    if (defaults.length > 1) {
      this.problems.add(
        placeOf(this.listenerClass),
        `${defaults.map(({ name }) => `${String(name)}()`).join(' and ')} are both @KafkaHandler({ isDefault: true }). Keep one default.`,
      )
    }
    for (const { where, plan, isDefault } of this.#handlers) {
      if (isDefault || schemaOf(plan) !== undefined) continue
      this.problems.add(
        where,
        'It has @KafkaHandler and no schema by which its records could be told from those of the others. Write @Payload(schema) on its payload, or ' +
          '@KafkaHandler({ isDefault: true }) when it takes all the rest.',
      )
    }
  }
}

function numbered(id: string, index: number): string {
  return index === 0 ? id : `${id}-${index + 1}`
}

function* prototypesOf(listenerClass: ListenerClass): Generator<object> {
  let prototype: unknown = listenerClass.prototype
  while (typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype) {
    yield prototype
    prototype = Object.getPrototypeOf(prototype)
  }
}
