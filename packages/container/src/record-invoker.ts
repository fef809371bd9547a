import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import type { ResolvedListener } from './message-listener.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** The signal of listeners that do not ask for one. */
const NEVER = new AbortController().signal

/** Calls the listener, with what its kind asks for. Throws what the listener throws; a returned promise is passed on. */
export class RecordInvoker<K, V> {
  constructor(
    private readonly listener: ResolvedListener<K, V>,
    private readonly consumer: ShareConsumer<K, V>,
  ) {}

  invoke(record: ConsumerRecord<K, V>, acknowledgment: ShareAcknowledgment | undefined): unknown {
    const listener = this.listener
    if (listener.kind === 'plain') return listener.call(record)
    return listener.call(record, acknowledgment, this.consumer, NEVER)
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
