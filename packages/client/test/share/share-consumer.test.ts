import { ErrorCode, KafkaConnectionError, KafkaError, KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import type { ConsumerRecords } from '../../src/share/consumer-records.js'
import { RecordDeserializationError } from '../../src/share/record-deserialization-error.js'
import type { CommitResult } from '../../src/share/commits.js'
import { ShareConsumer } from '../../src/share/share-consumer.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'
import { acknowledged, LOCK_MS, ScriptedGroup, type Gift } from './scripted-group.js'

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const offsets = (records: ConsumerRecords<unknown, unknown>): number[] => records.records.map(({ offset }) => offset)
const stored = (): string[] => group.leader().stored
const outcome = <T>(promise: Promise<T>): Promise<T | KafkaError> =>
  group.until(promise.catch((error: KafkaError) => error))

function results(commit: CommitResult): Record<string, string> {
  return Object.fromEntries(
    [...commit].map(([{ topic, partition }, error]) => [`${topic}-${partition}`, error?.code ?? 'ok']),
  )
}

/** Fetched, and waiting for the next poll as a whole. */
async function buffered(consumer: ShareConsumer, ...gifts: Gift[]): Promise<void> {
  group.leader().give(...gifts)
  await group.until(consumer.poll(0))
  await group.clock.advance(100)
}

/** Every value is JSON, except where the test writes something else. */
const values =
  (broken: readonly number[]) =>
  (offset: number): Buffer =>
    Buffer.from(broken.includes(offset) ? '{' : `${offset}`)

describe('poll', () => {
  it('fetches nothing before it is called for the first time', async () => {
    group.subscribed()
    await group.clock.advance(20_000)
    expect(group.leader().requests).toEqual([])
  })

  it('returns records as soon as they come', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(1))
    const polled = consumer.poll(10_000)
    await group.clock.advance(100)
    group.leader().give({ first: 0, last: 2 })
    const { value, tookMs } = await group.timed(polled)
    expect(tookMs).toBeLessThan(5)
    expect(offsets(value)).toEqual([0, 1, 2])
    expect(value).toMatchObject({ count: 3, isEmpty: false })
    expect(value.partitions()).toEqual([{ topic: 'orders', partition: 0 }])
    expect([...value].map(({ value: bytes }) => bytes?.toString())).toEqual(['v0', 'v1', 'v2'])
  })

  it('returns none after its timeout, and loses nothing by that', async () => {
    const { consumer } = group.subscribed()
    const { value, tookMs } = await group.timed(consumer.poll(300))
    expect(value.isEmpty).toBe(true)
    expect(tookMs).toBeGreaterThanOrEqual(300)
    expect(tookMs).toBeLessThan(310)
    group.leader().give({ first: 0, last: 0 })
    await group.clock.advance(100)
    expect((await group.until(consumer.poll(1))).count).toBe(1)
  })

  it('of zero milliseconds takes what is there, and sees to it that there will be something', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 4 })
    const seen: number[] = []
    for (let i = 0; i < 20 && seen.length < 5; i++) {
      seen.push(...offsets(await group.until(consumer.poll(0))))
      await group.clock.advance(10)
    }
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it('ends with code ABORTED when its signal fires, and loses nothing by that', async () => {
    const { consumer } = group.subscribed()
    const controller = new AbortController()
    const polled = consumer.poll({ timeoutMs: 10_000, signal: controller.signal }).catch((error: unknown) => error)
    await group.clock.advance(50)
    controller.abort()
    expect(await group.until(polled)).toMatchObject({ code: 'ABORTED' })
    group.leader().give({ first: 0, last: 0 })
    await group.clock.advance(600)
    expect((await group.until(consumer.poll(1_000))).count).toBe(1)
  })

  it('is refused without a subscription, while another one runs, and after close', async () => {
    const consumer = group.consumer()
    await expect(consumer.poll(1)).rejects.toThrow(/subscribe/)
    group.topic()
    consumer.subscribe(['orders'])
    const first = consumer.poll(50)
    await expect(consumer.poll(1)).rejects.toSatisfy(KafkaUsageError.is)
    await expect(consumer.commitSync()).rejects.toThrow(/poll\(\) is running/)
    await group.until(first)
    await group.until(consumer.close())
    await expect(consumer.poll(1)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(consumer.commitSync()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => consumer.subscribe(['orders'])).toThrow(/closed/)
    expect(() => consumer.commitAsync()).toThrow(/closed/)
  })

  it('that waits ends when the consumer is closed', async () => {
    const { consumer } = group.subscribed()
    const polled = consumer.poll(60_000).catch((error: unknown) => error)
    await group.clock.advance(100)
    const { tookMs } = await group.timed(consumer.close())
    expect(await group.until(polled)).toMatchObject({ code: 'CLOSED' })
    expect(tookMs).toBeLessThanOrEqual(1_000)
  })

  it.each([[null], [undefined], [[null]], [['']], [['a b']], ['orders'], [['.']], [['x'.repeat(250)]]])(
    'takes no subscription to %j',
    (topics) => {
      const consumer = group.consumer()
      expect(() => consumer.subscribe(topics as string[])).toThrow(KafkaUsageError)
    },
  )
})

