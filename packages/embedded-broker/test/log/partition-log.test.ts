import { CompressionType, ControlRecordType, defaultCompressionCodecs, ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { allOf, appendNow, batchOf, changed, headerOf, logWorld, packedBatchOf, recordsIn } from './log-world.js'

const producer = { producerId: 7, producerEpoch: 0 } as const
const marker = { ...producer, coordinatorEpoch: 0 } as const

describe('An append', () => {
  it('gives a batch the next offsets and tells the first', () => {
    const { log, world } = logWorld()
    expect(appendNow(log, batchOf(3))).toEqual({
      errorCode: 0,
      baseOffset: 0,
      logAppendTimeMs: -1,
      logStartOffset: 0,
    })
    expect(appendNow(log, batchOf(2)).baseOffset).toBe(3)
    expect([log.startOffset, log.endOffset, log.lastStableOffset, world.moves]).toEqual([0, 5, 5, 2])
  })

  it('stamps offset and leader epoch into a copy, and leaves the rest as it came', () => {
    const { log } = logWorld()
    const sent = batchOf(2)
    const before = Buffer.from(sent)
    appendNow(log, batchOf(3))
    appendNow(log, sent, 4)
    const [, stored] = allOf(log)
    expect(sent).toEqual(before)
    expect(stored).toMatchObject({ baseOffset: 3, lastOffset: 4, recordCount: 2, leaderEpoch: 4 })
    if (stored === undefined) return
    expect(headerOf(stored)).toMatchObject({ baseOffset: 3, lastOffset: 4, leaderEpoch: 4 })
    expect(headerOf(stored).crcMatches()).toBe(true)
    expect(stored.bytes.subarray(16)).toEqual(before.subarray(16))
  })

  it('is not changed by what the sender does with its buffer afterwards', () => {
    const { log } = logWorld()
    const sent = batchOf(1)
    appendNow(log, sent)
    sent.fill(0)
    expect(allOf(log).map((each) => headerOf(each).crcMatches())).toEqual([true])
  })

  it('stamps the time where the topic says LogAppendTime, and tells it', async () => {
    const { log, clock } = logWorld({ timestampType: 'LogAppendTime' })
    const result = appendNow(log, batchOf(2, { timestamp: 77 }))
    expect(result.logAppendTimeMs).toBe(clock.wallTime())
    const [stored] = allOf(log)
    if (stored === undefined) throw new TypeError('Nothing was stored.')
    expect(headerOf(stored).crcMatches()).toBe(true)
    expect(headerOf(stored).timestampType).toBe('logAppend')
    expect((await recordsIn(stored)).map((each) => each.timestamp)).toEqual([clock.wallTime(), clock.wallTime()])
  })

  it('takes the claim of a stamped time away where the topic keeps the times of producers', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(1, { logAppendTime: 123 }))
    const [stored] = allOf(log)
    expect(stored === undefined ? undefined : headerOf(stored)).toMatchObject({ timestampType: 'create' })
    expect(stored === undefined ? undefined : headerOf(stored).crcMatches()).toBe(true)
  })

  it('puts the largest timestamp right where the header tells another, as Kafka does', async () => {
    const { log } = logWorld()
    for (const claimed of [10_000, 1]) {
      const sent = batchOf(3, { timestamp: 1000, step: 2 })
      appendNow(
        log,
        changed(sent, (b) => b.writeBigInt64BE(BigInt(claimed), 35)),
      )
    }
    for (const stored of allOf(log)) {
      expect([stored.maxTimestamp, headerOf(stored).maxTimestamp]).toEqual([1004, 1004])
      expect(headerOf(stored).crcMatches()).toBe(true)
    }
    expect(await log.offsetForTimestamp(1003, 6)).toMatchObject({ offset: 2 })
  })

  it.each([CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD])(
    'keeps records compressed as they came (codec %i)',
    async (compression) => {
      const { log } = logWorld()
      const sent = await packedBatchOf(5, {}, { compression })
      expect((await log.append(sent, { leaderEpoch: 0 })).errorCode).toBe(0)
      const [stored] = allOf(log)
      if (stored === undefined) throw new TypeError('Nothing was stored.')
      expect(headerOf(stored).compression).toBe(compression)
      expect((await recordsIn(stored)).map((each) => each.offset)).toEqual([0, 1, 2, 3, 4])
    },
  )

  it.each([
    ['gzip', CompressionType.GZIP],
    ['uncompressed', CompressionType.NONE],
    ['lz4', CompressionType.LZ4],
  ] as const)('compresses anew where the topic says %s', async (compressionType, expected) => {
    const { log } = logWorld({ compressionType })
    for (const compression of [CompressionType.NONE, CompressionType.GZIP, CompressionType.LZ4]) {
      const sent = await packedBatchOf(5, {}, { compression })
      expect((await log.append(sent, { leaderEpoch: 0 })).errorCode).toBe(0)
    }
    for (const stored of allOf(log)) {
      expect(headerOf(stored).compression).toBe(expected)
      expect(headerOf(stored).crcMatches()).toBe(true)
      expect(await recordsIn(stored)).toHaveLength(5)
    }
  })

  it('is done at once where no codec is asynchronous, also when it compresses anew', () => {
    const { log } = logWorld({ compressionType: 'gzip' })
    expect(appendNow(log, batchOf(5)).errorCode).toBe(0)
  })

  it('refuses what cannot be decompressed where the topic wants another compression', async () => {
    const { log } = logWorld({ compressionType: 'lz4' })
    const sent = await packedBatchOf(5, {}, { compression: CompressionType.GZIP })
    const damaged = changed(sent, (b) => b.fill(0xee, 61))
    const result = await log.append(damaged, { leaderEpoch: 0 })
    expect(result.errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
    expect(log.endOffset).toBe(0)
  })

  it('to a log that was closed meanwhile says that the partition is gone', () => {
    const { log } = logWorld()
    log.close()
    expect(appendNow(log, batchOf(1)).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })
})

describe('A read', () => {
  it('begins with the batch that holds the offset', () => {
    const { log } = logWorld()
    for (const count of [3, 3, 3]) appendNow(log, batchOf(count))
    const read = log.read({ fromOffset: 4, maxBytes: 10_000, upTo: log.endOffset })
    expect(read.map((each) => each.baseOffset)).toEqual([3, 6])
  })

  it('gives the first batch even when it is larger than asked, and no second one beyond', () => {
    const { log } = logWorld()
    for (const count of [3, 3, 3]) appendNow(log, batchOf(count))
    expect(log.read({ fromOffset: 0, maxBytes: 1, upTo: 9 })).toHaveLength(1)
    const size = batchOf(3).length
    expect(log.read({ fromOffset: 0, maxBytes: size * 2, upTo: 9 })).toHaveLength(2)
    expect(log.read({ fromOffset: 0, maxBytes: size * 2 - 1, upTo: 9 })).toHaveLength(1)
  })

  it('ends at its bound, and is empty at the end', () => {
    const { log } = logWorld()
    for (const count of [3, 3]) appendNow(log, batchOf(count))
    expect(log.read({ fromOffset: 0, maxBytes: 10_000, upTo: 3 })).toHaveLength(1)
    expect(log.read({ fromOffset: 6, maxBytes: 10_000, upTo: 6 })).toEqual([])
  })
})

describe('Numbered batches', () => {
  it('that come again are not written again, and get the same offset', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(1))
    const sent = batchOf(2, { ...producer, baseSequence: 0, timestamp: 55 })
    expect(appendNow(log, sent).baseOffset).toBe(1)
    expect(appendNow(log, sent)).toMatchObject({ errorCode: 0, baseOffset: 1, logAppendTimeMs: 55 })
    expect(log.endOffset).toBe(3)
  })

  it('are remembered five at a time', () => {
    const { log } = logWorld()
    const sent = [0, 1, 2, 3, 4, 5].map((baseSequence) => batchOf(1, { ...producer, baseSequence }))
    for (const each of sent) appendNow(log, each)
    const again = sent.map((each) => appendNow(log, each))
    expect(again.map((each) => each.baseOffset)).toEqual([-1, 1, 2, 3, 4, 5])
    expect(again[0]?.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  })

  it('may begin anywhere, and then follow each other', () => {
    const { log } = logWorld()
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 7 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 9 })).errorCode).toBe(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    )
    expect(appendNow(log, batchOf(2, { ...producer, baseSequence: 7 })).errorCode).toBe(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    )
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 8 })).errorCode).toBe(0)
  })

  it('begin at 0 under a new epoch, and not under an old one any more', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(1, { ...producer, baseSequence: 0 }))
    const next = { producerId: 7, producerEpoch: 1 }
    expect(appendNow(log, batchOf(1, { ...next, baseSequence: 1 })).errorCode).toBe(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    )
    expect(appendNow(log, batchOf(1, { ...next, baseSequence: 0 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 1 })).errorCode).toBe(
      ErrorCode.INVALID_PRODUCER_EPOCH,
    )
  })

  it('go on at 0 behind the largest sequence', () => {
    const { log } = logWorld()
    const last = 0x7fff_ffff
    expect(appendNow(log, batchOf(2, { ...producer, baseSequence: last - 1 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 0 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 0 })).baseOffset).toBe(2)
  })

  it('that wrap around within a batch are followed by the rest', () => {
    const { log } = logWorld()
    expect(appendNow(log, batchOf(4, { ...producer, baseSequence: 0x7fff_ffff - 1 })).errorCode).toBe(0)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 2 })).errorCode).toBe(0)
  })

  it('of a producer that is silent for a day are forgotten', async () => {
    const { log, clock } = logWorld({ retentionMs: -1 })
    appendNow(log, batchOf(1, { ...producer, baseSequence: 0 }))
    await clock.advance(86_400_000 + 600_000)
    expect(log.knowsProducer(7)).toBe(false)
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 5 })).errorCode).toBe(0)
  })
})

