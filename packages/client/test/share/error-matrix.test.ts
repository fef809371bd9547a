import { ErrorCode, KafkaConnectionError, KafkaTimeoutError, Metadata } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'
import { acknowledged, ScriptedGroup } from './scripted-group.js'

// What each error code does at each place where a leader may put it (KIP-932; specification, sections 10.6, 10.10 and 11).

type Engine = ShareEngine<Buffer | null, Buffer | null>
type TakenRecord = ConsumerRecord<Buffer | null, Buffer | null>
type Code = keyof typeof ErrorCode

const explicit = { acknowledgementMode: 'explicit', prefetch: 0 } as const

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

/** The errors of an application that polls for so long; what it gets is accepted. */
async function errorsWhilePolling(engine: Engine, ms: number): Promise<unknown[]> {
  const errors: unknown[] = []
  const until = group.clock.now() + ms
  while (group.clock.now() < until) {
    const ended = new AbortController()
    group.clock.setTimer(() => ended.abort(), until - group.clock.now())
    await group.until(
      engine.take({ signal: ended.signal }).then(
        ({ records }) => {
          for (const record of records) engine.settle(record, 'ACCEPT')
        },
        (error: { code: string }) => {
          if (error.code !== 'ABORTED') errors.push(error.code)
        },
      ),
    )
  }
  return errors
}

async function holding(last: number, options: object = explicit): Promise<{ engine: Engine; records: TakenRecord[] }> {
  const { engine } = group.subscribed(options)
  group.leader().give({ first: 0, last })
  const { records } = await group.until(engine.take())
  return { engine, records: [...records] }
}

function verdictsOf(engine: Engine): AcknowledgementVerdict[] {
  const verdicts: AcknowledgementVerdict[] = []
  engine.onVerdict((verdict) => verdicts.push(verdict))
  return verdicts
}

const openings = (): number => group.leader().fetches.filter(({ shareSessionEpoch }) => shareSessionEpoch === 0).length
const metadataRequests = (): number => group.leader().node.seen(Metadata).length

describe('a whole ShareFetch with', () => {
  it.each<Code>(['GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'POLICY_VIOLATION'])(
    '%s is told, is asked again with pauses, and heals by itself in the same session',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      expect(await errorsWhilePolling(engine, 100)).toEqual([])
      const before = group.leader().fetches.length
      for (let i = 0; i < 16; i++) group.leader().refuseNext('ShareFetch', ErrorCode[code])
      const errors = await errorsWhilePolling(engine, 9_000)
      expect(new Set(errors)).toEqual(new Set([code]))
      expect(errors.length).toBeLessThan(15)
      expect(group.leader().fetches.length - before).toBeLessThan(20)
      await errorsWhilePolling(engine, 10_000)
      group.leader().give({ first: 0, last: 1 })
      expect(await errorsWhilePolling(engine, 2_000)).toEqual([])
      expect(group.leader().stored).toHaveLength(2)
      expect(openings()).toBe(1)
    },
  )

  it('GROUP_AUTHORIZATION_FAILED before there is a session asks for everything again when that is mended', async () => {
    group.topic('orders', [1, 1])
    const { engine } = group.subscribed(explicit)
    group.leader().refuseNext('ShareFetch', ErrorCode.GROUP_AUTHORIZATION_FAILED)
    expect(await errorsWhilePolling(engine, 1_000)).toEqual(['GROUP_AUTHORIZATION_FAILED'])
    const [, opening, next] = group.leader().fetches
    expect(opening).toMatchObject({ shareSessionEpoch: 0, topics: [{ partitions: [{}, {}] }] })
    expect(next).toMatchObject({ shareSessionEpoch: 1, topics: [] })
    expect(group.leader().session?.partitions.size).toBe(2)
  })

  it('SHARE_SESSION_LIMIT_REACHED is not told, and asked again with pauses', async () => {
    const { engine } = group.subscribed(explicit)
    for (let i = 0; i < 8; i++) group.leader().refuseNext('ShareFetch', ErrorCode.SHARE_SESSION_LIMIT_REACHED)
    expect(await errorsWhilePolling(engine, 10_000)).toEqual([])
    expect(group.leader().fetches.length).toBeLessThan(40)
    expect(group.leader().fetches.at(-1)?.shareSessionEpoch).toBeGreaterThan(0)
  })

  it.each<Code>(['UNKNOWN_SERVER_ERROR', 'COORDINATOR_NOT_AVAILABLE', 'KAFKA_STORAGE_ERROR', 'REQUEST_TIMED_OUT'])(
    '%s is not told, and logged once it lasts',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      for (let i = 0; i < 40; i++) group.leader().refuseNext('ShareFetch', ErrorCode[code])
      expect(await errorsWhilePolling(engine, 4_000)).toEqual([])
      expect(group.warnings).toEqual([])
      expect(await errorsWhilePolling(engine, 10_000)).toEqual([])
      expect(group.warnings).toMatchObject([expect.stringContaining(code)])
      expect(group.leader().fetches.length).toBeLessThan(30)
    },
  )
})