describe('implicit mode', () => {
  it('accepts what a poll returned with the next one', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 2 })
    await group.until(consumer.poll(1_000))
    expect(stored()).toEqual([])
    await group.until(consumer.poll(1))
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT', 'orders-0@2 ACCEPT'])
    expect(consumer.metrics()).toMatchObject({ acquired: 3, accepted: 3, failed: 0, stale: 0 })
  })

  it('accepts it with a commit, whose result tells of each partition', async () => {
    group.topic('orders', [1, 1])
    const { consumer } = group.subscribed()
    await buffered(consumer, { first: 0, last: 1 }, { partition: 1, first: 5, last: 5 })
    expect((await group.until(consumer.poll(1_000))).count).toBe(3)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok', 'orders-1': 'ok' })
    expect(results(await group.until(consumer.commitSync()))).toEqual({})
    expect(stored()).toHaveLength(3)
  })

  it('commits without waiting for records to come', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    await group.until(consumer.poll(1_000))
    const { tookMs } = await group.timed(consumer.commitSync())
    expect(tookMs).toBeLessThan(50)
  })

  it('accepts nothing on close: what the last poll returned may not be finished', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    await group.until(consumer.poll(1_000))
    group.leader().give({ first: 2, last: 3 })
    await group.until(consumer.poll(1_000))
    await group.until(consumer.close())
    expect(stored().filter((what) => what.endsWith('ACCEPT'))).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
    const closing = group.leader().acknowledges.at(-1)
    expect(closing?.shareSessionEpoch).toBe(-1)
    expect(closing === undefined ? [] : acknowledged(closing)).toEqual([
      [2, 2],
      [3, 2],
    ])
  })

  it('takes no acknowledge()', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    expect(() => consumer.acknowledge(record)).toThrow(/explicit/)
  })
})

