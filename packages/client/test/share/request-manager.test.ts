import {
  ApiVersions,
  CompressionType,
  defaultCompressionCodecs,
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  RecordBatchBuilder,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import { FINAL_EPOCH } from '../../src/share/share-session.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'
import { acknowledged, LOCK_MS, recordsOf, ScriptedGroup, type FetchAnswer } from './scripted-group.js'

type Engine = ShareEngine<Buffer | null, Buffer | null>
type TakenRecord = ConsumerRecord<Buffer | null, Buffer | null>

const explicit = { acknowledgementMode: 'explicit', prefetch: 0 } as const
const FETCH_WAIT_MS = 500

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

async function take(engine: Engine, limitMs = 5_000): Promise<readonly TakenRecord[]> {
  const { records } = await group.until(engine.take({ signal: timeout(limitMs) }))
  return records
}

/** Fires after so many virtual milliseconds. */
function timeout(ms: number): AbortSignal {
  const controller = new AbortController()
  group.clock.setTimer(() => controller.abort(), ms)
  return controller.signal
}

/** An application that has nothing to do: it waits for records for so long. */
async function idle(engine: Engine, ms: number): Promise<readonly TakenRecord[]> {
  const taking = engine.take({ signal: timeout(ms) }).then(
    ({ records }) => records,
    () => [],
  )
  await group.clock.advance(ms + 1)
  return taking
}

function verdictsOf(engine: Engine): AcknowledgementVerdict[] {
  const verdicts: AcknowledgementVerdict[] = []
  engine.onVerdict((verdict) => verdicts.push(verdict))
  return verdicts
}

describe('a fetch', () => {
  it('opens a session with every partition, and names none again', async () => {
    const { topicId } = group.topic('orders', [1, 1, 1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 2_000)
    const [opening, ...others] = group.leader().fetches
    expect(opening).toMatchObject({
      groupId: 'workers',
      memberId: engine.memberId,
      shareSessionEpoch: 0,
      isRenewAck: false,
    })
    expect(opening?.topics).toMatchObject([
      { topicId, partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }, { partitionIndex: 2 }] },
    ])
    expect(others.length).toBeGreaterThan(1)
    expect(others.map(({ shareSessionEpoch }) => shareSessionEpoch)).toEqual(others.map((_, i) => i + 1))
    expect(others.flatMap(({ topics, forgottenTopicsData }) => [...topics, ...forgottenTopicsData])).toEqual([])
  })

  it('asks for what is configured', async () => {
    const { engine } = group.subscribed({
      maxPollRecords: 7,
      fetchMinBytes: 3,
      fetchMaxBytes: 1_234,
      fetchMaxWaitMs: 321,
      acquireMode: 'record_limit',
    })
    await idle(engine, 100)
    expect(group.leader().fetches[0]).toMatchObject({
      maxRecords: 7,
      batchSize: 7,
      minBytes: 3,
      maxBytes: 1_234,
      maxWaitMs: 321,
      shareAcquireMode: 1,
    })
  })

  it('waits at the broker while nothing is out, and hardly while something is', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 100)
    expect(group.leader().fetches[0]?.maxWaitMs).toBe(FETCH_WAIT_MS)
    group.leader().give({ first: 0, last: 1 })
    const records = await take(engine)
    await idle(engine, 200)
    const while_ = group.leader().fetches.slice(1)
    expect(while_.length).toBeGreaterThan(2)
    expect(Math.max(...while_.map(({ maxWaitMs }) => maxWaitMs))).toBeLessThanOrEqual(20)
    expect(while_.length).toBeLessThan(12)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await idle(engine, 2_000)
    expect(group.leader().fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
  })

  it('waits at the broker again when what was out was never answered and its lock is long gone', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    await take(engine)
    await idle(engine, LOCK_MS + 5_000)
    expect(group.leader().fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
    const before = group.leader().fetches.length
    await idle(engine, 10_000)
    expect(group.leader().fetches.length - before).toBeLessThan(25)
  })

  it('that is answered early with nothing is followed by a pause', async () => {
    const { engine } = group.subscribed(explicit)
    for (let i = 0; i < 1_000; i++) group.leader().next('ShareFetch', () => empty())
    await idle(engine, 1_000)
    expect(group.leader().fetches.length).toBeLessThan(60)
    expect(group.leader().fetches.length).toBeGreaterThan(10)
  })

  it('is followed by a pause also when it is not allowed to wait', async () => {
    const { engine } = group.subscribed({ ...explicit, fetchMaxWaitMs: 0 })
    await idle(engine, 1_000)
    expect(group.leader().fetches.length).toBeLessThan(60)
  })

  it('tells what was added and dropped, and settles records of a partition that was dropped', async () => {
    const { topicId } = group.topic('orders', [1, 1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    group.leader().give({ partition: 1, first: 0, last: 3 })
    const records = await take(engine)
    group.heartbeat = (request) => ({
      ...group.welcome(request),
      assignment: { topicPartitions: [{ topicId, partitions: [0] }] },
    })
    await idle(engine, 6_000)
    expect(group.leader().session?.partitions).toEqual(new Set(['orders-0']))
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await idle(engine, 1_000)
    expect(verdicts).toMatchObject([{ counts: { accept: 4 }, error: undefined }])
    expect(group.leader().stored).toHaveLength(4)
    expect(group.leader().session?.partitions).toEqual(new Set(['orders-0']))
  })

  it('answers offsets that hold no record by itself', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 9, bytes: recordsOf({ first: 2, last: 5 }) })
    const records = await take(engine)
    expect(records.map(({ offset }) => offset)).toEqual([2, 3, 4, 5])
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(group.leader().stored.filter((what) => what.endsWith('GAP'))).toHaveLength(6)
    expect(engine.counters.snapshot()).toMatchObject({ acquired: 10, accepted: 4, gaps: 6 })
  })

  it('hands on at once all that one answer brought', async () => {
    group.topic('orders', [1, 1, 1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give(...[0, 1, 2].map((partition) => ({ partition, first: 0, last: 1 })))
    expect((await take(engine)).map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ])
  })

  it('that brings gaps only is answered without the application', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 2, bytes: Buffer.alloc(0) })
    await idle(engine, 1_000)
    expect(group.leader().stored).toEqual(['orders-0@0 GAP', 'orders-0@1 GAP', 'orders-0@2 GAP'])
  })

  it('that brings a corrupt batch rejects that and delivers the rest', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    const bad = recordsOf({ first: 3, last: 5 })
    bad.writeUInt8(0x58, bad.indexOf('v4'))
    group.leader().give({
      first: 0,
      last: 8,
      bytes: Buffer.concat([recordsOf({ first: 0, last: 2 }), bad, recordsOf({ first: 6, last: 8 })]),
    })
    const records = await take(engine)
    expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 6, 7, 8])
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(group.leader().stored.filter((what) => what.endsWith('REJECT'))).toEqual([
      'orders-0@3 REJECT',
      'orders-0@4 REJECT',
      'orders-0@5 REJECT',
    ])
    expect(group.errors).toMatchObject([expect.stringMatching(/offset 3 of orders-0.*3 records are rejected/)])
  })

  it.each([
    ['that is no record batch at all', Buffer.alloc(200, 0xff)],
    ['of a batch with an impossible length', Buffer.alloc(200)],
  ])('that brings bytes %s rejects them and goes on', async (_, bytes) => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1, bytes })
    await idle(engine, 500)
    group.leader().give({ first: 2, last: 2 })
    expect((await take(engine)).map(({ offset }) => offset)).toEqual([2])
    expect(group.leader().stored.filter((what) => !what.startsWith('orders-0@2'))).toHaveLength(2)
  })

  it('that brings what no codec here can read gives it back and is fatal', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    const builder = new RecordBatchBuilder({ compression: CompressionType.LZ4 })
    for (const offset of [0, 1]) builder.append({ timestamp: 1, key: null, value: Buffer.from('v'), offset })
    const bytes = await builder.build()
    const codec = defaultCompressionCodecs.get(CompressionType.LZ4)
    defaultCompressionCodecs.register('lz4', () => {
      throw new Error('its native part is for another system')
    })
    try {
      group.leader().give({ first: 0, last: 1, bytes })
      const failure = await group.until(engine.take().catch((error: unknown) => error))
      expect(failure).toMatchObject({
        code: 'CODEC_FAILED',
        message: expect.stringContaining('another system') as string,
      })
      await expect(engine.take()).rejects.toBe(failure)
      await group.clock.advance(100)
      expect(group.leader().stored).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE'])
    } finally {
      defaultCompressionCodecs.register('lz4', () => codec)
    }
  })
})

