import {
  payloadIssuesOf,
  payloadValueOf,
  PayloadValidationError,
  type PayloadIssue,
  type PayloadSchema,
  type PayloadSchemaIssue,
  type PayloadSchemaResult,
  type ShareAcknowledgment,
} from '@milena/container'
import { KafkaError } from '@milena/protocol'
import type { AnyConsumer, AnyRecord, Invocation, Method } from './planned-call.js'

/** One `@KafkaHandler`, ready to be called. */
export interface ReadyHandler {
  /** `OrderListener.onOrder()`, for messages. */
  readonly where: string
  readonly method: (instance: object) => Method
  readonly invoke: Invocation
  /** Without one it takes every value: the default handler. */
  readonly schema: PayloadSchema | undefined
}

/** Why one handler did not take a payload. */
export interface HandlerRefusal {
  /** `OrderListener.onOrder()` */
  readonly handler: string
  readonly issues: readonly PayloadIssue[]
}

/** No `@KafkaHandler` of a class takes the record's payload, and none is the default. Not retriable: the same bytes will come again. */
export class NoHandlerError extends KafkaError {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly refusals: readonly HandlerRefusal[]

  constructor(
    { topic, partition, offset }: AnyRecord,
    where: string,
    refusals: readonly HandlerRefusal[],
    cause?: unknown,
  ) {
    const told = refusals.map(({ handler, issues }) => `${handler}: ${issues.map(textOf).join('; ')}`)
    super(
      `No @KafkaHandler of ${where} takes the payload of the record at offset ${offset} of ${topic}-${partition}. ` +
        `${told.length === 0 ? '' : `${told.join(' | ')}. `}Add one for it, or a default one: @KafkaHandler({ isDefault: true }).`,
      { code: 'NO_HANDLER', cause },
    )
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.refusals = refusals
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NoHandlerError', configurable: true, writable: true })
  }
}

function textOf({ path, message }: PayloadIssue): string {
  return path === '' ? message : `${path}: ${message}`
}

/** What a schema said no with; made into text only when every handler refused. */
interface Refused {
  readonly handler: ReadyHandler
  readonly issues: readonly PayloadSchemaIssue[]
}

/** What a chosen handler is called with besides its payload. */
interface Delivery {
  readonly instance: object
  readonly record: AnyRecord
  readonly acknowledgment: ShareAcknowledgment | undefined
  readonly consumer: AnyConsumer | undefined
  readonly signal: AbortSignal | undefined
}

/** Finds the handler for each record of a class, by asking their schemas in order. The bytes are read as JSON once. */
export class HandlerChoice {
  readonly #bySchema: readonly (ReadyHandler & { readonly schema: PayloadSchema })[]
  readonly #forAll: ReadyHandler | undefined

  /** `handlers` in the order in which they are asked, the default one last. */
  constructor(
    private readonly where: string,
    handlers: readonly ReadyHandler[],
  ) {
    this.#bySchema = handlers.filter(hasSchema)
    this.#forAll = handlers.find((handler) => !hasSchema(handler))
  }

  call(
    instance: object,
    record: AnyRecord,
    acknowledgment: ShareAcknowledgment | undefined,
    consumer: AnyConsumer | undefined,
    signal: AbortSignal | undefined,
  ): unknown {
    const delivery: Delivery = { instance, record, acknowledgment, consumer, signal }
    let value: unknown
    try {
      value = payloadValueOf(record)
    } catch (error) {
      return this.#takenByNone(delivery, [], error)
    }
    return this.#ask(0, value, delivery, [])
  }

  #ask(from: number, value: unknown, delivery: Delivery, refused: Refused[]): unknown {
    for (let index = from; index < this.#bySchema.length; index++) {
      const handler = this.#bySchema[index]
      if (handler === undefined) break
      const result = handler.schema['~standard'].validate(value)
      if (isPromise(result)) {
        return result.then((later) => {
          if (later.issues === undefined) return deliver(handler, delivery, later.value)
          return this.#ask(index + 1, value, delivery, [...refused, { handler, issues: later.issues }])
        })
      }
      if (result.issues === undefined) return deliver(handler, delivery, result.value)
      refused.push({ handler, issues: result.issues })
    }
    return this.#takenByNone(delivery, refused)
  }

  #takenByNone(delivery: Delivery, refused: readonly Refused[], cause?: unknown): unknown {
    if (this.#forAll !== undefined) return deliver(this.#forAll, delivery, undefined)
    const unreadable = PayloadValidationError.is(cause) ? [{ handler: this.where, issues: cause.issues }] : []
    const refusals = refused.map(({ handler, issues }) => ({ handler: handler.where, issues: payloadIssuesOf(issues) }))
    throw new NoHandlerError(delivery.record, this.where, [...unreadable, ...refusals], cause)
  }
}

function hasSchema(handler: ReadyHandler): handler is ReadyHandler & { readonly schema: PayloadSchema } {
  return handler.schema !== undefined
}

function isPromise<T>(
  value: PayloadSchemaResult<T> | Promise<PayloadSchemaResult<T>>,
): value is Promise<PayloadSchemaResult<T>> {
  return typeof (value as { readonly then?: unknown }).then === 'function'
}

function deliver(handler: ReadyHandler, to: Delivery, payload: unknown): unknown {
  const { instance, record, acknowledgment, consumer, signal } = to
  return handler.invoke(handler.method(instance), instance, record, acknowledgment, consumer, signal, payload)
}
