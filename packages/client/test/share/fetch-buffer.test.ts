import { defaultCompressionCodecs, KafkaError, RecordBatchBuilder, type RecordHeaderInputs } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { asDeserializer, json, string, type DeserializeFunction } from '../../src/serde.js'
import { AckCode } from '../../src/share/acknowledge-type.js'
import type { AcquiredRange, RangeHolder } from '../../src/share/acquired-range.js'
import { FetchBuffer } from '../../src/share/fetch-buffer.js'
import type { TakenBatch } from '../../src/share/handout.js'
import type { RecordDeserializers } from '../../src/share/handout.js'
import { LateHandout } from '../../src/share/late-handout.js'
import { receivePartition, type ReceivedPartition } from '../../src/share/share-response.js'

const LOCK_MS = 30_000

interface Given {
  readonly offset: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly headers?: RecordHeaderInputs
}

let clock: VirtualClock
let holder: { -readonly [P in keyof RangeHolder]: RangeHolder[P] }

beforeEach(() => {
  clock = new VirtualClock()
  holder = {
    live: true,
    renewable: true,
    outstanding: 0,
    answered: () => undefined,
    urged: () => undefined,
    renew: () => undefined,
    giveUp: () => undefined,
  }
})

function buffer<K = Buffer | null, V = Buffer | null>(
  deserializers: Partial<RecordDeserializers<K, V>> = {},
  { exact = false } = {},
): FetchBuffer<K, V> {
  const { key, value } = deserializers
  return new FetchBuffer<K, V>({ deserializers: { key, value }, exact, clock, logger: silentLogger })
}

