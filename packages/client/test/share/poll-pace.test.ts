import { ErrorCode, KafkaError } from '@milena/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ShareConsumer } from '../../src/index.js'
import { ScriptedGroup } from './scripted-group.js'

// Loops around poll() that go on whatever they are told. A rejection that comes at once, again and again, would keep the event
// loop from turning: neither a timer nor a signal handler would run any more.

type Consumer = ShareConsumer<Buffer | null, Buffer | null>

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
  group.topic()
})

afterEach(() => group.end())

/** How many polls reject while the clock is moved on by a second, and with what. */
async function rejectionsOfASecond(
  consumer: Consumer,
  timeoutMs = 1_000,
): Promise<{ count: number; codes: Set<string> }> {
  const codes = new Set<string>()
  let count = 0
  let over = false
  const loop = (async () => {
    while (!over && count < 5_000) {
      await consumer.poll(timeoutMs).catch((error: KafkaError) => {
        count++
        codes.add(error.code)
      })
    }
  })()
  for (let step = 0; step < 100; step++) await group.clock.advance(10)
  over = true
  await group.until(loop)
  return { count, codes }
}

it('a member that has failed for good tells it at once, and from then on every retryBackoffMs', async () => {
  group.heartbeat = (request) => group.refuse(request, ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const { consumer } = group.subscribed({ retryBackoffMs: 50 })
  expect(await group.until(consumer.poll(1_000).catch((error: KafkaError) => error.code))).toMatch(/^GROUP_AUTHORIZ/)
  const { count, codes } = await rejectionsOfASecond(consumer)
  expect([...codes]).toEqual(['GROUP_AUTHORIZATION_FAILED'])
  expect(count).toBeGreaterThan(15)
  expect(count).toBeLessThan(25)
})

it('so does one without a subscription', async () => {
  const consumer = group.consumer()
  expect(await consumer.poll(1_000).catch((error: KafkaError) => error.code)).toBe('NO_SUBSCRIPTION')
  expect((await rejectionsOfASecond(consumer)).count).toBeLessThan(15)
})

it('with a timeout of 0 a rejection takes a millisecond, in which others have their turn', async () => {
  expect((await rejectionsOfASecond(group.consumer(), 0)).count).toBeLessThan(1_010)
})

it('after close(), too', async () => {
  const consumer = group.consumer()
  await consumer.close()
  const { count, codes } = await rejectionsOfASecond(consumer)
  expect([...codes]).toEqual(['CLOSED'])
  expect(count).toBeLessThan(1_010)
})

it('what happens for the first time, or again after a pause, is told at once', async () => {
  const consumer = group.consumer()
  const poll = (): Promise<string> =>
    consumer.poll(1_000).then(
      () => 'nothing',
      (error: KafkaError) => error.code,
    )
  expect(await poll()).toBe('NO_SUBSCRIPTION')
  await group.clock.advance(100)
  expect(await poll()).toBe('NO_SUBSCRIPTION')
  consumer.wakeup()
  consumer.subscribe(['orders'])
  expect(await poll()).toBe('WAKEUP')
  consumer.wakeup()
  expect(await poll()).toBe('WAKEUP')
})

it.each([
  ['records', 'GROUP_AUTHORIZATION_FAILED'],
  ['batches', 'GROUP_AUTHORIZATION_FAILED'],
  ['records', 'NO_SUBSCRIPTION'],
  ['batches', 'NO_SUBSCRIPTION'],
] as const)('so does a loop that begins %s() again each time: %s', async (form, code) => {
  group.heartbeat = (request) => group.refuse(request, ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const consumer = code === 'NO_SUBSCRIPTION' ? group.consumer() : group.subscribed().consumer
  let count = 0
  let over = false
  const loop = (async () => {
    while (!over && count < 5_000) {
      try {
        for await (const _ of consumer[form]()) throw new Error('nothing was to come')
      } catch (error) {
        count++
        expect(error).toMatchObject({ code })
      }
    }
  })()
  for (let step = 0; step < 100; step++) await group.clock.advance(10)
  over = true
  await group.until(loop)
  expect(count).toBeGreaterThan(5)
  expect(count).toBeLessThan(15)
})

it('polls of 0 ms get their record, however quickly they follow each other', async () => {
  const { consumer } = group.subscribed()
  group.leader().give({ first: 0, last: 0 })
  let polls = 0
  const polling = (async () => {
    for (;;) {
      polls++
      const { records } = await consumer.poll(0)
      if (records.length > 0 || polls > 5_000) return records
    }
  })()
  expect(await group.until(polling)).toHaveLength(1)
  expect(polls).toBeLessThan(1_000)
})

it('a poll of 0 ms that finds nothing takes no time, unless another one did just before', async () => {
  const { consumer } = group.subscribed()
  expect((await consumer.poll(0)).count).toBe(0)
  const again = group.timed(consumer.poll(0))
  expect(await again).toMatchObject({ tookMs: 1, value: { count: 0 } })
})

it('close() does not wait for such a poll, and leaves no timer behind', async () => {
  const consumer = group.consumer()
  await consumer.poll(1_000).catch(() => undefined)
  const again = consumer.poll(1_000).catch((error: KafkaError) => error.code)
  await group.clock.advance(10)
  const { tookMs } = await group.timed(consumer.close())
  expect(tookMs).toBe(0)
  expect(await again).toBe('NO_SUBSCRIPTION')
  expect(group.clock.pendingTimers).toBe(0)
})
