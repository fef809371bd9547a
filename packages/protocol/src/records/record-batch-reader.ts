import { KafkaProtocolError } from '../errors.js'
import { HEADER_BYTES, RecordBatch, SIZE_PREFIX_BYTES } from './record-batch.js'

/** So many places are looked at for the batch that follows one with a wrong length. */
const MOST_PLACES = 8
/** Where a batch says in which format it is. */
const MAGIC_AT = 16

/** What is known of a batch that came cut off. */
export interface CutOffBatch {
  /** Undefined where not even that came. */
  readonly baseOffset: number | undefined
  /** Of the whole batch as its header says; undefined where that did not come. */
  readonly sizeInBytes: number | undefined
  /** Those that came. */
  readonly bytes: number
}

/**
 * Walks the batches of one `records` field. A broker cuts the field at a byte limit, so that the last batch may be incomplete:
 * the walk ends cleanly before it. A batch whose header makes no sense is a KafkaProtocolError, since nothing behind it can be found;
 * so is one that claims to reach into the batch behind it, where the next call goes on.
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

  /** After the walk: the batch that was cut off, if one was. */
  get cutOff(): CutOffBatch | undefined {
    const bytes = this.remaining
    if (bytes === 0) return undefined
    const sizeInBytes =
      bytes < SIZE_PREFIX_BYTES ? undefined : SIZE_PREFIX_BYTES + this.#records.readInt32BE(this.#at + 8)
    return { baseOffset: bytes < 8 ? undefined : Number(this.#records.readBigInt64BE(this.#at)), sizeInBytes, bytes }
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
      const magic = left > MAGIC_AT ? records.readInt8(start + MAGIC_AT) : 2
      if (size < 0 || magic === 2) {
        throw new KafkaProtocolError(
          `A record batch claims ${size} bytes, fewer than its own header has. The records field is damaged from byte ${start} on.`,
        )
      }
    }
    const end = start + SIZE_PREFIX_BYTES + size
    if (end > records.length) {
      this.#checkCutOff(start, size)
      return undefined
    }
    this.#at = end
    return new RecordBatch(records, start, end)
  }

  /** A batch that ends behind the bytes is one that was cut off, unless what came of it shows that it is none. */
  #checkCutOff(start: number, size: number): void {
    const records = this.#records
    const left = records.length - start
    const baseOffset = Number(records.readBigInt64BE(start))
    const magic = left > MAGIC_AT ? records.readInt8(start + MAGIC_AT) : 2
    if (baseOffset < 0 || !Number.isSafeInteger(baseOffset) || magic < 0 || magic > 2) {
      throw new KafkaProtocolError(`The last ${left} bytes of a records field are not a record batch.`)
    }
    if (left < HEADER_BYTES || magic !== 2) return
    const next = this.#batchAt(baseOffset + records.readInt32BE(start + 23) + 1, start + HEADER_BYTES)
    if (next < 0) return
    this.#at = next
    throw new KafkaProtocolError(
      `The record batch at base offset ${baseOffset} claims ${size} bytes, but after ${next - start - SIZE_PREFIX_BYTES} the next one begins.`,
    )
  }

  /** Where, at or after `from`, a whole batch with this base offset begins; -1: nowhere. */
  #batchAt(baseOffset: number, from: number): number {
    if (baseOffset < 1 || !Number.isSafeInteger(baseOffset)) return -1
    const records = this.#records
    const pattern = Buffer.alloc(8)
    pattern.writeBigInt64BE(BigInt(baseOffset))
    let at = records.indexOf(pattern, from)
    for (let places = 0; places < MOST_PLACES && at >= 0; places++) {
      if (isWholeBatch(records, at)) return at
      at = records.indexOf(pattern, at + 1)
    }
    return -1
  }
}

function isWholeBatch(records: Buffer, at: number): boolean {
  if (records.length - at < HEADER_BYTES || records.readInt8(at + MAGIC_AT) !== 2) return false
  const size = records.readInt32BE(at + 8)
  const end = at + SIZE_PREFIX_BYTES + size
  if (size < HEADER_BYTES - SIZE_PREFIX_BYTES || end > records.length) return false
  try {
    return new RecordBatch(records, at, end).crcMatches()
  } catch {
    return false
  }
}
