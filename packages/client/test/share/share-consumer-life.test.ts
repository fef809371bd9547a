import { ErrorCode, FindCoordinator, KafkaConnectionError, KafkaError, KafkaUsageError } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import type { AcknowledgementVerdict } from '../../src/share/verdict.js'
import { acknowledged, ScriptedGroup } from './scripted-group.js'

// What goes on around the records: membership and its end, wakeup, the callback, misuse.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(async () => {
  await group.end()
  expect(group.faults).toEqual([])
})

const explicit = { acknowledgementMode: 'explicit' } as const
const stored = (): string[] => group.leader().stored
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  group.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )

function thrown(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}

/** Offsets [0, count) of orders-0, by one poll. */
async function polled<V>(
  consumer: ShareConsumer<Buffer | null, V>,
  count = 1,
): Promise<ConsumerRecord<Buffer | null, V>[]> {
  group.leader().give({ first: 0, last: count - 1 })
  const { records } = await group.until(consumer.poll(1_000))
  expect(records).toHaveLength(count)
  return [...records]
}

describe('unsubscribe()', () => {
  it('sends the answers given, releases the rest, leaves, and stands ready as another member', async () => {
    const { consumer } = group.subscribed(explicit)
    const before = consumer.memberId
    const [a, b] = await polled(consumer, 3)
    if (a === undefined || b === undefined) throw new Error('nothing came')
    consumer.acknowledge(a)
    consumer.acknowledge(b, 'REJECT')
    await group.until(consumer.unsubscribe())
    await group.clock.advance(100)
    expect(stored().sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 REJECT', 'orders-0@2 RELEASE'])
    expect(group.heartbeats.at(-1)).toMatchObject({ memberId: before, memberEpoch: -1 })
    expect(consumer.memberId).not.toBe(before)
    expect(consumer.subscription).toEqual([])
    expect(await failure(consumer.poll(1))).toMatchObject({ code: 'NO_SUBSCRIPTION' })
  })

  it('lets the consumer subscribe again, with a fresh look for the coordinator and nothing of before', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a] = await polled(consumer, 2)
    if (a === undefined) throw new Error('nothing came')
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    consumer.acknowledge(a)
    await group.clock.advance(100)
    group.leader().acknowledgeError = undefined
    let searches = 0
    group.leader().node.on(FindCoordinator, ({ coordinatorKeys }) => {
      searches++
      return {
        throttleTimeMs: 0,
        coordinators: coordinatorKeys.map((key) => ({
          key,
          nodeId: 1,
          host: 'broker-1',
          port: 9092,
          errorCode: 0,
          errorMessage: null,
        })),
      }
    })
    await group.until(consumer.unsubscribe())
    consumer.subscribe(['orders'])
    group.leader().give({ first: 7, last: 7 })
    const [record] = await group.until(consumer.poll(5_000))
    if (record === undefined) throw new Error('nothing came')
    expect(searches).toBeGreaterThan(0)
    expect(group.heartbeats.at(-1)).toMatchObject({ memberId: consumer.memberId })
    expect(await group.until(consumer.commitSync())).toEqual(new Map())
    expect(thrown(() => consumer.acknowledge(a))).toMatchObject({
      code: 'NOT_ACQUIRED',
      message: expect.stringMatching(/offset 0 of orders-0 .* before it left the group/) as string,
    })
    consumer.acknowledge(record)
    await group.until(consumer.commitSync())
    expect(stored()).toContain('orders-0@7 ACCEPT')
  })

  it('resolves within 5 s when nobody answers any more, and logs what failed', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a] = await polled(consumer)
    if (a === undefined) throw new Error('nothing came')
    group.heartbeat = () => undefined
    group.leader().next('ShareAcknowledge', () => undefined)
    consumer.acknowledge(a)
    const { tookMs } = await group.timed(consumer.unsubscribe())
    expect(tookMs).toBeLessThanOrEqual(5_001)
    await group.clock.advance(10_000)
    expect(group.warnings).toContainEqual(expect.stringMatching(/did not leave it cleanly/))
    await group.until(consumer.close())
    expect(group.clock.pendingTimers).toBe(0)
  })

  it('does nothing without a subscription, and is what subscribe([]) does', async () => {
    const idle = group.consumer()
    const id = idle.memberId
    await group.until(idle.unsubscribe())
    expect(idle.memberId).toBe(id)
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    consumer.subscribe([])
    await group.clock.advance(1_000)
    expect(consumer.subscription).toEqual([])
    expect(group.heartbeats.at(-1)?.memberEpoch).toBe(-1)
  })

  it('is refused while a poll runs', async () => {
    const { consumer } = group.subscribed()
    const polling = consumer.poll(50)
    expect(await failure(consumer.unsubscribe())).toMatchObject({
      code: 'CONCURRENT_USE',
      message: expect.stringMatching(/^unsubscribe\(\) was called while poll\(\) is running/) as string,
    })
    await group.until(polling)
  })
})

