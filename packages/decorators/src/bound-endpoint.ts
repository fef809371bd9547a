import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import type {
  AnyListenerErrorHandler,
  AnyRecordFilter,
  KafkaListenerEndpoint,
  ShareAcknowledgment,
  ShareMessageListenerContainer,
} from '@milena/container'
import type { GroupConfigsWithPlaceholders } from './kafka-listener-options.js'

/**
 * A listener function of records whatever their types. (Parameters of methods are compared both ways, so that one that names its types fits where
 * they are not known: it is called with what the deserialisers of its container factory make.)
 */
type AnyListenerFunction = {
  onShareRecord(
    record: ConsumerRecord<unknown, unknown>,
    acknowledgment: ShareAcknowledgment | undefined,
    consumer: ShareConsumer<unknown, unknown>,
    signal: AbortSignal,
  ): unknown
}['onShareRecord']

/** An endpoint that is bound in the DI container: a listener without decorators. Its texts may hold placeholders. */
export interface BoundKafkaListenerEndpoint extends Omit<
  KafkaListenerEndpoint,
  'listener' | 'errorHandler' | 'filter' | 'groupConfigs'
> {
  /** A function (record, acknowledgment, consumer, signal), or an object with onMessage or onShareRecord. */
  readonly listener:
    | AnyListenerFunction
    | { readonly onMessage: AnyListenerFunction }
    | { readonly onShareRecord: AnyListenerFunction }
  /** Runs before the recoverer. */
  readonly errorHandler?: AnyListenerErrorHandler | undefined
  /** Which records the listener gets: true delivers. */
  readonly filter?: AnyRecordFilter | undefined
  /** Settings of the share group, applied at start; merged over the factory's. */
  readonly groupConfigs?: GroupConfigsWithPlaceholders | undefined
  /** The name of its container factory, a text or a symbol. Default `default`. */
  readonly containerFactory?: string | symbol | undefined
}

/** A container that is bound in the DI container: a ShareMessageListenerContainer of whatever key and value. */
export type BoundListenerContainer = Pick<
  ShareMessageListenerContainer<unknown, unknown>,
  'id' | 'state' | 'start' | 'stop' | 'health'
>