function from(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

async function batch(
  given: readonly (number | Given)[],
  { damage }: { damage?: (bytes: Buffer) => void } = {},
): Promise<Buffer> {
  const records = given.map((record) =>
    typeof record === 'number' ? { offset: record, value: Buffer.from(`v${record}`) } : record,
  )
  const builder = new RecordBatchBuilder({ baseOffset: records[0]?.offset ?? 0 })
  for (const { offset, key = null, value = null, headers = [] } of records)
    builder.append({ timestamp: 1_000 + offset, key, value, headers, offset })
  const bytes = Buffer.from(await builder.build({ leaderEpoch: 7 }))
  damage?.(bytes)
  return bytes
}

async function received(
  batches: readonly Buffer[],
  acquired: readonly [number, number, number?][],
  partition = 0,
): Promise<ReceivedPartition> {
  return receivePartition(
    {
      partition: { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition },
      records: Buffer.concat(batches),
      acquired: acquired.map(([firstOffset, lastOffset, deliveryCount = 1]) => ({
        firstOffset,
        lastOffset,
        deliveryCount,
      })),
    },
    { holder, codecs: defaultCompressionCodecs, checkCrcs: false, lockDeadline: clock.now() + LOCK_MS },
  )
}

/** What take() gives at once: no promise where no deserialiser made one. */
function takeNow<K, V>(from_: FetchBuffer<K, V>, max: number): TakenBatch<K, V> {
  const taken = from_.take(max)
  if (taken instanceof LateHandout) throw new Error('it waits for a promise of a deserialiser')
  return taken
}

async function takeLater<K, V>(from_: FetchBuffer<K, V>, max: number): Promise<TakenBatch<K, V>> {
  const taken = from_.take(max)
  if (!(taken instanceof LateHandout)) return taken
  expect(taken.isFinished).toBe(false)
  await taken.finished
  expect(taken.isFinished).toBe(true)
  return taken.batch(() => true)
}

function offsets(taken: TakenBatch<unknown, unknown>): number[] {
  return taken.records.map(({ offset }) => offset)
}

function answeredWith(range: AcquiredRange | undefined, code: AckCode): number[] {
  const found: number[] = []
  for (const { from: first, to } of range?.sendRuns() ?? []) {
    for (let i = first; i < to; i++) if (range?.typeAt(i) === code) found.push(range.firstOffset + i)
  }
  return found
}

describe('a fetch buffer', () => {
  it('gives records in the order in which partitions came, and each partition by offset', async () => {
    const it = buffer()
    it.add(await received([await batch([5, 6])], [[5, 6]], 1))
    it.add(await received([await batch([0, 1]), await batch([2])], [[0, 2]], 0))
    expect(it.records).toBe(5)
    const taken = takeNow(it, 100)
    expect(taken.records.map(({ partition, offset }) => [partition, offset])).toEqual([
      [1, 5],
      [1, 6],
      [0, 0],
      [0, 1],
      [0, 2],
    ])
    expect(it.records).toBe(0)
    expect(takeNow(it, 100).records).toEqual([])
  })

  it('gives everything that Kafka says of a record', async () => {
    const it = buffer()
    const headers = [
      { key: 'a', value: Buffer.from('1') },
      { key: 'a', value: null },
    ]
    it.add(
      await received(
        [await batch([{ offset: 3, key: Buffer.from('k'), value: null, headers }, { offset: 4 }])],
        [[3, 4, 2]],
      ),
    )
    const [record, plain] = takeNow(it, 10).records
    expect(record).toMatchObject({
      topic: 'orders',
      partition: 0,
      offset: 3,
      timestamp: 1_003,
      timestampType: 'create',
      deliveryCount: 2,
      leaderEpoch: 7,
    })
    expect(record?.key?.toString()).toBe('k')
    expect(record?.value).toBeNull()
    expect(record?.headers).toEqual(headers)
    expect(record?.headers).toBe(record?.headers)
    expect(record?.lockExpiresAt).toBe(clock.wallTime() + LOCK_MS)
    expect(plain?.key).toBeNull()
    expect(plain?.headers).toEqual([])
  })

  it('leaves out what was not acquired', async () => {
    const it = buffer()
    it.add(
      await received(
        [await batch(from(0, 9))],
        [
          [2, 3],
          [7, 8],
        ],
      ),
    )
    expect(offsets(takeNow(it, 100))).toEqual([2, 3, 7, 8])
  })

  it('gives whole ranges, at least as many records as asked for, and goes on behind them', async () => {
    const it = buffer()
    it.add(
      await received(
        [await batch(from(0, 9)), await batch(from(10, 19))],
        [
          [0, 3],
          [4, 11],
          [12, 19],
        ],
      ),
    )
    expect(offsets(takeNow(it, 3))).toEqual([0, 1, 2, 3])
    expect(it.records).toBe(16)
    expect(offsets(takeNow(it, 1))).toEqual(from(4, 11))
    expect(offsets(takeNow(it, 8))).toEqual(from(12, 19))
    expect(it.records).toBe(0)
    expect(takeNow(it, 8).records).toEqual([])
  })

  it('never gives more than asked for in record-limit mode', async () => {
    const it = buffer({}, { exact: true })
    it.add(await received([await batch(from(0, 9))], [[0, 9]]))
    it.add(await received([await batch(from(0, 9))], [[0, 9]], 1))
    expect(offsets(takeNow(it, 4))).toEqual([0, 1, 2, 3])
    expect(offsets(takeNow(it, 8))).toEqual([4, 5, 6, 7, 8, 9, 0, 1])
    expect(offsets(takeNow(it, 8))).toEqual(from(2, 9))
    expect(it.records).toBe(0)
  })

  it('goes on when a range ends in offsets that hold no record', async () => {
    const it = buffer()
    it.add(
      await received(
        [await batch([0, 1]), await batch([4, 5])],
        [
          [0, 3],
          [4, 5],
        ],
      ),
    )
    const all = [...offsets(takeNow(it, 2)), ...offsets(takeNow(it, 2))]
    expect(all).toEqual([0, 1, 4, 5])
    expect(it.records).toBe(0)
  })

  it('says which pieces of the ledger it gave out', async () => {
    const it = buffer()
    it.add(
      await received(
        [await batch(from(0, 9))],
        [
          [0, 3],
          [4, 9],
        ],
      ),
    )
    expect(takeNow(it, 10).spans.map(({ range, from: first, to }) => [range.firstOffset, first, to])).toEqual([
      [0, 0, 4],
      [4, 0, 6],
    ])
  })

  it('gives out nothing whose session is gone', async () => {
    const it = buffer()
    it.add(await received([await batch(from(0, 9))], [[0, 9]]))
    holder.live = false
    const taken = takeNow(it, 100)
    expect(taken.records).toEqual([])
    expect(it.records).toBe(0)
  })

  it('gives out nothing whose lock ran out', async () => {
    const it = buffer()
    it.add(await received([await batch(from(0, 3))], [[0, 3]]))
    clock.block(LOCK_MS - 1)
    it.add(await received([await batch(from(4, 5))], [[4, 5]]))
    clock.block(1)
    expect(offsets(takeNow(it, 100))).toEqual([4, 5])
  })

  it('gives out nothing that is answered already', async () => {
    const it = buffer()
    const one = await received([await batch(from(0, 3))], [[0, 3]])
    it.add(one)
    one.ranges[0]?.answer(1, AckCode.RELEASE)
    expect(offsets(takeNow(it, 100))).toEqual([0, 2, 3])
  })

  it('releases what waits and not what was given out', async () => {
    const it = buffer()
    const one = await received(
      [await batch(from(0, 9))],
      [
        [0, 3],
        [4, 9],
      ],
    )
    it.add(one)
    takeNow(it, 1)
    expect(it.release()).toBe(6)
    expect(it.records).toBe(0)
    expect(one.ranges.map(({ open }) => open)).toEqual([4, 0])
    expect(answeredWith(one.ranges[1], AckCode.RELEASE)).toEqual(from(4, 9))
  })

  it('releases what waits and not what was given out of a range that was cut', async () => {
    const it = buffer({}, { exact: true })
    const one = await received([await batch(from(0, 9))], [[0, 9]])
    it.add(one)
    takeNow(it, 4)
    expect(it.release()).toBe(6)
    expect(from(0, 9).filter((i) => one.ranges[0]?.isOpen(i))).toEqual([0, 1, 2, 3])
  })
})

describe('bytes without a deserialiser', () => {
  it('are views of what was fetched, and nothing is awaited', async () => {
    const it = buffer()
    const one = await received([await batch([0])], [[0, 0]])
    it.add(one)
    const value = takeNow(it, 1).records[0]?.value
    expect(value?.toString()).toBe('v0')
    expect(value?.buffer).toBe(one.batches[0]?.cursor.bytes.buffer)
  })
})

describe('deserialisers', () => {
  it('are told topic, part and headers', async () => {
    const told: unknown[] = []
    const spy: DeserializeFunction<string> = (data, { topic, isKey, headers }) => {
      told.push([topic, isKey, data?.toString(), headers().map(({ key }) => key)])
      return 'made'
    }
    const it = buffer({ key: asDeserializer(spy), value: asDeserializer(spy) })
    it.add(
      await received(
        [
          await batch([
            { offset: 0, key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: null }] },
          ]),
        ],
        [[0, 0]],
      ),
    )
    expect(takeNow(it, 1).records[0]).toMatchObject({ key: 'made', value: 'made' })
    expect(told).toEqual([
      ['orders', true, 'k', ['h']],
      ['orders', false, 'v', ['h']],
    ])
  })

  it('read text and JSON, tombstones included', async () => {
    const it = buffer({ key: string(), value: json<{ n: number }>() })
    it.add(
      await received(
        [await batch([{ offset: 0, key: Buffer.from('schlüssel'), value: Buffer.from('{"n":1}') }, { offset: 1 }])],
        [[0, 1]],
      ),
    )
    expect(takeNow(it, 2).records.map(({ key, value }) => [key, value])).toEqual([
      ['schlüssel', { n: 1 }],
      [null, null],
    ])
  })

  it.each([
    ['throws', (data: Buffer | null) => JSON.parse(data?.toString() ?? '') as unknown],
    ['rejects', async (data: Buffer | null): Promise<unknown> => JSON.parse(data?.toString() ?? '') as unknown],
  ])('that %s costs one record, which comes out as a failure', async (_, deserialize) => {
    const it = buffer({ value: asDeserializer<unknown>(deserialize) })
    const given = [1, 2, 3].map((offset) => ({
      offset,
      key: Buffer.from('k'),
      value: Buffer.from(offset === 2 ? '{' : `${offset}`),
    }))
    const one = await received([await batch(given)], [[1, 3, 4]])
    it.add(one)
    const taken = await takeLater(it, 10)
    expect(taken.records.map(({ value }) => value)).toEqual([1, 3])
    expect(taken.failures).toHaveLength(1)
    const [failure] = taken.failures
    expect(failure).toMatchObject({
      topic: 'orders',
      partition: 0,
      offset: 2,
      deliveryCount: 4,
      error: { code: 'RECORD_DESERIALIZATION' },
    })
    expect(failure?.rawKey?.toString()).toBe('k')
    expect(failure?.rawValue?.toString()).toBe('{')
    expect(failure?.error.message).toMatch(/value of the record at offset 2 of orders-0/)
    expect(failure?.error.cause).toBeInstanceOf(SyntaxError)
    expect(KafkaError.is(failure?.error)).toBe(true)
    // It is not answered: whoever takes it decides.
    expect(one.ranges[0]?.isOpen(1)).toBe(true)
  })

  it('are asked for the value no more once the key failed, and name the key', async () => {
    const it = buffer({
      key: asDeserializer<string>(() => {
        throw new Error('no such key')
      }),
      value: string(),
    })
    it.add(await received([await batch([0])], [[0, 0]]))
    const { records, failures } = takeNow(it, 1)
    expect(records).toEqual([])
    expect(failures[0]?.error.message).toMatch(/key of the record at offset 0 .*no such key.*keyDeserializer/)
  })

  it('that promise both parts and break both promises leave no rejection behind', async () => {
    const broken = asDeserializer<string>(() => Promise.reject(new Error('broken')))
    const it = buffer({ key: broken, value: broken })
    it.add(await received([await batch([0, 1])], [[0, 1]]))
    const { records, failures } = await takeLater(it, 10)
    expect(records).toEqual([])
    expect(failures.map(({ offset }) => offset)).toEqual([0, 1])
  })

  it('that promise the key and throw for the value leave no rejection behind', async () => {
    const unhandled: unknown[] = []
    const hear = (reason: unknown): number => unhandled.push(reason)
    process.on('unhandledRejection', hear)
    const it = buffer({
      key: asDeserializer<string>(() => Promise.reject(new Error('no key'))),
      value: asDeserializer<string>(() => {
        throw new Error('no value')
      }),
    })
    it.add(await received([await batch([0])], [[0, 0]]))
    expect(takeNow(it, 10).failures.map(({ error }) => error.message)).toEqual([
      expect.stringMatching(/^The value of the record at offset 0 .*no value/),
    ])
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', hear)
    expect(unhandled).toEqual([])
  })

  it('may mix promises and values, and the records stay in order', async () => {
    const mixed: DeserializeFunction<string> = (data) => {
      const text = data?.toString() ?? ''
      return text === 'v1' ? new Promise((resolve) => setImmediate(() => resolve(`late ${text}`))) : text
    }
    const it = buffer({ value: asDeserializer(mixed) })
    it.add(await received([await batch([0, 1, 2])], [[0, 2]]))
    expect((await takeLater(it, 10)).records.map(({ value }) => value)).toEqual(['v0', 'late v1', 'v2'])
  })

  it('that throw something that is no error are still reported', async () => {
    const it = buffer({
      value: asDeserializer<string>(() => {
        AbortSignal.abort('a word').throwIfAborted()
        return 'never'
      }),
    })
    it.add(await received([await batch([0])], [[0, 0]]))
    expect(takeNow(it, 1).failures[0]?.error.message).toContain('a word')
  })
})

