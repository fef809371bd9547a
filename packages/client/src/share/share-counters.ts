import type { ReceivedPartition } from './share-response.js'
import type { AcknowledgementVerdict } from './verdict.js'

/** What a member has done since it was made, in records. Acknowledgements count when the broker has stored them. */
export class ShareCounters {
  acquired = 0
  /** Acquired with a delivery count above 1. */
  redelivered = 0
  accepted = 0
  released = 0
  rejected = 0
  renewed = 0
  /** Renewals by the lock keeper, which the application does not see. */
  lockRenewals = 0
  /** Acquired offsets that held no record. */
  gaps = 0
  /** Acknowledgements that the broker refused, or that were lost with their session. */
  failed = 0
  /** Answers given when the record's session was gone already. */
  stale = 0
  /** They had no terminal answer when their lock ran out, or was lost with its session. */
  lost = 0

  received({ ranges }: ReceivedPartition): void {
    for (const { length, deliveryCount } of ranges) {
      this.acquired += length
      if (deliveryCount > 1) this.redelivered += length
    }
  }

  verdict({ counts, error }: AcknowledgementVerdict): void {
    if (error !== undefined) {
      this.failed += counts.accept + counts.release + counts.reject + counts.renew
      return
    }
    this.accepted += counts.accept
    this.released += counts.release
    this.rejected += counts.reject
    this.renewed += counts.renew
    this.gaps += counts.gap
  }

  /** A copy of the figures as they stand. */
  snapshot(): Readonly<Record<CounterName, number>> {
    return { ...this }
  }
}

export type CounterName =
  | 'acquired'
  | 'redelivered'
  | 'accepted'
  | 'released'
  | 'rejected'
  | 'renewed'
  | 'lockRenewals'
  | 'gaps'
  | 'failed'
  | 'stale'
  | 'lost'
