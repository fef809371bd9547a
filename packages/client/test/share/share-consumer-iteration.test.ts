import { ErrorCode } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RecordDeserializationError } from '../../src/share/record-deserialization-error.js'
import { RecordDeserializationFailure } from '../../src/share/record-failure.js'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import { json } from '../../src/serde.js'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

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

/** What next() came to. */
async function item<T>(stream: AsyncIterator<T, undefined>): Promise<T> {
  const { done, value } = await group.until(stream.next())
  if (done === true) throw new Error('the iteration is over')
  return value
}

async function record<K, V>(
  stream: AsyncIterator<ConsumerRecord<K, V> | { readonly error: Error }, undefined>,
): Promise<ConsumerRecord<K, V>> {
  const next = await item(stream)
  if (next.error !== undefined) throw next.error
  return next
}

describe('an iteration over records, implicit mode', () => {
  it('accepts a record when the next one is asked for, whether or not there is one', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    const stream = consumer.records()
    expect((await record(stream)).offset).toBe(0)
    await group.clock.advance(1_000)
    expect(stored()).toEqual([])
    expect((await record(stream)).offset).toBe(1)
    const waiting = stream.next()
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
    group.leader().give({ first: 2, last: 2 })
    expect(await group.until(waiting)).toMatchObject({ done: false, value: { offset: 2 } })
  })

  it.each(['break', 'throw'])('releases the record that was being worked on, and it alone, on %s', async (how) => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 9 })
    const seen: number[] = []
    const loop = async (): Promise<void> => {
      for await (const each of consumer) {
        if (each.error !== undefined) throw each.error
        seen.push(each.offset)
        if (each.offset < 2) continue
        if (how === 'break') break
        throw new Error('the body failed')
      }
    }
    const error = await failure(loop())
    expect(error === undefined).toBe(how === 'break')
    await group.clock.advance(1_000)
    expect(seen).toEqual([0, 1, 2])
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT', 'orders-0@2 RELEASE'])
    const rest = consumer.records()
    for (const offset of [3, 4, 5, 6, 7, 8, 9]) {
      expect(await record(rest)).toMatchObject({ offset, deliveryCount: 1 })
    }
    await rest.return?.()
  })

  it('gives back what nobody goes on to read when the member stands still', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 9 })
    const stream = consumer.records()
    for (const offset of [0, 1, 2]) expect((await record(stream)).offset).toBe(offset)
    await stream.return?.()
    await group.clock.advance(100)
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT', 'orders-0@2 RELEASE'])
    await group.clock.advance(20_000)
    const released = (first: number, last: number): string[] =>
      Array.from({ length: last - first + 1 }, (_, index) => `orders-0@${first + index} RELEASE`)
    expect(stored().filter((each) => each.endsWith('RELEASE'))).toEqual(released(2, 9))
    expect(consumer.metrics()).toMatchObject({ lost: 0 })
  })

  it('accepts the current record with a commit, also before a break', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    const loop = async (): Promise<string[]> => {
      for await (const each of consumer) {
        if (each.error !== undefined) throw each.error
        return [...(await consumer.commitSync())].map(([, error]) => error?.code ?? 'ok')
      }
      return []
    }
    expect(await group.until(loop())).toEqual(['ok'])
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 ACCEPT'])
  })

  it('keeps locks for as long as the body takes, and accepts then', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 0 })
    const stream = consumer.records()
    await record(stream)
    await group.clock.advance(4 * LOCK_MS)
    const waiting = stream.next()
    await group.clock.advance(1_000)
    expect(stored().at(-1)).toBe('orders-0@0 ACCEPT')
    expect(new Set(stored().slice(0, -1))).toEqual(new Set(['orders-0@0 RENEW']))
    expect(consumer.metrics()).toMatchObject({ accepted: 1, lost: 0, stale: 0 })
    await group.until(consumer.close())
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it('commits what was read since the last records came, and tells all that failed before', async () => {
    group.topic('orders', [1, 1, 1])
    const { consumer } = group.subscribed()
    const leader = group.leader()
    leader.acknowledgeError = (partition) => (partition === 'orders-1' ? ErrorCode.INVALID_RECORD_STATE : undefined)
    const stream = consumer.records()
    for (const partition of [0, 1, 2]) {
      leader.give({ partition, first: 0, last: 0 })
      expect((await record(stream)).partition).toBe(partition)
      await group.clock.advance(1_000)
    }
    const told = [...(await group.until(consumer.commitSync()))]
    expect(told.map(([{ partition }, error]) => [partition, error?.code]).sort()).toEqual([
      [1, 'INVALID_RECORD_STATE'],
      [2, undefined],
    ])
  })

  it('accepts the last poll, as the next poll would have', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    await group.until(consumer.poll(1_000))
    const stream = consumer.records()
    const waiting = stream.next()
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 ACCEPT'])
    await group.until(consumer.close())
    await waiting
  })
})

