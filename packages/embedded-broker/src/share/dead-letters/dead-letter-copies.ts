import { defaultCompressionCodecs, RecordBatchReader, type RecordCursor } from '@milena/protocol'
import type { PartitionLog } from '../../log/partition-log.js'

export interface OriginalRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** Finds the originals of dead letters in the log that they came from; asked in the order of offsets, a batch is opened once. */
export class DeadLetterCopies {
  readonly #log: PartitionLog
  #baseOffset = -1
  #lastOffset = -1
  #cursor: RecordCursor | undefined

  constructor(log: PartitionLog) {
    this.#log = log
  }

  /** Undefined where it is deleted or cannot be read. */
  async at(offset: number): Promise<OriginalRecord | undefined> {
    if (offset < this.#log.startOffset) return undefined
    try {
      const cursor = await this.#cursorFor(offset)
      if (cursor === undefined || !cursor.skipTo(offset) || !cursor.next() || cursor.offset !== offset) return undefined
      return { key: cursor.key, value: cursor.value }
    } catch {
      // Bytes that were damaged when they were produced: the dead letter goes without them.
      this.#cursor = undefined
      return undefined
    }
  }

  async #cursorFor(offset: number): Promise<RecordCursor | undefined> {
    if (offset < this.#baseOffset || offset > this.#lastOffset) {
      const [batch] = this.#log.read({ fromOffset: offset, maxBytes: 1, upTo: offset + 1 })
      this.#cursor = undefined
      this.#baseOffset = batch?.baseOffset ?? -1
      this.#lastOffset = batch?.lastOffset ?? -1
      if (batch === undefined || batch.isControl) return undefined
      this.#cursor = await new RecordBatchReader(batch.bytes).next()?.open(defaultCompressionCodecs)
    } else if (this.#cursor !== undefined && this.#cursor.offset >= offset) {
      // Letters came out of order.
      this.#cursor.rewind()
    }
    return this.#cursor
  }
}
