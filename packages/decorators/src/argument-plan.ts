import { ConsumerRecord, ShareConsumer } from '@milena/client'
import { ShareAcknowledgment } from '@milena/container'
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

const REMEDY =
  'Say what it is: @Payload(), @Record(), @Ack(), @Consumer(), @Key(), @Topic(), @Partition(), @Offset(), @Timestamp(), ' +
  '@DeliveryCount(), @Header(name), @Headers() or @Signal()'

/** Where the classes come from that are found by type: one of that name that is another class must not be taken for the payload. */
const HOMES: ReadonlyMap<string, string> = new Map([
  ['ConsumerRecord', '@milena/client'],
  ['ShareConsumer', '@milena/client'],
  ['ShareAcknowledgment', '@milena/container'],
  ['AbortSignal', 'Node'],
])

/**
 * What compilers leave of a type that they erased: all of them `Object`, and tsc `Function` of a class that came by `import type`. Neither
 * tells anything, so nothing is found by it and nothing is refused by it.
 */
const ERASED: ReadonlySet<unknown> = new Set([Object, Function])

/** What parameters are whose decorator leaves no choice. */
const CLASSES = new Map<ParameterMark['kind'], { readonly name: string; readonly prototype: object }>([
  ['record', ConsumerRecord],
  ['ack', ShareAcknowledgment],
  ['consumer', ShareConsumer],
  ['signal', AbortSignal],
])

const ONE_BY_ONE = 'records are delivered one by one, and there are no batch listeners'

const RAW_PAYLOAD: ParameterMark = { kind: 'payload', schema: undefined }

/**
 * Decides once what each parameter is given: what its decorator says, else by its type, which is ConsumerRecord, ShareAcknowledgment,
 * ShareConsumer or AbortSignal; and one parameter of another type is the payload, as in Spring. A type that the compiler erased (an
 * interface, a union, an `import type`) may have been meant as any of them, so it is refused instead of guessed.
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
    if (decorated !== undefined) checkType(index, decorated.mark, method, problems)
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
  const validated = plan.flatMap((source, index) =>
    source.kind === 'payload' && source.schema !== undefined ? [ordinal(index)] : [],
  )
  if (validated.length > 1) {
    problems.add(
      where,
      `Its ${validated.join(' and ')} parameters each have a schema. Keep one @Payload(schema), of a schema that says it all; a @Payload() ` +
        'without schema beside it is given the value as the deserialiser left it.',
    )
  }
  return plan
}

/** The name of a decorator, as people write it. */
function nameOf(mark: ParameterMark): string {
  return `@${mark.kind.charAt(0).toUpperCase()}${mark.kind.slice(1)}`
}

/** A parameter of which the compiler tells that it takes something else than its decorator gives. */
function checkType(index: number, mark: ParameterMark, { where, types }: DescribedMethod, problems: Problems): void {
  const type = types?.[index]
  const given = CLASSES.get(mark.kind)
  if (given === undefined || typeof type !== 'function' || ERASED.has(type)) return
  if (type.name === given.name || given.prototype instanceof type) return
  const its = `Its ${ordinal(index)} parameter has ${nameOf(mark)}`
  problems.add(
    where,
    type === Array
      ? `${its} and is an array: ${ONE_BY_ONE}. Take one ${given.name}.`
      : `${its}, which gives a ${given.name}, and is of type ${type.name}. Give it that type, or another decorator.`,
  )
}

function byType(
  index: number,
  { where, types }: DescribedMethod,
  guessed: number[],
  problems: Problems,
): ParameterMark {
  const type = types?.[index]
  if (type === ConsumerRecord) return { kind: 'record' }
  if (type === ShareAcknowledgment) return { kind: 'ack', optional: false }
  if (type === ShareConsumer) return { kind: 'consumer' }
  if (type === AbortSignal) return { kind: 'signal' }
  if (types === undefined) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and the compiler emitted no parameter types (esbuild, and so tsx, never does; ` +
        'tsc does with "emitDecoratorMetadata": true, swc with jsc.transform.decoratorMetadata). ' +
        `${REMEDY}.`,
    )
  } else if (type === undefined) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and its class did not exist yet when the method was decorated: two modules import ` +
        `each other. (swc tells the same of a parameter without a type.) Break that circle, or say what it is. ${REMEDY}.`,
    )
  } else if (type === Array) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter is an array: ${ONE_BY_ONE}. Take one ConsumerRecord; where the payload itself is an array, say @Payload().`,
    )
  } else if (ERASED.has(type)) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter has no decorator, and nothing is left of its type at run time (an interface, a type alias, a union, or a class ` +
        `imported with "import type"). Import a class without "type", or give the parameter a decorator. ${REMEDY}.`,
    )
  } else if (typeof type === 'function' && HOMES.has(type.name)) {
    problems.add(
      where,
      `Its ${ordinal(index)} parameter is a ${type.name}, and not that of the ${HOMES.get(type.name)} that runs here: it is installed twice, or the class is ` +
        `your own. Install one, or say what the parameter is. ${REMEDY}.`,
    )
  } else {
    guessed.push(index)
  }
  return RAW_PAYLOAD
}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth']

function ordinal(index: number): string {
  return ORDINALS[index] ?? `${index + 1}th`
}
