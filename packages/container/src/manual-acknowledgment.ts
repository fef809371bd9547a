import type { AcknowledgementResult, AcknowledgeType, ConsumerRecord } from '@milena/client'
import type { LockLossCause } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import type { Aged, AgedList } from './aged-list.js'
import { placeOf } from './recoverers.js'
import { ShareAcknowledgment } from './share-acknowledgment.js'

/**
 * Where a handle stands.
 *
 *     open -> answered     by the listener, wherever it is
 *          -> decided      by error handler or recoverer, after the listener threw or its deadline passed
 *          -> lost         the record's lock, or its session, is gone
 *          -> given back   by the member, which has ended
 *
 * Only `open` leads on; renewing stays there.
 */
export type AcknowledgmentState = 'open' | 'answered' | 'decided' | 'lost' | 'given back'

/** What a handle asks its member to do. */
export interface AcknowledgmentDesk<K, V> {
  /** @throws KafkaUsageError when the answer does not count */
  answer(acknowledgment: ManualAcknowledgment<K, V>, type: AcknowledgeType): void
  /** @throws KafkaUsageError when there is nothing to renew, KafkaUnsupportedVersionError where it cannot be */
  renew(acknowledgment: ManualAcknowledgment<K, V>): void
  verdictOf(record: ConsumerRecord<K, V>): Promise<AcknowledgementResult>
}

/** The handle of one delivered record, made by its member, which alone answers it. */
export class ManualAcknowledgment<K, V> extends ShareAcknowledgment implements Aged<ManualAcknowledgment<K, V>> {
  state: AcknowledgmentState = 'open'
  /** What it was answered with, by the listener or for it. */
  type: AcknowledgeType | undefined
  /** When the listener got the record. */
  readonly deliveredAt: number
  /** The listener call is over; the handle may still be used. */
  returned = false
  /** Error handler or recoverer have been asked. */
  deciding = false
  /** They were asked because its processing deadline had passed, and not because its listener had thrown. */
  overdue = false
  /** Why its lock was lost, where that was told. */
  lossCause: LockLossCause | undefined
  /** Its timeout was told. */
  reported = false
  /** Told when the handle is open no more. */
  onLeft: { settled(): void } | undefined
  /** Whose call is not over for others before the handle is used: stop() inside of it must not wait for that. */
  frame: { runningCalls: number } | undefined
  since: number
  list: AgedList<ManualAcknowledgment<K, V>> | undefined
  older: ManualAcknowledgment<K, V> | undefined
  newer: ManualAcknowledgment<K, V> | undefined
  readonly #desk: AcknowledgmentDesk<K, V>

  constructor(
    readonly record: ConsumerRecord<K, V>,
    desk: AcknowledgmentDesk<K, V>,
    now: number,
  ) {
    super()
    this.#desk = desk
    this.deliveredAt = this.since = now
  }

  acknowledge(): void {
    this.#desk.answer(this, 'ACCEPT')
  }

  release(): void {
    this.#desk.answer(this, 'RELEASE')
  }

  reject(): void {
    this.#desk.answer(this, 'REJECT')
  }

  renew(): void {
    this.#desk.renew(this)
  }

  get isAcknowledged(): boolean {
    return this.type !== undefined
  }

  get result(): Promise<AcknowledgementResult> {
    return this.#desk.verdictOf(this.record)
  }

  /** For log lines: its neighbours are not its own. */
  toJSON(): object {
    const { topic, partition, offset } = this.record
    return { topic, partition, offset, state: this.state, type: this.type }
  }
}

/** Why a handle does not count any more, and what would have helped. */
function reasonOf<K, V>({ state, overdue, lossCause }: ManualAcknowledgment<K, V>): string {
  if (state === 'given back') {
    return 'its container has stopped and given it back to the group. Raise shutdownTimeoutMs if answers take this long.'
  }
  if (state === 'decided') {
    return overdue
      ? 'its processing deadline had passed, and the error handler or the recoverer has decided. Answer sooner, or raise processingDeadlineMs.'
      : 'its listener had thrown, and the error handler or the recoverer has decided. Answer a record before its listener throws.'
  }
  switch (lossCause) {
    case 'session':
      return 'the session with the broker that had handed it out is lost, as its connection or its leadership is, and the group delivers it again. The listener has nothing to mend.'
    case 'extension-ended':
      return 'its lock had been renewed for maxLockExtensionMs, and the group delivers it again. Answer sooner, or raise maxLockExtensionMs.'
    default:
      return 'its lock or its session is lost, and the group delivers it again. Call renew() in time, or lengthen share.record.lock.duration.ms.'
  }
}

/** What is thrown at an answer that does not count; the handle is not open. */
export function refusalOf<K, V>(acknowledgment: ManualAcknowledgment<K, V>, what: string): KafkaUsageError {
  const { record, state, type } = acknowledgment
  if (state === 'open' || state === 'answered') {
    return new KafkaUsageError(
      `${placeOf(record)} is acknowledged already${type === undefined ? '' : `, with ${type}`}: a record takes one of acknowledge(), release() and reject(), once.`,
      { code: 'ALREADY_ACKNOWLEDGED' },
    )
  }
  return new KafkaUsageError(`${what} of ${placeOf(record)} came too late: ${reasonOf(acknowledgment)}`, {
    code: 'ACKNOWLEDGMENT_TOO_LATE',
  })
}
