import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultCompressionCodecs, RecordBatchBuilder, type RecordCursor, type RecordInput } from '@milena/protocol'
import { describeRecords, onlyBatch, unlessMalformed } from './read-batches.js'

const TIME = 1_763_000_000_000

function record(value: string | null, rest: Partial<RecordInput> = {}): RecordInput {
  return { timestamp: TIME, key: null, value: value === null ? null : Buffer.from(value), ...rest }
}

function written(records: readonly RecordInput[], baseOffset = 100): Buffer {
  const builder = new RecordBatchBuilder({ baseOffset })
  for (const one of records) builder.append(one)
  return builder.build() as Buffer
}

function cursorOver(bytes: Buffer): RecordCursor {
  return onlyBatch(bytes).open(defaultCompressionCodecs) as RecordCursor
}

/** A batch whose records are exactly these bytes. */
function raw(recordBytes: readonly number[], recordCount = 1): Buffer {
  const bytes = Buffer.concat([written([]), Buffer.from(recordBytes)])
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(9, 23)
  bytes.writeInt32BE(recordCount, 57)
  return bytes
}

describe('a record cursor', () => {
  it('tells null, empty and present keys and values apart', () => {
    const cursor = cursorOver(
      written([record(null), record('', { key: Buffer.alloc(0) }), record('v', { key: Buffer.from('k') })]),
    )
    expect(describeRecords(cursor).map(({ key, value }) => [key, value])).toEqual([
      [null, null],
      ['', ''],
      ['6b', '76'],
    ])
  })

  it('gives keys and values as views of the batch, not as copies', () => {
    const bytes = written([record('value', { key: Buffer.from('key') })])
    const cursor = cursorOver(bytes)
    cursor.next()
    expect(cursor.value?.buffer).toBe(bytes.buffer)
    expect(cursor.key?.buffer).toBe(bytes.buffer)
    expect(cursor.bytes.toString('utf8', cursor.valueStart, cursor.valueStart + cursor.valueLength)).toBe('value')
    expect(cursor.bytes.toString('utf8', cursor.keyStart, cursor.keyStart + cursor.keyLength)).toBe('key')
  })

  it('decodes headers only when asked, also after it has moved on', () => {
    const headers = [
      { key: 'trace', value: Buffer.from('1') },
      { key: 'none', value: null },
    ]
    const cursor = cursorOver(written([record('a', { headers }), record('b'), record('c', { headers: [] })]))
    cursor.next()
    expect(cursor.hasHeaders).toBe(true)
    const later = cursor.headersLater()
    cursor.next()
    expect(cursor.hasHeaders).toBe(false)
    expect(cursor.headers()).toEqual([])
    const none = cursor.headersLater()
    cursor.next()
    expect(cursor.hasHeaders).toBe(false)
    expect(later()).toEqual(headers)
    expect(none()).toEqual([])
  })

  it('finds the holes of a batch by its offsets alone, and can be read from the start afterwards', () => {
    const cursor = cursorOver(
      written([record('a', { offset: 102 }), record('b', { offset: 103 }), record('c', { offset: 190 })]),
    )
    expect([cursor.nextOffset(), cursor.nextOffset(), cursor.nextOffset(), cursor.nextOffset()]).toEqual([
      102, 103, 190, -1,
    ])
    cursor.rewind()
    expect(describeRecords(cursor).map(({ offset }) => offset)).toEqual([102, 103, 190])
    expect(cursor.next()).toBe(false)
  })

  it('skips to the first record at or above an offset', () => {
    const bytes = written([record('a', { offset: 102 }), record('b', { offset: 103 }), record('c', { offset: 190 })])
    const first = (offset: number) => {
      const cursor = cursorOver(bytes)
      return cursor.skipTo(offset) && cursor.next() ? cursor.value?.toString() : undefined
    }
    expect([0, 102, 103, 104, 190, 191].map(first)).toEqual(['a', 'a', 'b', 'c', 'c', undefined])
  })

  it('reads a timestamp beyond 2^53 to the nearest double, from base and delta together', () => {
    const nanoseconds = 1_763_000_000_123_456_789n
    const bytes = written([record('a'), record('b', { timestamp: TIME + 1 })])
    bytes.writeBigInt64BE(nanoseconds, 27)
    const cursor = cursorOver(bytes)
    expect(describeRecords(cursor).map(({ timestamp }) => timestamp)).toEqual([
      Number(nanoseconds),
      Number(nanoseconds + 1n),
    ])
  })

  it('gives back any whole timestamp that a double holds', () => {
    const timestamp = fc.oneof(
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ min: -(2 ** 63), max: 2 ** 63 - 1024, noNaN: true }).map((value) => Math.round(value) + 0),
    )
    fc.assert(
      fc.property(timestamp, timestamp, (first, second) => {
        // Two timestamps further apart than an int64 cannot be in one batch.
        fc.pre(Math.abs(second - first) < 2 ** 62)
        const read = describeRecords(
          cursorOver(written([record('a', { timestamp: first }), record('b', { timestamp: second })])),
        )
        expect(read[0]?.timestamp).toBe(first)
        // The distance is what is written: where it is no double itself, the last bit may differ.
        const error = Math.abs((read[1]?.timestamp ?? Number.NaN) - second)
        expect(error).toBeLessThanOrEqual(Math.abs(first) + Math.abs(second) < 2 ** 53 ? 0 : 2048)
      }),
      { numRuns: 1000 },
    )
  })

  describe('refuses, naming the base offset,', () => {
    const malformed: ReadonlyArray<readonly [string, readonly number[], number?]> = [
      ['a record that claims more bytes than there are', [200, 1, 0, 0, 0, 1, 1, 0]],
      ['a record of a negative length', [1, 0, 0, 0, 1, 1, 0]],
      ['a record too short to be one', [4, 0, 0, 0, 1, 1, 0]],
      ['a key that reaches beyond its record', [12, 0, 0, 0, 40, 1, 0]],
      ['a key of length -2', [12, 0, 0, 0, 3, 1, 0]],
      ['a value that reaches beyond its record', [12, 0, 0, 0, 1, 40, 0]],
      ['a value of length -2', [12, 0, 0, 0, 1, 3, 0]],
      ['a length of six bytes', [255, 255, 255, 255, 255, 255, 0, 0, 0, 0]],
      [
        'a timestamp of eleven bytes',
        [40, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 1, 1, 0, 0, 0, 0, 0],
      ],
      ['an offset below the base', [12, 0, 0, 1, 1, 1, 0]],
      ['an offset beyond the last one', [12, 0, 0, 20, 1, 1, 0]],
      ['an offset that comes twice', [12, 0, 0, 2, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0], 2],
      ['bytes behind the last field of a record', [14, 0, 0, 0, 1, 1, 0, 0]],
      ['bytes behind the last record', [12, 0, 0, 0, 1, 1, 0, 0]],
      ['a number that the end of the batch cuts off', [12, 0, 0, 0, 1, 1, 0, 128], 1],
    ]
    for (const [what, bytes, count] of malformed) {
      it(what, () => {
        const cursor = cursorOver(raw(bytes, count))
        expect(() => describeRecords(cursor)).toThrow(/record batch at base offset 100 cannot be read/)
      })
    }

    const headers: ReadonlyArray<readonly [string, readonly number[]]> = [
      ['more headers than there are bytes', [12, 0, 0, 0, 1, 1, 126]],
      ['a negative number of headers', [12, 0, 0, 0, 1, 1, 1]],
      ['a header without a key', [16, 0, 0, 0, 1, 1, 2, 1, 0]],
      ['a header key beyond the record', [16, 0, 0, 0, 1, 1, 2, 60, 0]],
      ['a header value beyond the record', [16, 0, 0, 0, 1, 1, 2, 0, 60]],
      ['a header value of length -2', [16, 0, 0, 0, 1, 1, 2, 0, 3]],
      ['bytes behind the last header', [18, 0, 0, 0, 1, 1, 2, 0, 1, 7]],
      ['a header count that does not end', [12, 0, 0, 0, 1, 1, 255]],
    ]
    for (const [what, bytes] of headers) {
      it(`${what}, when headers are asked for`, () => {
        const cursor = cursorOver(raw(bytes))
        expect(cursor.next()).toBe(true)
        expect(() => cursor.headers()).toThrow(/headers of the record at offset 100 cannot be read/)
      })
    }
  })

  it('ends, and in nothing but a KafkaProtocolError, whatever bytes have been changed', async () => {
    const good = written([
      record('first', { key: Buffer.from('key'), headers: [{ key: 'header', value: Buffer.from('value') }] }),
      record('x'.repeat(80), { timestamp: TIME + 2 ** 40 }),
      record(null, { headers: [{ key: 'a', value: null }] }),
    ])
    const change = fc.tuple(fc.integer({ min: 57, max: good.length - 1 }), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        const read = await unlessMalformed(() => describeRecords(cursorOver(bytes)))
        expect(read?.length ?? 0).toBeLessThanOrEqual(3)
      }),
      { numRuns: 3000 },
    )
  })
})