describe('an answer that makes no sense', () => {
  const answer = (responses: FetchAnswer['responses']) => () => ({
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    acquisitionLockTimeoutMs: LOCK_MS,
    responses,
    nodeEndpoints: [],
  })
  const acquiring = (partitionIndex: number, firstOffset: number, lastOffset: number) => ({
    partitionIndex,
    errorCode: 0,
    errorMessage: null,
    acknowledgeErrorCode: 0,
    acknowledgeErrorMessage: null,
    currentLeader: { leaderId: 0, leaderEpoch: 0 },
    records: recordsOf({ first: 0, last: 3 }),
    acquiredRecords: [{ firstOffset, lastOffset, deliveryCount: 1 }],
  })

  it('because it acquires beyond measure is told as an error of its partition, and the others go on', async () => {
    const { topicId } = group.topic('orders', [1, 1])
    const { engine } = group.subscribed(explicit)
    group.leader().next('ShareFetch', answer([{ topicId, partitions: [acquiring(0, 0, 2 ** 40), acquiring(1, 0, 3)] }]))
    const failure = await group.until(engine.take().catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaProtocolError.is)
    expect(failure).toMatchObject({ message: expect.stringContaining('orders-0') as string })
    expect(await take(engine)).toMatchObject([{ partition: 1 }, {}, {}, {}])
  })

  it('because nobody asked for the partition is not used, and said once', async () => {
    const { topicId } = group.topic('orders', [1, 1])
    group.heartbeat = (request) => ({
      ...group.welcome(request),
      ...(request.memberEpoch === 0 ? { assignment: { topicPartitions: [{ topicId, partitions: [0] }] } } : {}),
    })
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    const other = 'CCCCCCCCCCCCCCCCCCCCCQ'
    for (let i = 0; i < 3; i++) {
      group.leader().next(
        'ShareFetch',
        answer([
          { topicId, partitions: [acquiring(1, 0, 3), acquiring(1_000_000_000, 0, 3), acquiring(-1, 0, 3)] },
          { topicId: other, partitions: [acquiring(0, 0, 3)] },
        ]),
      )
    }
    expect(await idle(engine, 3_000)).toEqual([])
    expect(group.warnings.filter((message) => message.includes('not asked for'))).toHaveLength(1)
    group.leader().give({ first: 0, last: 0 })
    expect(await take(engine)).toHaveLength(1)
  })
})