describe('an iteration over records, explicit mode', () => {
  it('leaves the answers to its reader', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 2 })
    const stream = consumer.records()
    consumer.acknowledge(await record(stream), 'REJECT')
    const open = await record(stream)
    consumer.acknowledge(open, 'RENEW')
    consumer.acknowledge(await record(stream))
    await group.until(stream.return?.() ?? Promise.reject(new Error('no return')))
    await group.clock.advance(1_000)
    consumer.acknowledge(open)
    await group.until(consumer.commitSync())
    expect(stored().sort()).toEqual(['orders-0@0 REJECT', 'orders-0@1 ACCEPT', 'orders-0@1 RENEW', 'orders-0@2 ACCEPT'])
    // The renewed one was the reader's: no poll hands it out again.
    expect((await group.until(consumer.poll(100))).count).toBe(0)
  })

  it('says so when records were forgotten, and goes on in a new loop once they are answered', async () => {
    const { consumer } = group.subscribed({ ...explicit, maxPollRecords: 3 })
    group.leader().give({ first: 0, last: 2 }, { first: 3, last: 5 })
    const read: ConsumerRecord<Buffer | null, Buffer | null>[] = []
    const loop = async (): Promise<void> => {
      for await (const each of consumer) if (each.error === undefined) read.push(each)
    }
    const error = await failure(loop())
    expect(error).toMatchObject({
      code: 'NOT_ACKNOWLEDGED',
      message: expect.stringMatching(/^[34] records of this iteration are not acknowledged: .* maxInFlight/) as string,
    })
    for (const each of read) consumer.acknowledge(each)
    group.leader().give({ first: 6, last: 6 })
    const stream = consumer.records()
    expect((await record(stream)).offset).toBeGreaterThanOrEqual(read.length)
  })

  it('waits for answers when maxInFlight are out', async () => {
    const { consumer } = group.subscribed({ ...explicit, maxInFlight: 2 })
    group.leader().give({ first: 0, last: 4 })
    const stream = consumer.records()
    const [a, b] = [await record(stream), await record(stream)]
    const waiting = stream.next()
    let came = false
    void waiting.then(() => (came = true))
    await group.clock.advance(5_000)
    expect(came).toBe(false)
    consumer.acknowledge(b)
    expect(await group.until(waiting)).toMatchObject({ value: { offset: 2 } })
    consumer.acknowledge(a)
  })

  it('does not wait for ever for answers that were forgotten', async () => {
    const { consumer } = group.subscribed({ ...explicit, maxInFlight: 1, maxLockExtensionMs: 60_000 })
    group.leader().give({ first: 0, last: 4 })
    const stream = consumer.records()
    await record(stream)
    const { value, tookMs } = await group.timed(stream.next().catch((error: unknown) => error))
    // The lock was lost, and so was the claim to an answer.
    expect(tookMs).toBeGreaterThanOrEqual(60_000)
    expect(tookMs).toBeLessThan(60_000 + 2 * LOCK_MS)
    expect(value).toMatchObject({
      code: 'NOT_ACKNOWLEDGED',
      message: expect.stringMatching(
        /^1 record of this iteration is not acknowledged: none was answered for 60 s, as long as a lock is kept/,
      ) as string,
    })
  })

  it('says once after the time of a lock that it waits for answers, and nothing where they came', async () => {
    const { consumer } = group.subscribed({ ...explicit, maxInFlight: 2, maxLockExtensionMs: 10 * LOCK_MS })
    group.leader().give({ first: 0, last: 1 })
    const stream = consumer.batches()
    const batch = await group.until(stream.next())
    const held = [...(batch.value ?? [])]
    expect(held).toHaveLength(2)
    let next = stream.next()
    const later = () => group.clock.advance(LOCK_MS - 1_000)
    await later()
    for (const each of held) consumer.acknowledge(each)
    // Nothing more there is to read: that is no reason to warn.
    await group.clock.advance(3 * LOCK_MS)
    const waiting = () => group.warnings.filter((line) => line.includes('for an answer'))
    expect(waiting()).toEqual([])
    group.leader().give({ first: 2, last: 5 })
    await group.until(next)
    next = stream.next()
    next.catch(() => undefined)
    await later()
    expect(waiting()).toEqual([])
    await group.clock.advance(5 * LOCK_MS)
    expect(waiting()).toEqual([
      expect.stringMatching(/has waited for 30 s for an answer to one of its 2 records, .*acknowledge\(record, type\)/),
    ])
  })

  it('takes the last answer with lastWins, as long as it is not sent', async () => {
    const { consumer } = group.subscribed({ ...explicit, onSecondAcknowledge: 'lastWins' })
    group.leader().give({ first: 0, last: 0 })
    const stream = consumer.records()
    const one = await record(stream)
    consumer.acknowledge(one, 'REJECT')
    consumer.acknowledge(one, 'ACCEPT')
    await group.until(consumer.commitSync())
    expect(stored()).toEqual(['orders-0@0 ACCEPT'])
  })
})

