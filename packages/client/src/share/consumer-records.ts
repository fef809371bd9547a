import type { ConsumerRecord } from './consumer-record.js'

/** What one poll returned, in partition and offset order. */
export class ConsumerRecords<K, V> implements Iterable<ConsumerRecord<K, V>> {
  readonly #records: readonly ConsumerRecord<K, V>[]

  constructor(records: readonly ConsumerRecord<K, V>[]) {
    this.#records = records
  }

  get count(): number {
    return this.#records.length
  }

  get isEmpty(): boolean {
    return this.#records.length === 0
  }

  /** The records as a list. */
  get records(): readonly ConsumerRecord<K, V>[] {
    return this.#records
  }

  /** The partitions that records came from. */
  partitions(): readonly { readonly topic: string; readonly partition: number }[] {
    const seen = new Map<string, { topic: string; partition: number }>()
    for (const { topic, partition } of this.#records) seen.set(`${topic}-${partition}`, { topic, partition })
    return [...seen.values()]
  }

  [Symbol.iterator](): Iterator<ConsumerRecord<K, V>> {
    return this.#records[Symbol.iterator]()
  }
}