describe('an acknowledgement', () => {
  async function holding(
    last: number,
    options: object = explicit,
  ): Promise<{ engine: Engine; records: readonly TakenRecord[] }> {
    const { engine } = group.subscribed(options)
    await idle(engine, 10)
    group.leader().give({ first: 0, last })
    return { engine, records: await take(engine) }
  }

  it('travels with a fetch that is due', async () => {
    const { engine, records } = await holding(2)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await idle(engine, 10)
    expect(group.leader().acknowledges).toEqual([])
    expect(group.leader().fetches.flatMap(acknowledged)).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ])
    expect(group.leader().stored).toHaveLength(3)
  })

  it('goes by itself when no fetch is due, all together', async () => {
    const { engine, records } = await holding(2)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.clock.advance(100)
    expect(group.leader().acknowledges.map(acknowledged)).toEqual([
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    ])
  })

  it('waits shortly for company while other records are out', async () => {
    const { engine, records } = await holding(9)
    for (const record of records.slice(0, 5)) {
      engine.settle(record, 'ACCEPT')
      await group.clock.advance(1)
    }
    expect(group.leader().stored).toEqual([])
    await group.clock.advance(30)
    expect(group.leader().stored).toHaveLength(5)
    expect(group.leader().acknowledges).toHaveLength(1)
  })

  it('does not wait for company when somebody waits for its verdict', async () => {
    const { engine, records } = await holding(9)
    for (const record of records.slice(0, 5)) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeLessThan(3)
    expect(group.leader().stored).toHaveLength(5)
  })

  it.each(['RELEASE', 'RENEW'] as const)(
    'of type %s goes at once, by a request of its own, and the fetch after that',
    async (type) => {
      const { engine, records } = await holding(3)
      const [record] = records
      if (record === undefined) throw new Error('nothing came')
      engine.settle(record, type)
      await idle(engine, 5)
      expect(group.leader().acknowledges.map(acknowledged)).toEqual([[[0, type === 'RELEASE' ? 2 : 4]]])
      expect(group.leader().fetches.flatMap(acknowledged)).toEqual([])
    },
  )

  it('of the same type and range is one batch however many records there are', async () => {
    const { engine, records } = await holding(999)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    const sent = group
      .leader()
      .requests.flatMap(({ body }) =>
        body.topics.flatMap(({ partitions }) => partitions.flatMap((p) => p.acknowledgementBatches)),
      )
    expect(sent).toMatchObject([{ firstOffset: 0, lastOffset: 999 }])
    expect([...(sent[0]?.acknowledgeTypes ?? [])]).toEqual([1])
  })

  it('that the broker refuses for good is told once and not sent again; the engine goes on', async () => {
    const { engine, records } = await holding(1)
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ counts: { accept: 2 }, error: { code: 'INVALID_RECORD_STATE' } }])
    await idle(engine, 5_000)
    expect(verdicts).toHaveLength(1)
    expect(group.leader().requests.flatMap(({ body }) => acknowledged(body))).toHaveLength(2)
  })

  it('that is refused because of one range does not cost the others', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 }, { first: 10, last: 11 }, { first: 20, last: 21 })
    const records = await take(engine)
    expect(records).toHaveLength(6)
    // The lock of the middle one has run out at the broker.
    for (const offset of [10, 11]) group.leader().session?.held.delete(`orders-0@${offset}`)
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toEqual([
      'orders-0@0 ACCEPT',
      'orders-0@1 ACCEPT',
      'orders-0@20 ACCEPT',
      'orders-0@21 ACCEPT',
    ])
    expect(verdicts.filter(({ error }) => error !== undefined)).toMatchObject([
      { counts: { accept: 2 }, error: { code: 'INVALID_RECORD_STATE' } },
    ])
    expect(engine.counters.snapshot()).toMatchObject({ accepted: 4, failed: 2 })
  })

  it('that failed for a reason that passes is sent again with pauses, and whoever waits for it goes on waiting', async () => {
    const { engine, records } = await holding(1)
    let refusals = 5
    group.leader().acknowledgeError = () => (refusals-- > 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    for (const record of records) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(group.leader().stored).toHaveLength(2)
    expect(tookMs).toBeGreaterThan(400)
    expect(tookMs).toBeLessThan(6_000)
  })

  it('that goes on failing for a reason that passes ends in a timeout after defaultApiTimeoutMs', async () => {
    const { engine, records } = await holding(1, { ...explicit, defaultApiTimeoutMs: 5_000 })
    group.leader().acknowledgeError = () => ErrorCode.COORDINATOR_NOT_AVAILABLE
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeGreaterThanOrEqual(5_000)
    expect(tookMs).toBeLessThan(7_000)
    expect(verdicts).toHaveLength(1)
    expect(verdicts[0]?.error).toSatisfy(KafkaTimeoutError.is)
    expect(verdicts[0]?.error).toMatchObject({ cause: { code: 'COORDINATOR_NOT_AVAILABLE' } })
    expect(group.leader().requests.length).toBeLessThan(70)
  })

  it('that was refused for a reason that passes is sent again at once when somebody asks for its verdict', async () => {
    const { engine, records } = await holding(1, { ...explicit, retryBackoffMs: 1_000 })
    let refusals = 1
    group.leader().acknowledgeError = () => (refusals-- > 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    for (const record of records) engine.settle(record, 'RELEASE')
    await group.clock.advance(100)
    expect(group.leader().stored).toEqual([])
    expect([...engine.pendingPartitions()]).toHaveLength(1)
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeLessThan(3)
    expect(group.leader().stored).toHaveLength(2)
  })

  it('never waits for the records that a fetch with it waits for', async () => {
    const { engine, records } = await holding(1, { ...explicit, prefetch: 100 })
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.clock.advance(5)
    const carrying = group.leader().fetches.at(-1)
    expect(acknowledged(carrying ?? { topics: [] })).toHaveLength(2)
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeLessThanOrEqual(20)
    // And then records are waited for as ever.
    await group.clock.advance(5)
    expect(group.leader().fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
  })

  it('is at the broker within 35 ms, whatever the application does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(6), fc.nat(40)), { minLength: 10, maxLength: 60 }), async (steps) => {
        const leader = group.leader()
        const { consumer, engine } = group.subscribed({ ...explicit, prefetch: 100 })
        await idle(engine, 10)
        let next = 0
        const out: TakenRecord[] = []
        const answered: { readonly name: string; readonly at: number }[] = []
        const pass = async (ms: number): Promise<void> => {
          for (let i = 0; i < ms; i++) {
            await group.clock.advance(1)
            for (const { name, at } of answered.splice(0)) {
              if (leader.stored.includes(name)) continue
              expect(group.clock.now() - at).toBeLessThanOrEqual(35)
              answered.push({ name, at })
            }
          }
        }
        for (const [what, ms] of steps) {
          if (what === 0) {
            leader.give({ first: next, last: next + (ms % 4) })
            next += (ms % 4) + 1
          } else if (what === 1) {
            const { records } = await engine.take({ atOnce: true })
            out.push(...records)
          } else if (what === 2) void engine.whenSettled()
          else {
            const [record] = out.splice(ms % (out.length + 1), 1)
            if (record !== undefined) {
              const type = (['ACCEPT', 'RELEASE', 'REJECT', 'RENEW'] as const)[what - 3] ?? 'ACCEPT'
              engine.settle(record, type)
              answered.push({ name: `orders-0@${record.offset} ${type}`, at: group.clock.now() })
            }
          }
          await pass(ms)
        }
        await pass(40)
        expect(answered).toEqual([])
        await group.until(consumer.close())
        await group.end()
        group = new ScriptedGroup()
      }),
      { numRuns: 60 },
    )
  })

  it('that the answer leaves out is told as failed', async () => {
    const { engine, records } = await holding(0)
    group.leader().next('ShareAcknowledge', () => ({
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      acquisitionLockTimeoutMs: 1,
      responses: [],
      nodeEndpoints: [],
    }))
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ error: { code: 'INVALID_RECORD_STATE' } }])
    expect(verdicts[0]?.error?.message).toMatch(/does not mention/)
  })

  it('that the answer to the fetch which carried it leaves out is told as failed, too', async () => {
    const { engine, records } = await holding(0)
    group.leader().next('ShareFetch', () => ({
      throttleTimeMs: 0,
      errorCode: 0,
      errorMessage: null,
      acquisitionLockTimeoutMs: LOCK_MS,
      responses: [],
      nodeEndpoints: [],
    }))
    const verdicts = verdictsOf(engine)
    void engine.take().catch(() => undefined)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    const carrying = group
      .leader()
      .fetches.filter(({ topics }) =>
        topics.some(({ partitions }) => partitions.some((each) => each.acknowledgementBatches.length > 0)),
      )
    expect(carrying).toHaveLength(1)
    expect(verdicts).toMatchObject([{ error: { code: 'INVALID_RECORD_STATE' } }])
  })

  it('has all its time in a new session, however long those of the old one were refused', async () => {
    const { engine, records } = await holding(0, { ...explicit, defaultApiTimeoutMs: 5_000 })
    group.leader().acknowledgeError = () => ErrorCode.COORDINATOR_NOT_AVAILABLE
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.clock.advance(4_000)
    group.leader().cut()
    await idle(engine, 1_000)
    group.leader().give({ first: 5, last: 5 })
    const verdicts = verdictsOf(engine)
    for (const record of await take(engine)) engine.settle(record, 'ACCEPT')
    await group.clock.advance(2_000)
    group.leader().acknowledgeError = undefined
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ batches: [{ firstOffset: 5 }], error: undefined }])
    expect(group.leader().stored).toEqual(['orders-0@5 ACCEPT'])
  })

  it('does not wait for records on another broker', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 2 })
    group.topic('orders', [1, 2])
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader(1).give({ first: 0, last: 0 })
    const records = await take(engine)
    expect(group.leader(2).fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
    for (const record of records) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeLessThanOrEqual(20)
    expect(group.leader(1).stored).toHaveLength(1)
  })
})

