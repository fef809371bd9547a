import { KafkaProtocolError } from '../errors.js'
import { uuidText, type Uuid } from './uuid.js'

const TWO_TO_32 = 2 ** 32

/**
 * A cursor over bytes that came from elsewhere: whatever they claim, it reads no byte outside of them and allocates nothing on
 * their word. Every method throws KafkaProtocolError where the bytes end too early.
 */
export class ByteReader {
  readonly buffer: Buffer
  readonly end: number
  offset: number
  /** How many elements of arrays may still be read, in all: each takes more memory than the byte or two it may be here. */
  elementsLeft = Infinity

  /** Reads `buffer` from `offset` (default: its start) up to and without `end` (default: its end). */
  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    if (offset < 0 || end > buffer.length || offset > end) {
      throw new KafkaProtocolError(`Bytes ${offset} to ${end} are not inside a buffer of ${buffer.length} bytes.`)
    }
    this.buffer = buffer
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  bool(): boolean {
    return this.buffer[this.#take(1)] !== 0
  }

  int8(): number {
    return this.buffer.readInt8(this.#take(1))
  }

  uint8(): number {
    return this.buffer.readUInt8(this.#take(1))
  }

  int16(): number {
    return this.buffer.readInt16BE(this.#take(2))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.#take(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.#take(4))
  }

  /** Beyond ±(2^53 - 1) the nearest number that JavaScript has. */
  int64(): number {
    const at = this.#take(8)
    return this.buffer.readInt32BE(at) * TWO_TO_32 + this.buffer.readUInt32BE(at + 4)
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.#take(8))
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(): number {
    const first = this.uint8()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.uint8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.uint8()
    if (last > 0x0f)
      throw new KafkaProtocolError(`The varint that ends at offset ${this.offset} is longer than 32 bits.`)
    return (value | (last << 28)) >>> 0
  }

  /** A zigzag varint of 32 bits. */
  varint(): number {
    const folded = this.uvarint()
    return (folded >>> 1) ^ -(folded & 1)
  }

  /** A zigzag varint of 64 bits; beyond ±(2^53 - 1) the nearest number that JavaScript has. */
  varlong(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.uint8()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        if (shift === 63 && bits > 1) break
        const sign = -(low & 1)
        return ((high >>> 1) ^ sign) * TWO_TO_32 + ((((low >>> 1) | (high << 31)) ^ sign) >>> 0)
      }
    }
    throw new KafkaProtocolError(`The varint that ends at offset ${this.offset} is longer than 64 bits.`)
  }

  uuid(): Uuid {
    return uuidText(this.buffer, this.#take(16))
  }

  /** A view of the next `length` bytes, no copy: it lives as long as the whole buffer, and changes with it. */
  bytes(length: number): Buffer {
    const at = this.#take(length)
    return this.buffer.subarray(at, at + length)
  }

  /** The next `length` bytes as UTF-8; what is not UTF-8 becomes U+FFFD. */
  utf8(length: number): string {
    const at = this.#take(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  skip(length: number): void {
    this.#take(length)
  }

  #take(length: number): number {
    const at = this.offset
    const next = at + length
    if (length < 0 || next > this.end) throw this.#tooShort(length)
    this.offset = next
    return at
  }

  #tooShort(length: number): KafkaProtocolError {
    return new KafkaProtocolError(
      length < 0
        ? `A length of ${length} is claimed at offset ${this.offset}.`
        : `${length} bytes are needed at offset ${this.offset}, but only ${this.remaining} are left.`,
    )
  }
}
