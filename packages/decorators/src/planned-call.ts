import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { readPayload, type PayloadSchema, type ShareAcknowledgment } from '@milena/container'
import { KafkaError } from '@milena/protocol'
import type { ArgumentPlan } from './argument-plan.js'
import type { ParameterMark } from './listener-metadata.js'

// Rules of this file:
// - Everything is decided when the listener is made; per record only the arguments are read and the method is called.
// - Up to five parameters cost no array, no closure and no promise; one more array beyond that.
// - The payload is read before every other argument, and only once; nothing is awaited unless its schema answers with a promise.

export type AnyRecord = ConsumerRecord<unknown, unknown>
export type AnyConsumer = ShareConsumer<unknown, unknown>
export type Method = (...args: unknown[]) => unknown

/** Calls one method of one instance for a record. */
export type PlannedCall = (
  record: AnyRecord,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: AnyConsumer | undefined,
  signal: AbortSignal | undefined,
) => unknown

/** Calls a method with the arguments of its plan; `payload` is what a schema made of the value. Made once per method. */
export type Invocation = (
  method: Method,
  instance: object,
  record: AnyRecord,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: AnyConsumer | undefined,
  signal: AbortSignal | undefined,
  payload: unknown,
) => unknown

/** A header that a listener requires is not there. Not retriable: the same record will come again. */
export class MissingHeaderError extends KafkaError {
  readonly header: string

  constructor({ topic, partition, offset }: AnyRecord, header: string) {
    super(
      `The record at offset ${offset} of ${topic}-${partition} has no header '${header}', or no value in it, and its listener requires one. ` +
        'Write it, or take required off its @Header.',
      { code: 'MISSING_HEADER' },
    )
    this.header = header
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'MissingHeaderError', configurable: true, writable: true })
  }
}

type ArgumentReader = (
  record: AnyRecord,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: AnyConsumer | undefined,
  signal: AbortSignal | undefined,
  payload: unknown,
) => unknown

/** The schema that a plan validates its payload by. */
export function schemaOf(plan: ArgumentPlan): PayloadSchema | undefined {
  for (const source of plan) if (source.kind === 'payload' && source.schema !== undefined) return source.schema
  return undefined
}

/** Puts plan, method and instance together. */
export function compileCall(plan: ArgumentPlan, method: Method, instance: object): PlannedCall {
  const call = compileCallOn(plan)
  return (record, acknowledgment, consumer, signal) =>
    call(method, instance, record, acknowledgment, consumer, signal, undefined)
}

/** As an Invocation that validates the payload itself, for listeners whose instance is another one for each record. */
export function compileCallOn(plan: ArgumentPlan): Invocation {
  const invoke = compileInvocation(plan)
  const schema = schemaOf(plan)
  if (schema === undefined) return invoke
  return (method, instance, record, acknowledgment, consumer, signal) => {
    const payload = readPayload(record, schema)
    return payload instanceof Promise
      ? payload.then((ready) => invoke(method, instance, record, acknowledgment, consumer, signal, ready))
      : invoke(method, instance, record, acknowledgment, consumer, signal, payload)
  }
}

/** Calls with up to five parameters are written out, so that none of them makes an array. */
export function compileInvocation(plan: ArgumentPlan): Invocation {
  const readers = plan.map(readerOf)
  const [a, b, c, d, e] = readers
  if (a === undefined) return (method, instance) => method.call(instance)
  if (b === undefined) return (method, on, r, k, s, i, p) => method.call(on, a(r, k, s, i, p))
  if (c === undefined) {
    return (method, on, r, k, s, i, p) => method.call(on, a(r, k, s, i, p), b(r, k, s, i, p))
  }
  if (d === undefined) {
    return (method, on, r, k, s, i, p) => method.call(on, a(r, k, s, i, p), b(r, k, s, i, p), c(r, k, s, i, p))
  }
  if (e === undefined) {
    return (method, on, r, k, s, i, p) =>
      method.call(on, a(r, k, s, i, p), b(r, k, s, i, p), c(r, k, s, i, p), d(r, k, s, i, p))
  }
  if (readers.length === 5) {
    return (method, on, r, k, s, i, p) =>
      method.call(on, a(r, k, s, i, p), b(r, k, s, i, p), c(r, k, s, i, p), d(r, k, s, i, p), e(r, k, s, i, p))
  }
  return (method, on, r, k, s, i, p) =>
    method.apply(
      on,
      readers.map((read) => read(r, k, s, i, p)),
    )
}

const recordItself: ArgumentReader = (record) => record
const rawPayload: ArgumentReader = (record) => record.value
const validatedPayload: ArgumentReader = (_record, _acknowledgment, _consumer, _signal, payload) => payload
const key: ArgumentReader = (record) => record.key
const topic: ArgumentReader = (record) => record.topic
const partition: ArgumentReader = (record) => record.partition
const offset: ArgumentReader = (record) => record.offset
const timestamp: ArgumentReader = (record) => record.timestamp
const deliveryCount: ArgumentReader = (record) => record.deliveryCount
const headers: ArgumentReader = (record) => record.headers
const acknowledgmentOf: ArgumentReader = (_record, acknowledgment) => acknowledgment
const consumerOf: ArgumentReader = (_record, _acknowledgment, consumer) => consumer
const signalOf: ArgumentReader = (_record, _acknowledgment, _consumer, signal) => signal

function readerOf(source: ParameterMark): ArgumentReader {
  switch (source.kind) {
    case 'record':
      return recordItself
    case 'payload':
      return source.schema === undefined ? rawPayload : validatedPayload
    case 'key':
      return key
    case 'topic':
      return topic
    case 'partition':
      return partition
    case 'offset':
      return offset
    case 'timestamp':
      return timestamp
    case 'deliveryCount':
      return deliveryCount
    case 'headers':
      return headers
    case 'header':
      return headerReader(source.name, source.as, source.required)
    case 'ack':
      return acknowledgmentOf
    case 'consumer':
      return consumerOf
    case 'signal':
      return signalOf
  }
}

function headerReader(name: string, as: 'string' | 'bytes', required: boolean): ArgumentReader {
  return (record) => {
    const value = lastHeader(record, name)
    if (value !== undefined && value !== null) return as === 'bytes' ? value : value.toString('utf8')
    if (required) throw new MissingHeaderError(record, name)
    return as === 'bytes' ? value : undefined
  }
}

/** The last one of a name counts: whoever forwards a record adds its headers at the end. */
function lastHeader(record: AnyRecord, name: string): Buffer | null | undefined {
  const all = record.headers
  for (let index = all.length - 1; index >= 0; index--) {
    const header = all[index]
    if (header?.key === name) return header.value
  }
  return undefined
}
