import type { ConsumerRecord } from '@milena/client'
import { KafkaError } from '@milena/protocol'
import { isThenable } from './record-invoker.js'
import { placeOf } from './recoverers.js'

/**
 * The Standard Schema interface (version 1), as far as payloads need it. zod 4, valibot, arktype and others implement it:
 * https://standardschema.dev
 */
export interface PayloadSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => PayloadSchemaResult<Output> | Promise<PayloadSchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** What a schema says of a value. */
export type PayloadSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly PayloadSchemaIssue[] }

/** One thing that a schema holds against a value. */
export interface PayloadSchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** One thing that is wrong with a payload. */
export interface PayloadIssue {
  readonly message: string
  /** Where in the payload, as `items.0.price`; empty for the payload as a whole. */
  readonly path: string
}

const BRAND = Symbol.for('@milena/container/PayloadValidationError')

/** The value of a record is no JSON, or not what its schema asks for. Not retriable: the same bytes will come again. */
export class PayloadValidationError extends KafkaError {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly issues: readonly PayloadIssue[]

  constructor(
    record: { readonly topic: string; readonly partition: number; readonly offset: number },
    issues: readonly PayloadIssue[],
    cause?: unknown,
  ) {
    const told = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
    super(`The payload of ${placeOf(record)} is refused: ${told}`, { code: 'INVALID_PAYLOAD', cause })
    this.topic = record.topic
    this.partition = record.partition
    this.offset = record.offset
    this.issues = issues
  }

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
    Object.defineProperty(this.prototype, 'name', {
      value: 'PayloadValidationError',
      configurable: true,
      writable: true,
    })
  }

  /** Whether `value` is one, also when it comes from another copy of this package. */
  static override is(value: unknown): value is PayloadValidationError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The value of a record as `schema` makes it. A value that is still bytes is read as UTF-8 JSON first. A promise comes back
 * only from a schema that works asynchronously.
 *
 * @throws PayloadValidationError for bytes that are no JSON, and for a value that the schema refuses
 */
export function readPayload<Output>(
  record: ConsumerRecord<unknown, unknown>,
  schema: PayloadSchema<Output>,
): Output | Promise<Output> {
  const result = schema['~standard'].validate(payloadValueOf(record))
  return isThenable(result)
    ? Promise.resolve(result).then((later) => accepted(record, later))
    : accepted(record, result)
}

/**
 * What a schema is asked about: the record's value; one that is still bytes is read as UTF-8 JSON.
 *
 * @throws PayloadValidationError for bytes that are no JSON
 */
export function payloadValueOf(record: ConsumerRecord<unknown, unknown>): unknown {
  const { value } = record
  return value instanceof Uint8Array ? parsed(record, value) : value
}

/** What a schema holds against a value, with each place as one text. */
export function payloadIssuesOf(issues: readonly PayloadSchemaIssue[]): readonly PayloadIssue[] {
  return issues.map(({ message, path = [] }) => ({
    message,
    path: path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.'),
  }))
}

function parsed(record: ConsumerRecord<unknown, unknown>, bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (error) {
    throw new PayloadValidationError(record, [{ path: '', message: 'its bytes are not UTF-8' }], error)
  }
  try {
    return JSON.parse(text)
  } catch {
    // Without the engine's own error, whose message quotes the payload: that may be confidential, and loggers print causes.
    throw new PayloadValidationError(record, [{ path: '', message: 'its text is not JSON' }])
  }
}

function accepted<Output>(record: ConsumerRecord<unknown, unknown>, result: PayloadSchemaResult<Output>): Output {
  if (result.issues === undefined) return result.value
  const issues = payloadIssuesOf(result.issues)
  const { value } = record
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) throw new PayloadValidationError(record, issues)
  const hint = 'the value is a text, which is not read as JSON: use json() as valueDeserializer, or none'
  throw new PayloadValidationError(record, [...issues, { path: '', message: hint }])
}
