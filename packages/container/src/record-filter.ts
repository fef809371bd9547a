import type { ConsumerRecord } from '@milena/client'

/**
 * Says which records the listener gets: true delivers, as with Array.filter. (Spring's RecordFilterStrategy answers the opposite
 * question.) A record that is filtered out is ACCEPTed without having been handed out. A throw or rejection counts as one of the
 * listener.
 */
export type RecordFilter<K = unknown, V = unknown> = (record: ConsumerRecord<K, V>) => boolean | Promise<boolean>

/** A filter of records whatever their types, one that names them fits where they are not known. */
export type AnyRecordFilter = {
  filter(record: ConsumerRecord<unknown, unknown>): boolean | Promise<boolean>
}['filter']
