import { KafkaUsageError } from '@milena/protocol'
import type { AcquiredRange } from './acquired-range.js'
import { ConsumerRecord } from './consumer-record.js'
import { RecordDeserializationFailure } from './record-failure.js'

/** A record, or one that could not be deserialised. */
export type Acquired<K, V> = ConsumerRecord<K, V> | RecordDeserializationFailure

/** The place of a record in its member's ledger. Throws KafkaUsageError for what no consumer of this package handed out. */
export function rangeOf(record: Acquired<unknown, unknown>): AcquiredRange {
  if (ConsumerRecord.isRecord(record)) return ConsumerRecord.rangeOf(record)
  if (record instanceof RecordDeserializationFailure) return RecordDeserializationFailure.rangeOf(record)
  throw new KafkaUsageError('Only a record that was handed out by this consumer can be acknowledged.', {
    code: 'NOT_ACQUIRED',
  })
}
