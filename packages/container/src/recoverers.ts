import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { Logger } from '@milena/protocol/runtime'

/**
 * What a recoverer answers: how the record is acknowledged, at once or after `delayMs` milliseconds. A delayed answer keeps
 * the record locked for that long, so that a release backs off; it never waits past the record's acquisition lock.
 * RENEW is no answer: it finishes nothing, and the record is rejected instead. An async function that returns one literal only
 * writes it as AcknowledgeType.RELEASE: TypeScript widens a bare 'RELEASE' there to string.
 */
export type RecovererAnswer = AcknowledgeType | { readonly type: AcknowledgeType; readonly delayMs: number }

/** What a recoverer is given besides the record and the error. */
export interface RecovererContext {
  /** For a line about the record. Five warnings and five errors a second are written, further ones are counted. */
  readonly logger: Logger
}

/**
 * Decides what becomes of a record whose listener threw or rejected. It only decides: the container sends the answer.
 * When it throws itself, the record is rejected and a RecovererFailedEvent is published. (Spring's interface of this name.)
 */
export type ShareConsumerRecordRecoverer<K = unknown, V = unknown> = (
  record: ConsumerRecord<K, V>,
  error: unknown,
  context: RecovererContext,
) => RecovererAnswer | Promise<RecovererAnswer>

/**
 * A recoverer of records whatever their types: one that names its record's types fits where they are not known. (Parameters of
 * methods are compared both ways; the container that it is given to hands it the records that it asks for.)
 */
export type AnyShareConsumerRecordRecoverer = {
  recover(
    record: ConsumerRecord<unknown, unknown>,
    error: unknown,
    context: RecovererContext,
  ): RecovererAnswer | Promise<RecovererAnswer>
}['recover']

/** Logs the error and answers REJECT: the group never delivers the record again. The default. */
export const REJECTING: ShareConsumerRecordRecoverer = (record, error, { logger }) => {
  logger.error(failureOf(record, error), `The listener failed on ${placeOf(record)}; the record is rejected.`)
  return 'REJECT'
}

/**
 * Logs the error and answers RELEASE: the record is delivered again, to any member of the group. The broker archives a record
 * that was delivered too often (group setting share.delivery.count.limit, by default 5).
 */
export const RELEASING: ShareConsumerRecordRecoverer = (record, error, { logger }) => {
  logger.error(failureOf(record, error), `The listener failed on ${placeOf(record)}; the record is released.`)
  return 'RELEASE'
}

function failureOf(record: ConsumerRecord<unknown, unknown>, error: unknown): object {
  const { topic, partition, offset, deliveryCount } = record
  return { err: error, topic, partition, offset, deliveryCount }
}

/** A record's place as people write it, `orders-3@42`. */
export function placeOf(record: {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}): string {
  return `${record.topic}-${record.partition}@${record.offset}`
}
