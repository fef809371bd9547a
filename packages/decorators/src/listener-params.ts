import type { PayloadSchema } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { expectMethod, ownMarks, type ParameterMark } from './listener-metadata.js'

/**
 * The record's value. With a schema (zod 4, or any other Standard Schema) it is validated first, and the parameter is what the
 * schema gives; where the deserialiser leaves bytes (the default does) they are read as UTF-8 JSON before. A value that is refused
 * is a PayloadValidationError, which the recoverer decides on; the method is not called.
 */
export function Payload(...given: readonly [schema?: PayloadSchema]): ParameterDecorator {
  const [schema] = given
  const decorate = mark('Payload', { kind: 'payload', schema })
  return (target, method, index) => {
    decorate(target, method, index)
    // A schema that is undefined by mistake must not read as none: every payload would pass.
    if (given.length === 0 || isSchema(schema)) return
    throw new KafkaUsageError(
      `@Payload on ${target.constructor.name}.${String(method)} was given something that is no schema. Give one of zod 4, or another ` +
        'Standard Schema, or nothing. (Undefined there is usually a circular import.)',
    )
  }
}

/** The whole ConsumerRecord: topic, offset, key, value, headers, delivery count. */
export function Record(): ParameterDecorator {
  return mark('Record', { kind: 'record' })
}

/** How @Header gives a header's value. */
export interface HeaderOptions {
  /** `string` (default) decodes UTF-8; `bytes` gives the Buffer as it came, a view of the fetched answer. */
  readonly as?: 'string' | 'bytes'
}

/**
 * The value of one header; of the last one, where the name occurs more than once. `undefined` when the record has no such
 * header, `null` when it has no value.
 */
export function Header(name: string, options: HeaderOptions = {}): ParameterDecorator {
  if (typeof name !== 'string' || name === '') {
    throw new KafkaUsageError("@Header needs the name of the header, for example @Header('trace-id').")
  }
  return mark('Header', { kind: 'header', name, as: options.as ?? 'string' })
}

/** All headers in the order in which they were written, as `{ key, value }`; a name may occur more than once. */
export function Headers(): ParameterDecorator {
  return mark('Headers', { kind: 'headers' })
}

/** The ShareConsumer of the member that received the record, e.g. for its metrics. The container acknowledges; leave that to it. */
export function Consumer(): ParameterDecorator {
  return mark('Consumer', { kind: 'consumer' })
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = Reflect.get(value, '~standard')
  return typeof standard === 'object' && standard !== null && typeof Reflect.get(standard, 'validate') === 'function'
}

function mark(decorator: string, parameter: ParameterMark): ParameterDecorator {
  return (target, method, index) => {
    expectMethod(decorator, target, method)
    if (method !== undefined) ownMarks(target).parameters.push({ method, index, mark: parameter })
  }
}
