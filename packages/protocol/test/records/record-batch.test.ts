import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CompressionCodecs,
  crc32c,
  defaultCompressionCodecs,
  KafkaProtocolError,
  RecordBatchBuilder,
  RecordBatchReader,
} from '@milena/protocol'
import { batchesOf, onlyBatch, unlessMalformed } from './read-batches.js'

function batchOf(values: readonly string[], baseOffset = 10): Buffer {
  const builder = new RecordBatchBuilder({ baseOffset })
  for (const value of values) builder.append({ timestamp: 1_763_000_000_000, key: null, value: Buffer.from(value) })
  return builder.build() as Buffer
}

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

describe('a records field', () => {
  const field = Buffer.concat([batchOf(['a', 'b']), batchOf(['c'], 12), batchOf(['d', 'e', 'f'], 13)])

  it('gives its batches in order', () => {
    expect(batchesOf(field).map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset])).toEqual([
      [10, 11],
      [12, 12],
      [13, 15],
    ])
  })

  it('ends cleanly before a last batch that is cut off, wherever that is', () => {
    const sizes = batchesOf(field).map(({ sizeInBytes }) => sizeInBytes)
    for (let length = 0; length <= field.length; length++) {
      let complete = 0
      for (let end = 0; complete < sizes.length && (end += sizes[complete] ?? 0) <= length;) complete++
      expect(batchesOf(field.subarray(0, length))).toHaveLength(complete)
    }
  })

  it('is empty when it has no bytes', () => {
    expect(new RecordBatchReader(Buffer.alloc(0)).next()).toBeUndefined()
  })

  it('is refused where a batch claims to be smaller than its header', () => {
    for (const size of [-1, -2_147_483_648, 0, 4, 48]) {
      const damaged = changed(field, (copy) => copy.writeInt32BE(size, 8))
      expect(() => batchesOf(damaged)).toThrow(KafkaProtocolError)
    }
  })

  it('goes on behind a batch of a format that cannot be read', () => {
    const damaged = changed(field, (copy) => copy.writeInt8(1, 16))
    const reader = new RecordBatchReader(damaged)
    expect(() => reader.next()).toThrow(/base offset 10 .* message format 1, which Kafka 0.11 replaced/)
    expect(reader.next()?.baseOffset).toBe(12)
  })

  it('never ends in anything but a KafkaProtocolError, whatever its bytes are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200, size: 'max' }), async (bytes) => {
        await unlessMalformed(() => batchesOf(Buffer.from(bytes)))
      }),
      { numRuns: 500 },
    )
  })
})

describe('a record batch', () => {
  it('does not match its checksum when any one bit behind the checksum differs', async () => {
    const bytes = batchOf(['one', 'two'])
    expect(onlyBatch(bytes).crcMatches()).toBe(true)
    for (let bit = 17 * 8; bit < bytes.length * 8; bit++) {
      const flipped = changed(bytes, (copy) => {
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      })
      // A last offset below the base is refused with the header; then there is no batch to ask.
      expect(await unlessMalformed(() => onlyBatch(flipped).crcMatches())).not.toBe(true)
    }
  })

  it('keeps its checksum when the broker stamps offset and leader epoch', () => {
    const stamped = changed(batchOf(['one']), (copy) => {
      copy.writeBigInt64BE(987_654_321n, 0)
      copy.writeInt32BE(17, 12)
    })
    const batch = onlyBatch(stamped)
    expect(batch.crcMatches()).toBe(true)
    expect([batch.baseOffset, batch.leaderEpoch]).toEqual([987_654_321, 17])
  })

  it('is dense exactly when every offset in it is a record', () => {
    expect(onlyBatch(batchOf(['a', 'b'])).isDense).toBe(true)
    const builder = new RecordBatchBuilder({ baseOffset: 5 })
    builder.append({ timestamp: 0, key: null, value: null })
    const withHole = builder.build({ lastOffset: 6 }) as Buffer
    expect(onlyBatch(withHole).isDense).toBe(false)
    expect(onlyBatch(withHole).lastOffset).toBe(6)
  })

  it('is refused where an offset is beyond what a number holds exactly', () => {
    for (const baseOffset of [9_007_199_254_740_992n, -1n, 2n ** 63n - 1n]) {
      const bytes = changed(batchOf(['a']), (copy) => copy.writeBigInt64BE(baseOffset, 0))
      expect(() => onlyBatch(bytes)).toThrow(new RegExp(`base offset ${baseOffset}`))
    }
    const last = changed(batchOf(['a', 'b']), (copy) => copy.writeBigInt64BE(9_007_199_254_740_991n, 0))
    expect(() => onlyBatch(last)).toThrow(KafkaProtocolError)
  })

  it('reads timestamps beyond 2^53 to the nearest double', () => {
    const base = 1_763_000_000_000_000_123n // nanoseconds
    const bytes = changed(batchOf(['a']), (copy) => {
      copy.writeBigInt64BE(base, 27)
      copy.writeBigInt64BE(base + 1n, 35)
    })
    const batch = onlyBatch(bytes)
    expect([batch.baseTimestamp, batch.maxTimestamp]).toEqual([Number(base), Number(base + 1n)])
  })

  it('can be skipped when its compression type is unknown, and says so when it is opened', () => {
    const bytes = changed(batchOf(['a']), (copy) => copy.writeInt16BE(5, 21))
    const batch = onlyBatch(bytes)
    expect([batch.baseOffset, batch.lastOffset]).toEqual([10, 10])
    expect(() => batch.open(defaultCompressionCodecs)).toThrow(/base offset 10 .* compression type is 5/)
  })

  it('is refused where it claims more records than its bytes or its offsets have room for', () => {
    for (const claim of [-1, 3, 2_147_483_647]) {
      const bytes = changed(batchOf(['a', 'b']), (copy) => copy.writeInt32BE(claim, 57))
      expect(() => onlyBatch(bytes).open(new CompressionCodecs())).toThrow(/base offset 10 .* claims/)
    }
  })

  it('states its checksum as the one of the bytes behind it', () => {
    const bytes = batchOf(['a'])
    expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes, 21))
  })
})