describe('explicit mode', () => {
  const explicit = { acknowledgementMode: 'explicit' } as const

  it('refuses to poll while records are unanswered, says how many, and goes on when they are answered', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 2 })
    const records = await group.until(consumer.poll(1_000))
    consumer.acknowledge(records.records[0] as never)
    await expect(consumer.poll(1)).rejects.toThrow(/^2 records/)
    await expect(group.until(consumer.poll(1))).rejects.toSatisfy(KafkaUsageError.is)
    for (const record of records.records.slice(1)) consumer.acknowledge(record, 'REJECT')
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 REJECT', 'orders-0@2 REJECT'])
  })

  it('refuses a second answer, and tells the broker the first only', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'ACCEPT')
    expect(() => consumer.acknowledge(record, 'RELEASE')).toThrow(KafkaUsageError)
    await group.until(consumer.commitSync())
    expect(() => consumer.acknowledge(record, 'RELEASE')).toThrow(KafkaUsageError)
    expect(stored()).toEqual(['orders-0@0 ACCEPT'])
  })

  it('takes the last answer before the commit when told to, as Java does', async () => {
    const { consumer } = group.subscribed({ ...explicit, onSecondAcknowledge: 'lastWins' })
    group.leader().give({ first: 0, last: 1 })
    const [first, second] = await group.until(consumer.poll(1_000))
    if (first === undefined || second === undefined) throw new Error('nothing came')
    consumer.acknowledge(first, 'RELEASE')
    consumer.acknowledge(second)
    consumer.acknowledge(first, 'ACCEPT')
    await group.clock.advance(100)
    expect(stored()).toEqual([])
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
  })

  it.each(['ACCEPT', 'RELEASE', 'REJECT'] as const)('takes a RENEW after %s for the last answer, too', async (type) => {
    const { consumer } = group.subscribed({ ...explicit, onSecondAcknowledge: 'lastWins' })
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, type)
    consumer.acknowledge(record, 'RENEW')
    const [again] = await group.until(consumer.poll(1_000))
    expect(again).toBe(record)
    expect(new Set(stored())).toEqual(new Set(['orders-0@0 RENEW']))
    consumer.acknowledge(record, 'RENEW')
    consumer.acknowledge(record, type)
    consumer.acknowledge(record, 'RENEW')
    expect((await group.until(consumer.poll(1_000))).records).toEqual([record])
    expect(new Set(stored())).toEqual(new Set(['orders-0@0 RENEW']))
    consumer.acknowledge(record, 'RENEW')
    consumer.acknowledge(record, 'REJECT')
    consumer.acknowledge(record, type)
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(stored().at(-1)).toBe(`orders-0@0 ${type}`)
    expect(stored().filter((what) => !what.endsWith('RENEW'))).toHaveLength(1)
  })

  it.each(['accept', 'GAP', undefined, null, 1])('knows no acknowledge type %j', async (type) => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    if (type === undefined) consumer.acknowledge(record, type)
    else expect(() => consumer.acknowledge(record, type as never)).toThrow(/ACCEPT, RELEASE, REJECT, RENEW/)
  })

  it('takes nothing that no poll returned', async () => {
    const { consumer } = group.subscribed(explicit)
    expect(() => consumer.acknowledge({ topic: 'orders', partition: 0, offset: 7 })).toThrow(/by position/)
    expect(() => consumer.acknowledge({} as never)).toThrow(KafkaUsageError)
  })

  it('sends what is answered by itself, and the commit after that still has its results', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 1 })
    const records = await group.until(consumer.poll(1_000))
    for (const record of records) consumer.acknowledge(record)
    await group.clock.advance(1_000)
    expect(stored()).toHaveLength(2)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
  })

  it('commits a part, and the rest later', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 3 })
    const [a, b, c, d] = await group.until(consumer.poll(1_000))
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('nothing came')
    consumer.acknowledge(a)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
    expect(stored()).toEqual(['orders-0@0 ACCEPT'])
    for (const record of [b, c, d]) consumer.acknowledge(record)
    await group.until(consumer.commitSync())
    expect(stored()).toHaveLength(4)
  })

  it('reports by partition what the broker refuses, clears it, and polls on', async () => {
    group.topic('orders', [1, 1])
    const { consumer } = group.subscribed(explicit)
    await buffered(consumer, { first: 0, last: 0 }, { partition: 1, first: 0, last: 0 })
    const records = await group.until(consumer.poll(1_000))
    group.leader().acknowledgeError = (partition) =>
      partition === 'orders-1' ? ErrorCode.INVALID_RECORD_STATE : undefined
    const told: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    for (const record of records) consumer.acknowledge(record)
    expect(results(await group.until(consumer.commitSync()))).toEqual({
      'orders-0': 'ok',
      'orders-1': 'INVALID_RECORD_STATE',
    })
    expect(told.map(({ partition, error }) => [partition.partition, error?.code])).toEqual(
      expect.arrayContaining([
        [0, undefined],
        [1, 'INVALID_RECORD_STATE'],
      ]),
    )
    expect(consumer.metrics()).toMatchObject({ accepted: 1, failed: 1 })
    expect((await group.until(consumer.poll(1))).isEmpty).toBe(true)
  })

  it('gives the same by commitAsync, which does not reject', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    group.leader().acknowledgeError = () => ErrorCode.UNKNOWN_SERVER_ERROR
    consumer.acknowledge(record)
    expect(results(await group.until(consumer.commitAsync()))).toEqual({ 'orders-0': 'UNKNOWN_SERVER_ERROR' })
  })

  it('says in time that there is no verdict yet, and sends on', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    let refusing = true
    group.leader().acknowledgeError = () => (refusing ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    consumer.acknowledge(record)
    const { value, tookMs } = await group.timed(consumer.commitSync({ timeoutMs: 500 }))
    expect(tookMs).toBeLessThan(520)
    expect([...value.values()][0]).toSatisfy(KafkaTimeoutError.is)
    refusing = false
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
    expect(stored()).toEqual(['orders-0@0 ACCEPT'])
  })

  it('outlives a callback that throws', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    consumer.setAcknowledgementCommitCallback(() => {
      throw new Error('oops')
    })
    consumer.acknowledge(record)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
    expect(group.errors).toHaveLength(1)
  })

  it('commits what is answered on close and releases the rest', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 3 })
    const [a, , c] = await group.until(consumer.poll(1_000))
    if (a === undefined || c === undefined) throw new Error('nothing came')
    consumer.acknowledge(a)
    consumer.acknowledge(c, 'REJECT')
    await group.until(consumer.close())
    expect(stored().sort()).toEqual([
      'orders-0@0 ACCEPT',
      'orders-0@1 RELEASE',
      'orders-0@2 REJECT',
      'orders-0@3 RELEASE',
    ])
  })
})

