import { ErrorCode, KafkaBrokerError } from '@milena/protocol'
import type { AcknowledgementBatch } from './ack-batches.js'
import { AckCode } from './acknowledge-type.js'
import type { TopicIdPartition } from './share-partition.js'

// Groups with share.renew.acknowledge.enable=false (Apache Kafka 4.3). Pure.

/**
 * A broker has one code for a lost lock and for a renewal that the group forbids; only its words tell them apart. These are those of
 * Apache Kafka 4.3.0 to 4.4.0, and a suite that runs on every release holds them to it.
 */
const WORDS = 'Renewing acquisition locks is not enabled'

/** What a broker answered means that renewals are forbidden; `said`: its own words, or an error message with them in it. */
export function forbidsRenewals(errorCode: number, said: string | null): boolean {
  return errorCode === ErrorCode.INVALID_RECORD_STATE && said?.includes(WORDS) === true
}

/** What an application is told whose renewals are forbidden. */
export function renewalsForbidden({ topic, partition }: TopicIdPartition, said: string | null): KafkaBrokerError {
  return new KafkaBrokerError(
    `The group forbids to renew locks (share.renew.acknowledge.enable=false): records of ${topic}-${partition} keep the locks they have. ` +
      'Answer them with ACCEPT, RELEASE or REJECT before those run out, or lengthen share.record.lock.duration.ms of the group.' +
      (said === null ? '' : ` The broker says: ${said}`),
    { errorCode: ErrorCode.INVALID_RECORD_STATE, api: 'ShareAcknowledge' },
  )
}

/** The renewals among what was sent. */
export function renewalsAmong(batches: readonly AcknowledgementBatch[]): AcknowledgementBatch[] {
  const renewals: AcknowledgementBatch[] = []
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    if (acknowledgeTypes.length === 1) {
      if (acknowledgeTypes[0] === AckCode.RENEW) renewals.push({ firstOffset, lastOffset, acknowledgeTypes })
      continue
    }
    for (let i = 0; i < acknowledgeTypes.length; i++) {
      if (acknowledgeTypes[i] !== AckCode.RENEW) continue
      const from = i
      while (acknowledgeTypes[i + 1] === AckCode.RENEW) i++
      const run = { firstOffset: firstOffset + from, lastOffset: firstOffset + i }
      renewals.push({ ...run, acknowledgeTypes: [AckCode.RENEW] })
    }
  }
  return renewals
}
