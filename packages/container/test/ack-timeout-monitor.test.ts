import { describe, expect, test } from 'vitest'
import { AcknowledgmentTimeoutEvent } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

const timeoutsOf = (harness: ContainerHarness): AcknowledgmentTimeoutEvent[] =>
  harness.events.filter((event) => event instanceof AcknowledgmentTimeoutEvent)

describe('a record that a MANUAL listener does not acknowledge', () => {
  test('is told once after 30 s: a warning with place and remedy, an event, a count', async () => {
    const harness = new ManualHarness()
    const [record] = await harness.run(1)
    await harness.clock.advance(29_999)
    expect(timeoutsOf(harness)).toEqual([])
    await harness.clock.advance(1)
    expect(timeoutsOf(harness)).toMatchObject([{ record, heldMs: 30_000, timeoutMs: 30_000, clientId: 'orders-0' }])
    expect(harness.log.at('warn')).toMatchObject([
      {
        message: expect.stringMatching(
          /topic orders, partition 0, offset 0.*30000 ms.*ack\.acknowledge\(\), ack\.release\(\) or ack\.reject\(\).*ack\.renew\(\) only extends/,
        ),
        facts: { topic: 'orders', partition: 0, offset: 0, timeoutMs: 30_000, heldMs: 30_000 },
      },
    ])
    expect(harness.container.metrics().get('orders-0')?.acknowledgmentTimeouts).toBe(1)
    await harness.clock.advance(300_000)
    expect(timeoutsOf(harness)).toHaveLength(1)
    expect(harness.log.at('warn')).toHaveLength(1)
  })

  test('is told while its listener still runs, too', async () => {
    const work = deferred()
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 }, () => work.promise)
    await harness.run(1)
    await harness.clock.advance(1_000)
    expect(timeoutsOf(harness)).toHaveLength(1)
    work.resolve()
  })

  test('is not told when it was acknowledged, lost or given back in time', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    const records = await harness.run(3)
    harness.handle(0).acknowledge()
    if (records[1] !== undefined) harness.engine().lose(records[1])
    const stopped = harness.container.stop({ timeoutMs: 900 })
    await harness.clock.advance(5_000)
    await stopped
    expect(timeoutsOf(harness)).toEqual([])
  })

  test('has its time begin anew with renew(), and may still be answered afterwards', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(2)
    await harness.clock.advance(900)
    harness.handle(0).renew()
    await harness.clock.advance(100)
    expect(timeoutsOf(harness).map(({ record }) => record.offset)).toEqual([1])
    await harness.clock.advance(899)
    expect(timeoutsOf(harness)).toHaveLength(1)
    await harness.clock.advance(1)
    expect(timeoutsOf(harness).map(({ record, heldMs }) => [record.offset, heldMs])).toEqual([
      [1, 1_000],
      [0, 1_900],
    ])
    harness.handle(1).acknowledge()
    harness.handle(0).reject()
    expect(harness.engine().answers).toEqual(['RENEW orders-0@0', 'ACCEPT orders-0@1', 'REJECT orders-0@0'])
  })

  test('does not have its time begin anew with the renewals of the lock keeper', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    const [record] = await harness.run(1)
    await harness.clock.advance(500)
    if (record !== undefined) harness.engine().renew(record, 30_000)
    await harness.clock.advance(500)
    expect(timeoutsOf(harness)).toHaveLength(1)
  })

  test('costs no timer of its own', async () => {
    const harness = new ManualHarness()
    await harness.container.start()
    const before = harness.clock.pendingTimers
    harness.engine().feedMany(100)
    await harness.settle()
    expect(harness.seen).toHaveLength(100)
    expect(harness.clock.pendingTimers - before).toBeLessThanOrEqual(1)
  })

  test('of many the first are written, the rest is counted, and all are events', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000 })
    await harness.run(100)
    await harness.clock.advance(3_000)
    expect(timeoutsOf(harness)).toHaveLength(100)
    expect(harness.log.at('warn')).toHaveLength(6)
  })
})

test.each(['EXPLICIT', 'IMPLICIT'] as const)('in %s nothing is told', async (shareAckMode) => {
  const work = deferred()
  const harness = new ContainerHarness({
    properties: { shareAckMode, shareAcknowledgmentTimeoutMs: 1_000 },
    listener: () => work.promise,
  })
  await harness.run(1)
  await harness.clock.advance(10_000)
  expect(timeoutsOf(harness)).toEqual([])
  work.resolve()
})