describe('A transaction in a log', () => {
  const transactional = { ...producer, isTransactional: true } as const

  it('holds the last stable offset until its marker is written', () => {
    const { log, world } = logWorld()
    appendNow(log, batchOf(2))
    appendNow(log, batchOf(2, { ...transactional, baseSequence: 0 }))
    appendNow(log, batchOf(1))
    expect(log.lastStableOffset).toBe(2)
    const moves = world.moves
    log.appendMarker({ ...marker, committed: true }, { leaderEpoch: 0 })
    expect([log.lastStableOffset, log.endOffset, world.moves]).toEqual([6, 6, moves + 1])
    expect(log.abortedTransactions(0, 6)).toEqual([])
  })

  it.each([
    [true, ControlRecordType.COMMIT],
    [false, ControlRecordType.ABORT],
  ])('ends with a control batch (committed: %s)', async (committed, type) => {
    const { log, clock } = logWorld()
    log.appendMarker({ ...marker, committed }, { leaderEpoch: 3 })
    const [batch] = allOf(log)
    if (batch === undefined) throw new TypeError('No marker was written.')
    const header = headerOf(batch)
    expect(header).toMatchObject({
      isControl: true,
      isTransactional: true,
      ...producer,
      baseSequence: -1,
      leaderEpoch: 3,
    })
    expect(header.crcMatches()).toBe(true)
    const cursor = await header.open(defaultCompressionCodecs)
    expect([cursor.next(), cursor.controlRecordType(), cursor.timestamp]).toEqual([true, type, clock.wallTime()])
    expect(cursor.value?.toString('hex')).toBe('000000000000')
  })

  it('that is aborted is listed for every read that meets it', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(2, { ...transactional, baseSequence: 0 }))
    appendNow(log, batchOf(2))
    log.appendMarker({ ...marker, committed: false }, { leaderEpoch: 0 })
    appendNow(log, batchOf(2))
    const aborted = [{ producerId: 7, firstOffset: 0, lastOffset: 4 }]
    expect(log.abortedTransactions(0, 7)).toEqual(aborted)
    expect(log.abortedTransactions(4, 5)).toEqual(aborted)
    expect(log.abortedTransactions(5, 7)).toEqual([])
    expect(log.abortedTransactions(0, 0)).toEqual([])
  })

  it('takes no batch of its producer from outside of it', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(1, { ...transactional, baseSequence: 0 }))
    expect(appendNow(log, batchOf(1, { ...producer, baseSequence: 1 })).errorCode).toBe(ErrorCode.INVALID_TXN_STATE)
  })

  it('leaves sequences to go on where the marker keeps the epoch, and to begin anew where it raises it', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(1, { ...transactional, baseSequence: 0 }))
    log.appendMarker({ ...marker, committed: true }, { leaderEpoch: 0 })
    expect(appendNow(log, batchOf(1, { ...transactional, baseSequence: 1 })).errorCode).toBe(0)
    log.appendMarker({ ...marker, producerEpoch: 1, committed: true }, { leaderEpoch: 0 })
    const raised = { ...transactional, producerEpoch: 1 }
    expect(appendNow(log, batchOf(1, { ...raised, baseSequence: 2 })).errorCode).toBe(
      ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    )
    expect(appendNow(log, batchOf(1, { ...raised, baseSequence: 0 })).errorCode).toBe(0)
  })
})

