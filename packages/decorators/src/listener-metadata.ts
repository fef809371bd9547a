import 'reflect-metadata'
import type { PayloadSchema } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { KafkaListenerOptions } from './kafka-listener-options.js'

/** A method's name as decorators are given it. */
export type MethodName = string | symbol

/** What a parameter decorator says of its parameter. */
export type ParameterMark =
  | { readonly kind: 'payload'; readonly schema: PayloadSchema | undefined }
  | { readonly kind: 'ack'; readonly optional: boolean }
  | { readonly kind: 'header'; readonly name: string; readonly as: 'string' | 'bytes'; readonly required: boolean }
  | {
      readonly kind:
        | 'record'
        | 'consumer'
        | 'key'
        | 'topic'
        | 'partition'
        | 'offset'
        | 'timestamp'
        | 'deliveryCount'
        | 'headers'
        | 'signal'
    }

/** One parameter decorator, where it stands. */
export interface PlacedMark {
  readonly method: MethodName
  readonly index: number
  readonly mark: ParameterMark
}

/** One `@KafkaListener` of a method. */
export interface ListenerMark {
  readonly method: MethodName
  readonly options: KafkaListenerOptions
}

/** One `@KafkaHandler`. */
export interface HandlerMark {
  readonly method: MethodName
  readonly isDefault: boolean
}

/** One `@EventListener`. */
export interface EventMark {
  readonly method: MethodName
  readonly eventClasses: readonly EventClass[]
}

/** A class of events. */
export type EventClass<E extends object = object> = abstract new (...args: never[]) => E

/** What the decorators of one class said, not counting its base classes. */
export interface ClassMarks {
  /** Those of methods. */
  readonly listeners: ListenerMark[]
  /** The options of each `@KafkaListener` that stands on the class itself. */
  readonly classListeners: KafkaListenerOptions[]
  readonly handlers: HandlerMark[]
  readonly parameters: PlacedMark[]
  readonly events: EventMark[]
}

// Symbol.for: a class may be decorated by one copy of this package and read by another.
const MARKS = Symbol.for('@milena/decorators/marks')

/** The marks of exactly this prototype, made if there are none: for the decorators. */
export function ownMarks(prototype: object): ClassMarks {
  const present = readOwnMarks(prototype)
  if (present !== undefined) return present
  const marks: ClassMarks = { listeners: [], classListeners: [], handlers: [], parameters: [], events: [] }
  Reflect.defineMetadata(MARKS, marks, prototype)
  return marks
}

/** The marks of exactly this prototype, if decorators wrote any: for the explorer. */
export function readOwnMarks(prototype: object): ClassMarks | undefined {
  return Reflect.getOwnMetadata(MARKS, prototype) as ClassMarks | undefined
}

/** The parameter types that the compiler left of a method; undefined when it leaves none. */
export function parameterTypes(prototype: object, method: MethodName): readonly unknown[] | undefined {
  return Reflect.getOwnMetadata('design:paramtypes', prototype, method) as readonly unknown[] | undefined
}

/** @throws KafkaUsageError unless a decorator stands on an instance method, or a parameter of one, and was called the way `experimentalDecorators` does */
export function expectMethod(decorator: string, target: unknown, method: unknown): asserts method is MethodName {
  refuseStandardDecorator(decorator, method)
  if (typeof target === 'function' && (typeof method === 'string' || typeof method === 'symbol')) {
    throw new KafkaUsageError(
      `@${decorator} stands on the static member ${target.name}.${String(method)}. Make it an instance method: listeners are ` +
        'called on the instance that the DI container gives.',
    )
  }
  if (typeof target !== 'object' || target === null || (typeof method !== 'string' && typeof method !== 'symbol')) {
    const name = typeof target === 'function' && target.name !== '' ? ` (on ${target.name})` : ''
    throw new KafkaUsageError(`@${decorator}${name} belongs on an instance method, or on a parameter of one.`)
  }
}

/** The decorators of TypeScript's own, older kind have parameters and metadata; the standard ones have neither. @throws KafkaUsageError */
export function refuseStandardDecorator(decorator: string, context: unknown): void {
  if (typeof context !== 'object' || context === null || !('kind' in context)) return
  throw new KafkaUsageError(
    `@${decorator} was compiled as a standard decorator. Set "experimentalDecorators": true (and "emitDecoratorMetadata": true) ` +
      'in the compilerOptions of the tsconfig.json that compiles it (swc: jsc.transform.legacyDecorator and decoratorMetadata).',
  )
}
