import { string } from '@milena/client'
import { engineOf, type TakeOptions } from '@milena/client/internal'
import { KafkaError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import {
  DefaultShareConsumerFactory,
  RELEASING,
  ShareListenerContainerFactory,
  type ShareAcknowledgment,
} from '../../src/index.js'
import { deferred, KeptLog } from '../container-harness.js'
import { numbered, produce, stopContainers, untilLagIsZero } from '../container-on-brokers.js'
import {
  confirmedTo,
  countedBy,
  eventually,
  placeOn,
  runnerOn,
  untilConfirmed,
  whileAnotherContainerWorks,
} from './share-containers.js'

// What Spring's share container does wrong: each of these would fail there.

const SHORT_LOCK = { 'share.record.lock.duration.ms': '1000' }
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

type Engine = ReturnType<typeof engineOf<Buffer | null, string | null>>

interface FailingEngine {
  /** The take that waits, or the next one, rejects. */
  fail(error: Error): void
}

/** An engine as it is, but that its next take can be made to fail. */
function failing(engine: Engine, engines: FailingEngine[]): Engine {
  const failure = deferred<never>()
  failure.promise.catch(() => undefined)
  engines.push({ fail: failure.reject })
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'take') return (options: TakeOptions) => Promise.race([target.take(options), failure.promise])
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const after: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await stopContainers()
  await Promise.all(after.splice(0).map((end) => end()))
})