describe('a share session that ends', () => {
  it.each(['SHARE_SESSION_NOT_FOUND', 'INVALID_SHARE_SESSION_EPOCH', 'SHARE_SESSION_LIMIT_REACHED'] as const)(
    'with %s: a new one begins on a new connection, and nothing of the old one is sent in it',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      await idle(engine, 10)
      group.leader().give({ first: 0, last: 3 })
      const [a, b, ...rest] = await take(engine)
      if (a === undefined || b === undefined) throw new Error('nothing came')
      const verdicts = verdictsOf(engine)
      group.leader().refuseNext('ShareAcknowledge', ErrorCode[code])
      engine.settle(a, 'RELEASE')
      await group.clock.advance(5)
      expect(verdicts).toHaveLength(1)
      expect(verdicts[0]).toMatchObject({ counts: { release: 1 }, error: { code: 'NETWORK_EXCEPTION' } })
      expect(verdicts[0]?.error).toSatisfy(KafkaConnectionError.is)
      expect([b, ...rest].map((record) => engine.holds(record))).toEqual([false, false, false])
      expect(engine.settle(b, 'ACCEPT')).toBe(false)
      const accepted = group.leader().node.accepted
      group.leader().give({ first: 0, last: 3, deliveryCount: 2 })
      const again = await take(engine)
      expect(again.map(({ deliveryCount }) => deliveryCount)).toEqual([2, 2, 2, 2])
      expect(group.leader().node.accepted).toBe(accepted + 1)
      expect(group.leader().fetches.at(-1)?.shareSessionEpoch).toBe(0)
      for (const record of again) engine.settle(record, 'ACCEPT')
      await group.until(engine.whenSettled())
      expect(group.leader().stored).toHaveLength(4)
      expect(engine.counters.snapshot()).toMatchObject({ lost: 3, stale: 1, redelivered: 4, accepted: 4 })
    },
  )

  it('with its connection: what was on its way fails, whoever waits for it is told, and fetching goes on', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    const records = await take(engine)
    const verdicts = verdictsOf(engine)
    group.leader().next('ShareAcknowledge', () => undefined)
    for (const record of records) engine.settle(record, 'RELEASE')
    const settled = engine.whenSettled()
    await group.clock.advance(100)
    group.leader().cut()
    await group.until(settled)
    expect(verdicts).toMatchObject([{ counts: { release: 2 }, error: { code: 'NETWORK_EXCEPTION' } }])
    group.leader().give({ first: 0, last: 1, deliveryCount: 2 })
    expect(await take(engine)).toHaveLength(2)
  })

  it('at once with the answer of a request: that is the word on what was sent, and a new one begins', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    const records = await take(engine)
    const verdicts = verdictsOf(engine)
    group.leader().answerAndCut = true
    for (const record of records) engine.settle(record, 'RELEASE')
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ counts: { release: 2 }, error: undefined }])
    await idle(engine, 2_000)
    const later = group.leader().fetches.slice(1)
    expect(later.map(({ shareSessionEpoch }) => shareSessionEpoch)).toEqual(later.map((_, i) => i))
  })

  it('because the broker does not answer: the connection is given up after requestTimeoutMs', async () => {
    const { engine } = group.subscribed({ ...explicit, requestTimeoutMs: 2_000 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 0 })
    const records = await take(engine)
    const verdicts = verdictsOf(engine)
    group.leader().next('ShareAcknowledge', () => undefined)
    for (const record of records) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeGreaterThanOrEqual(2_000)
    expect(tookMs).toBeLessThan(2_100)
    expect(verdicts).toMatchObject([
      { error: { code: 'NETWORK_EXCEPTION', cause: expect.toSatisfy(KafkaTimeoutError.is) as unknown } },
    ])
    group.leader().give({ first: 1, last: 1 })
    expect(await take(engine)).toHaveLength(1)
  })

  it('while its records wait in the buffer: they are not handed out', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 0 })
    const first = await take(engine)
    group.leader().give({ first: 1, last: 5 })
    await group.clock.advance(200)
    expect(engine.bufferedRecords).toBe(5)
    group.leader().cut()
    await group.clock.advance(10)
    for (const record of first) expect(engine.settle(record, 'ACCEPT')).toBe(false)
    group.leader().give({ first: 9, last: 9 })
    expect((await take(engine)).map(({ offset }) => offset)).toEqual([9])
  })

  it('again and again leads to no tight loop', async () => {
    const { engine } = group.subscribed(explicit)
    for (let i = 0; i < 1_000; i++) group.leader().next('ShareFetch', () => 'cut')
    await idle(engine, 10_000)
    expect(group.leader().fetches.length).toBeLessThan(60)
    expect(group.leader().fetches.length).toBeGreaterThan(4)
  })
})

