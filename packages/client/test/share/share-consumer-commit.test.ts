import {
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaProtocolError,
  KafkaTimeoutError,
  type KafkaError,
} from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommitResult } from '../../src/share/commits.js'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'
import { acknowledged, ScriptedGroup } from './scripted-group.js'

// Commits that fail, overlap and come late. What they say of healthy brokers is in share-consumer.test.ts.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const explicit = { acknowledgementMode: 'explicit' } as const
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  group.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
const codes = (result: CommitResult): Record<string, string> =>
  Object.fromEntries([...result].map(([{ topic, partition }, error]) => [`${topic}-${partition}`, error?.code ?? 'ok']))
const errorOf = (result: CommitResult): KafkaError | undefined => [...result.values()][0]

async function polled(consumer: ShareConsumer, count = 1): Promise<ConsumerRecord[]> {
  group.leader().give({ first: 0, last: count - 1 })
  const { records } = await group.until(consumer.poll(1_000))
  expect(records).toHaveLength(count)
  return [...records]
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`there is no item ${index}`)
  return found
}

describe('a commit without a verdict in time', () => {
  /** Record 0 is accepted, and the broker refuses that for a while. */
  async function refused(options: object = explicit) {
    const { consumer } = group.subscribed(options)
    const records = await polled(consumer, 2)
    let refusing = true
    group.leader().acknowledgeError = () => (refusing ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    if (options === explicit) for (const record of records) consumer.acknowledge(record)
    const result = await group.until(consumer.commitSync({ timeoutMs: 300 }))
    expect(errorOf(result)).toSatisfy(KafkaTimeoutError.is)
    return { consumer, records, heal: () => (refusing = false) }
  }

  it('keeps polls out until a later commit has the verdict, and sends the same offsets again', async () => {
    const { consumer, heal } = await refused()
    for (let i = 0; i < 2; i++) {
      expect(await failure(consumer.poll(1))).toMatchObject({
        code: 'COMMIT_PENDING',
        message: expect.stringMatching(/on orders-0: .*Commit again/) as string,
      })
    }
    const before = group.leader().acknowledges.length
    heal()
    expect(codes(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'ok' })
    const again = group
      .leader()
      .acknowledges.slice(before)
      .flatMap((body) => acknowledged(body))
    expect(again).toEqual([
      [0, 1],
      [1, 1],
    ])
    expect((await group.until(consumer.poll(1))).count).toBe(0)
    expect(group.leader().stored).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
  })

  it('keeps them out also when the verdict came by itself, so that it is heard', async () => {
    const { consumer, heal } = await refused()
    heal()
    await group.clock.advance(5_000)
    expect(group.leader().stored).toHaveLength(2)
    expect(await failure(consumer.poll(1))).toMatchObject({ code: 'COMMIT_PENDING' })
    const { value, tookMs } = await group.timed(consumer.commitSync())
    expect(codes(value)).toEqual({ 'orders-0': 'ok' })
    expect(tookMs).toBeLessThanOrEqual(1)
    await group.until(consumer.poll(1))
  })

  it('is over with a final verdict, too, which is told once', async () => {
    const { consumer } = await refused()
    group.leader().cut()
    expect(codes(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'NETWORK_EXCEPTION' })
    await group.until(consumer.poll(1))
    expect(codes(await group.until(consumer.commitSync()))).toEqual({})
  })

  it('is over with unsubscribe()', async () => {
    const { consumer } = await refused()
    await group.until(consumer.unsubscribe())
    await group.clock.advance(10_000)
    consumer.subscribe(['orders'])
    await group.until(consumer.poll(1))
  })

  it('keeps no poll out in implicit mode, where there is nothing to repeat', async () => {
    const { consumer, heal } = await refused({})
    await group.until(consumer.poll(1))
    heal()
    await group.clock.advance(5_000)
    expect(group.leader().stored).toHaveLength(2)
  })

  it('is one of commitAsync() as well, after defaultApiTimeoutMs', async () => {
    const { consumer } = group.subscribed({ ...explicit, defaultApiTimeoutMs: 2_000 })
    const [record] = await polled(consumer)
    group.leader().acknowledgeError = () => ErrorCode.COORDINATOR_NOT_AVAILABLE
    if (record !== undefined) consumer.acknowledge(record)
    const committing = consumer.commitAsync()
    await group.until(consumer.poll(100))
    const { value, tookMs } = await group.timed(committing)
    expect(tookMs).toBeGreaterThan(1_800)
    expect(tookMs).toBeLessThan(2_100)
    expect(errorOf(value)).toSatisfy(KafkaTimeoutError.is)
    expect(await failure(consumer.poll(1))).toMatchObject({ code: 'COMMIT_PENDING' })
  })
})

describe('a failed commit', () => {
  it.each([
    ['a lost connection', 'KafkaConnectionError', KafkaConnectionError.is],
    ['bytes that cannot be read', 'KafkaProtocolError', KafkaProtocolError.is],
    ['a refusal', 'KafkaBrokerError', KafkaBrokerError.is],
  ])('tells %s as %s', async (what, _name, isIt) => {
    const { consumer } = group.subscribed(explicit)
    const [record] = await polled(consumer)
    if (record === undefined) throw new Error('nothing came')
    const leader = group.leader()
    if (what === 'a refusal') leader.acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    else
      leader.next('ShareAcknowledge', () => {
        if (what === 'a lost connection') return 'cut'
        const { connection, correlationId } = at(leader.node.requests, leader.node.requests.length - 1)
        const frame = Buffer.from([0, 0, 0, 9, 0, 0, 0, 0, 0, 255, 255, 255, 255])
        frame.writeInt32BE(correlationId, 4)
        connection.send(frame)
        return undefined
      })
    consumer.acknowledge(record)
    expect(errorOf(await group.until(consumer.commitAsync()))).toSatisfy(isIt)
    expect((await group.until(consumer.poll(1))).count).toBe(0)
  })
})

describe('commitAsync()', () => {
  it('returns before the broker has answered, and tells only of what was acknowledged by then', async () => {
    group.topic('orders', [1, 1])
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 }, { partition: 1, first: 0, last: 0 })
    const records: ConsumerRecord[] = []
    while (records.length < 2) records.push(...(await group.until(consumer.poll(1_000).catch(() => []))))
    const byPartition = (index: number): ConsumerRecord =>
      at(
        records.filter(({ partition }) => partition === index),
        0,
      )
    group.leader().acknowledgeError = (partition) =>
      partition === 'orders-1' ? ErrorCode.INVALID_RECORD_STATE : undefined
    consumer.acknowledge(byPartition(0))
    const first = consumer.commitAsync()
    consumer.acknowledge(byPartition(1))
    const second = consumer.commitAsync()
    expect(group.leader().stored).toEqual([])
    expect(codes(await group.until(first))).toEqual({ 'orders-0': 'ok' })
    expect(codes(await group.until(second))).toEqual({ 'orders-1': 'INVALID_RECORD_STATE' })
    expect(codes(await group.until(consumer.commitSync()))).toEqual({})
  })

  it('goes out before a commitSync() that follows, and both before the close', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a, b, c] = await polled(consumer, 3)
    if (a === undefined || b === undefined || c === undefined) throw new Error('nothing came')
    const told: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    consumer.acknowledge(a)
    const first = consumer.commitAsync()
    await group.clock.advance(0)
    consumer.acknowledge(b)
    await group.until(consumer.commitSync())
    consumer.acknowledge(c)
    await group.until(consumer.close())
    await first
    expect(group.leader().stored).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT', 'orders-0@2 ACCEPT'])
    expect(told.flatMap(({ batches }) => batches.map(({ firstOffset }) => firstOffset))).toEqual([0, 1, 2])
  })

  it('is refused while a poll runs', async () => {
    const { consumer } = group.subscribed()
    const polling = consumer.poll(50)
    expect(() => consumer.commitAsync()).toThrow(/while poll\(\) is running/)
    await group.until(polling)
  })
})