describeOnBrokers('A fault of Spring that Milena does not have', (broker) => {
  it('a. acknowledgements made in MANUAL during the last batch before stop() reach the broker', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(6))
    const handles: ShareAcknowledgment[] = []
    const first = await runnerOn(broker, place)({ shareAckMode: 'MANUAL' }, (_record, acknowledgment) => {
      if (acknowledgment !== undefined) handles.push(acknowledgment)
    })
    await eventually(() => expect(handles).toHaveLength(6))
    for (const handle of handles.slice(0, 4)) handle.acknowledge()
    const stopping = first.container.stop()
    // Those that are open when stop() is called may be answered, too: it waits for them.
    await later(200)
    expect(first.container.state).toBe('stopping')
    handles[4]?.reject()
    handles[5]?.acknowledge()
    await stopping
    expect(confirmedTo(first.container)).toMatchObject({ accepted: 5, rejected: 1, failed: 0 })
    expect(first.events.at(-1)).toMatchObject({ type: 'consumerStopped', reason: 'NORMAL', releasedRecords: 0 })
    await untilLagIsZero(broker, place.groupId)

    const again: (string | null)[] = []
    await runnerOn(broker, place)({}, ({ value }) => void again.push(value))
    await produce(broker, place.topic, ['next'])
    await untilLagIsZero(broker, place.groupId)
    expect(again).toEqual(['next'])
  })

  it('b. records that are processed one after another keep their locks: none of the tail is delivered again while it is queued', async () => {
    const place = await placeOn(broker, SHORT_LOCK)
    await produce(broker, place.topic, numbered(8))
    const deliveries: string[] = []
    const { container } = await runnerOn(broker, place)({}, async ({ value, deliveryCount }) => {
      deliveries.push(`${value} ${deliveryCount}`)
      await later(300)
    })
    await untilLagIsZero(broker, place.groupId)
    // 2.4 s under locks of 1 s.
    expect(deliveries).toEqual(numbered(8).map((value) => `${value} 1`))
    await untilConfirmed(container, { accepted: 8, redelivered: 0, failed: 0, lost: 0 })
  })

  it('c. an acknowledgment that does not come is an event and a count, besides the line in the log, and once per record', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, numbered(2))
    let forgotten: ShareAcknowledgment | undefined
    const { container, events, log } = await runnerOn(broker, place)(
      { shareAckMode: 'MANUAL', shareAcknowledgmentTimeoutMs: 200 },
      ({ value }, acknowledgment) => {
        if (value === 'v0') forgotten = acknowledgment
        else acknowledgment?.acknowledge()
      },
    )
    const overdue = () => events.filter((event) => event.type === 'acknowledgmentTimeout')
    await eventually(() => expect(overdue()).toHaveLength(1))
    expect(overdue()).toMatchObject([{ record: { topic: place.topic, partition: 0, offset: 0 }, timeoutMs: 200 }])
    expect(overdue()[0]?.heldMs).toBeGreaterThanOrEqual(200)
    // More than twice the timeout.
    await whileAnotherContainerWorks(broker)
    expect(overdue()).toHaveLength(1)
    expect(countedBy(container, 'acknowledgmentTimeouts')).toBe(1)
    const lines = log.at('warn').filter(({ facts }) => facts['offset'] === 0)
    expect(lines).toHaveLength(1)
    for (const word of ['acknowledge()', 'release()', 'reject()', 'renew()', place.topic, '200']) {
      expect(lines[0]?.message).toContain(word)
    }
    forgotten?.acknowledge()
    await untilLagIsZero(broker, place.groupId)
    await untilConfirmed(container, { accepted: 2, redelivered: 0 })
  })

  it('d. shutdownTimeoutMs bounds a stop whatever the listener does; a stop() from inside a listener does not wait for itself', async () => {
    const place = await placeOn(broker)
    await produce(broker, place.topic, ['v0'])
    const hung = deferred()
    const begun = deferred()
    const first = await runnerOn(broker, place)({ shutdownTimeoutMs: 600 }, () => {
      begun.resolve()
      return hung.promise
    })
    await begun.promise
    const asked = performance.now()
    await first.container.stop()
    expect(performance.now() - asked).toBeLessThan(1_500)
    expect(first.container.state).toBe('stopped')
    expect(first.events.at(-1)).toMatchObject({ unfinishedListenerCalls: 1, releasedRecords: 1 })

    // It went back to the group: no lock of 30 s is waited for.
    const seen: string[] = []
    const stopped = deferred<number>()
    const second = await runnerOn(broker, place)({}, async ({ value, deliveryCount }) => {
      seen.push(`${value} ${deliveryCount}`)
      const at = performance.now()
      await second.container.stop()
      stopped.resolve(performance.now() - at)
      await later(200)
    })
    expect(await stopped.promise).toBeLessThan(1_000)
    await second.container.whenStopped()
    expect(seen).toEqual(['v0 2'])
    // What the listener finished while its container stopped is answered.
    await untilLagIsZero(broker, place.groupId)
    hung.resolve()
  })

  it('e. a member that dies is told by an event and replaced; with none left the container has failed, and does not say that it runs', async () => {
    const gone = new KafkaError('the member is gone', { code: 'GROUP_MAX_SIZE_REACHED' })
    for (const restartPolicy of ['replace', 'never'] as const) {
      const place = await placeOn(broker)
      const engines: FailingEngine[] = []
      const seen: (string | null)[] = []
      const stopped = deferred<unknown>()
      const container = new ShareListenerContainerFactory<Buffer | null, string | null>({
        consumerFactory: new DefaultShareConsumerFactory({
          bootstrapServers: broker.bootstrapServers,
          valueDeserializer: string(),
        }),
        containerProperties: { groupId: place.groupId, restartPolicy },
        logger: new KeptLog().logger(),
        runtime: { engineOf: (consumer) => failing(engineOf(consumer), engines) },
      }).createContainer(place.topic)
      after.push(() => container.stop())
      container.setupMessageListener(({ value }) => void seen.push(value))
      container.on('consumerStopped', (event) => stopped.resolve(event))
      await container.start()
      expect(container.health().status).toBe('up')
      engines[0]?.fail(gone)
      expect(await stopped.promise).toMatchObject({ reason: 'ABNORMAL', cause: gone })
      await produce(broker, place.topic, ['afterwards'])
      if (restartPolicy === 'never') {
        await eventually(() => expect(container.state).toBe('failed'))
        expect(container.isRunning).toBe(false)
        expect(container.health()).toMatchObject({ status: 'down', state: 'failed' })
        await expect(container.whenStopped()).rejects.toBe(gone)
        expect(await broker.admin.describeShareGroups([place.groupId])).toMatchObject([{ members: [] }])
        expect(seen).toEqual([])
      } else {
        expect(container.health()).toMatchObject({ status: 'degraded', members: [{ status: 'replacing' }] })
        await untilLagIsZero(broker, place.groupId)
        expect(seen).toEqual(['afterwards'])
        expect(container.health().status).toBe('up')
      }
    }
  })

  it('f. what becomes of an acknowledgement is known: one that the broker refuses is an event with its records, a count and a verdict', async () => {
    const place = await placeOn(broker, SHORT_LOCK)
    await produce(broker, place.topic, ['v0'])
    const deliveries: string[] = []
    const verdicts: unknown[] = []
    const { container, events } = await runnerOn(broker, place)(
      {
        // Locks are not renewed.
        maxLockExtensionMs: 0,
        acknowledgementCommitCallback: ({ error }) => void verdicts.push(error),
      },
      async ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (deliveryCount === 1) await later(1_500)
      },
    )
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    await untilConfirmed(container, { accepted: 1 })
    expect(events.filter((event) => event.type === 'acknowledgmentFailed')).toMatchObject([
      {
        topic: place.topic,
        partition: 0,
        ranges: [{ firstOffset: 0, lastOffset: 0 }],
        records: [{ value: 'v0', deliveryCount: 1 }],
        cause: { code: 'INVALID_RECORD_STATE' },
      },
    ])
    const { failed, stale } = confirmedTo(container)
    expect(failed + stale).toBe(1)
    expect(verdicts).toMatchObject([{ code: 'INVALID_RECORD_STATE' }, undefined])

    const manual = await placeOn(broker)
    await produce(broker, manual.topic, ['v0'])
    const result = deferred<unknown>()
    const other = await runnerOn(broker, manual)({ shareAckMode: 'MANUAL' }, (_record, acknowledgment) => {
      acknowledgment?.acknowledge()
      result.resolve(acknowledgment?.result)
    })
    expect(await result.promise).toBeDefined()
    await untilConfirmed(other.container, { accepted: 1 })
  })

  it('g. a container made in code has all settings of its factory: group, mode, recoverer, concurrency, consumer settings, events', async () => {
    const place = await placeOn(broker)
    const events: string[] = []
    const deliveries: string[] = []
    const factory = new ShareListenerContainerFactory<string | null, string | null>({
      consumerFactory: new DefaultShareConsumerFactory({
        bootstrapServers: broker.bootstrapServers,
        keyDeserializer: string(),
        valueDeserializer: string(),
      }),
      concurrency: 2,
      shareConsumerRecordRecoverer: RELEASING,
      containerProperties: {
        groupId: place.groupId,
        clientId: 'in-code',
        shareAckMode: 'MANUAL',
        kafkaConsumerProperties: { 'client.rack': 'rack-7' },
      },
      logger: new KeptLog().logger(),
      eventPublisher: { publish: ({ type, clientId }) => events.push(`${type} ${clientId}`) },
    })
    const container = factory.createContainer(place.topic)
    after.push(() => container.stop())
    container.setupMessageListener(({ value, deliveryCount }, acknowledgment) => {
      deliveries.push(`${value} ${deliveryCount}`)
      if (deliveryCount === 1) throw new Error('not yet')
      acknowledgment?.acknowledge()
    })
    await container.start()
    await produce(broker, place.topic, ['v0'])
    await untilLagIsZero(broker, place.groupId)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    const [group] = await broker.admin.describeShareGroups([place.groupId])
    expect(group?.members.map(({ clientId }) => clientId).toSorted()).toEqual(['in-code-0', 'in-code-1'])
    expect(events.slice(0, 4).toSorted()).toEqual([
      'consumerStarted in-code-0',
      'consumerStarted in-code-1',
      'consumerStarting in-code-0',
      'consumerStarting in-code-1',
    ])
    expect(container.containerProperties).toMatchObject({
      shareAckMode: 'MANUAL',
      concurrency: 2,
      properties: { 'client.rack': 'rack-7' },
    })
  })
})
