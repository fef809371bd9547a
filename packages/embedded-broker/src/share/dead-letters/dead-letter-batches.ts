import { RecordBatchBuilder, type RecordInput } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { PartitionEntry } from '../../topics/topic-catalog.js'

const emptyBatch = new RecordBatchBuilder()

/** Puts dead letters for one partition into batches that its topic takes, and writes them. */
export class DeadLetterBatches {
  readonly #target: PartitionEntry
  readonly #clock: Clock
  readonly #batches: RecordBatchBuilder[] = []

  constructor(target: PartitionEntry, clock: Clock) {
    this.#target = target
    this.#clock = clock
  }

  /** A copy that is too large for the topic goes without the original's key and value. */
  add(letter: Omit<RecordInput, 'timestamp' | 'offset'>): void {
    const limit = this.#target.log.settings().maxMessageBytes
    let record: RecordInput = { ...letter, timestamp: Math.floor(this.#clock.wallTime()) }
    if (emptyBatch.estimateAfter(record) > limit) record = { ...record, key: null, value: null }
    let batch = this.#batches.at(-1)
    if (batch === undefined || batch.estimateAfter(record) > limit) {
      batch = new RecordBatchBuilder()
      this.#batches.push(batch)
    }
    batch.append(record)
  }

  /** Throws what the log says when it refuses one; those before it stay written. */
  async finish(): Promise<void> {
    const { log, leaderEpoch, topic, index } = this.#target
    for (const batch of this.#batches) {
      const { errorCode, errorMessage } = await log.append(await batch.build(), { leaderEpoch })
      if (errorCode !== 0) {
        throw new Error(`${topic.name}-${index} refused the records: ${errorMessage ?? `error ${errorCode}`}`)
      }
    }
  }
}
