import type { RequestOf, ShareAcknowledge } from '@milena/protocol'
import { beforeAll, describe, expect } from 'vitest'
import { deferred } from './container-harness.js'
import { calmly, numbered, told, warmUp, type Bench } from './virtual-bench.js'

// Listeners that take longer than the lock of their record: over the real client and a whole broker, in virtual time.

beforeAll(warmUp)

const later = (bench: Bench, ms: number): Promise<void> =>
  new Promise((resolve) => void bench.broker.clock.setTimer(resolve, ms))

const shortLocks = { serverProperties: { 'group.share.min.record.lock.duration.ms': '1000' } }

/** `cause first-last delivered` of each lost lock. */
const losses = (bench: Bench): string[] =>
  bench.events.flatMap((event) =>
    event.type === 'recordLockLost'
      ? [`${event.cause} ${event.firstOffset}-${event.lastOffset} ${event.records.map(({ offset }) => offset).join()}`]
      : [],
  )

const renewals = (bench: Bench): number =>
  bench.broker
    .requests({ api: 'ShareAcknowledge' })
    .filter(({ body }) => (body as RequestOf<typeof ShareAcknowledge>).isRenewAck).length

describe('A listener that takes longer than the lock', () => {
  calmly(
    'has each record once, accepted, with one delivery at the broker',
    async (bench) => {
      const { broker } = bench
      broker.setGroupConfig('workers', { 'share.record.lock.duration.ms': '1000' })
      const deliveries: string[] = []
      bench.append(5)
      const container = await bench.container(async (record) => {
        deliveries.push(told(record))
        await later(bench, 3_000)
      })
      await bench.untilFinished(5, 100)
      expect(deliveries).toEqual(numbered(5).map((value) => `${value} 1`))
      expect(container.metrics().get('share-container-0')).toMatchObject({
        delivered: 5,
        locksLost: 0,
        broker: { accepted: 5, redelivered: 0, failed: 0, renewed: 0 },
      })
      expect(bench.failures).toEqual([])
      expect(losses(bench)).toEqual([])
      // Some two or three in each of the 15 locks' durations, for all that is held together.
      expect(renewals(bench)).toBeLessThanOrEqual(3 * 15)
    },
    shortLocks,
  )

  calmly('is not overtaken in a window either', async (bench) => {
    const deliveries: string[] = []
    bench.append(40)
    const container = await bench.container(
      async (record) => {
        deliveries.push(told(record))
        await later(bench, 50_000)
      },
      { maxInFlight: 10 },
    )
    await bench.broker.advanceUntil(() => deliveries.length === 40, { stepMs: 1_000, maxMs: 300_000 })
    await bench.broker.clock.advance(60_000)
    expect(deliveries.toSorted()).toEqual(
      numbered(40)
        .map((value) => `${value} 1`)
        .toSorted(),
    )
    expect(container.metrics().get('share-container-0')).toMatchObject({ locksLost: 0, broker: { accepted: 40 } })
  })

  calmly('and hangs cannot hold its record for ever: the group delivers it to another member', async (bench) => {
    const { broker } = bench
    const hung = deferred()
    const deliveries: string[] = []
    bench.append(1)
    const container = await bench.container(
      async (record) => {
        deliveries.push(`first ${told(record)}`)
        await hung.promise
      },
      { maxLockExtensionMs: 120_000 },
    )
    await broker.advanceUntil(() => deliveries.length === 1)
    await bench.container((record) => void deliveries.push(`second ${told(record)}`), { clientId: 'second' })
    await broker.clock.advance(119_000)
    expect(deliveries).toEqual(['first v0 1'])
    expect(losses(bench)).toEqual([])
    await broker.clock.advance(35_000)
    expect(deliveries).toEqual(['first v0 1', 'second v0 2'])
    expect(losses(bench)).toEqual(['extension-ended 0-0 0'])
    expect(bench.log.at('warn').map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringMatching(/not renewed any more.*maxLockExtensionMs/)]),
    )
    hung.resolve()
    await broker.clock.advance(1_000)
    expect(bench.partition?.startOffset).toBe(1)
    // Its member was replaced meanwhile.
    expect(container.metrics().get('share-container-0')).toMatchObject({ delivered: 1, lateOutcomes: 1 })
    expect(bench.failures).toEqual([])
  })

  calmly(
    'and blocks the event loop meanwhile has nothing accepted that was delivered again',
    async (bench) => {
      const { broker } = bench
      broker.setGroupConfig('workers', { 'share.record.lock.duration.ms': '1000' })
      const deliveries: string[] = []
      bench.append(4)
      const container = await bench.container((record) => {
        deliveries.push(told(record))
        if (record.offset === 1 && record.deliveryCount === 1) broker.clock.block(5_000)
      })
      await bench.untilFinished(4, 50)
      expect(new Set(deliveries.map((each) => each.split(' ')[0]))).toEqual(new Set(numbered(4)))
      // Each once, and whatever came too late is told.
      expect(container.metrics().get('share-container-0')).toMatchObject({ broker: { accepted: 4 } })
      expect(bench.failures.length).toBe(deliveries.length > 4 ? 1 : 0)
    },
    shortLocks,
  )
})

describe('A delayed answer', () => {
  calmly('may wait longer than the lock, which is renewed meanwhile', async (bench) => {
    const { broker } = bench
    const deliveries: string[] = []
    bench.append(1)
    await bench.container(
      (record) => {
        deliveries.push(told(record))
        if (record.deliveryCount === 1) throw new Error('not yet')
      },
      { shareConsumerRecordRecoverer: () => ({ type: 'RELEASE', delayMs: 100_000 }) },
    )
    await broker.clock.advance(99_000)
    expect(deliveries).toEqual(['v0 1'])
    await broker.clock.advance(3_000)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(bench.failures).toEqual([])
    expect(losses(bench)).toEqual([])
  })
})

describe('A connection that is cut', () => {
  calmly('is told with the records whose locks went with it, delivered or not', async (bench) => {
    const { broker } = bench
    const hung = deferred()
    const deliveries: string[] = []
    bench.append(3)
    const container = await bench.container(async (record) => {
      deliveries.push(told(record))
      if (record.offset === 0 && record.deliveryCount === 1) await hung.promise
    })
    await broker.advanceUntil(() => deliveries.length === 1)
    broker.cutConnections()
    await broker.clock.advance(100)
    expect(losses(bench)).toEqual(['session 0-0 0', 'session 1-2 '])
    expect(container.metrics().get('share-container-0')).toMatchObject({ locksLost: 3 })
    hung.resolve()
    await bench.untilFinished(3)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 2', 'v2 2'])
  })
})

describe('Two members of different speed', () => {
  calmly('share a topic so that the quick one does most of it', async (bench) => {
    const { broker } = bench
    const done = { slow: 0, quick: 0 }
    await bench.container(
      async () => {
        await later(bench, 5_000)
        done.slow++
      },
      { clientId: 'slow' },
    )
    await bench.container(
      async () => {
        await later(bench, 2)
        done.quick++
      },
      { clientId: 'quick' },
    )
    for (let i = 0; i < 20; i++) {
      bench.append(20)
      await broker.clock.advance(1_000)
    }
    await bench.untilFinished(400, 500)
    expect(done.slow).toBeGreaterThan(1)
    expect(done.quick).toBeGreaterThan(360)
    expect(done.slow + done.quick).toBe(400)
    expect(losses(bench)).toEqual([])
  })
})
