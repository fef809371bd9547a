import type { ConsumerRecord, RecordHeaders, ShareConsumer } from '@milena/client'
import type { PayloadSchema, ShareAcknowledgment } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { expectMethod, ownMarks, type ParameterMark } from './listener-metadata.js'
import type { ParameterDecoratorFor } from './parameter-check.js'

/** What a schema makes of a payload: `type Order = PayloadOf<typeof OrderSchema>`. */
export type PayloadOf<S extends PayloadSchema> = S extends PayloadSchema<infer Output> ? Output : never

/**
 * The record's value. With a schema (zod 4, or any other Standard Schema) it is validated first, and the parameter is what the
 * schema gives; where the deserialiser leaves bytes (the default does) they are read as UTF-8 JSON before. A value that is refused
 * is a PayloadValidationError, which the recoverer decides on; the method is not called. A parameter of another type than the
 * schema's does not compile; without a schema its type is taken at its word.
 */
export function Payload(): ParameterDecoratorFor<never>
export function Payload<S extends PayloadSchema>(schema: S): ParameterDecoratorFor<PayloadOf<S>>
export function Payload(...given: readonly [schema?: PayloadSchema]): ParameterDecoratorFor<never> {
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
export function Record(): ParameterDecoratorFor<ConsumerRecord<never, never>> {
  return mark('Record', { kind: 'record' })
}

/**
 * The ShareAcknowledgment of the record, by which a MANUAL listener answers it. In EXPLICIT and IMPLICIT mode the container answers and
 * the parameter is undefined, of which one warning per container tells; `{ optional: true }` says that the method knows.
 */
export function Ack(): ParameterDecoratorFor<ShareAcknowledgment>
export function Ack(options: { readonly optional: true }): ParameterDecoratorFor<ShareAcknowledgment | undefined>
export function Ack({ optional = false }: { readonly optional?: boolean } = {}): ParameterDecoratorFor<never> {
  return mark('Ack', { kind: 'ack', optional })
}

/** The ShareConsumer of the member that received the record, e.g. for its metrics. The container acknowledges; leave that to it. */
export function Consumer(): ParameterDecoratorFor<ShareConsumer<never, never>> {
  return mark('Consumer', { kind: 'consumer' })
}

/** The record's key, as the key deserialiser left it: `Buffer | null` unless there is one. */
export function Key(): ParameterDecoratorFor<never> {
  return mark('Key', { kind: 'key' })
}

/** The topic that the record came from. */
export function Topic(): ParameterDecoratorFor<string> {
  return mark('Topic', { kind: 'topic' })
}

/** The record's partition. */
export function Partition(): ParameterDecoratorFor<number> {
  return mark('Partition', { kind: 'partition' })
}

/** The record's offset in its partition. */
export function Offset(): ParameterDecoratorFor<number> {
  return mark('Offset', { kind: 'offset' })
}

/** The record's timestamp, in milliseconds since the epoch. */
export function Timestamp(): ParameterDecoratorFor<number> {
  return mark('Timestamp', { kind: 'timestamp' })
}

/** How many times the group has delivered this record, this time included. Approximate (KIP-932): a broker may repeat a number. */
export function DeliveryCount(): ParameterDecoratorFor<number> {
  return mark('DeliveryCount', { kind: 'deliveryCount' })
}

/** How `@Header` gives a header's value. */
export interface HeaderOptions {
  /**
   * `string` (default) decodes UTF-8; `bytes` gives the Buffer as it came, a view of the fetched answer, and null for a header that
   * has no value.
   */
  readonly as?: 'string' | 'bytes'
  /** True: a record without the header, or without a value in it, is not handed out; the recoverer gets a MissingHeaderError. Default false. */
  readonly required?: boolean
}

/** What a header's parameter is given, by the options of its decorator. */
export type HeaderOf<O extends HeaderOptions> =
  | (O extends { readonly as: 'bytes' } ? Buffer : string)
  | (O extends { readonly required: true } ? never : undefined)
  | (O extends { readonly as: 'bytes'; readonly required: true }
      ? never
      : O extends { readonly as: 'bytes' }
        ? null
        : never)

/**
 * The value of one header; of the last one, where the name occurs more than once. `undefined` when the record has no such
 * header, or none with a value; so a default (`traceId = 'none'`) stands for both.
 */
// With no options at all {} is what they are.
export function Header<const O extends HeaderOptions = NonNullable<unknown>>(
  name: string,
  options?: O,
): ParameterDecoratorFor<HeaderOf<O>> {
  if (typeof name !== 'string' || name === '') {
    throw new KafkaUsageError("@Header needs the name of the header, for example @Header('trace-id').")
  }
  const { as = 'string', required = false } = options ?? {}
  if (as !== 'string' && as !== 'bytes') {
    throw new KafkaUsageError(`@Header('${name}') can be given as 'string' or as 'bytes', and as nothing else.`)
  }
  return mark('Header', { kind: 'header', name, as, required })
}

/** All headers in the order in which they were written, as `{ key, value }`; a name may occur more than once. */
export function Headers(): ParameterDecoratorFor<RecordHeaders> {
  return mark('Headers', { kind: 'headers' })
}

/**
 * An AbortSignal that fires when going on is of no use: the processing deadline has passed, the record's lock is lost, or the container
 * gave up waiting at its stop. Its reason says which. Without such a parameter none is made.
 */
export function Signal(): ParameterDecoratorFor<AbortSignal> {
  return mark('Signal', { kind: 'signal' })
}

function isSchema(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = Reflect.get(value, '~standard')
  return typeof standard === 'object' && standard !== null && typeof Reflect.get(standard, 'validate') === 'function'
}

function mark(decorator: string, parameter: ParameterMark): ParameterDecoratorFor<never> {
  return (target, method, index) => {
    const name: unknown = method
    expectMethod(decorator, target, name)
    ownMarks(target).parameters.push({ method: name, index, mark: parameter })
  }
}
