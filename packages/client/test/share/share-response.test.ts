import {
  CompressionCodecs,
  CompressionType,
  defaultCompressionCodecs,
  KafkaError,
  KafkaProtocolError,
  RecordBatchBuilder,
  type RecordBatchBuilderOptions,
} from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import type { AcquiredRange } from '../../src/share/acquired-range.js'
import { checkAcquired, offsetAllowance } from '../../src/share/acquired-offsets.js'
import { receivePartition, type AcquiredPartition, type ReceivedPartition } from '../../src/share/share-response.js'

const partition = { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 }
const holder = {
  live: true,
  renewable: true,
  outstanding: 0,
  answered: () => undefined,
  urged: () => undefined,
  renew: () => undefined,
  giveUp: () => undefined,
}

interface BatchOptions extends RecordBatchBuilderOptions {
  readonly isControl?: boolean
  readonly lastOffset?: number
}

/** A batch with one record at each of these offsets; its value is the offset in letters. */
async function batch(
  offsets: readonly number[],
  { isControl = false, lastOffset, ...options }: BatchOptions = {},
): Promise<Buffer> {
  const builder = new RecordBatchBuilder({ baseOffset: offsets[0] ?? 0, ...options })
  for (const offset of offsets) builder.append({ timestamp: 1, key: null, value: Buffer.from(`v${offset}`), offset })
  return Buffer.from(await builder.build({ isControl, ...(lastOffset === undefined ? {} : { lastOffset }) }))
}

