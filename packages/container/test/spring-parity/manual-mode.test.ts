import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import { RELEASING, type ShareAcknowledgment } from '../../src/index.js'
import { numbered, produce, stopContainers, untilLagIsZero } from '../container-on-brokers.js'
import {
  confirmedTo,
  eventually,
  placeOn,
  runnerOn,
  untilConfirmed,
  untilLagIs,
  whileAnotherContainerWorks,
} from './share-containers.js'

afterEach(stopContainers)

/** Keeps the handles of records, in the order of delivery, for a test to answer. */
class Handles {
  readonly #all: { readonly value: string; readonly acknowledgment: ShareAcknowledgment }[] = []

  readonly keep = ({ value }: { readonly value: string | null }, acknowledgment: ShareAcknowledgment | undefined) => {
    if (acknowledgment === undefined) throw new Error('MANUAL gives a handle with each record')
    this.#all.push({ value: String(value), acknowledgment })
  }

  get values(): string[] {
    return this.#all.map(({ value }) => value)
  }

  /** Accepts what is not answered yet. */
  acceptRest(): void {
    for (const { acknowledgment } of this.#all) if (!acknowledgment.isAcknowledged) acknowledgment.acknowledge()
  }

  of(value: string): ShareAcknowledgment {
    const found = this.#all.find((each) => each.value === value)
    if (found === undefined) throw new Error(`${value} was not delivered`)
    return found.acknowledgment
  }
}

describeOnBrokers('MANUAL mode', (broker) => {
  it('14. needs an acknowledgment for every record; IMPLICIT needs none', async () => {
    const manual = await placeOn(broker)
    await produce(broker, manual.topic, numbered(3))
    const handles = new Handles()
    const one = await runnerOn(broker, manual)({ shareAckMode: 'MANUAL' }, handles.keep)
    await eventually(() => expect(handles.values).toEqual(numbered(3)))
    handles.of('v0').acknowledge()
    handles.of('v2').acknowledge()
    await untilConfirmed(one.container, { accepted: 2 })
    await untilLagIs(broker, manual.groupId, 1)
    handles.of('v1').acknowledge()
    await untilLagIsZero(broker, manual.groupId)
    await untilConfirmed(one.container, { accepted: 3, redelivered: 0 })

    const implicit = await placeOn(broker)
    await produce(broker, implicit.topic, numbered(3))
    const seen: (string | null)[] = []
    const other = await runnerOn(broker, implicit)({ shareAckMode: 'IMPLICIT' }, ({ value }) => {
      seen.push(value)
      throw new Error('nobody asks')
    })
    await untilLagIsZero(broker, implicit.groupId)
    expect(seen).toEqual(numbered(3))
    await untilConfirmed(other.container, { accepted: 3, rejected: 0, redelivered: 0 })
  })

  it('15. while something of a batch is unacknowledged, delivers nothing of the next batch (maxInFlight unset)', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(3))
    const handles = new Handles()
    const { container } = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, handles.keep)
    await eventually(() => expect(handles.values).toEqual(numbered(3)))
    await produce(broker, place.topic, numbered(3, 3))
    await whileAnotherContainerWorks(broker)
    expect(handles.values).toEqual(numbered(3))
    for (const value of numbered(3)) handles.of(value).acknowledge()
    await eventually(() => {
      handles.acceptRest()
      expect(handles.values).toEqual(numbered(6))
    })
    handles.acceptRest()
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { accepted: 6, redelivered: 0 })
  })

  it('16. with a part of a batch acknowledged, delivers the next batch only after the rest of it', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(4))
    const handles = new Handles()
    const { container } = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, handles.keep)
    await eventually(() => expect(handles.values).toEqual(numbered(4)))
    handles.of('v0').acknowledge()
    handles.of('v3').acknowledge()
    await produce(broker, place.topic, numbered(2, 4))
    await whileAnotherContainerWorks(broker)
    expect(handles.values).toEqual(numbered(4))
    expect(confirmedTo(container).accepted).toBeLessThanOrEqual(2)
    handles.of('v1').acknowledge()
    await whileAnotherContainerWorks(broker)
    expect(handles.values).toEqual(numbered(4))
    handles.of('v2').acknowledge()
    await eventually(() => {
      handles.acceptRest()
      expect(handles.values).toEqual(numbered(6))
    })
    handles.acceptRest()
    await untilLagIsZero(broker, place.groupId)
  })

  it('17. sends the answer of the recoverer where a listener throws without having acknowledged', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(4))
    const asked: unknown[][] = []
    const deliveries: string[] = []
    const { container } = await runnerOn(broker, place)(
      {
        shareAckMode: 'MANUAL',
        shareConsumerRecordRecoverer: ({ value }, error) => {
          asked.push([value, error])
          return value === 'v1' ? 'REJECT' : 'ACCEPT'
        },
      },
      ({ value, deliveryCount }, acknowledgment) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (value === 'v1' || value === 'v2') throw new Error(`bad ${value}`)
        acknowledgment?.acknowledge()
        // What was answered before stands, and nobody else is asked.
        if (value === 'v3') throw new Error('afterwards')
      },
    )
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries).toEqual(['v0 1', 'v1 1', 'v2 1', 'v3 1'])
    expect(asked).toEqual([
      ['v1', new Error('bad v1')],
      ['v2', new Error('bad v2')],
    ])
    await untilConfirmed(container, { accepted: 3, rejected: 1, released: 0 })
  })

  it('18. has a record again, counted, whose recoverer answers RELEASE, in MANUAL as in EXPLICIT', async () => {
    for (const shareAckMode of ['MANUAL', 'EXPLICIT'] as const) {
      const place = await placeOn(broker)
      await produce(broker, place.topic, numbered(2))
      const deliveries: string[] = []
      const { container } = await runnerOn(broker, place)(
        { shareAckMode, shareConsumerRecordRecoverer: RELEASING },
        ({ value, deliveryCount }, acknowledgment) => {
          deliveries.push(`${value} ${deliveryCount}`)
          if (value === 'v0' && deliveryCount < 3) throw new Error('not yet')
          acknowledgment?.acknowledge()
        },
      )
      await untilLagIsZero(broker, place.groupId)
      expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v0 3', 'v1 1'])
      await untilConfirmed(container, { accepted: 2, released: 2, rejected: 0 })
    }
  })

  it('20. takes types mixed within one batch: each has its own effect at the broker', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(6))
    const handles = new Handles()
    const again: string[] = []
    const { container } = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, (record, acknowledgment) => {
      if (record.deliveryCount === 1) return handles.keep(record, acknowledgment)
      again.push(`${record.value} ${record.deliveryCount}`)
      acknowledgment?.acknowledge()
    })
    await eventually(() => expect(handles.values).toEqual(numbered(6)))
    for (const value of ['v0', 'v3']) handles.of(value).acknowledge()
    for (const value of ['v1', 'v4']) handles.of(value).release()
    for (const value of ['v2', 'v5']) handles.of(value).reject()
    await untilLagIsZero(broker, place.groupId)
    expect(again.toSorted()).toEqual(['v1 2', 'v4 2'])
    expect(handles.values).toEqual(numbered(6))
    await untilConfirmed(container, { accepted: 4, released: 2, rejected: 2, redelivered: 2 })
  })

  it('23. lets exactly one of several attempts to acknowledge a record at once win', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, ['v0'])
    const handles = new Handles()
    const { container } = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, handles.keep)
    await eventually(() => expect(handles.values).toEqual(['v0']))
    const handle = handles.of('v0')
    const attempts = Array.from({ length: 30 }, async (_, index) => {
      for (let turns = index % 3; turns > 0; turns--) await Promise.resolve()
      if (index % 3 === 0) handle.reject()
      else if (index % 3 === 1) handle.acknowledge()
      else handle.release()
    })
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    expect(refusals.map((error) => Reflect.get(Object(error), 'code') as unknown)).toEqual(
      Array.from({ length: 29 }, () => 'ALREADY_ACKNOWLEDGED'),
    )
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { accepted: 0, released: 0, rejected: 1, failed: 0 })
    expect(handles.values).toEqual(['v0'])
  })

  it('24. allows renew() and then one terminal acknowledgement; a second terminal one throws', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, ['v0'])
    const handles = new Handles()
    const { container } = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, handles.keep)
    await eventually(() => expect(handles.values).toEqual(['v0']))
    const handle = handles.of('v0')
    handle.renew()
    await untilConfirmed(container, { renewed: 1, accepted: 0 })
    expect(handle.isAcknowledged).toBe(false)
    handle.acknowledge()
    expect(handle.isAcknowledged).toBe(true)
    for (const second of ['acknowledge', 'release', 'reject', 'renew'] as const) {
      expect(() => handle[second]()).toThrow(expect.objectContaining({ code: 'ALREADY_ACKNOWLEDGED' }))
    }
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { renewed: 1, accepted: 1, released: 0, rejected: 0, redelivered: 0, failed: 0 })
  })

  it('26. works with several members, each with its own records, and all of them stop gracefully', async () => {
    const place = await placeOn(broker)
    const deliveries: string[] = []
    const { container, events } = await runnerOn(broker, place)(
      { id: 'orders', shareAckMode: 'MANUAL', concurrency: 3 },
      async ({ value, offset, deliveryCount }, acknowledgment) => {
        deliveries.push(`${value} ${deliveryCount}`)
        await Promise.resolve()
        if (offset % 5 === 1 && deliveryCount === 1) acknowledgment?.release()
        else if (offset % 5 === 2) acknowledgment?.reject()
        else acknowledgment?.acknowledge()
      },
    )
    await produce(broker, place.topic, numbered(50))
    await untilLagIsZero(broker, place.groupId)
    const expected = numbered(50).flatMap((value, offset) =>
      offset % 5 === 1 ? [`${value} 1`, `${value} 2`] : [`${value} 1`],
    )
    expect(deliveries.toSorted()).toEqual(expected.toSorted())
    await untilConfirmed(container, { accepted: 40, released: 10, rejected: 10, failed: 0 })

    await container.stop()
    const stopped = events.filter((event) => event.type === 'consumerStopped')
    expect(stopped.map(({ clientId }) => clientId).toSorted()).toEqual(['orders-0', 'orders-1', 'orders-2'])
    for (const event of stopped) expect(event).toMatchObject({ reason: 'NORMAL', unfinishedListenerCalls: 0 })
    expect(await broker.admin.describeShareGroups([place.groupId])).toMatchObject([{ members: [], state: 'Empty' }])
  })
})
