import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { AcknowledgingShareConsumerAwareMessageListener, MessageListener } from './message-listener.js'
import { readPayload, type PayloadSchema } from './payload.js'
import { isThenable } from './record-invoker.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** A listener of checked payloads. What it does not need it leaves away, from the right. */
export type PayloadListener<Payload, K = unknown, V = unknown> = (
  payload: Payload,
  record: ConsumerRecord<K, V>,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: ShareConsumer<K, V>,
  signal: AbortSignal,
) => unknown

/** What withPayload() makes: a listener of records, in the form that fits what was given. */
export type ListenerWithPayload<K, V> =
  | { readonly onMessage: MessageListener<K, V> }
  | { readonly onShareRecord: AcknowledgingShareConsumerAwareMessageListener<K, V> }

/**
 * A listener that gets the record's value as `schema` makes it (zod, or any Standard Schema); bytes are read as JSON first. A
 * value that the schema refuses is a PayloadValidationError, as if the listener had thrown it. A listener that declares a third
 * parameter takes the acknowledgment.
 *
 * ```ts
 * container.setupMessageListener(withPayload(OrderSchema, async (order) => ship(order)))
 * ```
 *
 * @throws KafkaUsageError for a schema or a listener that is none
 */
export function withPayload<Payload, K = unknown, V = unknown>(
  schema: PayloadSchema<Payload>,
  listener: PayloadListener<Payload, K, V>,
): ListenerWithPayload<K, V> {
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new KafkaUsageError('withPayload() takes a schema first: one of zod, or any other Standard Schema.')
  }
  if (typeof listener !== 'function') {
    throw new KafkaUsageError(
      'withPayload() takes a listener second: (payload, record, acknowledgment, consumer, signal) => …',
    )
  }
  if (listener.length < 3) {
    // It declares no more than these two.
    const plain = listener as unknown as (payload: Payload, record: ConsumerRecord<K, V>) => unknown
    return {
      onMessage(record) {
        const payload = readPayload(record, schema)
        return isThenable(payload) ? payload.then((read) => plain(read, record)) : plain(payload, record)
      },
    }
  }
  const onShareRecord: AcknowledgingShareConsumerAwareMessageListener<K, V> = (
    record,
    acknowledgment,
    consumer,
    signal,
  ) => {
    const payload = readPayload(record, schema)
    return isThenable(payload)
      ? payload.then((read) => listener(read, record, acknowledgment, consumer, signal))
      : listener(payload, record, acknowledgment, consumer, signal)
  }
  // Whoever declares four parameters is made a signal for each record.
  if (listener.length >= 5) return { onShareRecord }
  return { onShareRecord: (record, acknowledgment, ...rest) => onShareRecord(record, acknowledgment, ...rest) }
}