describe('a batch that turns out unreadable at hand-out', () => {
  it('loses what lies behind the fault, which is rejected; the rest goes on', async () => {
    const it = buffer()
    // The second of three records claims a key longer than the record.
    const bad = await batch([10, 11, 12], { damage: (bytes) => bytes.writeUInt8(0x7e, bytes.indexOf('v11') - 2) })
    const one = await received([await batch(from(5, 9)), bad, await batch(from(13, 15))], [[5, 15]])
    expect(one.corrupt).toEqual([])
    it.add(one)
    expect(offsets(takeNow(it, 100))).toEqual([5, 6, 7, 8, 9, 10, 13, 14, 15])
    expect(answeredWith(one.ranges[0], AckCode.REJECT)).toEqual([11, 12])
    expect(it.records).toBe(0)
  })

  it('is rejected from its first record on when that is the fault', async () => {
    const it = buffer()
    const bad = await batch([0, 1, 2], { damage: (bytes) => bytes.writeUInt8(0x7e, bytes.indexOf('v0') - 2) })
    const one = await received([bad, await batch([3])], [[0, 3]])
    it.add(one)
    expect(offsets(takeNow(it, 100))).toEqual([3])
    expect(answeredWith(one.ranges[0], AckCode.REJECT)).toEqual([0, 1, 2])
  })
})