describe('commitSync()', () => {
  it('ends with its signal, and the next one tells the outcome', async () => {
    const { consumer } = group.subscribed(explicit)
    const [record] = await polled(consumer)
    if (record === undefined) throw new Error('nothing came')
    group.leader().next('ShareAcknowledge', () => undefined)
    consumer.acknowledge(record)
    const controller = new AbortController()
    const committing = failure(consumer.commitSync({ signal: controller.signal }))
    await group.clock.advance(20)
    controller.abort()
    expect(await committing).toMatchObject({ code: 'ABORTED' })
    group.leader().cut()
    expect(codes(await group.until(consumer.commitSync()))).toEqual({ 'orders-0': 'NETWORK_EXCEPTION' })
  })

  it.each([[-1], [Number.NaN], ['1']])('takes no timeout of %j', async (timeoutMs) => {
    const { consumer } = group.subscribed()
    await expect(consumer.commitSync({ timeoutMs: timeoutMs as number })).rejects.toThrow(/number of milliseconds/)
    await expect(consumer.close({ timeoutMs: timeoutMs as number })).rejects.toThrow(/number of milliseconds/)
    await expect(consumer.poll(timeoutMs as number)).rejects.toThrow(/number of milliseconds/)
  })
})

describe('a poll after a renewal', () => {
  it('waits no longer for it than it was told to, and a later one brings the record', async () => {
    const { consumer } = group.subscribed(explicit)
    const [record] = await polled(consumer)
    if (record === undefined) throw new Error('nothing came')
    let refusing = true
    group.leader().acknowledgeError = () => (refusing ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    consumer.acknowledge(record, 'RENEW')
    const { value, tookMs } = await group.timed(consumer.poll(200))
    expect(value.count).toBe(0)
    expect(tookMs).toBeLessThan(210)
    refusing = false
    expect((await group.until(consumer.poll(5_000))).records).toEqual([record])
    expect(await failure(consumer.poll(1))).toMatchObject({
      code: 'NOT_ACKNOWLEDGED',
      message: expect.stringMatching(/^1 record of the last poll is not acknowledged \(orders-0 at 0\)/) as string,
    })
  })
})

describe('a poll that is refused for open records', () => {
  it('names the first of them by partition, and changes nothing', async () => {
    const { consumer } = group.subscribed({ ...explicit, onSecondAcknowledge: 'lastWins' })
    const records = await polled(consumer, 15)
    consumer.acknowledge(at(records, 0), 'REJECT')
    const error = await failure(consumer.poll(1))
    expect(error).toMatchObject({
      code: 'NOT_ACKNOWLEDGED',
      message: expect.stringMatching(/^14 records .*\(orders-0 at 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …\)/) as string,
    })
    // What could be changed before it still can be.
    for (const record of records) consumer.acknowledge(record)
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(group.leader().stored).toHaveLength(15)
    expect(new Set(group.leader().stored.map((what) => what.split(' ')[1]))).toEqual(new Set(['ACCEPT']))
  })
})
