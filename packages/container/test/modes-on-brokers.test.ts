import { describeOnBrokers } from '@milena/tools-test-brokers'
import type { TestBroker } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import {
  ListenerFailedEvent,
  ProcessingDeadlineError,
  RecordDeserializationFailedEvent,
  type ContainerProperties,
  type ShareAcknowledgment,
} from '../src/index.js'
import {
  containerOn,
  numbered,
  produce,
  stopContainers,
  untilLagIsZero,
  type Listener,
  type Run,
} from './container-on-brokers.js'
import { eventually, placeOn, untilConfirmed, type Place } from './spring-parity/share-containers.js'

afterEach(stopContainers)

function runOn(broker: TestBroker, place: Place, listener: Listener, properties: ContainerProperties = {}): Run {
  return containerOn(broker, { topics: place.topic, groupId: place.groupId, ...properties }, listener)
}

/** What a second container of the group is delivered, until a sentinel comes; all of it is accepted. */
async function deliveredNext(broker: TestBroker, place: Place): Promise<string[]> {
  const deliveries: string[] = []
  const { container } = runOn(
    broker,
    place,
    ({ value, deliveryCount }) => void deliveries.push(`${value} ${deliveryCount}`),
  )
  await container.start()
  await produce(broker, place.topic, ['sentinel'])
  await untilLagIsZero(broker, place.groupId)
  return deliveries.filter((each) => !each.startsWith('sentinel')).toSorted()
}

const manual = { shareAckMode: 'MANUAL' } as const

interface HoldingRun extends Run {
  readonly handles: readonly ShareAcknowledgment[]
}

/** A container in MANUAL mode that so many records have been delivered to, none of them answered. */
async function holding(broker: TestBroker, place: Place, count: number): Promise<HoldingRun> {
  const handles: ShareAcknowledgment[] = []
  const run = runOn(
    broker,
    place,
    (_record, acknowledgment) => void (acknowledgment && handles.push(acknowledgment)),
    manual,
  )
  await run.container.start()
  await eventually(() => expect(handles).toHaveLength(count))
  return { ...run, handles }
}

describeOnBrokers('A container in MANUAL mode', (broker) => {
  it('sends what is answered long after its listener returned, from anywhere', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(3))
    const handles = new Map<string | null, ShareAcknowledgment>()
    const deliveries: string[] = []
    const { container } = runOn(
      broker,
      place,
      ({ value, deliveryCount }, acknowledgment) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (deliveryCount > 1) acknowledgment?.acknowledge()
        else if (acknowledgment !== undefined) handles.set(value, acknowledgment)
      },
      manual,
    )
    await container.start()
    await eventually(() => expect(handles.size).toBe(3))
    handles.get('v2')?.reject()
    const result = handles.get('v1')?.result
    handles.get('v1')?.release()
    expect(await result).toEqual({ error: undefined, type: 'RELEASE' })
    expect(await broker.lag(place.groupId)).not.toBe(0)
    handles.get('v0')?.acknowledge()
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v1 1', 'v1 2', 'v2 1'])
    await untilConfirmed(container, { accepted: 2, released: 1, rejected: 1 })
  })

  it('sends what was answered in its last batch before stop(), and what is answered while it stops', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(4))
    const { container, handles } = await holding(broker, place, 4)
    handles[0]?.acknowledge()
    handles[1]?.reject()
    const stopped = container.stop()
    handles[2]?.acknowledge()
    handles[3]?.acknowledge()
    await stopped
    await untilLagIsZero(broker, place.groupId)
    expect(await deliveredNext(broker, place)).toEqual([])
  })

  it('gives back what is not answered when its time to stop is over; the handle says so', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(2))
    const { container, events, handles } = await holding(broker, place, 2)
    handles[0]?.acknowledge()
    await container.stop({ timeoutMs: 1_000 })
    expect(events.at(-1)).toMatchObject({ type: 'consumerStopped', releasedRecords: 1 })
    expect(() => handles[1]?.acknowledge()).toThrow(/too late: its container has stopped/)
    expect(await deliveredNext(broker, place)).toEqual(['v1 2'])
  })

  it('refuses an answer whose lock is lost: the handle throws, and the record is delivered again', async () => {
    const place = await placeOn(broker, { 'share.record.lock.duration.ms': '1000' })
    await produce(broker, place.topic, ['v0'])
    const handles: ShareAcknowledgment[] = []
    const deliveries: string[] = []
    const { container, events } = runOn(
      broker,
      place,
      ({ value, deliveryCount }, acknowledgment) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (acknowledgment !== undefined) handles.push(acknowledgment)
        if (deliveryCount > 1) acknowledgment?.acknowledge()
      },
      { ...manual, maxLockExtensionMs: 0 },
    )
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(() => handles[0]?.acknowledge()).toThrow(
      expect.objectContaining({ name: 'KafkaUsageError', code: 'ACKNOWLEDGMENT_TOO_LATE' }),
    )
    expect(events.map(({ type }) => type)).toContain('recordLockLost')
    expect(container.metrics().values().next().value).toMatchObject({ lateOutcomes: 1, locksLost: 1 })
  })

  it('keeps the lock of a record that is renewed, without the lock keeper', async () => {
    const place = await placeOn(broker, { 'share.record.lock.duration.ms': '1000' })
    await produce(broker, place.topic, ['v0'])
    const deliveries: string[] = []
    let renewals = 0
    const { container, events } = runOn(
      broker,
      place,
      async ({ value, deliveryCount, lockExpiresAt }, acknowledgment) => {
        deliveries.push(`${value} ${deliveryCount}`)
        // Three locks long.
        const until = lockExpiresAt + 2_000
        await eventually(() => {
          if (renewals < 5 && Date.now() > lockExpiresAt - 500 + renewals * 500) {
            acknowledgment?.renew()
            renewals++
          }
          expect(Date.now()).toBeGreaterThan(until)
        })
        acknowledgment?.acknowledge()
      },
      { ...manual, maxLockExtensionMs: 0 },
    )
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries).toEqual(['v0 1'])
    await untilConfirmed(container, { renewed: renewals, accepted: 1, lost: 0 })
    expect(renewals).toBe(5)
    expect(events.map(({ type }) => type)).not.toContain('acknowledgmentFailed')
  })

  it('tells of a renewal that the group forbids (Kafka 4.3), and the record keeps its lock', async () => {
    const place = await placeOn(broker, broker.isSince('4.3') ? { 'share.renew.acknowledge.enable': 'false' } : {})
    await produce(broker, place.topic, ['v0'])
    const { container, events, handles } = await holding(broker, place, 1)
    handles[0]?.renew()
    if (broker.isSince('4.3')) {
      await eventually(() =>
        expect(events.find(({ type }) => type === 'acknowledgmentFailed')).toMatchObject({
          records: [{ offset: 0 }],
          cause: { message: expect.stringContaining('share.renew.acknowledge.enable=false') },
        }),
      )
    } else await untilConfirmed(container, { renewed: 1 })
    handles[0]?.acknowledge()
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { accepted: 1, lost: 0 })
  })
})