describe('a renewed record', () => {
  const explicit = { acknowledgementMode: 'explicit' } as const

  it('comes again from the next poll with a new lock, before anything new, and takes a terminal answer then', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 1 })
    const [a, b] = await group.until(consumer.poll(1_000))
    if (a === undefined || b === undefined) throw new Error('nothing came')
    const before = a.lockExpiresAt
    await group.clock.advance(1_000)
    consumer.acknowledge(a, 'RENEW')
    consumer.acknowledge(b)
    group.leader().give({ first: 5, last: 5 })
    const again = await group.until(consumer.poll(1_000))
    expect(again.records).toEqual([a])
    expect(again.records[0]).toBe(a)
    expect(a.lockExpiresAt).toBeGreaterThanOrEqual(before + 1_000)
    await expect(consumer.poll(1)).rejects.toThrow(/^1 record of the last poll is not/)
    consumer.acknowledge(a, 'RELEASE')
    await group.until(consumer.commitSync())
    expect(stored().filter((what) => what.startsWith('orders-0@0'))).toEqual(['orders-0@0 RENEW', 'orders-0@0 RELEASE'])
    expect(consumer.metrics()).toMatchObject({ renewed: 1, released: 1 })
  })

  it('goes with a request that says so, never with a fetch', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'RENEW')
    await group.clock.advance(50)
    expect(group.leader().acknowledges).toMatchObject([{ isRenewAck: true }])
    expect(group.leader().fetches.flatMap((fetch) => acknowledged(fetch))).toEqual([])
  })

  it('may be answered before its renewal was, and a commit waits for both', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    consumer.acknowledge(record, 'RENEW')
    await group.clock.advance(0)
    consumer.acknowledge(record, 'ACCEPT')
    await group.until(consumer.commitSync())
    expect(stored().at(-1)).toBe('orders-0@0 ACCEPT')
  })

  it('that could not be kept does not come again, and the poll goes on', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    consumer.acknowledge(record, 'RENEW')
    await group.clock.advance(50)
    group.leader().acknowledgeError = undefined
    group.leader().give({ first: 5, last: 5 })
    expect(offsets(await group.until(consumer.poll(1_000)))).toEqual([5])
  })

  it('is tried again when its request failed for a reason that passes, still not with a fetch', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 1 })
    const [a] = await group.until(consumer.poll(1_000))
    if (a === undefined) throw new Error('nothing came')
    let refusals = 3
    group.leader().acknowledgeError = () => (refusals-- > 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    consumer.acknowledge(a, 'RENEW')
    await group.clock.advance(5_000)
    expect(stored()).toEqual(['orders-0@0 RENEW'])
    expect(group.leader().acknowledges).toHaveLength(4)
  })
})