describe('wakeup()', () => {
  it('ends the poll that waits, once, and loses nothing', async () => {
    const { consumer } = group.subscribed()
    const polling = failure(consumer.poll(60_000))
    await group.clock.advance(100)
    consumer.wakeup()
    expect(await polling).toMatchObject({ code: 'WAKEUP' })
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(1_000))).count).toBe(1)
  })

  it('ends the next poll before it takes a record that is there', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    await group.until(consumer.poll(0))
    await group.clock.advance(100)
    consumer.wakeup()
    consumer.wakeup()
    expect(await failure(consumer.poll(1_000))).toMatchObject({ code: 'WAKEUP' })
    expect((await group.until(consumer.poll(0))).count).toBe(2)
  })

  it('comes after the batch of before is over: what the poll accepted stays accepted', async () => {
    const { consumer } = group.subscribed()
    await polled(consumer, 2)
    consumer.wakeup()
    expect(await failure(consumer.poll(1_000))).toMatchObject({ code: 'WAKEUP' })
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
  })

  it('ends a commit that waits; the next one tells its outcome, and no poll is refused for it', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a, b] = await polled(consumer, 2)
    if (a === undefined || b === undefined) throw new Error('nothing came')
    group.leader().next('ShareAcknowledge', () => undefined)
    consumer.acknowledge(a)
    consumer.acknowledge(b)
    const committing = failure(consumer.commitSync())
    await group.clock.advance(50)
    consumer.wakeup()
    expect(await committing).toMatchObject({ code: 'WAKEUP' })
    group.leader().cut()
    const result = await group.until(consumer.commitSync())
    expect([...result.values()].map((error) => error?.code)).toEqual(['NETWORK_EXCEPTION'])
    await group.until(consumer.poll(1))
  })

  it('does nothing to a closed consumer, and may be called from the callback', async () => {
    const { consumer } = group.subscribed(explicit)
    consumer.setAcknowledgementCommitCallback(() => consumer.wakeup())
    const [a] = await polled(consumer)
    if (a === undefined) throw new Error('nothing came')
    consumer.acknowledge(a)
    await group.clock.advance(500)
    expect(await failure(consumer.poll(1_000))).toMatchObject({ code: 'WAKEUP' })
    await group.until(consumer.close())
    consumer.wakeup()
  })
})

describe('the acknowledgement callback', () => {
  it('may call nothing of the consumer', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a, b] = await polled(consumer, 2)
    if (a === undefined || b === undefined) throw new Error('nothing came')
    const refused: unknown[] = []
    consumer.setAcknowledgementCommitCallback(() => {
      for (const call of [
        () => consumer.acknowledge(b),
        () => consumer.commitAsync(),
        () => consumer.subscribe(['orders']),
        () => consumer.setAcknowledgementCommitCallback(undefined),
        () => consumer.records(),
      ])
        refused.push(thrown(call))
      for (const call of [
        () => consumer.poll(0),
        () => consumer.commitSync(),
        () => consumer.unsubscribe(),
        () => consumer.close(),
        () => consumer.refreshMetadata(),
      ])
        void call().catch((error: unknown) => refused.push(error))
      consumer.metrics()
    })
    consumer.acknowledge(a)
    await group.until(consumer.commitSync())
    expect(refused).toHaveLength(10)
    for (const error of refused) {
      expect(error).toSatisfy(KafkaUsageError.is)
      expect(error).toMatchObject({ code: 'IN_CALLBACK' })
    }
    consumer.acknowledge(b)
    await group.until(consumer.commitSync())
  })

  it('that fails later is logged, and null ends it', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a, b] = await polled(consumer, 2)
    if (a === undefined || b === undefined) throw new Error('nothing came')
    let calls = 0
    const failing = (): Promise<void> => {
      calls++
      return Promise.reject(new Error('later'))
    }
    consumer.setAcknowledgementCommitCallback(failing)
    consumer.acknowledge(a)
    await group.until(consumer.commitSync())
    expect(group.errors).toEqual([expect.stringMatching(/callback.*failed/)])
    consumer.setAcknowledgementCommitCallback(null)
    consumer.acknowledge(b)
    await group.until(consumer.commitSync())
    expect(calls).toBe(1)
    expect(thrown(() => consumer.setAcknowledgementCommitCallback('x' as never))).toSatisfy(KafkaUsageError.is)
  })

  it('hears of the answers that unsubscribe() sends', async () => {
    const { consumer } = group.subscribed(explicit)
    const told: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    const [a] = await polled(consumer)
    if (a === undefined) throw new Error('nothing came')
    consumer.acknowledge(a)
    await group.until(consumer.unsubscribe())
    expect(told).toMatchObject([{ counts: { accept: 1 }, error: undefined }])
  })
})

