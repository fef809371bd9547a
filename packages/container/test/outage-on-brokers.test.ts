import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { releasing } from '../src/index.js'
import { containerOn, numbered, produce, stopContainers, untilLagIsZero } from './container-on-brokers.js'

afterEach(stopContainers)

const OUTAGE_MS = 3_000
const RECORDS = 60

describeOnBrokers('An outage of what a listener depends on, three locks long', (broker) => {
  for (const [form, maxInFlight] of [
    ['by batches', undefined],
    ['in a window', 20],
  ] as const) {
    it(`costs a record two deliveries at most where releases back off, ${form}: none is archived`, async () => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup({
        'share.record.lock.duration.ms': '1000',
        ...(broker.isSince('4.3') && { 'share.delivery.count.limit': '2' }),
      })
      await produce(broker, topic, numbered(RECORDS))
      const counts = new Map<string, number>()
      const done: string[] = []
      let backAt = Infinity
      const { container, events } = containerOn(
        broker,
        {
          topics: topic,
          groupId,
          ...(maxInFlight !== undefined && { maxInFlight }),
          shareConsumerRecordRecoverer: releasing({ backoff: { initialMs: OUTAGE_MS, maxMs: OUTAGE_MS } }),
        },
        ({ value, deliveryCount }) => {
          if (backAt === Infinity) backAt = performance.now() + OUTAGE_MS
          counts.set(value ?? '', deliveryCount)
          if (performance.now() < backAt) throw new Error('The database is not there.')
          done.push(value ?? '')
        },
        { maxPollRecords: 20 },
      )
      await container.start()
      await untilLagIsZero(broker, groupId)
      expect(done.toSorted()).toEqual(numbered(RECORDS).toSorted())
      expect(Math.max(...counts.values())).toBe(2)
      await vi.waitFor(() =>
        expect(container.metrics().get('share-container-0')?.broker).toMatchObject({
          accepted: RECORDS,
          rejected: 0,
          failed: 0,
        }),
      )
      expect(events.filter(({ type }) => type === 'recordLockLost')).toEqual([])
    })
  }
})
