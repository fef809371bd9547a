import type { AcknowledgementResult } from '@milena/client'

/**
 * The handle by which a listener answers its own record, in MANUAL mode; in the other modes there is none. It may be used after
 * the listener returned, and from anywhere, until the record's lock is lost. (A class only so that it can be named where types
 * are gone, as by a decorated parameter: handles are made by containers.)
 *
 * A record takes one of acknowledge(), release() and reject(), once. Every call throws a KafkaUsageError of code
 * `ALREADY_ACKNOWLEDGED` after that, and one of code `ACKNOWLEDGMENT_TOO_LATE`, which says why, when the answer cannot count any
 * more: the lock is lost, the container gave the record back, its deadline passed, or its recoverer decided.
 */
export abstract class ShareAcknowledgment {
  /** ACCEPT: processed, never delivered again. Terminal. */
  abstract acknowledge(): void
  /** RELEASE: delivered again, to any member of the group. Terminal. */
  abstract release(): void
  /** REJECT: archived, never delivered again. Terminal. */
  abstract reject(): void
  /**
   * RENEW: starts the record's acquisition lock anew, and the time after which it is reported as unacknowledged; a terminal
   * answer must still follow. Needs Kafka 4.2 (KIP-1222), and a group that allows it (`share.renew.acknowledge.enable`): a broker
   * that is older throws a KafkaUnsupportedVersionError here, a group that forbids it is told as AcknowledgmentFailedEvent.
   */
  abstract renew(): void
  /** True once a terminal answer was given, by the listener or for it. */
  abstract readonly isAcknowledged: boolean
  /**
   * The broker's word on the answer: resolves, never rejects, when it was stored, or failed for good. Made only when it is asked
   * for.
   */
  abstract readonly result: Promise<AcknowledgementResult>
}
