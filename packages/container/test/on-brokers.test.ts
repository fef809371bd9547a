import { ShareConsumer, type ConsumerRecord } from '@milena/client'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { REJECTING, RELEASING, type BrokerCounts } from '../src/index.js'
import { deferred } from './container-harness.js'
import {
  containerOn,
  numbered,
  produce,
  stopContainers,
  untilLagIsZero,
  type Container,
} from './container-on-brokers.js'

afterEach(stopContainers)

/** Waits until the container has heard the broker's word on so many records; an answer may travel with a fetch that waits. */
async function untilConfirmed(container: Container, counts: Partial<BrokerCounts>): Promise<void> {
  await vi.waitFor(() => expect([...container.metrics().values()][0]?.broker).toMatchObject(counts), {
    timeout: 5_000,
    interval: 10,
  })
}

async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${what}`)
    },
    { timeout: timeoutMs, interval: 10 },
  )
}

describeOnBrokers('A container in EXPLICIT mode', (broker) => {
  it('accepts what its listener returns from: the lag goes to 0, and nothing of it is delivered again', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(100))
    const seen: (string | null)[] = []
    const first = containerOn(broker, { topics: topic, groupId }, (record) => void seen.push(record.value))
    await first.container.start()
    await until(() => seen.length === 100, 'all delivered')
    await untilLagIsZero(broker, groupId)
    await first.container.stop()

    const again: (string | null)[] = []
    const second = containerOn(broker, { topics: topic, groupId }, (record) => void again.push(record.value))
    await second.container.start()
    await produce(broker, topic, ['sentinel'])
    await until(() => again.includes('sentinel'), 'the sentinel delivered')
    await untilLagIsZero(broker, groupId)
    expect(seen).toEqual(numbered(100))
    expect(again).toEqual(['sentinel'])
    await untilConfirmed(first.container, { accepted: 100, redelivered: 0, failed: 0 })
  })

  it('rejects what its listener throws at: the dead-letter topic of the group holds that, and nothing that was accepted', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const deadLetters = broker.uniqueName('dlq.orders')
    const collecting = broker.setGroupConfig(groupId, { 'errors.deadletterqueue.topic.name': deadLetters })
    if (broker.isSince('4.4')) {
      await collecting
      await broker.admin.createTopics([
        { name: deadLetters, configs: { 'errors.deadletterqueue.group.enable': 'true' } },
      ])
    } else {
      // Until then there is no such topic: what is rejected is gone.
      await expect(collecting).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    }
    await produce(broker, topic, numbered(20))
    const { container } = containerOn(
      broker,
      { topics: topic, groupId, shareConsumerRecordRecoverer: REJECTING },
      async ({ offset }) => {
        await Promise.resolve()
        if (offset % 7 === 3) throw new Error('bad order')
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    await container.stop()
    if (!broker.isSince('4.4')) return

    const undertaker = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId: await broker.createGroup(),
    })
    try {
      undertaker.subscribe([deadLetters])
      const offsets: number[] = []
      const read = async (): Promise<void> => {
        for (const { headers } of await undertaker.poll(500)) {
          offsets.push(Number(headers.find(({ key }) => key === '__dlq.errors.offset')?.value?.toString()))
        }
      }
      await vi.waitFor(
        async () => {
          await read()
          expect(offsets.length).toBeGreaterThanOrEqual(3)
        },
        { timeout: 15_000 },
      )
      await read()
      expect(offsets.toSorted((a, b) => a - b)).toEqual([3, 10, 17])
    } finally {
      await undertaker.close()
    }
  }, 60_000)

  it('releases with RELEASING: the record comes again with delivery count 2', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(3))
    const deliveries: string[] = []
    const { container } = containerOn(
      broker,
      { topics: topic, groupId, shareConsumerRecordRecoverer: RELEASING },
      ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (value === 'v1' && deliveryCount === 1) throw new Error('try again')
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v1 1', 'v1 2', 'v2 1'])
    await untilConfirmed(container, { accepted: 3, released: 1, redelivered: 1 })
  })

  it('with a listener that always fails and RELEASING: the broker archives the record after its limit', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(2))
    const deliveries: string[] = []
    const { container } = containerOn(
      broker,
      { topics: topic, groupId, shareConsumerRecordRecoverer: RELEASING },
      ({ value, deliveryCount }) => {
        deliveries.push(`${value} ${deliveryCount}`)
        if (value === 'v0') throw new Error('never')
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries.filter((each) => each.startsWith('v0'))).toEqual(['v0 1', 'v0 2', 'v0 3', 'v0 4', 'v0 5'])
    expect(deliveries.filter((each) => each.startsWith('v1'))).toEqual(['v1 1'])
  })

  it('delays a release for as long as its recoverer says', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, ['v'])
    const at: number[] = []
    const { container } = containerOn(
      broker,
      { topics: topic, groupId, shareConsumerRecordRecoverer: () => ({ type: 'RELEASE', delayMs: 600 }) },
      ({ deliveryCount }) => {
        at.push(performance.now())
        if (deliveryCount === 1) throw new Error('later')
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    const [first = 0, second = 0] = at
    expect(at).toHaveLength(2)
    expect(second - first).toBeGreaterThanOrEqual(599)
    expect(second - first).toBeLessThan(5_000)
  })

  it('with concurrency 3: three members are listed, and all records arrive exactly once', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const seen = new Map<string | null, number>()
    const { container } = containerOn(
      broker,
      { id: 'workers', topics: topic, groupId, concurrency: 3 },
      async ({ value }) => {
        await Promise.resolve()
        seen.set(value, (seen.get(value) ?? 0) + 1)
      },
    )
    await container.start()
    const [group] = await broker.admin.describeShareGroups([groupId])
    expect(group?.members.map(({ clientId }) => clientId).toSorted()).toEqual(['workers-0', 'workers-1', 'workers-2'])
    await produce(broker, topic, numbered(3_000))
    await untilLagIsZero(broker, groupId)
    expect(seen.size).toBe(3_000)
    expect([...seen.values()].every((times) => times === 1)).toBe(true)
    expect([...container.metrics().keys()]).toEqual(['workers-0', 'workers-1', 'workers-2'])
  })

  it('with maxInFlight: never more at once, and all records exactly once', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(1_000))
    let running = 0
    let most = 0
    const seen: (string | null)[] = []
    const { container } = containerOn(broker, { topics: topic, groupId, maxInFlight: 50 }, async ({ value }) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      running--
      seen.push(value)
    })
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(most).toBe(50)
    expect(seen.length).toBe(1_000)
    expect(new Set(seen).size).toBe(1_000)
  })
})

describeOnBrokers('pause()', (broker) => {
  it('leaves the records to others at once, keeps the member, and resume() takes them again', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(100))
    const seen: (string | null)[] = []
    const works = deferred()
    const one = containerOn(broker, { topics: topic, groupId, maxInFlight: 1 }, ({ value }) => {
      seen.push(value)
      return works.promise
    })
    await one.container.start()
    await until(() => seen.length === 1, 'the first delivered')
    one.container.pause()
    works.resolve()
    const others: (string | null)[] = []
    const other = containerOn(broker, { topics: topic, groupId }, ({ value }) => void others.push(value))
    await other.container.start()
    await untilLagIsZero(broker, groupId)
    const [group] = await broker.admin.describeShareGroups([groupId])
    expect(group?.members).toHaveLength(2)
    expect(new Set([...seen, ...others])).toEqual(new Set(numbered(100)))
    await other.container.stop()
    one.container.resume()
    await produce(broker, topic, ['after'])
    await until(() => seen.includes('after'), 'the record after the pause delivered')
  })
})

describeOnBrokers('stop()', (broker) => {
  it('in the middle of 1,000 records: what was finished is acknowledged, the rest is there at once for another member', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(1_000))
    const finished: number[] = []
    const enough = deferred()
    const first = containerOn(broker, { topics: topic, groupId }, async ({ offset }) => {
      await new Promise((resolve) => setImmediate(resolve))
      finished.push(offset)
      if (finished.length === 300) enough.resolve()
    })
    await first.container.start()
    await enough.promise
    await first.container.stop()
    expect(first.container.state).toBe('stopped')
    expect(finished.length).toBeGreaterThanOrEqual(300)
    expect(finished.length).toBeLessThan(1_000)
    const stopped = first.events.at(-1)
    expect(stopped).toMatchObject({ type: 'consumerStopped', reason: 'NORMAL', unfinishedListenerCalls: 0 })

    const rest: number[] = []
    const begun = performance.now()
    const second = containerOn(broker, { topics: topic, groupId }, ({ offset }) => void rest.push(offset))
    await second.container.start()
    await until(() => rest.length >= 1_000 - finished.length, 'the rest delivered')
    // The lock is 30 s: records left to it would not be here.
    expect(performance.now() - begun).toBeLessThan(8_000)
    await untilLagIsZero(broker, groupId)
    expect([...finished, ...rest].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 1_000 }, (_, offset) => offset),
    )
    await untilConfirmed(first.container, { accepted: finished.length, failed: 0 })
  })

  it('with a listener that hangs: ends within its bound, and the record is there at once for another member', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(3))
    const hung = deferred()
    const begun = deferred()
    const first = containerOn(broker, { topics: topic, groupId }, () => {
      begun.resolve()
      return hung.promise
    })
    await first.container.start()
    await begun.promise
    const asked = performance.now()
    await first.container.stop({ timeoutMs: 1_000 })
    expect(performance.now() - asked).toBeLessThan(1_500)
    expect(first.events.at(-1)).toMatchObject({ type: 'consumerStopped', unfinishedListenerCalls: 1 })
    const seen: (string | null)[] = []
    const second = containerOn(broker, { topics: topic, groupId }, ({ value }) => void seen.push(value))
    await second.container.start()
    await until(() => seen.length === 3, 'all three delivered', 5_000)
    hung.resolve()
    await untilLagIsZero(broker, groupId)
    expect(new Set(seen)).toEqual(new Set(['v0', 'v1', 'v2']))
  })

  it('with many members costs a record no more of its delivery attempts than with one', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const first = containerOn(broker, { topics: topic, groupId, concurrency: 12 }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
    })
    const sumOf = (name: 'acquired' | 'accepted'): number =>
      [...first.container.metrics().values()].reduce((sum, member) => sum + member.broker[name], 0)
    await first.container.start()
    await produce(broker, topic, numbered(40))
    await until(() => sumOf('acquired') > 0, 'some fetched, while others are about to be')
    await first.container.stop()

    // Each time that a record is fetched costs it one of 5 attempts: one by the container that stopped, one here.
    const counts: number[] = []
    const second = containerOn(
      broker,
      { topics: topic, groupId },
      ({ deliveryCount }) => void counts.push(deliveryCount),
    )
    await second.container.start()
    await untilLagIsZero(broker, groupId)
    expect(sumOf('accepted') + counts.length).toBe(40)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
  })

  it('inside a listener, then start() again from a subscriber: nothing is lost or done twice', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(50))
    const seen: (string | null)[] = []
    const run = containerOn(broker, { topics: topic, groupId }, async ({ value }) => {
      seen.push(value)
      if (seen.length === 20) await run.container.stop()
    })
    const restarted = deferred()
    run.container.on('consumerStopped', ({ container }) => {
      if (seen.length < 50) restarted.resolve(container.start())
    })
    await run.container.start()
    await restarted.promise
    await untilLagIsZero(broker, groupId)
    expect(seen).toHaveLength(50)
    expect(new Set(seen)).toEqual(new Set(numbered(50)))
    expect(run.container.state).toBe('running')
  })

  it('leaves the group: it has no members any more', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const { container } = containerOn(broker, { topics: topic, groupId, concurrency: 2 }, () => undefined)
    await container.start()
    await container.stop()
    const [group] = await broker.admin.describeShareGroups([groupId])
    expect(group).toMatchObject({ members: [], state: 'Empty' })
  })
})

describeOnBrokers('start()', (broker) => {
  it('has the first record of a group never used before at the listener within 1.2 s, in 10 of 10 tries', async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered(10))
    const took: number[] = []
    for (let i = 0; i < 10; i++) {
      const groupId = await broker.createGroup()
      const arrived = deferred<number>()
      const { container } = containerOn(broker, { topics: topic, groupId }, () => arrived.resolve(performance.now()))
      const begun = performance.now()
      await container.start()
      took.push((await arrived.promise) - begun)
      await container.stop()
    }
    expect(Math.max(...took)).toBeLessThan(1_200)
  }, 60_000)
})

describeOnBrokers('Bad input', (broker) => {
  it('an undecodable record is rejected with an event and a log line, and the others are processed', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, ['v0', Buffer.from([0xff, 0xfe, 0xfd]), 'v2'])
    const seen: (string | null)[] = []
    const { container, events, log } = containerOn(
      broker,
      { topics: topic, groupId },
      ({ value }) => void seen.push(value),
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(seen).toEqual(['v0', 'v2'])
    expect(events.filter(({ type }) => type === 'recordDeserializationFailed')).toMatchObject([
      { failure: { topic, partition: 0, offset: 1 } },
    ])
    expect(log.at('warn').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(`${topic}-0@1 could not be deserialised`),
    )
    await untilConfirmed(container, { accepted: 2, rejected: 1, redelivered: 0 })
  })

  it('a topic that does not exist is named in a warning, and consumed as soon as it is there', async () => {
    const groupId = await broker.createGroup()
    const topic = broker.uniqueName('not-yet')
    const seen: (string | null)[] = []
    const { container, log } = containerOn(broker, { topics: topic, groupId }, ({ value }) => void seen.push(value))
    await container.start()
    await until(
      () => log.at('warn').some(({ message, facts }) => `${message} ${JSON.stringify(facts)}`.includes(topic)),
      'a warning',
    )
    await broker.admin.createTopics([{ name: topic, numPartitions: 1 }])
    await produce(broker, topic, ['at last'])
    await until(() => seen.length === 1, 'the record delivered', 20_000)
  }, 40_000)

  it('a topic name or group id that no broker takes fails the start with a usage error', async () => {
    for (const [properties, told] of [
      [{ topics: 'no such/topic', groupId: 'g' }, /no such\/topic/],
      [{ topics: 'orders', groupId: '  ' }, /groupId/],
    ] as const) {
      const failed: unknown[] = []
      try {
        const { container, events } = containerOn(broker, properties, () => undefined)
        await container.start().catch((error: unknown) => failed.push(error))
        expect(events.map(({ type }) => type).filter((type) => type === 'consumerFailedToStart')).toHaveLength(1)
        expect(container.state).toBe('failed')
      } catch (error) {
        failed.push(error)
      }
      expect(failed).toHaveLength(1)
      expect(KafkaUsageError.is(failed[0])).toBe(true)
      expect(failed[0]).toMatchObject({ message: expect.stringMatching(told) })
    }
  })

  it('a group id nowhere fails the start with one event and a usage error that names the places', async () => {
    const { container, events } = containerOn(broker, { topics: 'orders' }, () => undefined)
    await expect(container.start()).rejects.toThrow(/no groupId: set it on the listener/)
    expect(events.map(({ type }) => type)).toEqual(['consumerFailedToStart'])
  })

  it('a bootstrap address where nobody listens fails the start with one event, naming the address', async () => {
    const { container, events } = containerOn(
      { bootstrapServers: '127.0.0.1:1' },
      { topics: 'orders', groupId: 'g', concurrency: 2 },
      () => undefined,
      {
        bootstrapTimeoutMs: 1_000,
      },
    )
    const error = await container.start().catch((reason: unknown) => reason)
    expect(KafkaError.is(error)).toBe(true)
    expect(error).toMatchObject({ message: expect.stringContaining('127.0.0.1:1') })
    expect(events.filter(({ type }) => type === 'consumerFailedToStart')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'consumerStopped' || type === 'shareConsumerStopping')).toEqual([])
    expect(container.state).toBe('failed')
  })

  it('a listener that throws whatever it is given: every record is answered and the container runs on', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await produce(broker, topic, numbered(200))
    const thrown: unknown[] = [new Error('e'), 'text', undefined, null, { a: 1 }]
    let calls = 0
    const { container } = containerOn(
      broker,
      { topics: topic, groupId },
      (record: ConsumerRecord<string | null, string | null>) => {
        calls++
        throw thrown[record.offset % thrown.length]
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(calls).toBe(200)
    expect(container.state).toBe('running')
    await untilConfirmed(container, { rejected: 200 })
  })
})
