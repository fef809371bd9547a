import { defaultCompressionCodecs, RecordBatchBuilder, RecordBatchReader } from '@milena/protocol'
import type { LogTruth } from './log-truth.js'
import type { FetchResponse } from './wire-tap.js'

/** What was done to an answer. */
export type Alteration = 'none' | 'changed' | 'corrupt'

/** Changes what clients read as no embedded broker can: holes of compaction, and damage on the way. */
export class DamagedAnswers {
  /** So many of the next answers that bring records get a wrong byte. */
  corruptNext = 0
  readonly #log: LogTruth
  readonly #topicNames: ReadonlyMap<string, string>
  readonly #hasHoles: boolean

  constructor(log: LogTruth, topicNames: ReadonlyMap<string, string>, hasHoles: boolean) {
    this.#log = log
    this.#topicNames = topicNames
    this.#hasHoles = hasHoles
  }

  alter(response: FetchResponse): Alteration {
    let done: Alteration = 'none'
    for (const { topicId, partitions } of response.responses) {
      const topic = this.#topicNames.get(topicId) ?? topicId
      for (const partition of partitions) {
        const { records } = partition
        if (records === null || records.length === 0) continue
        if (this.#hasHoles) {
          ;(partition as { records: Buffer }).records = this.#compacted(records, `${topic}-${partition.partitionIndex}`)
          if (done === 'none') done = 'changed'
        }
        if (this.corruptNext > 0 && partition.acquiredRecords.length > 0) {
          this.corruptNext--
          const damaged = Buffer.from(partition.records ?? records)
          const last = damaged.length - 1
          damaged[last] = (damaged[last] ?? 0) ^ 0x55
          ;(partition as { records: Buffer }).records = damaged
          done = 'corrupt'
        }
      }
    }
    return done
  }

  /** The same batches without the records that compaction has taken. */
  #compacted(bytes: Buffer, place: string): Buffer {
    const reader = new RecordBatchReader(bytes)
    const parts: Buffer[] = []
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      const cursor = batch.open(defaultCompressionCodecs)
      if (cursor instanceof Promise) throw new Error('The batches of the simulation are not compressed.')
      const builder = new RecordBatchBuilder({ baseOffset: batch.baseOffset })
      while (cursor.next()) {
        const { offset, timestamp, key, value } = cursor
        if (this.#log.at(place, offset)?.kind === 'hole') continue
        builder.append({ offset, timestamp, key, value, headers: cursor.headers() })
      }
      if (builder.recordCount === 0) continue
      const { producerId, producerEpoch, baseSequence, isTransactional, isControl, leaderEpoch, lastOffset } = batch
      const built = builder.build({
        producerId,
        producerEpoch,
        baseSequence,
        isTransactional,
        isControl,
        leaderEpoch,
        lastOffset,
      })
      if (built instanceof Promise) throw new Error('The batches of the simulation are not compressed.')
      parts.push(built)
    }
    return Buffer.concat(parts)
  }
}
