import { putUuid } from './uuid.js'

const TWO_TO_32 = 2 ** 32
const TWO_TO_63 = 2 ** 63

/**
 * Bytes put one after the other into a buffer that grows. Values are taken to be in range: whoever takes them from a caller
 * (schema/primitives) checks them first.
 */
export class ByteWriter {
  #buffer: Buffer
  #offset = 0

  /** `initialBytes`: how much room to begin with; more is made as needed. Default 256. */
  constructor(initialBytes = 256) {
    this.#buffer = Buffer.allocUnsafe(Math.max(16, initialBytes))
  }

  /** How many bytes have been written. */
  get offset(): number {
    return this.#offset
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    // First the room, here and below: making it may replace the buffer.
    const at = this.#room(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    const at = this.#room(2)
    this.#buffer[at] = value >> 8
    this.#buffer[at + 1] = value
  }

  int32(value: number): void {
    this.#put32(this.#room(4), value)
  }

  /** Whole numbers of ±2^63; 2^63 itself, which is what the largest long reads as, is written as the largest long. */
  int64(value: number): void {
    const at = this.#room(8)
    if (value >= TWO_TO_63) {
      this.#put32(at, 0x7fffffff)
      this.#put32(at + 4, -1)
      return
    }
    this.#put32(at, Math.floor(value / TWO_TO_32))
    this.#put32(at + 4, value >>> 0)
  }

  float64(value: number): void {
    const at = this.#room(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(value: number): void {
    let rest = value >>> 0
    let at = this.#room(5)
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[at++] = rest
    this.#offset = at
  }

  /** A zigzag varint of 32 bits. */
  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31))
  }

  /** A zigzag varint of 64 bits. */
  varlong(value: number): void {
    const high = Math.floor(value / TWO_TO_32) | 0
    const low = value >>> 0
    const sign = high >> 31
    let foldedLow = ((low << 1) ^ sign) >>> 0
    let foldedHigh = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
    let at = this.#room(10)
    while (foldedHigh !== 0 || foldedLow >= 0x80) {
      this.#buffer[at++] = (foldedLow & 0x7f) | 0x80
      foldedLow = ((foldedLow >>> 7) | (foldedHigh << 25)) >>> 0
      foldedHigh >>>= 7
    }
    this.#buffer[at++] = foldedLow
    this.#offset = at
  }

  /** The 16 bytes of a UUID in Kafka's text form. Throws KafkaUsageError naming `path` when it is none. */
  uuid(value: unknown, path = 'The value'): void {
    const at = this.#room(16)
    putUuid(value, this.#buffer, at, path)
  }

  /** Copies the bytes. */
  bytes(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#buffer.set(value, at)
  }

  /** The text as UTF-8; `byteLength` is what Buffer.byteLength says of it. */
  utf8(value: string, byteLength: number): void {
    const at = this.#room(byteLength)
    this.#buffer.write(value, at, byteLength, 'utf8')
  }

  /** Leaves `length` bytes free, to be filled in later, and returns where they are. */
  reserve(length: number): number {
    return this.#room(length)
  }

  /** Writes a 32-bit number at a place that was reserved. */
  int32At(at: number, value: number): void {
    this.#put32(at, value)
  }

  /** What was written, not copied: the writer is used up. */
  toBuffer(): Buffer {
    return this.#buffer.subarray(0, this.#offset)
  }

  #put32(at: number, value: number): void {
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  #room(length: number): number {
    const at = this.#offset
    const next = at + length
    if (next > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, next + 64))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#offset = next
    return at
  }
}
