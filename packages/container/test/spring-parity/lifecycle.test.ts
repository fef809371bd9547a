import { ShareConsumer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import type { ShareAcknowledgment } from '../../src/index.js'
import { deferred } from '../container-harness.js'
import { containerOn, numbered, produce, stopContainers, untilLagIsZero } from '../container-on-brokers.js'
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

describeOnBrokers('A container', (broker) => {
  it('13. consumes what is produced, and takes nothing any more once it is stopped', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(5))
    const seen: (string | null)[] = []
    const { container, events } = await runnerOn(broker, place)({}, ({ value }) => void seen.push(value))
    await untilLagIsZero(broker, place.groupId)
    expect(seen).toEqual(numbered(5))
    expect(container.isRunning).toBe(true)

    await container.stop()
    expect(container.state).toBe('stopped')
    expect(events.at(-1)).toMatchObject({ type: 'consumerStopped', reason: 'NORMAL' })
    await produce(broker, place.topic, ['too late'])
    await whileAnotherContainerWorks(broker)
    expect(seen).toEqual(numbered(5))
    expect(await broker.lag(place.groupId)).toBe(1)
    expect(await broker.admin.describeShareGroups([place.groupId])).toMatchObject([{ members: [], state: 'Empty' }])
  })

  it('19. rejects a record that cannot be deserialised, before any listener, and processes the next one', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, ['before', Buffer.from([0xc3, 0x28]), 'after'])
    const seen: (string | null)[] = []
    const { container, events, log } = await runnerOn(broker, place)({}, ({ value }) => void seen.push(value))
    await untilLagIsZero(broker, place.groupId)
    expect(seen).toEqual(['before', 'after'])
    await untilConfirmed(container, { accepted: 2, rejected: 1, redelivered: 0 })
    expect(events.filter(({ type }) => type === 'recordDeserializationFailed')).toMatchObject([
      { failure: { topic: place.topic, partition: 0, offset: 1, deliveryCount: 1 } },
    ])
    expect(log.at('warn')).toMatchObject([{ facts: { topic: place.topic, partition: 0, offset: 1 } }])
    expect(container.state).toBe('running')
  })

  it('22. starts, stops and starts again; isRunning tells the truth all the while', async () => {
    const place = await placeOn(broker)
    const seen: (string | null)[] = []
    const { container, events } = containerOn(
      broker,
      { topics: place.topic, groupId: place.groupId },
      ({ value }) => void seen.push(value),
    )
    const membersOf = async () => (await broker.admin.describeShareGroups([place.groupId]))[0]?.members.length
    for (const round of ['first', 'second', 'third']) {
      expect(container.isRunning).toBe(false)
      await container.start()
      expect(container.isRunning).toBe(true)
      expect(await membersOf()).toBe(1)
      await produce(broker, place.topic, [round])
      await untilLagIsZero(broker, place.groupId)
      await container.stop()
      expect(container.isRunning).toBe(false)
      expect(await membersOf()).toBe(0)
    }
    expect(seen).toEqual(['first', 'second', 'third'])
    const story = ['consumerStarting', 'consumerStarted', 'shareConsumerStopping', 'consumerStopped']
    expect(events.map(({ type }) => type)).toEqual([...story, ...story, ...story])
  })

  it('25. of several members has them work at the same time, and its metrics list each client id', async () => {
    const place = await placeOn(broker)
    const allAtWork = deferred()
    let working = 0
    const { container } = await runnerOn(broker, place)({ id: 'orders', concurrency: 3 }, async () => {
      working++
      if (working === 3) allAtWork.resolve()
      await allAtWork.promise
    })
    await produce(broker, place.topic, numbered(60))
    await untilLagIsZero(broker, place.groupId)
    const metrics = container.metrics()
    expect([...metrics.keys()]).toEqual(['orders-0', 'orders-1', 'orders-2'])
    await untilConfirmed(container, { accepted: 60, redelivered: 0 })
    for (const member of metrics.values()) expect(member.delivered).toBeGreaterThan(0)
    for (const member of container.metrics().values()) expect(member.broker.accepted).toBe(member.delivered)
    const [group] = await broker.admin.describeShareGroups([place.groupId])
    expect(group?.members.map(({ clientId }) => clientId).toSorted()).toEqual(['orders-0', 'orders-1', 'orders-2'])
  })
})