describe('a bad record in an iteration', () => {
  const value = (offset: number): Buffer => Buffer.from(offset === 1 ? '{' : String(offset))

  it('is an item in its place, and does not end the loop; left alone it is released', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>(), maxInFlight: 10 })
    group.leader().give({ first: 0, last: 2, value })
    const seen: unknown[] = []
    const stream = consumer.records()
    for (let i = 0; i < 3; i++) {
      const next = await item(stream)
      seen.push(next.error === undefined ? next.value : next.error.code)
      if (next.error !== undefined) {
        expect(next.error).toSatisfy(RecordDeserializationError.is)
        expect(next).toMatchObject({ topic: 'orders', partition: 0, offset: 1, deliveryCount: 1 })
      }
    }
    expect(seen).toEqual([0, 'RECORD_DESERIALIZATION', 2])
    const waiting = stream.next()
    await group.clock.advance(1_000)
    expect(stored().sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE', 'orders-0@2 ACCEPT'])
    await group.until(consumer.close())
    await waiting
  })

  it('may be rejected, also in implicit mode', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>() })
    group.leader().give({ first: 1, last: 1, value })
    const stream = consumer.records()
    const bad = await item(stream)
    if (!(bad instanceof RecordDeserializationFailure)) throw new Error('it is no bad record')
    consumer.acknowledge(bad, 'REJECT')
    await group.until(consumer.commitSync())
    expect(stored()).toEqual(['orders-0@1 REJECT'])
    await group.until(consumer.close())
  })
})

describe('a bad record in an iteration whose session was lost while it waited', () => {
  it('is not told: its broker delivers it again', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>() })
    group.leader().give({ first: 0, last: 1, value: (offset) => Buffer.from(offset === 1 ? '{' : '0') })
    const stream = consumer.records()
    await record(stream)
    group.leader().node.cut()
    await group.clock.advance(1_000)
    group.leader().give({ first: 2, last: 2, value: () => Buffer.from('2') })
    expect((await record(stream)).offset).toBe(2)
  })
})

describe('an error in an iteration', () => {
  it('that heals by itself is an item, and reading goes on', async () => {
    const { consumer } = group.subscribed()
    const stream = consumer.records()
    const waiting = stream.next()
    await group.clock.advance(100)
    group.heartbeat = (request) => group.refuse(request, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    expect(await group.until(waiting)).toMatchObject({
      done: false,
      value: { error: { code: 'TOPIC_AUTHORIZATION_FAILED' } },
    })
    group.heartbeat = (request) => group.welcome(request)
    group.leader().give({ first: 0, last: 0 })
    expect((await record(stream)).offset).toBe(0)
  })

  it('that does not ends it', async () => {
    group.heartbeat = (request) => group.refuse(request, ErrorCode.GROUP_AUTHORIZATION_FAILED)
    const { consumer } = group.subscribed()
    const stream = consumer.records()
    expect(await failure(stream.next())).toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('of its signal is ABORTED, and loses nothing', async () => {
    const { consumer } = group.subscribed()
    const controller = new AbortController()
    const stream = consumer.records({ signal: controller.signal })
    const waiting = failure(stream.next())
    await group.clock.advance(50)
    controller.abort()
    expect(await waiting).toMatchObject({ code: 'ABORTED' })
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(5_000))).count).toBe(1)
    expect(await failure(consumer.records({ signal: controller.signal }).next())).toMatchObject({ code: 'ABORTED' })
  })

  it.each([0, -1, 1.5, Number.NaN, '3'])('in its options is told at once: maxInFlight %j', (maxInFlight) => {
    const { consumer } = group.subscribed()
    expect(() => consumer.batches({ maxInFlight: maxInFlight as number })).toThrow(
      /maxInFlight must be a whole number above 0/,
    )
  })
})