describe('a broker that refuses', () => {
  it.each(['TOPIC_AUTHORIZATION_FAILED'] as const)(
    'one partition with %s: it is told, without a tight loop, and the others go on',
    async (code) => {
      group.topic('orders', [1, 1])
      const { engine } = group.subscribed(explicit)
      group.leader().fetchError = (partition) => (partition === 'orders-1' ? ErrorCode[code] : 0)
      await expect(group.until(engine.take())).rejects.toMatchObject({ code })
      const before = group.leader().fetches.length
      const failures: unknown[] = []
      const until = group.clock.now() + 10_000
      while (group.clock.now() < until) {
        await group.until(
          engine.take({ signal: timeout(until - group.clock.now()) }).catch((error: unknown) => failures.push(error)),
        )
      }
      expect(group.leader().fetches.length - before).toBeLessThan(40)
      expect(failures.length).toBeLessThan(15)
      group.leader().give({ first: 0, last: 0 })
      let records: readonly TakenRecord[] = []
      for (let i = 0; i < 10 && records.length === 0; i++) records = await take(engine).catch(() => [])
      expect(records).toHaveLength(1)
      // And heals.
      group.leader().fetchError = undefined
      for (const record of records) engine.settle(record, 'ACCEPT')
      group.leader().give({ partition: 1, first: 0, last: 0 })
      records = []
      for (let i = 0; i < 10 && records.length === 0; i++) records = await take(engine).catch(() => [])
      expect(records).toMatchObject([{ partition: 1 }])
    },
  )

  it('one partition does not slow down the others', async () => {
    group.topic('orders', [1, 1])
    const { engine } = group.subscribed(explicit)
    group.leader().fetchError = (partition) => (partition === 'orders-1' ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : 0)
    await expect(group.until(engine.take())).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    await idle(engine, 2_000)
    const startedAt = group.clock.now()
    let seen = 0
    while (seen < 50 && group.clock.now() - startedAt < 10_000) {
      group.leader().give({ first: seen, last: seen })
      const records = await take(engine).catch(() => [])
      for (const record of records) engine.settle(record, 'ACCEPT')
      seen += records.length
    }
    expect(seen).toBe(50)
    expect(group.clock.now() - startedAt).toBeLessThan(1_500)
  })

  it('the group: every poll is told, without a tight loop, and it heals', async () => {
    const { engine } = group.subscribed(explicit)
    for (let i = 0; i < 5; i++) group.leader().refuseNext('ShareFetch', ErrorCode.GROUP_AUTHORIZATION_FAILED)
    const startedAt = group.clock.now()
    for (let i = 0; i < 5; i++)
      await expect(group.until(engine.take())).rejects.toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
    expect(group.clock.now() - startedAt).toBeGreaterThan(800)
    group.leader().give({ first: 0, last: 0 })
    expect(await take(engine)).toHaveLength(1)
  })

  it.each(['UNKNOWN_SERVER_ERROR', 'COORDINATOR_NOT_AVAILABLE', 'KAFKA_STORAGE_ERROR'] as const)(
    'a whole fetch with %s: it is tried again after pauses, in the same session, and nobody is told',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      await idle(engine, 10)
      for (let i = 0; i < 4; i++) group.leader().refuseNext('ShareFetch', ErrorCode[code])
      expect(await idle(engine, FETCH_WAIT_MS)).toEqual([])
      group.leader().give({ first: 0, last: 0 })
      const records = await take(engine, 20_000)
      expect(records).toHaveLength(1)
      expect(group.leader().fetches.filter(({ shareSessionEpoch }) => shareSessionEpoch === 0)).toHaveLength(1)
    },
  )

  it.each(['INVALID_REQUEST', 'UNSUPPORTED_VERSION'] as const)(
    'a whole fetch with %s: every poll is told from then on',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      group.leader().refuseNext('ShareFetch', ErrorCode[code])
      const failure = await group.until(engine.take().catch((error: unknown) => error))
      expect(failure).toSatisfy(KafkaBrokerError.is)
      expect(failure).toMatchObject({ code })
      await expect(engine.take()).rejects.toBe(failure)
    },
  )

  it.each([
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'OFFSET_NOT_AVAILABLE',
    'UNKNOWN_SERVER_ERROR',
    'UNKNOWN_LEADER_EPOCH',
    'KAFKA_STORAGE_ERROR',
  ] as const)('one partition with %s: it is tried again without a tight loop, and nobody is told', async (code) => {
    const { engine } = group.subscribed(explicit)
    group.leader().fetchError = () => ErrorCode[code]
    expect(await idle(engine, 5_000)).toEqual([])
    expect(group.leader().fetches.length).toBeLessThan(60)
    group.leader().fetchError = undefined
    group.leader().give({ first: 0, last: 0 })
    expect(await take(engine)).toHaveLength(1)
  })

  it('connections: it is tried again with pauses, and goes on when it takes them', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    group.leader().node.refuses = new KafkaConnectionError('connection refused')
    group.leader().cut()
    await idle(engine, 10_000)
    const attempts = group.network.attempts.length
    await idle(engine, 10_000)
    expect(group.network.attempts.length - attempts).toBeLessThan(60)
    group.leader().node.refuses = undefined
    group.leader().give({ first: 0, last: 0 })
    let records: readonly TakenRecord[] = []
    for (let i = 0; i < 5 && records.length === 0; i++) records = await take(engine).catch(() => [])
    expect(records).toHaveLength(1)
  })
})