describe('Deleting records', () => {
  it('moves the start, also into the middle of a batch', () => {
    const { log, world } = logWorld()
    for (const count of [3, 3, 3]) appendNow(log, batchOf(count))
    const moves = world.moves
    expect(log.deleteRecordsBefore(4)).toEqual({ errorCode: 0, lowWatermark: 4 })
    expect(allOf(log).map((each) => each.baseOffset)).toEqual([3, 6])
    expect(world.moves).toBe(moves + 1)
    expect(log.deleteRecordsBefore(2)).toEqual({ errorCode: 0, lowWatermark: 4 })
  })

  it('takes -1 for the high watermark', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(3))
    expect(log.deleteRecordsBefore(-1)).toEqual({ errorCode: 0, lowWatermark: 3 })
    expect([log.startOffset, log.endOffset, allOf(log).length]).toEqual([3, 3, 0])
    expect(appendNow(log, batchOf(1)).baseOffset).toBe(3)
  })

  it.each([-2, 4])('refuses an offset outside of the log (%i)', (offset) => {
    const { log } = logWorld()
    appendNow(log, batchOf(3))
    expect(log.deleteRecordsBefore(offset)).toEqual({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 })
  })

  it('of an open transaction moves the last stable offset to the first batch that is left', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(3, { ...producer, isTransactional: true, baseSequence: 0 }))
    appendNow(log, batchOf(3))
    log.deleteRecordsBefore(4)
    expect(log.lastStableOffset).toBe(3)
    expect(log.read({ fromOffset: 4, maxBytes: 1000, upTo: log.lastStableOffset })).toEqual([])
    log.deleteRecordsBefore(6)
    expect(log.lastStableOffset).toBe(6)
  })
})