describe('an iteration', () => {
  it('ends with close() and with unsubscribe()', async () => {
    const { consumer } = group.subscribed()
    const first = consumer.records().next()
    await group.clock.advance(50)
    await group.until(consumer.unsubscribe())
    expect(await group.until(first)).toEqual({ done: true, value: undefined })
    await group.clock.advance(1_000)
    consumer.subscribe(['orders'])
    const second = consumer.batches().next()
    await group.clock.advance(50)
    await group.until(consumer.close())
    expect(await group.until(second)).toEqual({ done: true, value: undefined })
  })

  it('that nobody goes on with keeps nobody out after unsubscribe()', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 0 })
    const forgotten = consumer.records()
    await record(forgotten)
    await group.until(consumer.unsubscribe())
    await group.clock.advance(1_000)
    consumer.subscribe(['orders'])
    group.leader().give({ first: 1, last: 1 })
    const next = consumer.records()
    expect((await record(next)).offset).toBe(1)
    expect(await group.until(forgotten.next())).toEqual({ done: true, value: undefined })
    await expect(consumer.poll(0)).rejects.toMatchObject({ code: 'CONCURRENT_USE' })
    const waiting = next.next()
    await group.clock.advance(1_000)
    expect(stored()).toEqual(['orders-0@0 RELEASE', 'orders-0@1 ACCEPT'])
    await next.return?.()
    await waiting
  })

  it('keeps polls and other iterations out until it is left', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 3 })
    const stream = consumer.records()
    await record(stream)
    for (const call of [() => consumer.poll(0), () => consumer.records().next(), () => consumer.batches().next()]) {
      expect(await failure(call())).toMatchObject({
        code: 'CONCURRENT_USE',
        message: expect.stringMatching(/while an iteration over records is running/) as string,
      })
    }
    await stream.return?.()
    await group.clock.advance(500)
    expect([...(await group.until(consumer.poll(5_000)))].map(({ offset }) => offset)).toEqual([1, 2, 3])
  })

  it('cannot begin while a poll runs', async () => {
    const { consumer } = group.subscribed()
    const polling = consumer.poll(100)
    expect(await failure(consumer.records().next())).toMatchObject({
      code: 'CONCURRENT_USE',
      message: expect.stringMatching(/^An iteration over records began while poll\(\) is running: /) as string,
    })
    await group.until(polling)
  })

  it('needs a subscription, and every record of the last poll answered', async () => {
    expect(await failure(group.consumer().records().next())).toMatchObject({ code: 'NO_SUBSCRIPTION' })
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    await group.until(consumer.poll(1_000))
    expect(await failure(consumer.batches().next())).toMatchObject({ code: 'NOT_ACKNOWLEDGED' })
  })

  it('refuses a second next() while the first waits, and is over once it was left', async () => {
    const { consumer } = group.subscribed()
    const streams: AsyncIterableIterator<unknown, undefined>[] = [consumer.records(), consumer.batches()]
    for (const stream of streams) {
      const waiting = stream.next()
      await expect(stream.next()).rejects.toMatchObject({ code: 'CONCURRENT_USE' })
      await stream.return?.()
      expect(await group.until(waiting)).toEqual({ done: true, value: undefined })
      expect(await stream.next()).toEqual({ done: true, value: undefined })
    }
  })

  it('does not hand out what was lost while it waited its turn', async () => {
    const { consumer } = group.subscribed({ maxInFlight: 5 })
    group.leader().give({ first: 0, last: 4 })
    const stream = consumer.records()
    expect((await record(stream)).offset).toBe(0)
    group.leader().cut()
    await group.clock.advance(10)
    group.leader().give({ first: 7, last: 7 })
    const seen: unknown[] = []
    for (let i = 0; i < 3 && seen.at(-1) !== 7; i++) {
      const next = await item(stream)
      seen.push(next.error === undefined ? next.offset : next.error.code)
    }
    expect(seen.filter((each) => typeof each === 'number')).toEqual([7])
  })
})