describe('a broker that throttles (KIP-219)', () => {
  const throttled = (throttleTimeMs: number) => () => ({
    throttleTimeMs,
    errorCode: 0,
    errorMessage: null,
    acquisitionLockTimeoutMs: LOCK_MS,
    responses: [],
    nodeEndpoints: [],
  })

  it('is sent nothing until the time is over, and the others are', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 2 })
    group.topic('orders', [1, 2])
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    group.leader(1).give({ first: 0, last: 1 })
    const records = await take(engine)
    group.leader(1).next('ShareFetch', throttled(3_000))
    await group.clock.advance(25)
    const [one, two] = [1, 2].map((nodeId) => group.leader(nodeId).requests.length)
    for (const record of records) engine.settle(record, 'RELEASE')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeGreaterThan(2_900)
    expect(tookMs).toBeLessThan(3_100)
    expect(group.leader(1).requests[one ?? 0]?.api).toBe('ShareAcknowledge')
    expect(group.leader(1).stored).toHaveLength(2)
    expect(group.leader(2).requests.length - (two ?? 0)).toBeGreaterThan(3)
  })

  it('beyond all measure is asked again after requestTimeoutMs', async () => {
    const { engine } = group.subscribed({ ...explicit, requestTimeoutMs: 2_000 })
    group.leader().next('ShareFetch', throttled(0x7fff_ffff))
    await idle(engine, 1_000)
    const before = group.leader().fetches.length
    await idle(engine, 2_000)
    expect(group.leader().fetches.length).toBeGreaterThan(before)
  })
})

describe('a partition whose leader moved', () => {
  it.each(['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH'] as const)(
    'with %s and a hint is fetched from there at once',
    async (code) => {
      await group.end()
      group = new ScriptedGroup({ nodes: 2 })
      const topic = group.topic('orders', [1])
      const { engine } = group.subscribed(explicit)
      await idle(engine, 100)
      group.leader(1).fetchError = () => ErrorCode[code]
      group.leader(1).hint = { leaderId: 2, leaderEpoch: 5, endpoints: [2] }
      await group.clock.advance(FETCH_WAIT_MS)
      // The metadata still names the old leader.
      expect(topic.leaders).toEqual([1])
      group.leader(2).give({ first: 0, last: 0 })
      const { value, tookMs } = await group.timed(engine.take())
      expect(value.records).toHaveLength(1)
      expect(tookMs).toBeLessThan(700)
      // The session with the old leader is not needed any more.
      await group.clock.advance(5_000)
      expect(group.leader(1).session).toBeUndefined()
    },
  )

  it('is not followed to a leader that is named beside another error, where the field means nothing', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 2 })
    group.topic('orders', [1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    group.leader(1).fetchError = () => ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    group.leader(1).hint = {
      leaderId: 2,
      leaderEpoch: 5,
      endpoints: [2],
      errors: [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    }
    await idle(engine, 3_000)
    expect(group.leader(2).requests).toEqual([])
  })

  it('without a hint is looked up, and the hint that is none (node 0) is not followed', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 2 })
    const topic = group.topic('orders', [1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    group.leader(1).fetchError = () => ErrorCode.NOT_LEADER_OR_FOLLOWER
    topic.leaders[0] = 2
    topic.leaderEpoch = 2
    group.leader(2).give({ first: 0, last: 0 })
    expect(await take(engine)).toHaveLength(1)
    expect(group.network.attempts.filter((address) => address.startsWith('broker-0'))).toEqual([])
  })

  it('leaves acknowledgements with the broker that handed the records out, and reports its refusal', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 2 })
    group.topic('orders', [1])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    group.leader(1).give({ first: 0, last: 1 })
    const records = await take(engine)
    group.leader(1).fetchError = () => ErrorCode.NOT_LEADER_OR_FOLLOWER
    group.leader(1).acknowledgeError = () => ErrorCode.NOT_LEADER_OR_FOLLOWER
    group.leader(1).hint = { leaderId: 2, leaderEpoch: 5, endpoints: [2] }
    const verdicts = verdictsOf(engine)
    for (const record of records) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ counts: { accept: 2 }, error: { code: 'NOT_LEADER_OR_FOLLOWER' } }])
    group.leader(2).give({ first: 0, last: 1, deliveryCount: 1 })
    expect(await take(engine)).toHaveLength(2)
    expect(group.leader(2).requests.flatMap(({ body }) => acknowledged(body))).toEqual([])
  })
})

describe('several brokers', () => {
  it('have a connection and a session each, and an idle one holds up nobody', async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 3 })
    group.topic('orders', [1, 2, 3])
    const { engine } = group.subscribed(explicit)
    await idle(engine, 100)
    for (const nodeId of [1, 2, 3]) {
      group.leader(nodeId).give({ partition: nodeId - 1, first: 0, last: 0 })
      const { value, tookMs } = await group.timed(engine.take())
      expect(value.records).toMatchObject([{ partition: nodeId - 1 }])
      expect(tookMs).toBeLessThan(30)
      for (const record of value.records) engine.settle(record, 'ACCEPT')
    }
    await group.until(engine.whenSettled())
    for (const nodeId of [1, 2, 3]) expect(group.leader(nodeId).stored).toHaveLength(1)
  })
})

describe("with acquireMode 'record_limit'", () => {
  const limited = { ...explicit, acquireMode: 'record_limit', maxPollRecords: 5 } as const

  beforeEach(async () => {
    await group.end()
    group = new ScriptedGroup({ nodes: 3 })
    group.topic('orders', [1, 2, 3])
  })

  it('one broker at a time is asked for records, in turns', async () => {
    const { engine } = group.subscribed(limited)
    await idle(engine, 1_000)
    const asked = [1, 2, 3].flatMap((nodeId) =>
      group.leader(nodeId).fetches.map(({ at, maxWaitMs }) => ({ nodeId, at, until: at + maxWaitMs })),
    )
    asked.sort((a, b) => a.at - b.at)
    for (const [i, { at, nodeId }] of asked.entries()) {
      const before = asked[i - 1]
      if (before === undefined) continue
      expect(at).toBeGreaterThanOrEqual(before.until)
      expect(nodeId).not.toBe(before.nodeId)
    }
    // And no tight loop.
    expect(asked.length).toBeLessThan(60)
    expect(asked.length).toBeGreaterThan(20)
  })

  it('none is asked that would lock more than the application gets, and acknowledgements do not wait for their turn', async () => {
    const { engine } = group.subscribed(limited)
    await idle(engine, 10)
    for (const nodeId of [1, 2, 3]) group.leader(nodeId).give({ partition: nodeId - 1, first: 0, last: 4 })
    const records = await take(engine)
    expect(records).toHaveLength(5)
    const [owner] = records.map(({ partition }) => partition + 1)
    await group.clock.advance(500)
    expect([1, 2, 3].reduce((held, nodeId) => held + (group.leader(nodeId).session?.held.size ?? 0), 0)).toBe(5)
    for (const record of records) engine.settle(record, 'ACCEPT')
    const { tookMs } = await group.timed(engine.whenSettled())
    expect(tookMs).toBeLessThanOrEqual(20)
    expect(group.leader(owner).stored).toHaveLength(5)
    const seen = new Set([owner])
    for (let i = 0; i < 2; i++) {
      const next = await take(engine)
      for (const record of next) engine.settle(record, 'ACCEPT')
      seen.add((next[0]?.partition ?? -1) + 1)
    }
    expect(seen).toEqual(new Set([1, 2, 3]))
  })

  it('a broker that is gone, throttles or says nothing does not end the turns of the others', async () => {
    const { engine } = group.subscribed(limited)
    await idle(engine, 100)
    group.leader(1).node.refuses = new KafkaConnectionError('connection refused')
    group.leader(1).cut()
    group.leader(2).next('ShareFetch', () => ({
      throttleTimeMs: 1_500,
      errorCode: 0,
      errorMessage: null,
      acquisitionLockTimeoutMs: LOCK_MS,
      responses: [],
      nodeEndpoints: [],
    }))
    await idle(engine, 100)
    group.leader(3).give({ partition: 2, first: 0, last: 0 })
    const { value, tookMs } = await group.timed(engine.take())
    expect(value.records).toHaveLength(1)
    expect(tookMs).toBeLessThan(50)
    group.leader(3).next('ShareFetch', () => undefined)
    await idle(engine, 2_000)
    group.leader(2).give({ partition: 1, first: 0, last: 0 })
    expect(await take(engine)).toMatchObject([{ partition: 1 }])
  })
})

