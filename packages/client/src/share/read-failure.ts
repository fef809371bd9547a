import type { KafkaError } from '@milena/protocol'
import type { ConsumerRecord } from './consumer-record.js'
import type { RecordDeserializationFailure } from './record-failure.js'

/** What an iteration met in place of records, and went on: a lost broker, an authorisation that is missing for now. */
export interface PassingFailure {
  readonly error: KafkaError
}

/** An undecodable record, or an error after which an iteration goes on. */
export type ReadFailure = RecordDeserializationFailure | PassingFailure

/** An item of `for await (const record of consumer)`: a record, or what its `error` says. */
export type RecordOrFailure<K = Buffer | null, V = Buffer | null> = ConsumerRecord<K, V> | ReadFailure
