import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

// MANUAL records that nobody has answered in time: told about, decided on, or left behind by a stop.

const memberOf = (harness: ManualHarness) => harness.container.health().members[0]
const metricsOf = (harness: ManualHarness) => harness.container.metrics().get('orders-0')

describe('an overdue acknowledgment', () => {
  test('is told once, also when it is renewed afterwards', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(1)
    await harness.clock.advance(1_500)
    harness.handle(0).renew()
    await harness.clock.advance(5_000)
    expect(metricsOf(harness)?.acknowledgmentTimeouts).toBe(1)
    expect(harness.events.filter(({ type }) => type === 'acknowledgmentTimeout')).toHaveLength(1)
  })

  test('is told of the oldest record also where younger ones were answered before it', async () => {
    const harness = new ManualHarness({ maxInFlight: 5, shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(3)
    harness.handle(1).acknowledge()
    harness.handle(2).acknowledge()
    await harness.clock.advance(2_000)
    expect(metricsOf(harness)?.acknowledgmentTimeouts).toBe(1)
  })

  test('is lost with the lock of its record: the batch goes on, and its answer is too late', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    const [record] = await harness.run(1)
    await harness.clock.advance(1_500)
    if (record !== undefined) harness.engine().lose(record)
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
    expect(() => harness.handle(0).acknowledge()).toThrow(/too late: its lock/)
  })

  test('is an open one in health(), and is given back at a stop', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(1)
    await harness.clock.advance(1_500)
    expect(memberOf(harness)?.openAcknowledgments).toBe(1)
    await harness.container.stop()
    expect(() => harness.handle(0).acknowledge()).toThrow(/given it back/)
  })
})

describe('stop() with overdue acknowledgments only', () => {
  test.each([
    { maxInFlight: undefined, records: 2 },
    { maxInFlight: 2, records: 2 },
    // The third waits for a place.
    { maxInFlight: 2, records: 3 },
  ])('ends at once: $records records, maxInFlight $maxInFlight', async ({ maxInFlight, records }) => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000, maxInFlight })
    await harness.run(records)
    await harness.clock.advance(2_000)
    void harness.container.stop()
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
  })

  test('ends at once also where one was renewed, and became overdue again', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(1)
    await harness.clock.advance(1_500)
    harness.handle(0).renew()
    await harness.clock.advance(1_500)
    void harness.container.stop()
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
  })
})

describe('a recoverer that decides on a record beyond its deadline', () => {
  test.each([undefined, 500])(
    'is waited for by stop() (shareAcknowledgmentTimeoutMs %s)',
    async (shareAcknowledgmentTimeoutMs) => {
      const decision = deferred<'RELEASE'>()
      const harness = new ManualHarness({
        maxInFlight: 2,
        processingDeadlineMs: 1_000,
        shareAcknowledgmentTimeoutMs,
        shareConsumerRecordRecoverer: () => decision.promise,
      })
      await harness.run(1)
      await harness.clock.advance(1_500)
      void harness.container.stop()
      await harness.settle()
      expect(harness.container.state).toBe('stopping')
      decision.resolve('RELEASE')
      await harness.settle()
      expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
      expect(harness.container.state).toBe('stopped')
    },
  )

  test.each(['at once', 'later'])('has nothing that it leaves behind inside it (it decides %s)', async (when) => {
    const states: string[] = []
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const harness: ManualHarness = new ManualHarness({
      processingDeadlineMs: 1_000,
      shareConsumerRecordRecoverer: () => {
        setImmediate(() => void harness.container.stop().then(() => states.push(harness.container.state)))
        return when === 'at once' ? 'RELEASE' : Promise.resolve('RELEASE')
      },
    })
    await harness.run(1)
    await harness.clock.advance(1_500)
    await turn()
    await turn()
    await harness.clock.advance(10)
    expect(states).toEqual(['stopped'])
  })

  test('frees its place in the window', async () => {
    const decision = deferred<'RELEASE'>()
    const harness = new ManualHarness({
      maxInFlight: 1,
      processingDeadlineMs: 1_000,
      shareConsumerRecordRecoverer: () => decision.promise,
    })
    await harness.run(1)
    await harness.clock.advance(1_500)
    harness.engine().feedMany(1, 1)
    await harness.settle()
    decision.resolve('RELEASE')
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })
})

test('a renewal that the broker refuses ends the acknowledgment: the batch goes on without a word of the listener', async () => {
  const harness = new ManualHarness()
  await harness.run(1)
  harness.engine().autoConfirm = false
  harness.handle(0).renew()
  harness.engine().confirm(new KafkaError('refused', { code: 'INVALID_RECORD_STATE' }))
  harness.engine().feedMany(1, 1)
  await harness.settle()
  expect(memberOf(harness)?.openAcknowledgments).toBe(1)
  expect(harness.seen).toEqual([0, 1])
})

test('an answer to a record whose lock ran out before anybody told so says that, and leaves nothing open', async () => {
  const harness = new ManualHarness({ maxInFlight: 2 })
  const [record] = await harness.run(1)
  if (record !== undefined) harness.engine().expire(record)
  expect(() => harness.handle(0).acknowledge()).toThrow(/too late: its lock/)
  expect(memberOf(harness)?.openAcknowledgments).toBe(0)
})