describe('the length of acquired ranges', () => {
  it.each([
    [{ batchSize: 3 }, undefined, { maxRecords: 16, batchSize: 3 }],
    [{ batchSize: 30 }, 20, { maxRecords: 16, batchSize: 20 }],
    [{}, 10, { maxRecords: 10, batchSize: 10 }],
    [{ maxPollRecords: 7 }, 7, { maxRecords: 7, batchSize: 7 }],
    [{ maxRecords: 70 }, 7, { maxRecords: 70, batchSize: 7 }],
    [{ maxRecords: 70 }, undefined, { maxRecords: 70, batchSize: 70 }],
  ])('given %j and a poll of %s is asked for as %j', async (options, max, expected) => {
    const { engine } = group.subscribed({ ...explicit, ...options })
    const taking = engine.take({ signal: timeout(100), max }).catch(() => undefined)
    await group.clock.advance(101)
    await taking
    expect(group.leader().fetches[0]).toMatchObject(expected)
  })
})

describe('closing', () => {
  it('sends what is answered and gives back the rest with the final request of the session', async () => {
    const { consumer, engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 3 })
    const [a] = await take(engine)
    group.leader().give({ first: 4, last: 5 })
    await group.clock.advance(100)
    if (a === undefined) throw new Error('nothing came')
    engine.settle(a, 'ACCEPT')
    await group.until(consumer.close())
    const closing = group.leader().acknowledges.at(-1)
    expect(closing?.shareSessionEpoch).toBe(FINAL_EPOCH)
    expect(group.leader().stored.sort()).toEqual(
      [0, 1, 2, 3, 4, 5].map((offset) => `orders-0@${offset} ${offset === 0 ? 'ACCEPT' : 'RELEASE'}`),
    )
    expect(engine.counters.snapshot()).toMatchObject({ accepted: 1, released: 5, failed: 0, lost: 0 })
    expect(group.leader().node.connections.size).toBe(0)
  })

  it('waits for the fetch that is out and gives back what that brings', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await idle(engine, 20)
    const taking = engine.take().catch((error: unknown) => error)
    await group.clock.advance(10)
    const closing = consumer.close()
    await group.clock.advance(50)
    group.leader().give({ first: 0, last: 2 })
    const { tookMs } = await group.timed(closing)
    expect(tookMs).toBeLessThan(FETCH_WAIT_MS)
    expect(await taking).toMatchObject({ code: 'CLOSED' })
    expect(group.leader().stored).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE', 'orders-0@2 RELEASE'])
  })

  it('is over in time when a broker says nothing any more', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 0 })
    await take(engine)
    group.leader().next('ShareAcknowledge', () => undefined)
    const { tookMs } = await group.timed(consumer.close({ timeoutMs: 1_500 }).catch(() => undefined))
    expect(tookMs).toBe(1_500)
    expect(group.leader().node.connections.size).toBe(0)
  })

  it.each(['fetch', 'acknowledgement'] as const)(
    'is over within 4 s, whatever its bound, when a broker owes the answer to a %s',
    async (what) => {
      const { consumer, engine } = group.subscribed(explicit)
      await idle(engine, 10)
      group.leader().give({ first: 0, last: 1 })
      const records = await take(engine)
      const verdicts = verdictsOf(engine)
      if (what === 'fetch') group.leader().next('ShareFetch', () => undefined)
      else group.leader().next('ShareAcknowledge', () => undefined)
      for (const record of records) engine.settle(record, what === 'fetch' ? 'ACCEPT' : 'RELEASE')
      await idle(engine, 100)
      // It rejects with an answer that was lost, after all is closed.
      const { tookMs } = await group.timed(consumer.close({ timeoutMs: 30_000 }).catch(() => undefined))
      expect(tookMs).toBeLessThan(4_000)
      expect(verdicts).toHaveLength(1)
      expect(verdicts[0]?.error).toSatisfy(KafkaConnectionError.is)
      expect(group.leader().node.connections.size).toBe(0)
    },
  )

  it('does not send the final request behind one that is not answered for 2 s', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().next('ShareFetch', () => undefined)
    await idle(engine, FETCH_WAIT_MS + 3_000)
    const before = group.leader().requests.length
    const { tookMs } = await group.timed(consumer.close({ timeoutMs: 30_000 }))
    expect(tookMs).toBeLessThan(50)
    expect(group.leader().requests.length).toBe(before)
  })

  it('waits out a throttling, within its bound, so that what is answered is stored', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    const records = await take(engine)
    group.leader().next('ShareFetch', () => ({
      throttleTimeMs: 4_000,
      errorCode: 0,
      errorMessage: null,
      acquisitionLockTimeoutMs: LOCK_MS,
      responses: [],
      nodeEndpoints: [],
    }))
    await idle(engine, 50)
    for (const record of records) engine.settle(record, 'ACCEPT')
    // A muted connection is not read until its time is over.
    const muted = group.clock.now() + 3_900
    group.leader().delay = () => Math.max(0, muted - group.clock.now())
    await group.until(consumer.close({ timeoutMs: 30_000 }))
    expect(group.leader().stored).toHaveLength(2)
  })

  it('does not wait for a broker that is gone', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 0 })
    await take(engine)
    group.leader().node.refuses = new KafkaConnectionError('connection refused')
    group.leader().cut()
    await group.clock.advance(50)
    const { tookMs } = await group.timed(consumer.close().catch(() => undefined))
    expect(tookMs).toBeLessThan(31_000)
    expect(group.leader().node.connections.size).toBe(0)
  })

  it('while it connects ends the connecting', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    await group.until(engine.whenJoined())
    group.leader().node.on(ApiVersions, () => undefined)
    const taking = engine.take().catch(() => undefined)
    await group.clock.advance(100)
    const { tookMs } = await group.timed(consumer.close({ timeoutMs: 2_000 }))
    await taking
    expect(tookMs).toBeLessThan(500)
  })
})

