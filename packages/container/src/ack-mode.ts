import type { LockLossCause } from '@milena/client/internal'
import type { ConsumerRecord } from '@milena/client'
import type { ManualAcknowledgment } from './manual-acknowledgment.js'

/**
 * Who acknowledges a record.
 *
 * - `EXPLICIT` (default): the container. The listener returned: ACCEPT; it threw: as error handler or recoverer decides.
 * - `MANUAL`: the listener, by its {@link ShareAcknowledgment}, at once or later. Where it threw without an answer, as in EXPLICIT.
 * - `IMPLICIT`: nobody has to. Every record whose listener ended is accepted, also when it threw.
 */
export const ShareAckMode = { EXPLICIT: 'EXPLICIT', MANUAL: 'MANUAL', IMPLICIT: 'IMPLICIT' } as const
export type ShareAckMode = (typeof ShareAckMode)[keyof typeof ShareAckMode]

/** Turns what became of a listener call into the record's acknowledgement. None of its calls throws or rejects. */
export interface AckMode<K, V> {
  /** Opens the settlement of a record before its listener is called: the handle that the listener gets. */
  open(record: ConsumerRecord<K, V>): ManualAcknowledgment<K, V> | undefined
  /** The listener returned, or its promise resolved. */
  returned(record: ConsumerRecord<K, V>, acknowledgment: ManualAcknowledgment<K, V> | undefined): void
  /**
   * The listener threw, its promise rejected, or its deadline passed. A promise comes back where an error handler or a recoverer
   * has to be waited for.
   */
  threw(
    record: ConsumerRecord<K, V>,
    error: unknown,
    acknowledgment: ManualAcknowledgment<K, V> | undefined,
  ): Promise<void> | undefined
  /** No listener gets the record: it is accepted. */
  passOver(record: ConsumerRecord<K, V>): void
  /** Records that have left their listener and are not answered: those whose answer is held back, and those that may be answered later. */
  readonly waiting: number
  /** Records without an answer that the listener may still give, whether it has returned or not. */
  readonly openAcknowledgments: number
  /** Those of them that a stop waits for: they are not overdue. */
  readonly awaitedAcknowledgments: number
  /** The locks of these records are gone; without a cause: the broker refused to renew them. */
  lost(records: readonly ConsumerRecord<K, V>[], cause?: LockLossCause): void
  /** Sends held answers now; from now on nothing is held. */
  answerHeld(): void
  /** The member has given its records back: what listeners still come up with is too late. */
  close(): void
}