describe('close()', () => {
  it('gives the same promise however often it is called, and leaves once', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    const closing = consumer.close()
    expect(consumer.close({ timeoutMs: 1 })).toBe(closing)
    await group.until(closing)
    expect(consumer.close()).toBe(closing)
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)).toHaveLength(1)
  })

  it('refuses every later call', async () => {
    const { consumer } = group.subscribed(explicit)
    const [record] = await polled(consumer)
    if (record === undefined) throw new Error('nothing came')
    await group.until(consumer.close())
    for (const call of [
      () => consumer.acknowledge(record),
      () => consumer.subscribe(['orders']),
      () => consumer.commitAsync(),
      () => consumer.setAcknowledgementCommitCallback(undefined),
      () => consumer.records(),
      () => consumer.batches(),
    ])
      expect(thrown(call)).toMatchObject({ code: 'CLOSED' })
    for (const call of [
      () => consumer.poll(0),
      () => consumer.commitSync(),
      () => consumer.unsubscribe(),
      () => consumer.verdictOf(record),
      () => consumer.refreshMetadata(),
    ])
      expect(await failure(call())).toMatchObject({ code: 'CLOSED' })
  })

  it('rejects, after everything is closed, with the answer that was lost rather than the leave that failed', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a] = await polled(consumer, 2)
    if (a === undefined) throw new Error('nothing came')
    group.heartbeat = (request) => group.refuse(request, ErrorCode.UNKNOWN_SERVER_ERROR)
    group.leader().next('ShareAcknowledge', () => 'cut')
    consumer.acknowledge(a)
    const error = await failure(consumer.close())
    expect(error).toSatisfy(KafkaConnectionError.is)
    expect(group.clock.pendingTimers).toBe(0)
    expect(group.leader().node.connections.size).toBe(0)
  })

  it('ends a commit that waits, whose result tells what was lost', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a] = await polled(consumer)
    if (a === undefined) throw new Error('nothing came')
    group.leader().next('ShareAcknowledge', () => undefined)
    consumer.acknowledge(a)
    const committing = consumer.commitSync()
    const later = consumer.commitAsync()
    await group.clock.advance(50)
    expect(await failure(consumer.close({ timeoutMs: 1_000 }))).toSatisfy(KafkaError.is)
    expect([...(await group.until(committing)).values()].map((error) => KafkaError.is(error))).toEqual([true])
    await group.until(later)
  })
})

