import type { ConsumerRecord } from '@milena/client'
import type { RecovererAnswer, RecovererContext } from './recoverers.js'
import type { ShareAcknowledgment } from './share-acknowledgment.js'

/** What a listener's error handler is given besides the record and the error. */
export interface ListenerErrorContext extends RecovererContext {
  /** The record's handle in MANUAL mode, undefined in the others. */
  readonly acknowledgment: ShareAcknowledgment | undefined
}

/**
 * Runs before the recoverer when a listener threw or rejected. What it answers is done; when it answers nothing, or throws, the
 * recoverer decides. (Spring's errorHandler of a listener; its CommonErrorHandler has no meaning for share groups.)
 */
export type ListenerErrorHandler<K = unknown, V = unknown> = (
  record: ConsumerRecord<K, V>,
  error: unknown,
  context: ListenerErrorContext,
) => RecovererAnswer | void | Promise<RecovererAnswer | void>

/** An error handler of records whatever their types: one that names them fits where they are not known. */
export type AnyListenerErrorHandler = {
  handle(
    record: ConsumerRecord<unknown, unknown>,
    error: unknown,
    context: ListenerErrorContext,
  ): RecovererAnswer | void | Promise<RecovererAnswer | void>
}['handle']