function from(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

type Acquired = [firstOffset: number, lastOffset: number, deliveryCount?: number]

function receive(
  records: Buffer | null,
  acquired: readonly Acquired[],
  options: Partial<Parameters<typeof receivePartition>[1]> = {},
): Promise<ReceivedPartition> {
  const answer: AcquiredPartition = {
    partition,
    records,
    acquired: acquired.map(([firstOffset, lastOffset, deliveryCount = 1]) => ({
      firstOffset,
      lastOffset,
      deliveryCount,
    })),
  }
  return receivePartition(answer, {
    holder,
    codecs: defaultCompressionCodecs,
    checkCrcs: true,
    lockDeadline: 30_000,
    ...options,
  })
}

/** What was answered at once, without the application, by offset. */
function answers(ranges: readonly AcquiredRange[]): Map<number, number> {
  const byOffset = new Map<number, number>()
  for (const range of ranges) {
    for (const run of range.sendRuns()) {
      for (let i = run.from; i < run.to; i++) byOffset.set(range.firstOffset + i, range.typeAt(i))
    }
  }
  return byOffset
}

/** The offsets that wait for the application. */
function open(ranges: readonly AcquiredRange[]): number[] {
  return ranges.flatMap((range) =>
    from(range.firstOffset, range.lastOffset).filter((offset) => range.isOpen(offset - range.firstOffset)),
  )
}

const all = (offsets: readonly number[], code: number): Map<number, number> =>
  new Map(offsets.map((offset) => [offset, code]))

describe('a fetched partition', () => {
  it('gives a range for each acquisition, with its delivery count', async () => {
    const { ranges, records, corrupt } = await receive(await batch(from(10, 19)), [
      [10, 14, 1],
      [15, 19, 2],
    ])
    expect(
      ranges.map(({ firstOffset, lastOffset, deliveryCount, lockDeadline }) => [
        firstOffset,
        lastOffset,
        deliveryCount,
        lockDeadline,
      ]),
    ).toEqual([
      [10, 14, 1, 30_000],
      [15, 19, 2, 30_000],
    ])
    expect(records).toBe(10)
    expect(corrupt).toEqual([])
    expect(answers(ranges).size).toBe(0)
  })

  it('counts only what was acquired where the bytes hold more', async () => {
    const { ranges, records } = await receive(Buffer.concat([await batch(from(0, 9)), await batch(from(10, 19))]), [
      [5, 12],
    ])
    expect(records).toBe(8)
    expect(open(ranges)).toEqual(from(5, 12))
  })

  it('answers GAP for acquired offsets that hold no record: before, between and behind the batches', async () => {
    const bytes = Buffer.concat([await batch(from(5, 6)), await batch(from(9, 10))])
    const { ranges, records } = await receive(bytes, [
      [3, 7],
      [8, 12],
    ])
    expect(records).toBe(4)
    expect(open(ranges)).toEqual([5, 6, 9, 10])
    expect(answers(ranges)).toEqual(all([3, 4, 7, 8, 11, 12], AckCode.GAP))
  })

  it('answers GAP for the holes of a compacted batch and behind its last record', async () => {
    const { ranges, records } = await receive(await batch([20, 22, 23, 27], { lastOffset: 30 }), [[20, 30]])
    expect(records).toBe(4)
    expect(open(ranges)).toEqual([20, 22, 23, 27])
    expect(answers(ranges)).toEqual(all([21, 24, 25, 26, 28, 29, 30], AckCode.GAP))
  })

  it('leaves a compacted batch readable from its start', async () => {
    const { batches } = await receive(await batch([20, 22]), [[20, 22]])
    const cursor = batches[0]?.cursor
    expect([cursor?.next(), cursor?.offset, cursor?.next(), cursor?.offset, cursor?.next()]).toEqual([
      true,
      20,
      true,
      22,
      false,
    ])
  })

  it('answers GAP for control batches and hands none out', async () => {
    const bytes = Buffer.concat([await batch([0, 1]), await batch([2], { isControl: true }), await batch([3])])
    const { ranges, batches, records } = await receive(bytes, [[0, 3]])
    expect(records).toBe(3)
    expect(batches.map((opened) => opened.batch.baseOffset)).toEqual([0, 3])
    expect(answers(ranges)).toEqual(all([2], AckCode.GAP))
  })

  it('answers GAP for everything where no bytes came', async () => {
    for (const none of [null, Buffer.alloc(0)]) {
      const { ranges, records } = await receive(none, [[4, 6]])
      expect(records).toBe(0)
      expect(answers(ranges)).toEqual(all([4, 5, 6], AckCode.GAP))
    }
  })

  it('takes no notice of an empty acquisition', async () => {
    const { ranges, records } = await receive(await batch([0]), [
      [0, -1],
      [0, 0],
    ])
    expect(ranges).toHaveLength(1)
    expect(records).toBe(1)
  })

  it('is read from every codec', async () => {
    for (const compression of Object.values(CompressionType)) {
      const { records, corrupt } = await receive(await batch(from(0, 99), { compression }), [[0, 99]])
      expect(corrupt).toEqual([])
      expect(records).toBe(100)
    }
  })

  it('holds 300,000 records in a batch without overflowing the stack', async () => {
    const { ranges, records } = await receive(await batch(from(0, 299_999), { initialBytes: 1 << 22 }), [[0, 299_999]])
    expect(records).toBe(300_000)
    expect(ranges).toHaveLength(1)
    const compacted = from(0, 299_999).map((i) => 2 * i)
    const second = await receive(await batch(compacted, { initialBytes: 1 << 22 }), [[0, 599_998]])
    expect(second.records).toBe(300_000)
    expect(answers(second.ranges).size).toBe(299_999)
  })
})

describe('a batch that cannot be read', () => {
  it('costs its own acquired offsets, which are rejected, and no others', async () => {
    const bytes = Buffer.concat([await batch(from(0, 4)), await batch(from(5, 9)), await batch(from(10, 14))])
    const middle = bytes.indexOf('v7')
    bytes.writeUInt8(0x58, middle)
    const { ranges, records, batches, corrupt } = await receive(bytes, [
      [0, 6],
      [8, 14],
    ])
    expect(records).toBe(10)
    expect(batches).toHaveLength(2)
    expect(corrupt).toMatchObject([{ partition, baseOffset: 5, lastOffset: 9, rejected: 4 }])
    expect(String(corrupt[0]?.reason)).toMatch(/checksum/)
    expect(open(ranges)).toEqual([0, 1, 2, 3, 4, 10, 11, 12, 13, 14])
    expect(answers(ranges)).toEqual(all([5, 6, 8, 9], AckCode.REJECT))
  })

  it('is taken as it is where checksums are not checked', async () => {
    const bytes = await batch(from(0, 4))
    bytes.writeUInt8(0x58, bytes.indexOf('v3'))
    expect(await receive(bytes, [[0, 4]], { checkCrcs: false })).toMatchObject({ records: 5, corrupt: [] })
  })

  it.each([CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4, CompressionType.ZSTD])(
    'because codec %i makes nothing of its bytes is rejected',
    async (compression) => {
      const bytes = await batch(from(0, 4), { compression })
      bytes.fill(0xff, 61)
      const { ranges, corrupt } = await receive(Buffer.concat([bytes, await batch([5])]), [[0, 5]], {
        checkCrcs: false,
      })
      expect(corrupt).toMatchObject([{ rejected: 5 }])
      expect(open(ranges)).toEqual([5])
    },
  )

  it('because its holes cannot be found is rejected, not taken for a gap', async () => {
    const bytes = await batch([0, 1, 4, 6])
    bytes.writeInt32BE(7, 57)
    const { ranges, corrupt } = await receive(bytes, [[0, 6]], { checkCrcs: false })
    expect(corrupt).toMatchObject([{ rejected: 7 }])
    expect(answers(ranges)).toEqual(all(from(0, 6), AckCode.REJECT))
  })

  it.each([
    ['of a message format from before Kafka 0.11', (bytes: Buffer) => bytes.writeInt8(1, 16)],
    ['with an impossible last offset', (bytes: Buffer) => bytes.writeInt32BE(-5, 23)],
    ['that claims a last offset far behind the next batch', (bytes: Buffer) => bytes.writeInt32BE(1_000, 23)],
    ['that claims to be a control batch', (bytes: Buffer) => bytes.writeInt16BE(0x20, 21)],
  ])('%s costs itself only', async (_, damage) => {
    const bytes = await batch(from(5, 9))
    damage(bytes)
    const { ranges, corrupt, records } = await receive(
      Buffer.concat([await batch(from(0, 4)), bytes, await batch(from(10, 14))]),
      [[0, 14]],
    )
    expect(records).toBe(10)
    expect(open(ranges)).toEqual([...from(0, 4), ...from(10, 14)])
    expect(answers(ranges)).toEqual(all(from(5, 9), AckCode.REJECT))
    expect(corrupt).toMatchObject([{ baseOffset: 5, lastOffset: 9, rejected: 5 }])
  })

  it('and hides where the next one begins costs all that lie behind it', async () => {
    const bad = await batch(from(5, 9))
    bad.writeInt32BE(3, 8)
    const { ranges, corrupt, records } = await receive(
      Buffer.concat([await batch(from(0, 4)), bad, await batch(from(10, 14))]),
      [[0, 14]],
    )
    expect(records).toBe(5)
    expect(open(ranges)).toEqual(from(0, 4))
    expect(answers(ranges)).toEqual(all(from(5, 14), AckCode.REJECT))
    expect(corrupt).toHaveLength(1)
  })

  it.each([
    [
      'KafkaError that names the package',
      new KafkaError('There is no codec here.', { code: 'UNSUPPORTED_COMPRESSION_TYPE' }),
      'UNSUPPORTED_COMPRESSION_TYPE',
    ],
    ['any other error', new TypeError('the native part is for another system'), 'CODEC_FAILED'],
  ])(
    'for want of a working codec (%s) is not rejected: the data is good, and another member may have the codec',
    async (_, missing, code) => {
      const bare = new CompressionCodecs().register('lz4', () => {
        throw missing
      })
      const compressed = await batch(from(0, 4), { compression: CompressionType.LZ4 })
      const { ranges, corrupt, unsupported, records } = await receive(
        Buffer.concat([compressed, await batch([5])]),
        [[0, 5]],
        { codecs: bare },
      )
      expect(answers(ranges)).toEqual(all(from(0, 4), AckCode.RELEASE))
      expect(records).toBe(1)
      expect(corrupt).toEqual([])
      expect(unsupported).toMatchObject({ code, message: expect.stringContaining(missing.message) as string })
    },
  )
})

describe('a batch that came cut off', () => {
  it('gives its offsets back: they may come whole the next time', async () => {
    const bytes = Buffer.concat([await batch(from(0, 4)), (await batch(from(5, 9))).subarray(0, -3)])
    const { ranges, records, corrupt } = await receive(bytes, [[0, 9]])
    expect(records).toBe(5)
    expect(corrupt).toEqual([])
    expect(answers(ranges)).toEqual(all(from(5, 9), AckCode.RELEASE))
  })

  it('says which offsets those are, and whether anything else could be read', async () => {
    const last = (await batch(from(5, 9))).subarray(0, -3)
    const behind = await receive(Buffer.concat([await batch(from(0, 4)), last]), [
      [0, 6, 1],
      [8, 9, 3],
    ])
    expect(behind.cutOff).toEqual({
      firstOffset: 5,
      lastOffset: 9,
      deliveryCount: 1,
      alone: false,
      batch: { baseOffset: 5, sizeInBytes: last.length + 3, bytes: last.length },
    })
    const alone = await receive(last, [[7, 9, 3]])
    expect(alone.cutOff).toMatchObject({ firstOffset: 7, lastOffset: 9, deliveryCount: 3, alone: true })
    const other = await receive(Buffer.concat([await batch(from(0, 4)), last]), [[7, 9]])
    expect(other.cutOff).toMatchObject({ alone: true })
  })

  it('is released as far as it reaches: what was acquired before it is a gap', async () => {
    const { ranges, cutOff } = await receive((await batch(from(5, 9))).subarray(0, 40), [[3, 9]])
    expect(answers(ranges)).toEqual(new Map([...all([3, 4], AckCode.GAP), ...all(from(5, 9), AckCode.RELEASE)]))
    expect(cutOff).toMatchObject({ firstOffset: 5 })
    expect((await receive((await batch(from(5, 9))).subarray(0, 40), [[3, 4]])).cutOff).toBeUndefined()
  })

  it('however little of it came', async () => {
    const whole = await batch(from(0, 4))
    for (let bytes = 1; bytes < whole.length; bytes++) {
      const { ranges, cutOff } = await receive(whole.subarray(0, bytes), [[0, 4]])
      expect(answers(ranges)).toEqual(all(from(0, 4), AckCode.RELEASE))
      expect(cutOff).toMatchObject({ firstOffset: 0, lastOffset: 4, alone: true, batch: { bytes } })
    }
  })

  it('is none where the batch behind it is there: its length is damaged, and costs itself only', async () => {
    const first = await batch(from(0, 4))
    const bytes = Buffer.concat([first, await batch(from(5, 9)), await batch(from(10, 14))])
    for (const length of [0x7fff_ffff, bytes.length]) {
      bytes.writeInt32BE(length, first.length + 8)
      const { ranges, corrupt, cutOff } = await receive(bytes, [[0, 14]])
      expect(open(ranges)).toEqual([...from(0, 4), ...from(10, 14)])
      expect(answers(ranges)).toEqual(all(from(5, 9), AckCode.REJECT))
      expect(corrupt).toMatchObject([{ baseOffset: 5, lastOffset: 9, rejected: 5 }])
      expect(cutOff).toBeUndefined()
    }
  })

  it('is none where what came is no batch: that is rejected once, as damaged', async () => {
    for (const bytes of [Buffer.from('garbage that is no batch at all, however long it may be'), Buffer.alloc(200)]) {
      const { ranges, corrupt, cutOff } = await receive(bytes, [[0, 4]])
      expect(answers(ranges)).toEqual(all(from(0, 4), AckCode.REJECT))
      expect(corrupt).toMatchObject([{ rejected: 5 }])
      expect(cutOff).toBeUndefined()
    }
  })
})

describe('whatever the bytes hold of what was acquired', () => {
  it('is open, and everything else is answered, each offset once', async () => {
    const run = fc.record({
      hole: fc.nat(4),
      kind: fc.constantFrom('data', 'control', 'broken', 'compacted'),
      size: fc.integer({ min: 1, max: 8 }),
      kept: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(run, { maxLength: 6 }),
        fc.array(fc.tuple(fc.nat(6), fc.nat(12)), { maxLength: 5 }),
        async (log, acquiring) => {
          const bytes: Buffer[] = []
          const expected = new Map<number, 'open' | 'rejected'>()
          let offset = 0
          for (const { hole, kind, size, kept } of log) {
            offset += hole
            const last = offset + size - 1
            const offsets =
              kind === 'compacted'
                ? [offset, ...from(offset + 1, last).filter((o) => kept[o - offset])]
                : from(offset, last)
            const made = await batch(offsets, { isControl: kind === 'control', lastOffset: last })
            if (kind === 'broken') made.writeUInt32BE((made.readUInt32BE(17) ^ 1) >>> 0, 17)
            if (kind === 'data' || kind === 'compacted') for (const o of offsets) expected.set(o, 'open')
            if (kind === 'broken') for (const o of from(offset, last)) expected.set(o, 'rejected')
            bytes.push(made)
            offset = last + 1
          }
          const acquired: Acquired[] = []
          let at = 0
          for (const [skip, length] of acquiring) {
            acquired.push([at + skip, at + skip + length])
            at += skip + length + 1
          }
          const { ranges, records } = await receive(Buffer.concat(bytes), acquired)
          const offsets = acquired.flatMap(([first, last]) => from(first, last))
          const opened = offsets.filter((o) => expected.get(o) === 'open')
          expect(open(ranges)).toEqual(opened)
          expect(records).toBe(opened.length)
          const rest = offsets.filter((o) => expected.get(o) !== 'open')
          expect(answers(ranges)).toEqual(
            new Map(rest.map((o) => [o, expected.get(o) === 'rejected' ? AckCode.REJECT : AckCode.GAP])),
          )
        },
      ),
    )
  })
})

describe('what a broker says it acquired', () => {
  const acquiredOf = ({ ranges }: ReceivedPartition) =>
    ranges.map(({ firstOffset, lastOffset, deliveryCount }) => [firstOffset, lastOffset, deliveryCount])

  it.each<[string, Acquired[]]>([
    ['ends before it begins', [[5, 2]]],
    ['lies below zero', [[-4, 2]]],
    ['is no offset that can be told', [[2 ** 60, 2 ** 60]]],
    ['is enormous', [[10, 10 + 2 ** 40]]],
    ['reaches to the end of all offsets', [[10, Number.MAX_SAFE_INTEGER]]],
    ['overlaps', [[0, 1]]],
  ])('and cannot mean, because it %s, is left out with an error; the rest goes on', async (_, wrong) => {
    const received = await receive(await batch(from(0, 9)), [[0, 1], ...wrong, [8, 9]])
    expect(acquiredOf(received)).toEqual([
      [0, 1, 1],
      [8, 9, 1],
    ])
    expect(received.records).toBe(4)
    expect(received.fault).toSatisfy(KafkaProtocolError.is)
    expect(received.fault?.message).toMatch(/orders-0.*left alone/)
  })

  it('takes no more memory over all partitions of an answer than one is allowed', async () => {
    const allowance = offsetAllowance()
    const most = allowance.left
    const first = await receive(null, [[0, most - 11]], { allowance })
    expect(first.fault).toBeUndefined()
    const second = await receive(
      null,
      [
        [0, 10],
        [20, 29],
      ],
      { allowance },
    )
    expect(acquiredOf(second)).toEqual([[20, 29, 1]])
    expect(second.fault).toBeDefined()
    expect(allowance.left).toBe(0)
  })

  it('may come out of order, empty, and with counts beyond 15 bits', async () => {
    const received = await receive(await batch(from(0, 9)), [
      [8, 9, -1],
      [4, 3, 1],
      [0, 1, 32_767],
      [5, 6, -32_768],
    ])
    expect(acquiredOf(received)).toEqual([
      [0, 1, 32_767],
      [5, 6, 32_768],
      [8, 9, 65_535],
    ])
    expect(received.fault).toBeUndefined()
  })

  it('comes out in order, disjoint and bounded, whatever it was', () => {
    const offset = fc.oneof(fc.integer({ min: -5, max: 60 }), fc.maxSafeInteger(), fc.double())
    const entry = fc.record({ firstOffset: offset, lastOffset: offset, deliveryCount: fc.integer() })
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (told) => {
        const allowance = offsetAllowance()
        const most = allowance.left
        const { acquired, fault } = checkAcquired(partition, told, allowance)
        let end = -1
        let total = 0
        for (const { firstOffset, lastOffset, deliveryCount } of acquired) {
          expect(firstOffset).toBeGreaterThan(end)
          expect(lastOffset).toBeGreaterThanOrEqual(firstOffset)
          expect(deliveryCount).toBeGreaterThanOrEqual(0)
          total += lastOffset - firstOffset + 1
          end = lastOffset
        }
        expect(total).toBe(most - allowance.left)
        expect(total).toBeLessThanOrEqual(most)
        const isEmpty = ({ firstOffset, lastOffset }: (typeof told)[number]): boolean =>
          lastOffset === firstOffset - 1 && Number.isSafeInteger(firstOffset)
        const empty = told.filter(isEmpty).length
        expect(fault === undefined).toBe(acquired.length + empty === told.length)
      }),
    )
  })
})
