import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { containerOn, numbered, produce, stopContainers, untilLagIsZero } from './container-on-brokers.js'

afterEach(stopContainers)

const SHORT_LOCK = { 'share.record.lock.duration.ms': '1000' }

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describeOnBrokers('A listener that takes 3 s for a record, under a lock of 1 s', (broker) => {
  it('has each record once, and the broker has each accepted with one delivery', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup(SHORT_LOCK)
    await produce(broker, topic, numbered(3))
    const deliveries: string[] = []
    const { container, events } = containerOn(broker, { topics: topic, groupId }, async ({ value, deliveryCount }) => {
      deliveries.push(`${value} ${deliveryCount}`)
      await later(3_000)
    })
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries).toEqual(['v0 1', 'v1 1', 'v2 1'])
    expect(events.map(({ type }) => type)).toEqual(['consumerStarting', 'consumerStarted'])
    await vi.waitFor(() => expect(container.metrics().get('share-container-0')?.broker.accepted).toBe(3))
    const counts = container.metrics().get('share-container-0')
    expect(counts).toMatchObject({ locksLost: 0, broker: { accepted: 3, redelivered: 0, failed: 0, renewed: 0 } })
    expect(counts?.broker.lockRenewals).toBeGreaterThanOrEqual(8)
  })

  it('has so many at once as its window has room for, each once', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup(SHORT_LOCK)
    await produce(broker, topic, numbered(40))
    const deliveries: string[] = []
    const { container } = containerOn(
      broker,
      { topics: topic, groupId, maxInFlight: 20 },
      async ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        await later(3_000)
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries.toSorted()).toEqual(
      numbered(40)
        .map((value) => `${value} 1`)
        .toSorted(),
    )
    await vi.waitFor(() => expect(container.metrics().get('share-container-0')?.broker.accepted).toBe(40))
    expect(container.metrics().get('share-container-0')?.locksLost).toBe(0)
  })
})

describeOnBrokers('A listener that blocks the event loop for longer than the lock', (broker) => {
  it('has nothing accepted that is delivered again: the late answer is told as failed', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup(SHORT_LOCK)
    await produce(broker, topic, numbered(4))
    const deliveries: string[] = []
    const { container, events } = containerOn(broker, { topics: topic, groupId }, ({ value, deliveryCount }) => {
      deliveries.push(`${value} ${deliveryCount}`)
      if (value === 'v1' && deliveryCount === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_800)
    })
    await container.start()
    await untilLagIsZero(broker, groupId)
    const failed = events.flatMap((event) => (event.type === 'acknowledgmentFailed' ? event.ranges : []))
    const again = deliveries.filter((each) => !each.endsWith(' 1'))
    // A broker of this process was blocked, too, and may not have noticed.
    expect(failed.length > 0).toBe(again.length > 0)
    await vi.waitFor(() => expect(container.metrics().get('share-container-0')?.broker.accepted).toBe(4))
    expect(new Set(deliveries.map((each) => each.split(' ')[0]))).toEqual(new Set(numbered(4)))
  })
})

describeOnBrokers('A lock that is not renewed and runs out', (broker) => {
  it('gives its record to the next delivery; the late answer is told as failed', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup(SHORT_LOCK)
    await produce(broker, topic, numbered(3))
    const deliveries: string[] = []
    const { container, events } = containerOn(
      broker,
      { topics: topic, groupId, maxLockExtensionMs: 0 },
      async ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (value === 'v0' && deliveryCount === 1) await later(1_500)
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 2', 'v2 2'])
    expect(events.filter((event) => event.type === 'acknowledgmentFailed')).toMatchObject([
      { topic, partition: 0, ranges: [{ firstOffset: 0, lastOffset: 0 }], cause: { code: 'INVALID_RECORD_STATE' } },
    ])
  })
})