describe('Looking for a time', () => {
  const found = (offset: number, timestamp: number) => ({ offset, timestamp, leaderEpoch: 0 })

  async function filled() {
    const { log } = logWorld()
    appendNow(log, batchOf(3, { timestamp: 1000, step: 10 }))
    appendNow(log, batchOf(3, { timestamp: 5000, step: -10 }))
    appendNow(log, batchOf(3, { timestamp: 2000, step: 10 }))
    await log.append(await packedBatchOf(3, { timestamp: 1000, step: 10 }, { compression: CompressionType.GZIP }), {
      leaderEpoch: 0,
    })
    return log
  }

  // As Kafka 4.4.0 answers for the same records.
  it.each([
    [0, found(0, 1000)],
    [1010, found(1, 1010)],
    [1011, found(2, 1020)],
    [1021, found(3, 5000)],
    [5000, found(3, 5000)],
    [5001, undefined],
  ])('finds the first record that is at least as young (%i)', async (timestamp, expected) => {
    const log = await filled()
    expect(await log.offsetForTimestamp(timestamp, log.endOffset)).toEqual(expected)
  })

  it('keeps to the log: not below its start, not at its bound', async () => {
    const log = await filled()
    expect(await log.offsetForTimestamp(5000, 3)).toBeUndefined()
    log.deleteRecordsBefore(4)
    expect(await log.offsetForTimestamp(0, log.endOffset)).toEqual(found(4, 4990))
    log.deleteRecordsBefore(6)
    expect(await log.offsetForTimestamp(2015, log.endOffset)).toEqual(found(8, 2020))
    expect(await log.offsetForTimestamp(3000, log.endOffset)).toBeUndefined()
  })

  it('finds the first record with the largest time', async () => {
    const log = await filled()
    expect(await log.offsetOfLargestTimestamp()).toEqual(found(3, 5000))
    expect(await logWorld().log.offsetOfLargestTimestamp()).toBeUndefined()
  })
})

describe('Leader epochs', () => {
  it('end where the next one wrote first', () => {
    const { log } = logWorld()
    appendNow(log, batchOf(2), 0)
    appendNow(log, batchOf(3), 2)
    expect(log.endOfEpoch(0, 4)).toEqual({ leaderEpoch: 0, endOffset: 2 })
    expect(log.endOfEpoch(1, 4)).toEqual({ leaderEpoch: 0, endOffset: 2 })
    expect(log.endOfEpoch(2, 4)).toEqual({ leaderEpoch: 2, endOffset: 5 })
    expect(log.endOfEpoch(3, 4)).toEqual({ leaderEpoch: 2, endOffset: 5 })
    expect(log.endOfEpoch(4, 4)).toEqual({ leaderEpoch: 4, endOffset: 5 })
    expect(log.endOfEpoch(5, 4)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect(log.endOfEpoch(-1, 4)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    expect([log.leaderEpochAt(1), log.leaderEpochAt(2), log.leaderEpochAt(9)]).toEqual([0, 2, 2])
  })
})
