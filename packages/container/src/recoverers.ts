import { inspect } from 'node:util'
import type { AcknowledgeType, ConsumerRecord } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
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

/** How long {@link releasing} holds records back: always as long, or longer with each delivery of a record. */
export type ReleaseDelay =
  | { /** Milliseconds. */ readonly delayMs: number }
  | {
      /** The first delivery waits `initialMs` milliseconds, each further one twice as long, up to `maxMs`. */
      readonly backoff: { readonly initialMs: number; readonly maxMs: number }
    }

/**
 * RELEASING that backs off: the record is held for a while, under its renewed lock, and released then. For faults of something
 * that the listener depends on: each delivery brings a record nearer to the limit after which the broker archives it, and without
 * a pause an outage of seconds uses up all of them. Held records wait no longer than their locks can be renewed (property
 * maxLockExtensionMs), and they keep their places in a batch or window: while it waits, a member takes nothing that it could not
 * process either.
 * @throws KafkaUsageError for a delay that is none
 */
export function releasing(delay: ReleaseDelay): ShareConsumerRecordRecoverer {
  const delayOf = delayByDelivery(delay)
  return (record, error, { logger }) => {
    const delayMs = delayOf(record.deliveryCount)
    logger.error(
      { ...failureOf(record, error), delayMs },
      `The listener failed on ${placeOf(record)}; the record is released in ${delayMs} ms.`,
    )
    return { type: 'RELEASE', delayMs }
  }
}

/** What {@link deliveryCountAware} is made of. */
export interface DeliveryCountAware {
  /** From this delivery on `exhausted` decides; 1 is the first. */
  readonly maxDeliveries: number
  /** Decides before that. Default RELEASING. */
  readonly recoverer?: AnyShareConsumerRecordRecoverer | undefined
  /** Decides from then on. Default REJECTING. */
  readonly exhausted?: AnyShareConsumerRecordRecoverer | undefined
}

/**
 * A recoverer for poison messages: one recoverer for the first deliveries of a record, another one when it has failed so often.
 * Keep maxDeliveries at or below the group's share.delivery.count.limit (by default 5): after that many the broker archives the
 * record by itself, and `exhausted` is not asked. Counts are approximate, see record.deliveryCount.
 * @throws KafkaUsageError for a maxDeliveries that is no whole number above 0, and for recoverers that are no functions
 */
export function deliveryCountAware(given: DeliveryCountAware): ShareConsumerRecordRecoverer {
  const { maxDeliveries, recoverer = RELEASING, exhausted = REJECTING }: Partial<DeliveryCountAware> = given ?? {}
  if (typeof maxDeliveries !== 'number' || !(Number.isInteger(maxDeliveries) && maxDeliveries > 0)) {
    throw new KafkaUsageError(
      `deliveryCountAware(): maxDeliveries is a whole number, 1 or more; not ${inspect(maxDeliveries)}.`,
    )
  }
  for (const [name, given] of Object.entries({ recoverer, exhausted })) {
    if (typeof given === 'function') continue
    throw new KafkaUsageError(
      `deliveryCountAware(): ${name} is a function (record, error, context) => answer, as RELEASING or REJECTING; not ${inspect(given)}.`,
    )
  }
  return (record, error, context) =>
    (record.deliveryCount < maxDeliveries ? recoverer : exhausted)(record, error, context)
}

function delayByDelivery(delay: ReleaseDelay): (deliveryCount: number) => number {
  if (typeof delay === 'object' && delay !== null) {
    if ('delayMs' in delay && 'backoff' in delay) {
      throw new KafkaUsageError('releasing() takes delayMs or backoff, not both.')
    }
    if ('delayMs' in delay) {
      const { delayMs } = delay
      if (isDuration(delayMs)) return () => delayMs
    } else if (typeof delay.backoff === 'object' && delay.backoff !== null) {
      const { initialMs, maxMs } = delay.backoff
      if (isDuration(initialMs) && isDuration(maxMs) && initialMs <= maxMs) {
        return (deliveryCount) => Math.min(maxMs, initialMs * 2 ** Math.max(0, deliveryCount - 1))
      }
    }
  }
  throw new KafkaUsageError(
    'releasing() takes { delayMs: 5000 }, or { backoff: { initialMs: 1000, maxMs: 30000 } } with initialMs no longer than maxMs; ' +
      `not ${inspect(delay)}.`,
  )
}

function isDuration(ms: unknown): ms is number {
  return typeof ms === 'number' && ms >= 0 && ms < Infinity
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