describe('one partition of a ShareFetch with', () => {
  it.each<Code>(['TOPIC_AUTHORIZATION_FAILED', 'CORRUPT_MESSAGE', 'INVALID_CONFIG'])(
    '%s is told now and then, is asked again with pauses, and heals by itself',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      group.leader().fetchError = () => ErrorCode[code]
      const errors = await errorsWhilePolling(engine, 10_000)
      expect(new Set(errors)).toEqual(new Set([code]))
      expect(errors.length).toBeGreaterThan(3)
      expect(errors.length).toBeLessThan(12)
      expect(group.leader().fetches.length).toBeLessThan(25)
      group.leader().fetchError = undefined
      group.leader().give({ first: 0, last: 1 })
      expect(await errorsWhilePolling(engine, 2_000)).toEqual([])
      expect(group.leader().stored).toHaveLength(2)
    },
  )

  it.each<Code>([
    'REPLICA_NOT_AVAILABLE',
    'KAFKA_STORAGE_ERROR',
    'OFFSET_NOT_AVAILABLE',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INCONSISTENT_TOPIC_ID',
  ])('%s refreshes the metadata, and is not told', async (code) => {
    const { engine } = group.subscribed(explicit)
    await errorsWhilePolling(engine, 500)
    const before = metadataRequests()
    group.leader().fetchError = () => ErrorCode[code]
    expect(await errorsWhilePolling(engine, 5_000)).toEqual([])
    expect(metadataRequests()).toBeGreaterThan(before)
    expect(group.leader().fetches.length).toBeLessThan(30)
    group.leader().fetchError = undefined
    group.leader().give({ first: 0, last: 1 })
    expect(await errorsWhilePolling(engine, 2_000)).toEqual([])
    expect(group.leader().stored).toHaveLength(2)
  })

  it.each<Code>(['UNKNOWN_SERVER_ERROR', 'UNKNOWN_LEADER_EPOCH', 'COORDINATOR_NOT_AVAILABLE'])(
    '%s is asked again with pauses, is not told, and logged once it lasts',
    async (code) => {
      const { engine } = group.subscribed(explicit)
      group.leader().fetchError = () => ErrorCode[code]
      expect(await errorsWhilePolling(engine, 4_000)).toEqual([])
      expect(group.warnings).toEqual([])
      expect(await errorsWhilePolling(engine, 10_000)).toEqual([])
      expect(group.warnings).toMatchObject([expect.stringContaining(code)])
      expect(group.leader().fetches.length).toBeLessThan(30)
    },
  )

  it('an error holds up neither acknowledgements nor, for long, the records of the others', async () => {
    group.topic('orders', [1, 1])
    const { engine, records } = await holding(9, { ...explicit, prefetch: 100 })
    group.leader().fetchError = (partition) => (partition === 'orders-1' ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : 0)
    await errorsWhilePolling(engine, 5_000)
    for (const record of records) {
      engine.settle(record, 'ACCEPT')
      const { tookMs } = await group.timed(engine.whenSettled())
      expect(tookMs).toBeLessThanOrEqual(20)
    }
    await errorsWhilePolling(engine, 3_000)
    group.leader().give({ first: 10, last: 10 })
    const asked = group.clock.now()
    while (!group.leader().stored.includes('orders-0@10 ACCEPT')) await errorsWhilePolling(engine, 10)
    expect(group.clock.now() - asked).toBeLessThan(100)
  })
})

// The same code at the three places where a leader refuses acknowledgements of a partition.
const FINAL: readonly Code[] = [
  'INVALID_RECORD_STATE',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_REQUEST',
  'UNKNOWN_SERVER_ERROR',
]
const PASSING: readonly Code[] = ['COORDINATOR_NOT_AVAILABLE', 'KAFKA_STORAGE_ERROR', 'REQUEST_TIMED_OUT']