describe('a consumer that is not polled for maxPollIntervalMs', () => {
  const options = { ...explicit, maxPollIntervalMs: 10_000 }

  it('sends the answers that could still have been changed', async () => {
    const { consumer } = group.subscribed({ ...options, onSecondAcknowledge: 'lastWins' })
    const [first] = await polled(consumer, 2)
    if (first === undefined) throw new Error('nothing came')
    consumer.acknowledge(first, 'ACCEPT')
    await group.clock.advance(12_000)
    expect(group.leader().stored.toSorted()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE'])
  })

  it('tells a commit in implicit mode that the batch which it is to accept was given back', async () => {
    const { consumer } = group.subscribed({ ...options, acknowledgementMode: 'implicit' })
    const told: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    expect(await polled(consumer, 3)).toHaveLength(3)
    await group.clock.advance(12_000)
    expect(group.leader().stored).toEqual([0, 1, 2].map((offset) => `orders-0@${offset} RELEASE`))
    told.length = 0
    const result = await group.until(consumer.commitSync())
    expect([...result.values()]).toEqual([expect.toSatisfy(KafkaError.is)])
    expect(told).toMatchObject([{ counts: { accept: 3 }, records: [{ offset: 0 }, { offset: 1 }, { offset: 2 }] }])
    expect((await group.until(consumer.commitSync())).size).toBe(0)
  })

  it('leaves its group and gives back what it held; the next poll joins again under the same id', async () => {
    const { consumer } = group.subscribed(options)
    const id = consumer.memberId
    const told: AcknowledgementVerdict[] = []
    const [a] = await polled(consumer, 2)
    if (a === undefined) throw new Error('nothing came')
    await group.clock.advance(9_900)
    expect(group.heartbeats.at(-1)?.memberEpoch).toBe(1)
    await group.clock.advance(200)
    expect(group.heartbeats.at(-1)).toMatchObject({ memberId: id, memberEpoch: -1 })
    expect(stored().sort()).toEqual(['orders-0@0 RELEASE', 'orders-0@1 RELEASE'])
    expect(group.warnings).toContainEqual(expect.stringMatching(/maxPollIntervalMs \(10000 ms\)/))
    // An answer that comes now is told as lost, and is no error where it is given.
    consumer.setAcknowledgementCommitCallback((verdict) => told.push(verdict))
    consumer.acknowledge(a)
    expect(told).toMatchObject([{ error: { code: 'NETWORK_EXCEPTION' }, records: [{ offset: a.offset }] }])
    group.leader().give({ first: 5, last: 5 })
    const [record] = await group.until(consumer.poll(5_000))
    if (record === undefined) throw new Error('nothing came')
    expect(consumer.memberId).toBe(id)
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === 0)).toHaveLength(2)
    consumer.acknowledge(record)
    await group.until(consumer.commitSync())
    expect(stored()).toContain('orders-0@5 ACCEPT')
  })

  it('stays while it polls, empty polls and a poll that takes long included', async () => {
    const { consumer } = group.subscribed(options)
    for (let i = 0; i < 5; i++) {
      await group.until(consumer.poll(1))
      await group.clock.advance(9_000)
    }
    await group.until(consumer.poll(30_000))
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)).toEqual([])
  })

  it('says a failed leave once, also when it unsubscribes after that', async () => {
    const { consumer } = group.subscribed(options)
    await group.until(consumer.poll(1))
    group.heartbeat = () => undefined
    await group.clock.advance(10_100)
    await group.until(consumer.unsubscribe())
    await group.clock.advance(10_000)
    expect(group.warnings.filter((warning) => /did not leave it cleanly/.test(warning))).toHaveLength(1)
  })

  it('may be closed and unsubscribed all the same', async () => {
    const { consumer } = group.subscribed(options)
    await group.until(consumer.poll(1))
    await group.clock.advance(11_000)
    consumer.subscribe(['orders'])
    await group.until(consumer.unsubscribe())
    await group.until(consumer.close())
    expect(group.clock.pendingTimers).toBe(0)
  })
})

describe('the verdict on a record that nobody acknowledged', () => {
  it.each(['close', 'unsubscribe'] as const)('is RELEASE when %s() gave it back', async (how) => {
    const { consumer } = group.subscribed(explicit)
    const [open, done] = await polled(consumer, 2)
    if (open === undefined || done === undefined) throw new Error('nothing came')
    consumer.acknowledge(done)
    const asked = [open, done].map((record) => consumer.verdictOf(record))
    await group.until(consumer[how]())
    expect(await group.until(Promise.all(asked))).toEqual([
      { error: undefined, type: 'RELEASE' },
      { error: undefined, type: 'ACCEPT' },
    ])
  })

  it('speaks of no acknowledgement when its lock ran out', async () => {
    const { consumer } = group.subscribed(explicit)
    const [record] = await polled(consumer)
    if (record === undefined) throw new Error('nothing came')
    const { error, type } = await group.until(consumer.verdictOf(record))
    expect(error).toMatchObject({
      code: 'INVALID_RECORD_STATE',
      message: expect.stringMatching(/lock was over before an acknowledgement was stored/) as string,
    })
    expect(type).toBeUndefined()
  })
})