describeOnBrokers('A container in IMPLICIT mode', (broker) => {
  it('accepts everything that its listener has ended with, and rejects what cannot be deserialised', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, ['v0', Buffer.from([0xff]), 'v2'])
    const deliveries: string[] = []
    const { container, events } = runOn(
      broker,
      place,
      ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        throw new Error('always')
      },
      { shareAckMode: 'IMPLICIT' },
    )
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { accepted: 2, rejected: 1, released: 0 })
    expect(deliveries).toEqual(['v0 1', 'v2 1'])
    expect(events.filter((event) => event instanceof ListenerFailedEvent)).toHaveLength(2)
    expect(events.filter((event) => event instanceof RecordDeserializationFailedEvent)).toHaveLength(1)
    await container.stop()
    expect(await deliveredNext(broker, place)).toEqual([])
  })
})

describeOnBrokers('A container in EXPLICIT mode', (broker) => {
  it('gives a record whose listener hangs to its recoverer at the deadline, and what comes of the call is not sent', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(2))
    const deliveries: string[] = []
    const ended: (() => void)[] = []
    const errors: unknown[] = []
    const { container } = runOn(
      broker,
      place,
      async ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (value === 'v0' && deliveryCount === 1) await new Promise<void>((resolve) => ended.push(resolve))
      },
      {
        processingDeadlineMs: 300,
        shareConsumerRecordRecoverer: (_record, error) => (errors.push(error), 'RELEASE'),
      },
    )
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    for (const end of ended) end()
    await eventually(() => expect(container.metrics().values().next().value).toMatchObject({ lateOutcomes: 1 }))
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 1'])
    expect(errors).toEqual([expect.any(ProcessingDeadlineError)])
    await untilConfirmed(container, { accepted: 2, released: 1, failed: 0 })
  })

  it('accepts what its filter keeps from the listener', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(10))
    const seen: (string | null)[] = []
    const { container } = runOn(broker, place, ({ value }) => void seen.push(value), {
      filter: ({ offset }) => (offset % 5 === 0 ? Promise.resolve(true) : offset % 2 === 0),
    })
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    expect(seen).toEqual(['v0', 'v2', 'v4', 'v5', 'v6', 'v8'])
    await untilConfirmed(container, { accepted: 10, released: 0, rejected: 0 })
    expect(container.metrics().values().next().value).toMatchObject({ filtered: 4, delivered: 6 })
  })

  it('does as its error handler says, before any recoverer', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(3))
    const deliveries: string[] = []
    const asked: unknown[] = []
    const { container } = runOn(
      broker,
      place,
      ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (deliveryCount === 1) throw new Error(`bad ${value}`)
      },
      {
        errorHandler: ({ value }) => (value === 'v0' ? 'ACCEPT' : value === 'v1' ? 'RELEASE' : undefined),
        shareConsumerRecordRecoverer: ({ value }) => (asked.push(value), 'REJECT'),
      },
    )
    await container.start()
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v1 1', 'v1 2', 'v2 1'])
    expect(asked).toEqual(['v2'])
    await untilConfirmed(container, { accepted: 2, released: 1, rejected: 1 })
  })
})