describe.each([
  // A RELEASE has a request of its own.
  { place: 'a ShareAcknowledge', type: 'RELEASE' },
  { place: 'a ShareFetch', type: 'ACCEPT' },
] as const)('acknowledgements in $place refused with', ({ type }) => {
  it.each(FINAL)('%s are told once, not sent again, and the member goes on', async (code) => {
    const { engine, records } = await holding(1)
    const verdicts = verdictsOf(engine)
    group.leader().acknowledgeError = () => ErrorCode[code]
    for (const record of records) engine.settle(record, type)
    expect(await errorsWhilePolling(engine, 2_000)).toEqual([])
    expect(verdicts).toMatchObject([{ error: { code } }])
    expect([...engine.pendingPartitions()]).toEqual([])
    expect(group.leader().requests.flatMap(({ body }) => acknowledged(body))).toHaveLength(2)
    group.leader().acknowledgeError = undefined
    group.leader().give({ first: 2, last: 2 })
    expect(await errorsWhilePolling(engine, 2_000)).toEqual([])
    expect(group.leader().stored).toEqual(['orders-0@2 ACCEPT'])
  })

  it.each(PASSING)('%s are kept and sent again until they are stored', async (code) => {
    const { engine, records } = await holding(1)
    const verdicts = verdictsOf(engine)
    let refusals = 4
    group.leader().acknowledgeError = () => (refusals-- > 0 ? ErrorCode[code] : undefined)
    for (const record of records) engine.settle(record, type)
    expect(await errorsWhilePolling(engine, 200)).toEqual([])
    expect([...engine.pendingPartitions()]).toHaveLength(1)
    expect(verdicts).toEqual([])
    expect(await errorsWhilePolling(engine, 4_000)).toEqual([])
    expect(verdicts).toMatchObject([{ error: undefined }])
    expect(group.leader().stored).toEqual([`orders-0@0 ${type}`, `orders-0@1 ${type}`])
  })

  it.each(PASSING)('%s for ever are given up after defaultApiTimeoutMs', async (code) => {
    const { engine, records } = await holding(1, { ...explicit, defaultApiTimeoutMs: 3_000 })
    const verdicts = verdictsOf(engine)
    group.leader().acknowledgeError = () => ErrorCode[code]
    for (const record of records) engine.settle(record, type)
    await errorsWhilePolling(engine, 5_000)
    expect(verdicts).toHaveLength(1)
    expect(verdicts[0]?.error).toSatisfy(KafkaTimeoutError.is)
    expect([...engine.pendingPartitions()]).toEqual([])
  })

  it.each(['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH'] as const)(
    '%s and a hint make the member fetch from the new leader',
    async (code) => {
      await group.end()
      group = new ScriptedGroup({ nodes: 2 })
      group.topic('orders', [1])
      const { engine, records } = await holding(1)
      group.leader(1).acknowledgeError = () => ErrorCode[code]
      group.leader(1).hint = { leaderId: 2, leaderEpoch: 5, endpoints: [2] }
      for (const record of records) engine.settle(record, type)
      await errorsWhilePolling(engine, 300)
      group.leader(2).give({ first: 2, last: 2 })
      await errorsWhilePolling(engine, 300)
      expect(group.leader(2).stored).toEqual(['orders-0@2 ACCEPT'])
    },
  )
})

describe('a whole ShareAcknowledge with', () => {
  it('GROUP_AUTHORIZATION_FAILED is told, its answers are lost, and the session lives', async () => {
    const { engine, records } = await holding(1)
    const verdicts = verdictsOf(engine)
    group.leader().refuseNext('ShareAcknowledge', ErrorCode.GROUP_AUTHORIZATION_FAILED)
    const [a, b] = records
    if (a === undefined || b === undefined) throw new Error('nothing came')
    engine.settle(a, 'RELEASE')
    expect(await errorsWhilePolling(engine, 1_000)).toEqual(['GROUP_AUTHORIZATION_FAILED'])
    expect(verdicts).toMatchObject([{ error: { code: 'GROUP_AUTHORIZATION_FAILED' } }])
    engine.settle(b, 'ACCEPT')
    expect(await errorsWhilePolling(engine, 1_000)).toEqual([])
    expect(group.leader().stored).toEqual(['orders-0@1 ACCEPT'])
    expect(openings()).toBe(1)
  })

  it.each<Code>(['SHARE_SESSION_NOT_FOUND', 'INVALID_SHARE_SESSION_EPOCH'])(
    '%s loses its answers as a lost connection does, and a new session begins',
    async (code) => {
      const { engine, records } = await holding(1)
      const verdicts = verdictsOf(engine)
      group.leader().refuseNext('ShareAcknowledge', ErrorCode[code])
      for (const record of records) engine.settle(record, 'RELEASE')
      expect(await errorsWhilePolling(engine, 1_000)).toEqual([])
      expect(verdicts).toHaveLength(1)
      expect(verdicts[0]?.error).toSatisfy(KafkaConnectionError.is)
      expect(openings()).toBe(2)
    },
  )

  it.each<Code>(['COORDINATOR_NOT_AVAILABLE', 'KAFKA_STORAGE_ERROR'])('%s keeps its answers', async (code) => {
    const { engine, records } = await holding(1)
    for (let i = 0; i < 3; i++) group.leader().refuseNext('ShareAcknowledge', ErrorCode[code])
    for (const record of records) engine.settle(record, 'RELEASE')
    await group.until(engine.whenSettled())
    expect(group.leader().stored).toHaveLength(2)
    expect(openings()).toBe(1)
  })

  it.each<Code>(['INVALID_REQUEST', 'UNSUPPORTED_VERSION'])('%s is told to every poll from then on', async (code) => {
    const { engine, records } = await holding(1)
    const verdicts = verdictsOf(engine)
    group.leader().refuseNext('ShareAcknowledge', ErrorCode[code])
    for (const record of records) engine.settle(record, 'RELEASE')
    await group.until(engine.whenSettled())
    expect(verdicts).toMatchObject([{ error: { code } }])
    for (let i = 0; i < 2; i++) await expect(engine.take()).rejects.toMatchObject({ code })
  })
})