describe('a buffer whose locks are looked after', () => {
  it('keeps a record whose lock seems to have run out until it is renewed, and gives the other partitions meanwhile', async () => {
    const it = buffer()
    it.keepsLocks = true
    const late = await received([await batch([0, 1, 2])], [[0, 2]], 0)
    it.add(late)
    expect(it.take(1, true)).toMatchObject({ records: [{ offset: 0 }] })
    await clock.advance(LOCK_MS)
    it.add(await received([await batch([7])], [[7, 7]], 1))
    expect(offsets(takeNow(it, 10))).toEqual([7])
    expect(offsets(takeNow(it, 10))).toEqual([])
    expect(it.records).toBe(2)
    late.ranges[0]?.renewed(1, 3, clock.now() + LOCK_MS)
    expect(offsets(takeNow(it, 10))).toEqual([1, 2])
    expect([it.records, it.bytes]).toEqual([0, 0])
  })

  it('passes over what was given up instead', async () => {
    const it = buffer()
    it.keepsLocks = true
    const late = await received([await batch([0, 1, 2])], [[0, 2]])
    it.add(late)
    await clock.advance(LOCK_MS)
    expect(offsets(takeNow(it, 10))).toEqual([])
    late.ranges[0]?.supersede(0, 2)
    late.ranges[0]?.renewed(2, 3, clock.now() + LOCK_MS)
    expect(offsets(takeNow(it, 10))).toEqual([2])
    expect(it.records).toBe(0)
  })

  it('tells how many records leave before each range, and counts anew when some were given back', async () => {
    const it = buffer()
    const one = await received(
      [await batch(from(0, 9))],
      [
        [0, 4],
        [5, 9],
      ],
    )
    const two = await received([await batch(from(0, 4))], [[0, 4]], 1)
    it.add(one)
    it.add(two)
    void it.take(2, true)
    expect(
      [...it.positions()].map(([range, at]) => [range.partition.partition, range.firstOffset, at.ahead, at.from]),
    ).toEqual([
      [0, 0, 0, 2],
      [0, 5, 3, 0],
      [1, 0, 8, 0],
    ])
    two.ranges[0]?.answerOpen(AckCode.RELEASE, 1)
    it.recount()
    expect(it.records).toBe(9)
    expect(takeNow(it, 100).records).toHaveLength(9)
    expect(it.records).toBe(0)
  })

  it('holds so many bytes as the batches that wait; they leave with their last record', async () => {
    const it = buffer()
    const bytes = await batch(from(0, 9))
    it.add(await received([bytes], [[0, 9]]))
    expect(it.bytes).toBe(bytes.length)
    void it.take(9, true)
    expect(it.bytes).toBe(bytes.length)
    void it.take(1, true)
    expect(it.bytes).toBe(0)
  })
})
