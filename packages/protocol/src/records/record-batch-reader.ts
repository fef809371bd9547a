import { KafkaProtocolError } from '../errors.js'
import { HEADER_BYTES, RecordBatch, SIZE_PREFIX_BYTES } from './record-batch.js'

/**
 * Walks the batches of one `records` field. A broker cuts the field at a byte limit, so that the last batch may be incomplete:
 * the walk ends cleanly before it. A batch whose header makes no sense is a KafkaProtocolError, since nothing behind it can be found.
 */
export class RecordBatchReader {
  readonly #records: Buffer
  #at = 0

  constructor(records: Buffer) {
    this.#records = records
  }

  /** Bytes behind the last batch that was given out: after the walk, those of a batch that was cut off. */
  get remaining(): number {
    return this.#records.length - this.#at
  }

  /** The next complete batch, or undefined when there is none. */
  next(): RecordBatch | undefined {
    const records = this.#records
    const start = this.#at
    const left = records.length - start
    if (left < SIZE_PREFIX_BYTES) return undefined
    const size = records.readInt32BE(start + 8)
    if (size < HEADER_BYTES - SIZE_PREFIX_BYTES) {
      // Formats 0 and 1 can be shorter; their version byte lies where format 2 has it.
      const magic = left > SIZE_PREFIX_BYTES + 4 ? records.readInt8(start + 16) : 2
      if (size < 0 || magic === 2) {
        throw new KafkaProtocolError(
          `A record batch claims ${size} bytes, fewer than its own header has. The records field is damaged from byte ${start} on.`,
        )
      }
    }
    const end = start + SIZE_PREFIX_BYTES + size
    if (end > records.length) return undefined
    this.#at = end
    return new RecordBatch(records, start, end)
  }
}