describe('a record that cannot be deserialised', () => {
  const options = { valueDeserializer: json<number>() }

  it('is told by the poll after the good ones and released by the one after that', async () => {
    const { consumer } = group.subscribed(options)
    group.leader().give({ first: 0, last: 2, value: values([1]) })
    expect(offsets(await group.until(consumer.poll(1_000)))).toEqual([0, 2])
    const error = await outcome(consumer.poll(1_000))
    expect(error).toSatisfy(RecordDeserializationError.is)
    expect(error).toMatchObject({
      code: 'RECORD_DESERIALIZATION',
      name: 'RecordDeserializationError',
      deliveryCount: 1,
    })
    expect((error as KafkaError).message).toContain('offset 1 of orders-0')
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(stored().sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE', 'orders-0@2 ACCEPT'])
  })

  it.each(['implicit', 'explicit'] as const)(
    'can be rejected by its position once it was told (%s mode)',
    async (acknowledgementMode) => {
      const { consumer } = group.subscribed({ ...options, acknowledgementMode })
      group.leader().give({ first: 0, last: 2, value: values([1]) })
      const good = await group.until(consumer.poll(1_000))
      if (acknowledgementMode === 'explicit') for (const record of good) consumer.acknowledge(record)
      expect(await outcome(consumer.poll(1_000))).toMatchObject({ code: 'RECORD_DESERIALIZATION' })
      consumer.acknowledge({ topic: 'orders', partition: 0, offset: 1 }, 'REJECT')
      await group.until(consumer.poll(1))
      await group.until(consumer.commitSync())
      expect(stored().sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 REJECT', 'orders-0@2 ACCEPT'])
    },
  )

  it('is told at once when there is nothing else, and one poll tells one', async () => {
    const { consumer } = group.subscribed(options)
    group.leader().give({ first: 0, last: 1, value: values([0, 1]) })
    expect(await outcome(consumer.poll(1_000))).toMatchObject({ code: 'RECORD_DESERIALIZATION' })
    expect(await outcome(consumer.poll(1_000))).toMatchObject({
      message: expect.stringContaining('offset 1 ') as string,
    })
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(stored().sort()).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE'])
  })

  it('is released by a commit that comes before anything else is said of it', async () => {
    const { consumer } = group.subscribed(options)
    group.leader().give({ first: 0, last: 1, value: values([1]) })
    await group.until(consumer.poll(1_000))
    await group.until(consumer.commitSync())
    expect(stored().sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE'])
  })

  it('is released on close', async () => {
    const { consumer } = group.subscribed(options)
    group.leader().give({ first: 0, last: 1, value: values([1]) })
    await group.until(consumer.poll(1_000))
    await group.until(consumer.close())
    expect(stored().filter((what) => !what.endsWith('RELEASE'))).toEqual([])
  })
})

describe('an answer that comes too late', () => {
  const explicit = { acknowledgementMode: 'explicit' } as const

  it('because the session was lost is no error where it is given, and is told by callback and commit', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 1 })
    const records = await group.until(consumer.poll(1_000))
    const told: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    group.leader().cut()
    await group.clock.advance(10)
    for (const record of records) consumer.acknowledge(record)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'NETWORK_EXCEPTION' })
    expect(told.length).toBeGreaterThan(0)
    for (const { error } of told) expect(error).toSatisfy(KafkaConnectionError.is)
    expect(consumer.metrics()).toMatchObject({ lost: 2, stale: 2, accepted: 0 })
    // Nothing of it is sent in the session that follows.
    await group.until(consumer.poll(2_000))
    expect(group.leader().requests.flatMap(({ body }) => acknowledged(body))).toEqual([])
  })

  it('because the session was lost is told in implicit mode, too', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    await group.until(consumer.poll(1_000))
    group.leader().cut()
    await group.clock.advance(10)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'NETWORK_EXCEPTION' })
    expect(results(await group.until(consumer.commitSync()))).toEqual({})
    expect(consumer.metrics()).toMatchObject({ lost: 2, stale: 2 })
  })

  it('because its request died with the connection is told, and not sent again', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    group.leader().next('ShareAcknowledge', () => 'cut')
    consumer.acknowledge(record, 'RELEASE')
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'NETWORK_EXCEPTION' })
    await group.clock.advance(5_000)
    expect(stored()).toEqual([])
  })

  it('because its lock ran out is told, and others that were answered in time are stored', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const [late] = await group.until(consumer.poll(1_000))
    if (late === undefined) throw new Error('nothing came')
    await group.clock.advance(LOCK_MS + 1_000)
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    consumer.acknowledge(late)
    expect(results(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'INVALID_RECORD_STATE' })
  })
})

