import { ConsumerRecord, ShareConsumer } from '@milena/client'
import { readPayload, type PayloadSchema } from '@milena/container'
import type { Problems } from './errors.js'
import type { MethodName, ParameterMark, PlacedMark } from './listener-metadata.js'

/** Where the arguments of one method come from, in the order of its parameters. */
export type ArgumentPlan = readonly ParameterMark[]

/** A method as its class describes it. */
export interface DescribedMethod {
  /** `OrderListener.onOrder()`, for messages. */
  readonly where: string
  readonly name: MethodName
  /** How many parameters the function itself declares before the first one with a default. */
  readonly arity: number
  readonly marks: readonly PlacedMark[]
  /** What the compiler emitted, if it emits metadata. */
  readonly types: readonly unknown[] | undefined
}

const REMEDY = 'Say what it is: @Payload(), @Record(), @Header(name), @Headers() or @Consumer()'

/**
 * Decides once what each parameter is given: what its decorator says, else by its type, which is ConsumerRecord or
 * ShareConsumer; and one parameter of another type is the payload, as in Spring. A type of which the compiler leaves only `Object` (an interface, a
 * union, an `import type`) may have been meant as any of them, so it is refused instead of guessed.
 */
export function planArguments(method: DescribedMethod, problems: Problems): ArgumentPlan {
  const { where, marks, types } = method
  const count = Math.max(method.arity, types?.length ?? 0, ...marks.map((placed) => placed.index + 1))
  const plan: ParameterMark[] = []
  const guessed: number[] = []
  for (let index = 0; index < count; index++) {
    const decorators = marks.filter((placed) => placed.index === index)
    const [decorated] = decorators
    if (decorators.length > 1) {
      const names = decorators.map(({ mark }) => nameOf(mark)).toReversed()
      problems.add(where, `Its ${ordinal(index)} parameter has ${names.join(' and ')}. Keep one of them.`)
    }
    plan.push(decorated?.mark ?? byType(index, method, guessed, problems))
  }
  if (guessed.length > 1) {
    problems.add(
      where,
      `Its ${guessed.map(ordinal).join(' and ')} parameters have no decorator, and only one can be the payload. ${REMEDY}.`,
    )
  } else if (guessed.length === 1 && marks.some(({ mark }) => mark.kind === 'payload')) {
    problems.add(
      where,
      `Its ${guessed.map(ordinal).join()} parameter has no decorator, and another one is the payload. ${REMEDY}.`,
    )
  }
  return plan
}

function byType(
  index: number,
  { where, types }: DescribedMethod,
  guessed: number[],
  problems: Problems,
): ParameterMark {
  const payload: ParameterMark = { kind: 'payload', schema: undefined }
  const type = types?.[index]
  if (type === ConsumerRecord) return { kind: 'record' }
  if (type === ShareConsumer) return { kind: 'consumer' }
  if (types === undefined) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and the compiler emitted no parameter types (esbuild, and so tsx, never does; ` +
        `tsc does with "emitDecoratorMetadata": true). ${REMEDY}.`,
    )
    return payload
  }
  if (type === undefined) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and its class did not exist yet when the method was decorated: two modules import ` +
        `each other. Break that circle, or say what it is. ${REMEDY}.`,
    )
    return payload
  }
  if (type === Object) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and nothing is left of its type at run time (an interface, a type alias, a union, or a class ` +
        `imported with "import type"). ${REMEDY}.`,
    )
    return payload
  }
  if (type === AbortSignal) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter is an AbortSignal, which listeners are not given in this version. Remove it.`,
    )
    return payload
  }
  guessed.push(index)
  return payload
}

/** Calls one method with the arguments of its plan. */
export type PlannedCall = (
  record: ConsumerRecord<unknown, unknown>,
  consumer: ShareConsumer<unknown, unknown> | undefined,
) => unknown

type Method = (...args: unknown[]) => unknown
type ArgumentReader = PlannedCall

/** Whether the listener must be handed the member's consumer. */
export function takesConsumer(plan: ArgumentPlan): boolean {
  return plan.some((source) => source.kind === 'consumer')
}

/**
 * Puts plan, method and instance together. Runs once per listener; what it returns runs per record, so the usual lists of up
 * to three parameters are called without an array, and nothing is awaited where no schema validates asynchronously.
 */
export function compileCall(plan: ArgumentPlan, method: Method, instance: object): PlannedCall {
  const readers = plan.map(readerOf)
  if (plan.some((source) => source.kind === 'payload' && source.schema !== undefined)) {
    return (record, consumer) => callWhenRead(readers, method, instance, record, consumer)
  }
  const [first, second, third] = readers
  if (first === undefined) return () => method.call(instance)
  if (second === undefined) return (record, consumer) => method.call(instance, first(record, consumer))
  if (third === undefined) {
    return (record, consumer) => method.call(instance, first(record, consumer), second(record, consumer))
  }
  if (readers.length === 3) {
    return (record, consumer) =>
      method.call(instance, first(record, consumer), second(record, consumer), third(record, consumer))
  }
  return (record, consumer) =>
    method.apply(
      instance,
      readers.map((read) => read(record, consumer)),
    )
}

function callWhenRead(
  readers: readonly ArgumentReader[],
  method: Method,
  instance: object,
  record: ConsumerRecord<unknown, unknown>,
  consumer: ShareConsumer<unknown, unknown> | undefined,
): unknown {
  const args: unknown[] = []
  let pending = false
  try {
    for (const read of readers) {
      const value = read(record, consumer)
      // Only readPayload gives promises of its own; a payload that happens to be thenable is none of a JSON value.
      if (value instanceof Promise) pending = true
      args.push(value)
    }
  } catch (error) {
    // Nobody waits any more for a payload that is still being validated; when it is refused too, that must not end the process.
    if (pending) void Promise.allSettled(args)
    throw error
  }
  return pending ? Promise.all(args).then((ready) => method.apply(instance, ready)) : method.apply(instance, args)
}

function readerOf(source: ParameterMark): ArgumentReader {
  switch (source.kind) {
    case 'record':
      return (record) => record
    case 'consumer':
      return (_record, consumer) => consumer
    case 'headers':
      return (record) => record.headers
    case 'header':
      return headerReader(source.name, source.as)
    case 'payload':
      return payloadReader(source.schema)
  }
}

function payloadReader(schema: PayloadSchema | undefined): ArgumentReader {
  return schema === undefined ? (record) => record.value : (record) => readPayload(record, schema)
}

function headerReader(name: string, as: 'string' | 'bytes'): ArgumentReader {
  return (record) => {
    const headers = record.headers
    for (let index = headers.length - 1; index >= 0; index--) {
      const header = headers[index]
      if (header?.key !== name) continue
      return as === 'bytes' || header.value === null ? header.value : header.value.toString('utf8')
    }
    return undefined
  }
}

function nameOf(mark: ParameterMark): string {
  return `@${mark.kind.charAt(0).toUpperCase()}${mark.kind.slice(1)}`
}

function ordinal(index: number): string {
  return ['first', 'second', 'third', 'fourth', 'fifth'][index] ?? `${index + 1}th`
}
