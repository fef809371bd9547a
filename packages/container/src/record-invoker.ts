import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import type { EventSource } from './events.js'
import type { ResolvedListener } from './message-listener.js'
import { ContextOfRecord, withinRecordContext } from './record-context.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** The signal of listeners that do not ask for one. */
const NEVER = new AbortController().signal

/** What a listener is called with, besides its record. */
export interface RecordInvokerOptions<K, V> {
  readonly listener: ResolvedListener<K, V>
  readonly consumer: ShareConsumer<K, V>
  readonly source: EventSource
  /** currentRecord() works inside the listener. */
  readonly recordContext: boolean
}

/** Calls the listener, with what its kind asks for. Throws what the listener throws; a returned promise is passed on. */
export class RecordInvoker<K, V> {
  readonly #listener: ResolvedListener<K, V>
  readonly #consumer: ShareConsumer<K, V>
  readonly #options: RecordInvokerOptions<K, V>
  readonly #recordContext: boolean

  constructor(options: RecordInvokerOptions<K, V>) {
    this.#options = options
    this.#listener = options.listener
    this.#consumer = options.consumer
    this.#recordContext = options.recordContext
  }

  /** What the listener is called in log lines. */
  get listenerName(): string {
    return this.#listener.name
  }

  /** Each call needs a signal of its own: the listener has said that it uses it. */
  get takesSignal(): boolean {
    return this.#listener.takesSignal
  }

  invoke(
    record: ConsumerRecord<K, V>,
    acknowledgment: ShareAcknowledgment | undefined,
    signal: AbortSignal = NEVER,
  ): unknown {
    if (!this.#recordContext) return this.#call(record, acknowledgment, signal)
    const context = new ContextOfRecord(record, this.#options.source, this.#consumer.groupId)
    return withinRecordContext(context, () => this.#call(record, acknowledgment, signal))
  }

  #call(record: ConsumerRecord<K, V>, acknowledgment: ShareAcknowledgment | undefined, signal: AbortSignal): unknown {
    const listener = this.#listener
    if (listener.kind === 'plain') return listener.call(record)
    return listener.call(record, acknowledgment, this.#consumer, signal)
  }
}

/** Whether a listener, a recoverer or a schema returned something to wait for. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
