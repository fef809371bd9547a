import { RecordBatchBuilder, type RecordInput } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { PartitionEntry } from '../topics/topic-catalog.js'

/** Writes dead letters to a partition's log, in batches that the topic takes. */
export class DeadLetterBatches {
  readonly #target: PartitionEntry
  readonly #clock: Clock
  #batch = new RecordBatchBuilder()
  #written = 0

  constructor(target: PartitionEntry, clock: Clock) {
    this.#target = target
    this.#clock = clock
  }

  /** A copy that is too large for the topic goes without the original's key and value. */
  async add(letter: Omit<RecordInput, 'timestamp' | 'offset'>): Promise<void> {
    const limit = this.#target.log.settings().maxMessageBytes
    let record: RecordInput = { ...letter, timestamp: Math.floor(this.#clock.wallTime()) }
    if (new RecordBatchBuilder().estimateAfter(record) > limit) record = { ...record, key: null, value: null }
    if (this.#batch.recordCount > 0 && this.#batch.estimateAfter(record) > limit) await this.#write()
    this.#batch.append(record)
  }

  /** @returns how many records were written in all. Throws what the log says when it refuses them. */
  async finish(): Promise<number> {
    if (this.#batch.recordCount > 0) await this.#write()
    return this.#written
  }

  async #write(): Promise<void> {
    const { log, leaderEpoch, topic, index } = this.#target
    const { recordCount } = this.#batch
    const bytes = await this.#batch.build()
    this.#batch = new RecordBatchBuilder()
    const { errorCode, errorMessage } = await log.append(bytes, { leaderEpoch })
    if (errorCode !== 0) {
      throw new Error(`${topic.name}-${index} refused the records: ${errorMessage ?? `error ${errorCode}`}`)
    }
    this.#written += recordCount
  }
}
