import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** Called once per record. A returned promise is awaited: the record counts as processed when it resolves. */
export type MessageListener<K = unknown, V = unknown> = (record: ConsumerRecord<K, V>) => unknown

/**
 * A listener that also takes the acknowledgment handle of its record and the member's consumer. The handle is undefined in
 * EXPLICIT mode, where the container answers.
 */
export type AcknowledgingShareConsumerAwareMessageListener<K = unknown, V = unknown> = (
  record: ConsumerRecord<K, V>,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: ShareConsumer<K, V>,
) => unknown

/**
 * A listener in one of the forms in which it may be given: a function of the record alone (which a function of up to three
 * parameters includes), a function of all three, or an object that has one.
 */
export type ShareListener<K = unknown, V = unknown> =
  | AcknowledgingShareConsumerAwareMessageListener<K, V>
  | { onMessage: MessageListener<K, V> }
  | { onShareRecord: AcknowledgingShareConsumerAwareMessageListener<K, V> }

/** Whether a listener takes the record alone, or also its acknowledgment and the consumer. */
export type ListenerKind = 'plain' | 'acknowledging'

/** A listener as the container calls it. */
export type ResolvedListener<K, V> =
  | { readonly kind: 'plain'; readonly call: MessageListener<K, V> }
  | { readonly kind: 'acknowledging'; readonly call: AcknowledgingShareConsumerAwareMessageListener<K, V> }

/** Tells the forms of a listener apart. A bare function is of the kind that is said of it; an object tells by its method. */
export function resolveListener<K, V>(
  listener: ShareListener<K, V>,
  kind: ListenerKind | undefined,
  containerId: string,
): ResolvedListener<K, V> {
  if (typeof listener === 'function') return { kind: kind ?? 'plain', call: listener as MessageListener<K, V> }
  if (typeof listener === 'object' && listener !== null) {
    if ('onShareRecord' in listener && typeof listener.onShareRecord === 'function') {
      return {
        kind: 'acknowledging',
        call: (record, acknowledgment, consumer) => listener.onShareRecord(record, acknowledgment, consumer),
      }
    }
    if ('onMessage' in listener && typeof listener.onMessage === 'function') {
      return { kind: 'plain', call: (record) => listener.onMessage(record) }
    }
  }
  throw new KafkaUsageError(
    `The listener of container '${containerId}' cannot be called: give a function, an object with onMessage(record), ` +
      'or an object with onShareRecord(record, acknowledgment, consumer).',
  )
}
