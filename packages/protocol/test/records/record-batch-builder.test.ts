import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CompressionCodecs,
  CompressionType,
  defaultCompressionCodecs,
  KafkaUsageError,
  RecordBatchBuilder,
  type RecordInput,
} from '@milena/protocol'
import { batchesOf, describeRecords, onlyBatch } from './read-batches.js'

const bytes = fc.option(fc.uint8Array({ maxLength: 300, size: 'max' }).map((value) => Buffer.from(value)))
const anyRecord = fc.record({
  timestamp: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 50 })),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: bytes }), { maxLength: 4 }),
})

const value = (text: string): RecordInput => ({ timestamp: 5, key: null, value: Buffer.from(text) })

describe('a record batch builder', () => {
  for (const [name, compression] of Object.entries(CompressionType)) {
    it(`writes what is read again, with compression ${name.toLowerCase()}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
          fc.nat(2 ** 40),
          async (records, baseOffset) => {
            const builder = new RecordBatchBuilder({ compression, baseOffset, initialBytes: 0 })
            for (const one of records) {
              const estimate = builder.estimateAfter(one)
              builder.append(one)
              expect(builder.sizeInBytes).toBe(estimate)
            }
            const batch = onlyBatch(await builder.build())
            expect(batch.crcMatches()).toBe(true)
            expect(batch).toMatchObject({ recordCount: records.length, compression, baseOffset, isDense: true })
            expect(batch.maxTimestamp).toBe(Math.max(...records.map(({ timestamp }) => timestamp)))
            const cursor = await batch.open(defaultCompressionCodecs)
            for (const [index, one] of records.entries()) {
              expect(cursor.next()).toBe(true)
              const { timestamp, key, value: read, offset } = cursor
              expect({ timestamp, key, value: read, offset, headers: cursor.headers() }).toEqual({
                ...one,
                offset: baseOffset + index,
              })
            }
            expect(cursor.next()).toBe(false)
          },
        ),
        { numRuns: 60 },
      )
    })
  }

  it('knows its size exactly before compression', () => {
    const builder = new RecordBatchBuilder()
    expect([builder.sizeInBytes, builder.recordCount]).toEqual([61, 0])
    builder.append(value('x'.repeat(5000)))
    expect(builder.recordCount).toBe(1)
    expect((builder.build() as Buffer).length).toBe(builder.sizeInBytes)
  })

  it('copies what it is given', () => {
    const builder = new RecordBatchBuilder()
    const changing = Buffer.from('before')
    builder.append({ timestamp: 0, key: null, value: changing })
    changing.write('after!')
    const cursor = onlyBatch(builder.build() as Buffer).open(defaultCompressionCodecs)
    expect(cursor).not.toBeInstanceOf(Promise)
    expect(describeRecords(cursor as Awaited<typeof cursor>)[0]?.value).toBe(Buffer.from('before').toString('hex'))
  })

  it('stamps the same records again for another producer, compressing them once', async () => {
    let compressions = 0
    const codecs = new CompressionCodecs().register('lz4', () => ({
      compress: ({ buffer }) => {
        compressions++
        return Promise.resolve(Buffer.concat([Buffer.from('!'), buffer]))
      },
      decompress: (buffer) => Promise.resolve(buffer.subarray(1)),
    }))
    const builder = new RecordBatchBuilder({ compression: CompressionType.LZ4, codecs })
    builder.append(value('a'))
    const first = onlyBatch(await builder.build({ producerId: 1, producerEpoch: 0, baseSequence: 7 }))
    const second = onlyBatch(
      await builder.build({ producerId: 2, producerEpoch: 3, baseSequence: 0, isTransactional: true }),
    )
    expect(compressions).toBe(1)
    expect([first.producerId, first.producerEpoch, first.baseSequence, first.isTransactional]).toEqual([1, 0, 7, false])
    expect([second.producerId, second.producerEpoch, second.baseSequence, second.isTransactional]).toEqual([
      2,
      3,
      0,
      true,
    ])
    expect([first.crcMatches(), second.crcMatches()]).toEqual([true, true])
  })

  it('refuses a record after it has been built', () => {
    const builder = new RecordBatchBuilder()
    builder.append(value('a'))
    void builder.build()
    expect(() => builder.append(value('b'))).toThrow(KafkaUsageError)
  })

  it('refuses a timestamp that is not whole milliseconds', () => {
    for (const timestamp of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63]) {
      const builder = new RecordBatchBuilder()
      expect(() => builder.append({ ...value('a'), timestamp })).toThrow(/whole number of milliseconds/)
      expect(builder.recordCount).toBe(0)
    }
  })

  it('refuses an offset that does not follow', () => {
    const builder = new RecordBatchBuilder({ baseOffset: 10 })
    builder.append({ ...value('a'), offset: 12 })
    for (const offset of [9, 12, 12.5, 10 + 2 ** 31]) {
      expect(() => builder.append({ ...value('b'), offset })).toThrow(KafkaUsageError)
    }
    builder.append(value('c'))
    expect(onlyBatch(builder.build() as Buffer).lastOffset).toBe(13)
  })

  it('writes a batch of type logAppend, whose records all have the time of the append', () => {
    const builder = new RecordBatchBuilder()
    builder.append(value('a'))
    builder.append({ ...value('b'), timestamp: 9 })
    const batch = onlyBatch(builder.build({ logAppendTime: 1234 }) as Buffer)
    expect(batch.timestampType).toBe('logAppend')
    const cursor = batch.open(defaultCompressionCodecs) as Exclude<ReturnType<typeof batch.open>, Promise<unknown>>
    expect(describeRecords(cursor).map(({ timestamp }) => timestamp)).toEqual([1234, 1234])
  })

  it('writes an empty batch, as compaction leaves one', () => {
    const [batch] = batchesOf(new RecordBatchBuilder({ baseOffset: 40 }).build({ lastOffset: 49 }) as Buffer)
    expect(batch).toMatchObject({ baseOffset: 40, lastOffset: 49, recordCount: 0, isDense: false })
  })
})
