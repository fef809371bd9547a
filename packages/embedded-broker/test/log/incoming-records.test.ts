import { CompressionType, ErrorCode, errorName } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { appendNow, batchOf, changed, logWorld, packedBatchOf } from './log-world.js'

// Each row was played against Kafka 4.4.0; only where it says so do the two differ.
const refused: readonly (readonly [what: string, records: Buffer, error: string, startOffset: number])[] = [
  ['nothing at all', Buffer.alloc(0), 'INVALID_RECORD', -1],
  ['fewer bytes than any header', Buffer.alloc(10), 'INVALID_RECORD', -1],
  ['a length of zero', Buffer.alloc(100), 'CORRUPT_MESSAGE', -1],
  ['two batches', Buffer.concat([batchOf(1), batchOf(1)]), 'INVALID_RECORD', -1],
  ['a batch and bytes that are none', Buffer.concat([batchOf(1), Buffer.alloc(30)]), 'CORRUPT_MESSAGE', -1],
  ['a batch that is cut off', batchOf(2).subarray(0, 65), 'INVALID_RECORD', -1],
  ['a header that is cut off', batchOf(2).subarray(0, 30), 'INVALID_RECORD', -1],
  ['half a header', batchOf(2).subarray(0, 16), 'INVALID_RECORD', -1],
  ['format 1', changed(batchOf(2), (b) => b.writeInt8(1, 16)), 'INVALID_RECORD', -1],
  ['format 0', changed(batchOf(2), (b) => b.writeInt8(0, 16)), 'INVALID_RECORD', -1],
  ['format 3', changed(batchOf(2), (b) => b.writeInt8(3, 16)), 'CORRUPT_MESSAGE', -1],
  ['format -1', changed(batchOf(2), (b) => b.writeInt8(-1, 16)), 'CORRUPT_MESSAGE', -1],
  ['a length below the header', changed(batchOf(2), (b) => b.writeInt32BE(20, 8)), 'CORRUPT_MESSAGE', -1],
  ['a length of 5', changed(batchOf(2), (b) => b.writeInt32BE(5, 8)), 'CORRUPT_MESSAGE', -1],
  ['a negative length', changed(batchOf(2), (b) => b.writeInt32BE(-5, 8)), 'CORRUPT_MESSAGE', -1],
  ['a length just below the header', changed(batchOf(2), (b) => b.writeInt32BE(48, 8)), 'CORRUPT_MESSAGE', -1],
  ['a length one too long', changed(batchOf(2), (b) => b.writeInt32BE(b.length - 11, 8)), 'INVALID_RECORD', -1],
  ['a length one too short', changed(batchOf(2), (b) => b.writeInt32BE(b.length - 13, 8)), 'CORRUPT_MESSAGE', -1],
  ['a base offset of 5', changed(batchOf(2), (b) => b.writeInt32BE(5, 4)), 'INVALID_RECORD', 0],
  ['a negative base offset', changed(batchOf(2), (b) => b.writeInt32BE(-1, 0)), 'INVALID_RECORD', 0],
  ['3 records of 2', changed(batchOf(2), (b) => b.writeInt32BE(3, 57)), 'INVALID_RECORD', 0],
  ['no records', changed(batchOf(2), (b) => b.writeInt32BE(0, 57)), 'INVALID_RECORD', 0],
  ['-1 records', changed(batchOf(2), (b) => b.writeInt32BE(-1, 57)), 'INVALID_RECORD', 0],
  ['a last offset too high', changed(batchOf(2), (b) => b.writeInt32BE(5, 23)), 'INVALID_RECORD', 0],
  ['a last offset below the first', changed(batchOf(2), (b) => b.writeInt32BE(-1, 23)), 'INVALID_RECORD', 0],
  [
    '3 records of 2, all fields alike',
    changed(batchOf(2), (b) => void (b.writeInt32BE(3, 57), b.writeInt32BE(2, 23))),
    'INVALID_RECORD',
    0,
  ],
  [
    '1 record of 2, all fields alike',
    changed(batchOf(2), (b) => void (b.writeInt32BE(1, 57), b.writeInt32BE(0, 23))),
    'INVALID_RECORD',
    0,
  ],
  // Kafka: UNKNOWN_SERVER_ERROR.
  ['no records but other bytes', changed(batchOf(2), (b) => b.fill(0xff, 61)), 'INVALID_RECORD', 0],
  ['control records', batchOf(1, { isControl: true }), 'INVALID_RECORD', 0],
  ['a negative sequence', batchOf(1, { producerId: 9, producerEpoch: 0, baseSequence: -1 }), 'INVALID_RECORD', 0],
  ['an unknown codec', changed(batchOf(1), (b) => b.writeInt8(5, 22)), 'UNKNOWN_SERVER_ERROR', 0],
  ['more bytes than allowed', batchOf(1, { valueBytes: 1_048_588 }), 'MESSAGE_TOO_LARGE', -1],
]