describe('the consumer of a container', () => {
  it('lets nobody else poll, iterate or unsubscribe', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    await group.until(engine.take())
    for (const call of [() => consumer.poll(0), () => consumer.unsubscribe(), () => consumer.records().next()]) {
      expect(await failure(call())).toMatchObject({
        code: 'CONCURRENT_USE',
        message: expect.stringMatching(/listener container/) as string,
      })
    }
    expect(() => consumer.subscribe(['another'])).toThrow(
      expect.objectContaining({
        code: 'CONCURRENT_USE',
        message: expect.stringMatching(
          /^subscribe\(\) is not possible.*The topics are those of the container/,
        ) as string,
      }),
    )
    expect([...consumer.subscription]).not.toContain('another')
    expect(consumer.acquisitionLockTimeoutMs).toBe(group.lockMs)
  })

  it('lets nobody else acknowledge: what the container counts on would be answered behind its back', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const { records } = await group.until(engine.take())
    const [record] = records
    expect(() => record && consumer.acknowledge(record)).toThrow(
      expect.objectContaining({
        code: 'CONCURRENT_USE',
        message: expect.stringMatching(
          /^acknowledge\(\) is not possible.*Use the acknowledgment that it gets in MANUAL mode/,
        ) as string,
      }),
    )
    expect(record && engine.holds(record)).toBe(true)
  })
})

describe('a record', () => {
  it('of another consumer is not acknowledged here', async () => {
    const other = new ScriptedGroup()
    const { consumer: theirs } = other.subscribed(explicit)
    other.leader().give({ first: 0, last: 0 })
    const [record] = await other.until(theirs.poll(1_000))
    if (record === undefined) throw new Error('nothing came')
    const { consumer } = group.subscribed(explicit)
    expect(thrown(() => consumer.acknowledge(record))).toMatchObject({ code: 'NOT_ACQUIRED' })
    await other.end()
  })

  it.each([
    [7, /takes a record/],
    [null, /takes a record/],
    [{ topic: 'orders' }, /takes a record/],
    [{ topic: 'orders', partition: 0, offset: '1' }, /takes a record/],
    [{ topic: 'orders', partition: 0, offset: 0 }, /by position/],
  ])('is no %j', async (what, message) => {
    const { consumer } = group.subscribed(explicit)
    await polled(consumer)
    const error = thrown(() => consumer.acknowledge(what as never))
    expect(error).toMatchObject({ code: 'NOT_ACQUIRED', message: expect.stringMatching(message) as string })
  })

  it('has its verdict for whoever asks', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a, b] = await polled(consumer, 2)
    if (a === undefined || b === undefined) throw new Error('nothing came')
    const asked = [consumer.verdictOf(a), consumer.verdictOf(b)]
    consumer.acknowledge(a)
    await group.until(consumer.commitSync())
    group.leader().cut()
    const verdicts = await group.until(Promise.all(asked))
    expect(verdicts.map(({ error }) => error?.code)).toEqual([undefined, 'NETWORK_EXCEPTION'])
  })

  it('that is undecodable comes out of the buffer even when it is alone there', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>() })
    group.leader().give({ first: 0, last: 0, value: () => Buffer.from('{') })
    await group.until(consumer.poll(0))
    await group.clock.advance(100)
    expect(await failure(consumer.poll(1_000))).toMatchObject({ code: 'RECORD_DESERIALIZATION' })
    await group.until(consumer.poll(1))
    await group.until(consumer.commitSync())
    expect(stored()).toEqual(['orders-0@0 RELEASE'])
  })
})

describe('the lock duration', () => {
  it('that a renewal told shows with the next poll', async () => {
    const { consumer } = group.subscribed(explicit)
    const [a] = await polled(consumer)
    if (a === undefined) throw new Error('nothing came')
    const before = consumer.acquisitionLockTimeoutMs
    group.lockMs = 12_345
    consumer.acknowledge(a, 'RENEW')
    await group.clock.advance(1_000)
    expect(consumer.acquisitionLockTimeoutMs).toBe(before)
    expect((await group.until(consumer.poll(1_000))).records).toEqual([a])
    expect(consumer.acquisitionLockTimeoutMs).toBe(12_345)
    consumer.acknowledge(a)
    const closing = group.leader().acknowledges.length
    await group.until(consumer.commitSync())
    expect(
      group
        .leader()
        .acknowledges.slice(closing)
        .flatMap((body) => acknowledged(body)),
    ).toEqual([[0, 1]])
  })
})
