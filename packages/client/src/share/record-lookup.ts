import { KafkaUsageError } from '@milena/protocol'
import type { Acquired } from './acquired-record.js'
import { isPosition, type RecordPosition } from './consumer-arguments.js'
import type { ConsumerRecord } from './consumer-record.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { ShareEngine } from './share-engine.js'
import type { UndecodableRecords } from './undecodable-records.js'

/**
 * What acknowledge() was given, as its member acquired it: a record, or one that could not be deserialised, also by its place.
 * Throws KafkaUsageError (NOT_ACQUIRED) for what is not this member's.
 */
export function acquiredOf<K, V>(
  given: ConsumerRecord<K, V> | RecordPosition,
  engine: Pick<ShareEngine<K, V>, 'isRecord' | 'owns'>,
  undecodable: Pick<UndecodableRecords, 'find'>,
): Acquired<K, V> {
  if (engine.isRecord(given) || given instanceof RecordDeserializationFailure) {
    if (engine.owns(given)) return given
    const { topic, partition, offset } = given
    throw new KafkaUsageError(
      `The record at offset ${offset} of ${topic}-${partition} is not this consumer's: another one acquired it, or this one did so before it left the group and joined again. Acknowledge a record where, and while, it is held.`,
      { code: 'NOT_ACQUIRED' },
    )
  }
  if (!isPosition(given)) {
    throw new KafkaUsageError(
      'acknowledge() takes a record that poll() returned, or { topic, partition, offset } of one that was reported as undecodable, and an acknowledge type.',
      { code: 'NOT_ACQUIRED' },
    )
  }
  const { topic, partition, offset } = given
  const failure = undecodable.find(topic, partition, offset)
  if (failure !== undefined) return failure
  throw new KafkaUsageError(
    `Offset ${offset} of ${topic}-${partition} cannot be acknowledged by position: only a record that was reported as undecodable, and is not answered yet, can. Pass the record itself.`,
    { code: 'NOT_ACQUIRED' },
  )
}