describe('Records that a producer sends', () => {
  it.each(refused)('are refused when they are %s', (_what, records, error, startOffset) => {
    const { log, world } = logWorld()
    const result = appendNow(log, records)
    expect(errorName(result.errorCode)).toBe(error)
    expect(result).toMatchObject({ baseOffset: -1, logAppendTimeMs: -1, logStartOffset: startOffset })
    expect([log.endOffset, world.moves]).toEqual([0, 0])
  })

  it('are refused when their checksum does not fit', () => {
    const { log } = logWorld()
    const records = batchOf(2)
    records.writeUInt8(records.readUInt8(records.length - 1) ^ 1, records.length - 1)
    expect(appendNow(log, records).errorCode).toBe(ErrorCode.CORRUPT_MESSAGE)
  })

  it('may be followed by a few bytes that mean nothing, which are not kept', () => {
    const { log } = logWorld()
    const records = batchOf(1)
    expect(appendNow(log, Buffer.concat([records, Buffer.alloc(5)])).errorCode).toBe(ErrorCode.NONE)
    expect(log.sizeInBytes).toBe(records.length)
  })

  it('may claim any leader epoch and attributes that mean nothing', () => {
    const { log } = logWorld()
    expect(
      appendNow(
        log,
        changed(batchOf(1), (b) => b.writeInt32BE(77, 12)),
      ).errorCode,
    ).toBe(ErrorCode.NONE)
    expect(
      appendNow(
        log,
        changed(batchOf(1), (b) => b.writeUInt8(0x80, 22)),
      ).errorCode,
    ).toBe(ErrorCode.NONE)
  })

  it('may carry a sequence without a producer id, which is not looked at', () => {
    const { log } = logWorld()
    expect(appendNow(log, batchOf(1, { baseSequence: 5 })).errorCode).toBe(ErrorCode.NONE)
  })

  it('need Produce version 7 for zstd', async () => {
    const { log } = logWorld()
    const records = await packedBatchOf(2, {}, { compression: CompressionType.ZSTD })
    expect(await log.append(records, { leaderEpoch: 0, produceVersion: 6 })).toMatchObject({
      errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
      logStartOffset: -1,
    })
    expect(await log.append(records, { leaderEpoch: 0, produceVersion: 7 })).toMatchObject({ errorCode: 0 })
  })

  it('never make the log throw, whatever single byte is changed', () => {
    const good = batchOf(3, { producerId: 4, producerEpoch: 0, baseSequence: 0 })
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const { log } = logWorld()
        appendNow(
          log,
          changed(good, (b) => b.writeUInt8(value, at)),
        )
        log.close()
      }
    }
  })
})

describe('Rules of a topic for single records', () => {
  it('refuse timestamps too far in the future, and tell which records have them', () => {
    const { log, clock } = logWorld()
    const result = appendNow(log, batchOf(2, { timestamp: clock.wallTime(), step: 7_200_000 }))
    expect(result.errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(result.recordErrors?.map((each) => each.batchIndex)).toEqual([1])
    expect(result.logStartOffset).toBe(0)
  })

  it('are not deceived by a header that tells another time', () => {
    const { log, clock } = logWorld()
    const sent = batchOf(1, { timestamp: clock.wallTime() + 7_200_000 })
    const result = appendNow(
      log,
      changed(sent, (b) => b.writeBigInt64BE(1000n, 35)),
    )
    expect(result.errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
  })

  it('refuse timestamps too far in the past where the topic says so', () => {
    const { log, clock } = logWorld({ timestampBeforeMaxMs: 1000 })
    expect(appendNow(log, batchOf(1, { timestamp: clock.wallTime() - 1001 })).errorCode).toBe(
      ErrorCode.INVALID_TIMESTAMP,
    )
    expect(appendNow(log, batchOf(1, { timestamp: clock.wallTime() - 1000 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { timestamp: -1 })).errorCode).toBe(0)
  })

  it('refuse records without keys in a compacted topic, compressed or not', async () => {
    const { log } = logWorld({ isCompacted: true })
    expect(appendNow(log, batchOf(2))).toMatchObject({
      errorCode: ErrorCode.INVALID_RECORD,
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 1 }],
    })
    const packed = await packedBatchOf(2, {}, { compression: CompressionType.GZIP })
    expect((await log.append(packed, { leaderEpoch: 0 })).errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(appendNow(log, batchOf(2, { key: 'a' })).errorCode).toBe(0)
  })

  it('are not looked at where the broker stamps the time', () => {
    const { log, clock } = logWorld({ timestampType: 'LogAppendTime' })
    expect(appendNow(log, batchOf(1, { timestamp: clock.wallTime() + 10 ** 8 })).errorCode).toBe(0)
  })

  it('refuse records of such a topic that cannot be read', async () => {
    const { log } = logWorld({ isCompacted: true })
    const packed = await packedBatchOf(2, { key: 'a' }, { compression: CompressionType.GZIP })
    const damaged = changed(packed, (b) => b.fill(0xff, 61))
    expect((await log.append(damaged, { leaderEpoch: 0 })).errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
  })
})