describeOnBrokers('A listener of whichever kind', (broker) => {
  it('21. gets what its kind takes: the record; the consumer as well; the acknowledgment as well; all of them', async () => {
    const calls: Record<string, (ShareAcknowledgment | ShareConsumer<never, never> | undefined)[][]> = {}
    const told = (kind: string, ...call: readonly (object | undefined)[]) => {
      const list = (calls[kind] ??= [])
      list.push(call as (ShareAcknowledgment | undefined)[])
    }
    const kinds = ['function', 'object', 'consumerAware', 'acknowledging', 'both'] as const
    for (const kind of kinds) {
      const place = await placeOn(broker)
      const manual = kind === 'acknowledging' || kind === 'both'
      const { container } = containerOn(
        broker,
        { topics: place.topic, groupId: place.groupId, shareAckMode: manual ? 'MANUAL' : 'EXPLICIT' },
        () => undefined,
      )
      if (kind === 'function') container.setupMessageListener(() => told(kind))
      if (kind === 'object') container.setupMessageListener({ onMessage: () => told(kind) })
      if (kind === 'consumerAware') {
        container.setupMessageListener((_record, acknowledgment, consumer) => told(kind, acknowledgment, consumer), {
          kind: 'consumerAware',
        })
      }
      if (kind === 'acknowledging') {
        container.setupMessageListener((_record, acknowledgment) => {
          acknowledgment?.acknowledge()
          told(kind, acknowledgment)
        })
      }
      if (kind === 'both') {
        container.setupMessageListener({
          onShareRecord: (_record, acknowledgment, consumer) => {
            acknowledgment?.acknowledge()
            told(kind, acknowledgment, consumer)
          },
        })
      }
      await container.start()
      await produce(broker, place.topic, numbered(2))
      await untilLagIsZero(broker, place.groupId)
      await untilConfirmed(container, { accepted: 2, redelivered: 0 })
      await container.stop()
    }
    const handle = expect.objectContaining({ isAcknowledged: true }) as unknown
    const consumer = expect.any(ShareConsumer) as unknown
    expect(calls).toEqual({
      function: [[], []],
      object: [[], []],
      consumerAware: [
        [undefined, consumer],
        [undefined, consumer],
      ],
      acknowledging: [[handle], [handle]],
      both: [
        [handle, consumer],
        [handle, consumer],
      ],
    })
  })
})

describeOnBrokers('Commits', (broker) => {
  it('27. are asynchronous with syncShareCommits off, and the commit callback hears of each record', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(20))
    const heard: number[] = []
    const errors: unknown[] = []
    const { container } = await runnerOn(broker, place)(
      {
        syncShareCommits: false,
        acknowledgementCommitCallback: ({ partition: { topic, partition }, batches, error }) => {
          if (error !== undefined) errors.push(error)
          expect([topic, partition]).toEqual([place.topic, 0])
          for (const { firstOffset, lastOffset } of batches) {
            for (let offset = firstOffset; offset <= lastOffset; offset++) heard.push(offset)
          }
        },
      },
      ({ offset }) => {
        if (offset === 7) throw new Error('bad order')
      },
    )
    await untilLagIs(broker, place.groupId, 0)
    await eventually(() => expect(heard).toHaveLength(20))
    expect(heard.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, offset) => offset))
    expect(errors).toEqual([])
    expect(confirmedTo(container)).toMatchObject({ accepted: 19, rejected: 1, failed: 0 })
  })
})
