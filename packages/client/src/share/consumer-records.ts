import type { ConsumerRecord } from './consumer-record.js'
import type { ReadFailure } from './read-failure.js'

/** What one poll returned, or one step of batches(): records in partition and offset order. */
export class ConsumerRecords<K, V> implements Iterable<ConsumerRecord<K, V>> {
  readonly #records: readonly ConsumerRecord<K, V>[]
  readonly #failures: readonly ReadFailure[]

  constructor(records: readonly ConsumerRecord<K, V>[], failures: readonly ReadFailure[] = []) {
    this.#records = records
    this.#failures = failures
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

  /** Of batches(): undecodable records, and errors after which it goes on. Always empty from a poll, which throws them. */
  get failures(): readonly ReadFailure[] {
    return this.#failures
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
