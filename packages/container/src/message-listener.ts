import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** Called once per record. A returned promise is awaited: the record counts as processed when it resolves. */
export type MessageListener<K = unknown, V = unknown> = (record: ConsumerRecord<K, V>) => unknown

/**
 * A listener that also takes the acknowledgment handle of its record and the member's consumer. The handle is there in MANUAL mode,
 * and undefined in the others, where the container answers.
 *
 * The signal, Milena's own addition, fires when nobody waits for the listener any more: its reason is a ProcessingDeadlineError
 * (property processingDeadlineMs), a RecordLockLostError, or a KafkaError of code `STOPPED` (the container has stopped). A listener
 * that declares no fourth parameter, and does not say that it takes one, gets a signal that never fires: one of its own for each
 * record costs some two microseconds.
 */
export type AcknowledgingShareConsumerAwareMessageListener<K = unknown, V = unknown> = (
  record: ConsumerRecord<K, V>,
  acknowledgment: ShareAcknowledgment | undefined,
  consumer: ShareConsumer<K, V>,
  signal: AbortSignal,
) => unknown

/** The form of {@link MessageListener} for a class: `class OrderListener implements MessageListenerObject<Buffer, Order>`. */
export interface MessageListenerObject<K = unknown, V = unknown> {
  onMessage(record: ConsumerRecord<K, V>): unknown
}

/** The form of {@link AcknowledgingShareConsumerAwareMessageListener} for a class. Parameters at the end may be left out. */
export interface AcknowledgingShareConsumerAwareMessageListenerObject<K = unknown, V = unknown> {
  onShareRecord(
    record: ConsumerRecord<K, V>,
    acknowledgment: ShareAcknowledgment | undefined,
    consumer: ShareConsumer<K, V>,
    signal: AbortSignal,
  ): unknown
}

/**
 * A listener in one of the forms in which it may be given: a function of the record alone, a function that takes more of
 * (record, acknowledgment, consumer, signal), or an object that has one.
 */
export type ShareListener<K = unknown, V = unknown> =
  | AcknowledgingShareConsumerAwareMessageListener<K, V>
  | MessageListenerObject<K, V>
  | AcknowledgingShareConsumerAwareMessageListenerObject<K, V>

/**
 * What a listener takes.
 *
 * - `plain`: the record alone.
 * - `consumerAware`: also the consumer and the signal, no acknowledgment.
 * - `acknowledging`: all of them.
 */
export type ListenerKind = 'plain' | 'consumerAware' | 'acknowledging'

/** What can be said of a listener besides the listener itself. */
export interface ListenerOptions {
  /** Of a bare function. Default: `acknowledging` when it declares two parameters or more, else `plain`. An object tells by its method. */
  readonly kind?: ListenerKind | undefined
  /** True: of kind `acknowledging`; false: `plain`. The older form of `kind`. */
  readonly acknowledging?: boolean | undefined
  /** The listener works without an acknowledgment, too: no warning where its mode gives none. Default false. */
  readonly acknowledgmentOptional?: boolean | undefined
  /** The listener uses its signal. Default: it declares four parameters or more. */
  readonly takesSignal?: boolean | undefined
  /** What it is called in log lines. Default: the name of the function, or of the object's class. */
  readonly name?: string | undefined
}

/** A listener as the container calls it. */
export type ResolvedListener<K, V> = (
  | { readonly kind: 'plain'; readonly call: MessageListener<K, V> }
  | {
      readonly kind: 'consumerAware' | 'acknowledging'
      readonly call: AcknowledgingShareConsumerAwareMessageListener<K, V>
    }
) & {
  readonly name: string
  readonly acknowledgmentOptional: boolean
  readonly takesSignal: boolean
}

/**
 * Tells the forms of a listener apart.
 * @throws KafkaUsageError for what cannot be called
 */
export function resolveListener<K, V>(
  listener: ShareListener<K, V>,
  options: ListenerOptions,
  containerId: string,
): ResolvedListener<K, V> {
  const { acknowledgmentOptional = false } = options
  if (typeof listener === 'function') {
    const kind = kindOf(listener, options)
    const name = options.name ?? (listener.name === '' ? 'an unnamed function' : `${listener.name}()`)
    if (kind === 'plain') {
      return { kind, call: listener as MessageListener<K, V>, name, acknowledgmentOptional, takesSignal: false }
    }
    return {
      kind,
      call: listener,
      name,
      acknowledgmentOptional,
      takesSignal: options.takesSignal ?? listener.length >= 4,
    }
  }
  if (typeof listener === 'object' && listener !== null) {
    const className = (listener as object).constructor?.name ?? 'Object'
    if ('onShareRecord' in listener && typeof listener.onShareRecord === 'function') {
      return {
        kind: options.kind === 'consumerAware' ? 'consumerAware' : 'acknowledging',
        call: (record, acknowledgment, consumer, signal) =>
          listener.onShareRecord(record, acknowledgment, consumer, signal),
        name: options.name ?? `${className}.onShareRecord()`,
        acknowledgmentOptional,
        takesSignal: options.takesSignal ?? listener.onShareRecord.length >= 4,
      }
    }
    if ('onMessage' in listener && typeof listener.onMessage === 'function') {
      return {
        kind: 'plain',
        call: (record) => listener.onMessage(record),
        name: options.name ?? `${className}.onMessage()`,
        acknowledgmentOptional,
        takesSignal: false,
      }
    }
  }
  throw new KafkaUsageError(
    `The listener of container '${containerId}' cannot be called: give a function, an object with onMessage(record), ` +
      'or an object with onShareRecord(record, acknowledgment, consumer, signal).',
  )
}

function kindOf(
  listener: { readonly length: number },
  { kind, acknowledging = listener.length >= 2 }: ListenerOptions,
): ListenerKind {
  return kind ?? (acknowledging ? 'acknowledging' : 'plain')
}