describe('releasing the rest', () => {
  it('gives back what is unanswered, fetches no more, and lets the answered be sent', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 3 })
    const [a] = await take(engine)
    group.leader().give({ first: 4, last: 5 })
    await group.clock.advance(100)
    if (a === undefined) throw new Error('nothing came')
    engine.settle(a, 'ACCEPT')
    expect(engine.releaseRest()).toBe(5)
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toHaveLength(6)
    const before = group.leader().fetches.length
    await group.clock.advance(10_000)
    expect(group.leader().fetches.length).toBe(before)
  })
})

describe('the end of fetching', () => {
  it('is reached with the answer of the fetch that is out; what it brought stays locked until the rest is released', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 20)
    expect(group.leader().fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
    let ended = false
    const ending = engine.endFetching().then(() => (ended = true))
    await group.clock.advance(10)
    expect(ended).toBe(false)
    group.leader().give({ first: 0, last: 2 })
    await group.clock.advance(10)
    await ending
    expect(engine.bufferedRecords).toBe(3)
    const before = group.leader().fetches.length
    await group.clock.advance(2_000)
    expect(group.leader().fetches.length).toBe(before)
    expect(group.leader().stored).toEqual([])
    expect(engine.releaseRest()).toBe(3)
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE', 'orders-0@2 RELEASE'])
  })

  it('is reached at once while none is out', async () => {
    const { engine } = group.subscribed(explicit)
    await engine.endFetching()
    await group.clock.advance(2_000)
    expect(group.leader().fetches).toEqual([])
  })
})

describe('what a fetch brings when it is not wanted any more', () => {
  it.each(['a release of the rest', 'a pause'])('because of %s is given back', async (why) => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 20)
    expect(group.leader().fetches.at(-1)?.maxWaitMs).toBe(FETCH_WAIT_MS)
    if (why === 'a pause') engine.pause()
    else engine.releaseRest()
    group.leader().give({ first: 0, last: 2 })
    await group.clock.advance(50)
    expect(group.leader().stored).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE', 'orders-0@2 RELEASE'])
    expect(engine.bufferedRecords).toBe(0)
  })
})

describe('a pause', () => {
  it('gives back what is buffered, leaves what is handed out, and fetches nothing until it ends', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    const records = await take(engine)
    group.leader().give({ first: 2, last: 4 })
    await group.clock.advance(100)
    engine.pause()
    await group.clock.advance(100)
    expect(group.leader().stored.sort()).toEqual(['orders-0@2 RELEASE', 'orders-0@3 RELEASE', 'orders-0@4 RELEASE'])
    const before = group.leader().fetches.length
    await group.clock.advance(10_000)
    expect(group.leader().fetches.length).toBe(before)
    for (const record of records) expect(engine.settle(record, 'ACCEPT')).toBe(true)
    engine.resume()
    group.leader().give({ first: 2, last: 2, deliveryCount: 2 })
    expect(await take(engine)).toMatchObject([{ offset: 2, deliveryCount: 2 }])
  })
})

describe('a broker of Kafka 4.1', () => {
  beforeEach(() => {
    const offered = [
      [ApiVersions, 0, 4],
      [ShareGroupHeartbeat, 1, 1],
      [ShareFetch, 1, 1],
      [ShareAcknowledge, 1, 1],
    ] as const
    const { node } = group.leader()
    const others = [3, 10].map((apiKey) => ({
      apiKey,
      minVersion: apiKey === 3 ? 10 : 4,
      maxVersion: apiKey === 3 ? 13 : 6,
    }))
    node.on(ApiVersions, () => ({
      errorCode: 0,
      throttleTimeMs: 0,
      apiKeys: [
        ...others,
        ...offered.map(([{ key }, minVersion, maxVersion]) => ({ apiKey: key, minVersion, maxVersion })),
      ],
      finalizedFeaturesEpoch: 1,
      finalizedFeatures: [{ name: 'share.version', maxVersionLevel: 1, minVersionLevel: 1 }],
    }))
  })

  it('serves what it can', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 1 })
    for (const record of await take(engine)) engine.settle(record, 'ACCEPT')
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toHaveLength(2)
  })

  it('takes no renewal: that is an error where it is asked for, and the record can still be answered', async () => {
    const { engine } = group.subscribed(explicit)
    await idle(engine, 10)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await take(engine)
    if (record === undefined) throw new Error('nothing came')
    expect(() => engine.settle(record, 'RENEW')).toThrow(KafkaUnsupportedVersionError)
    expect(() => engine.settle(record, 'RENEW')).toThrow(/4\.2/)
    expect(engine.settle(record, 'ACCEPT')).toBe(true)
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toEqual(['orders-0@0 ACCEPT'])
  })

  it('takes no record limit: that is told to every poll', async () => {
    const { engine } = group.subscribed({ ...explicit, acquireMode: 'record_limit' })
    const failure = await group.until(engine.take({ signal: timeout(5_000) }).catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaUnsupportedVersionError.is)
    expect((failure as Error).message).toMatch(/4\.2/)
  })
})

function empty() {
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    errorMessage: null,
    acquisitionLockTimeoutMs: LOCK_MS,
    responses: [],
    nodeEndpoints: [],
  }
}