describe('a consumer', () => {
  it('learns the lock duration from the broker', async () => {
    const { consumer } = group.subscribed()
    expect(consumer.acquisitionLockTimeoutMs).toBeUndefined()
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    expect(consumer.acquisitionLockTimeoutMs).toBe(LOCK_MS)
    expect(record?.lockExpiresAt).toBeLessThanOrEqual(group.clock.wallTime() + LOCK_MS)
    expect(record?.lockExpiresAt).toBeGreaterThan(group.clock.wallTime() + LOCK_MS - 1_500)
  })

  it('picks up a topic that appears after it subscribed, and says once that it waits', async () => {
    const consumer = group.consumer()
    consumer.subscribe(['orders'])
    expect((await group.until(consumer.poll(5_000))).isEmpty).toBe(true)
    expect(group.warnings.filter((line) => line.includes("'orders' does not exist"))).toHaveLength(1)
    group.topic('orders')
    group.leader().give({ first: 0, last: 0 })
    const { value, tookMs } = await group.timed(consumer.poll(60_000))
    expect(value.count).toBe(1)
    expect(tookMs).toBeLessThan(1_500)
  })

  it('closes once however often it is told to, within its bound, with nobody there', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 0 })
    await group.until(consumer.poll(1_000))
    group.heartbeat = () => undefined
    group.leader().next('ShareAcknowledge', () => undefined)
    group.leader().next('ShareFetch', () => undefined)
    const closing = Promise.allSettled([consumer.close({ timeoutMs: 2_000 }), consumer.close({ timeoutMs: 60_000 })])
    const { tookMs } = await group.timed(closing)
    expect(tookMs).toBeLessThan(4_000)
    expect(group.clock.pendingTimers).toBe(0)
    expect(group.leader().node.connections.size).toBe(0)
  })

  it('closes by "await using"', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    await group.until(consumer[Symbol.asyncDispose]())
    expect(group.heartbeats.at(-1)?.memberEpoch).toBe(-1)
  })

  it('is refused without a group or a broker, with the name of the option', () => {
    expect(() => new ShareConsumer({ bootstrapServers: 'a:1' } as never)).toThrow(/groupId/)
    expect(() => new ShareConsumer({ groupId: 'g' } as never)).toThrow(/bootstrapServers/)
    expect(() => new ShareConsumer({ groupId: '', bootstrapServers: 'a:1' })).toThrow(/groupId/)
  })
})