describe('an iteration over records that was left', () => {
  it('is told no more of an application that stands still', async () => {
    const { consumer, engine } = group.subscribed()
    group.leader().give({ first: 0, last: 1 })
    const forget = vi.fn<() => void>()
    vi.spyOn(engine, 'onStood').mockReturnValue(forget)
    const stream = consumer.records()
    await record(stream)
    expect(forget).not.toHaveBeenCalled()
    await stream.return?.()
    expect(forget).toHaveBeenCalledOnce()
  })
})

describe('an iteration over records whose lock seems over while it waited its turn', () => {
  it('gives the record up at once: it is told as lost, and renewed no more', async () => {
    const { consumer, engine } = group.subscribed({ ...explicit, maxInFlight: 10 })
    const lost: number[] = []
    engine.onLost(({ firstOffset }) => lost.push(firstOffset))
    group.leader().give({ first: 0, last: 4 })
    const stream = consumer.records()
    const first = await record(stream)
    group.leader().acknowledgeError = () => ErrorCode.COORDINATOR_NOT_AVAILABLE
    consumer.acknowledge(first)
    for (let i = 0; i < 3; i++) {
      await group.clock.advance(8_000)
      consumer.acknowledge(await record(stream))
    }
    expect(lost).toEqual([])
    await group.clock.advance(LOCK_MS - 24_000 + 10)
    const next = stream.next()
    group.leader().acknowledgeError = undefined
    group.leader().give({ first: 9, last: 9 })
    expect(await group.until(next)).toMatchObject({ value: { offset: 9 } })
    expect(lost).toEqual([4])
  })
})

describe('an iteration over batches', () => {
  const offsets = (batch: Iterable<ConsumerRecord<unknown, unknown>>): number[] =>
    [...batch].map(({ offset }) => offset)

  async function all<V>(consumer: ShareConsumer<Buffer | null, V>, count: number): Promise<number[]> {
    const seen: number[] = []
    for await (const batch of consumer.batches()) {
      seen.push(...offsets(batch))
      if (seen.length >= count) break
    }
    return seen
  }

  it('accepts a batch when the next one is asked for, and releases the one it is left in', async () => {
    const { consumer } = group.subscribed({ maxInFlight: 3 })
    group.leader().give({ first: 0, last: 2 }, { first: 3, last: 5 })
    expect(await group.until(all(consumer, 6))).toEqual([0, 1, 2, 3, 4, 5])
    await group.clock.advance(1_000)
    expect(stored().filter((what) => what.endsWith('ACCEPT'))).toHaveLength(3)
    expect(stored().filter((what) => what.endsWith('RELEASE'))).toHaveLength(3)
  })

  it('goes on while earlier records are unanswered, with at most maxInFlight out', async () => {
    const { consumer, engine } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 9 })
    const stream = consumer.batches({ maxInFlight: 4 })
    const out: ConsumerRecord<Buffer | null, Buffer | null>[] = []
    let most = 0
    while (stored().length < 10) {
      const batch = await item(stream)
      out.push(...batch)
      most = Math.max(most, engine.outstanding)
      // Late, and not in order.
      for (const each of out.splice(0, 2).reverse()) consumer.acknowledge(each)
      if (out.length === 4) for (const each of out.splice(0)) consumer.acknowledge(each)
      await group.clock.advance(600)
      if (engine.outstanding + stored().length === 10) for (const each of out.splice(0)) consumer.acknowledge(each)
      await group.clock.advance(600)
    }
    expect(most).toBeLessThanOrEqual(4)
    expect(new Set(stored()).size).toBe(10)
  })

  it('has bad records and passing errors among its failures', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>() })
    group.leader().give({ first: 0, last: 0, value: () => Buffer.from('{') })
    const stream = consumer.batches()
    const bad = await item(stream)
    expect([bad.count, bad.failures.map(({ error }) => error.code)]).toEqual([0, ['RECORD_DESERIALIZATION']])
    group.heartbeat = (request) => group.refuse(request, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    const refused = await item(stream)
    expect(refused.failures.map(({ error }) => error.code)).toEqual(['TOPIC_AUTHORIZATION_FAILED'])
    expect(stored()).toEqual(['orders-0@0 RELEASE'])
  })
})
