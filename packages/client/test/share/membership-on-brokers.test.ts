import { silentLogger, systemClock } from '@milena/protocol/runtime'
import { describeOnBrokers, describeOnClusters } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { ShareConsumer } from '../../src/index.js'
import { RealGroups, receive, results, texts } from './real-group.js'

const QUICK_GROUP = { 'share.session.timeout.ms': '6000', 'share.heartbeat.interval.ms': '500' }

describeOnBrokers('A topic that is created anew under its name', (broker) => {
  const groups = new RealGroups(broker)
  afterEach(() => groups.close())

  it('is consumed from its beginning: the old id is let go, the new one taken up', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup(QUICK_GROUP)
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    await groups.produce(topic, ['old-0', 'old-1'])
    const before = await receive(consumer, 2, { each: (record) => consumer.acknowledge(record) })
    expect(texts(before)).toEqual(['old-0', 'old-1'])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })

    await broker.admin.deleteTopics([topic])
    // Meanwhile fetches go to a partition that is not there.
    await consumer.poll(1_000)
    await vi.waitFor(() => broker.admin.createTopics([{ name: topic, numPartitions: 2 }]), {
      timeout: 10_000,
      interval: 200,
    })
    await groups.produce(topic, ['new-0', { value: 'new-1', partition: 1 }])
    const after = await receive(consumer, 2, { each: (record) => consumer.acknowledge(record) })
    expect(texts(after).toSorted()).toEqual(['new-0', 'new-1'])
    expect(after.map(({ offset }) => offset)).toEqual([0, 0])
    for (const verdict of Object.values(results(await consumer.commitSync()))) expect(verdict).toBe('ok')

    await vi.waitFor(
      async () => {
        const [described] = await broker.admin.describeShareGroups([groupId])
        const [member] = described?.members ?? []
        expect(member?.memberId).toBe(consumer.memberId)
        expect(member?.assignment).toMatchObject([{ topic, partitions: [0, 1] }])
      },
      { timeout: 10_000, interval: 100 },
    )
  }, 60_000)
})

describeOnBrokers('The rack of a member', (broker) => {
  const groups = new RealGroups(broker)
  afterEach(() => groups.close())

  it('is what its coordinator knows of it', async () => {
    const groupId = await broker.createGroup()
    const consumer = groups.explicit(groupId, { clientRack: 'east', clientId: 'racked' })
    consumer.subscribe([await broker.createTopic()])
    await vi.waitFor(
      async () => {
        const [described] = await broker.admin.describeShareGroups([groupId])
        expect(described?.members).toMatchObject([{ memberId: consumer.memberId, rackId: 'east', clientId: 'racked' }])
      },
      { timeout: 15_000, interval: 100 },
    )
  }, 30_000)
})

describeOnBrokers('Members that share one context', (broker) => {
  it('use its connections, and it lives as long as one of them does', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const options = { bootstrapServers: broker.bootstrapServers, logger: silentLogger }
    const context = KafkaClientContext.create(resolveClientConfig(options))
    const consumers = [0, 1].map(
      (i) =>
        new ShareConsumer({ ...options, groupId, clientId: `member-${i}`, acknowledgementMode: 'explicit' }, context),
    )
    await context.release()
    for (const consumer of consumers) consumer.subscribe([topic])
    const [first, second] = consumers
    if (first === undefined || second === undefined) throw new Error('no consumers')
    const groups = new RealGroups(broker)
    await groups.produce(topic, ['a'])
    await vi.waitFor(
      async () => {
        const [described] = await broker.admin.describeShareGroups([groupId])
        expect(described?.members.map(({ clientId }) => clientId).toSorted()).toEqual(['member-0', 'member-1'])
      },
      { timeout: 15_000, interval: 100 },
    )
    await first.close()
    expect(context.closed.aborted).toBe(false)
    const records = await receive(second, 1, { each: (record) => second.acknowledge(record) })
    expect(texts(records)).toEqual(['a'])
    await second.close()
    expect(context.closed.aborted).toBe(true)
  }, 60_000)
})

describeOnClusters('The loss of a coordinator', { brokers: 3 }, (cluster) => {
  const groups = new RealGroups(cluster)
  afterEach(() => groups.close())

  async function coordinatorOf(groupId: string) {
    const context = KafkaClientContext.create(
      resolveClientConfig({ bootstrapServers: cluster.bootstrapServers, logger: silentLogger }),
    )
    try {
      const nodeId = await context.coordinators.find(groupId)
      const found = cluster.brokers.find((broker) => broker.nodeId === nodeId)
      if (found === undefined) throw new Error(`${groupId} is coordinated by ${nodeId}, which is not there`)
      return found
    } finally {
      await context.close()
    }
  }

  it('is survived: the member goes on at the next one, under its id, and consumption with it', async () => {
    const topic = await cluster.createTopic({ partitions: 3 })
    const groupId = await cluster.createGroup(QUICK_GROUP)
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    await groups.produce(topic, ['before'])
    await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) })
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })

    const coordinator = await coordinatorOf(groupId)
    await coordinator.kill()
    const killedAt = systemClock.now()
    const others = [0, 1, 2].map((partition) => ({ value: `after-${partition}`, partition }))
    await groups.produce(topic, others)
    const polled: unknown[] = []
    while (polled.length < 3 && systemClock.now() - killedAt < 60_000) {
      // What a poll tells of the outage heals by itself.
      const records = await consumer.poll(250).catch(() => [])
      for (const record of records) {
        consumer.acknowledge(record)
        polled.push(String(record.value))
      }
    }
    expect(polled.toSorted()).toEqual(['after-0', 'after-1', 'after-2'])
    // Longer than a session: who is a member now heartbeats at the new coordinator.
    await vi.waitFor(
      async () => {
        expect(systemClock.now() - killedAt).toBeGreaterThan(13_000)
        expect((await coordinatorOf(groupId)).nodeId).not.toBe(coordinator.nodeId)
        const [described] = await cluster.admin.describeShareGroups([groupId])
        expect(described?.state).toBe('Stable')
        expect(described?.members.map(({ memberId }) => memberId)).toEqual([consumer.memberId])
      },
      { timeout: 60_000, interval: 500 },
    )
    await consumer.close({ timeoutMs: 5_000 })
    await vi.waitFor(
      async () => {
        const [described] = await cluster.admin.describeShareGroups([groupId])
        expect(described?.members).toEqual([])
      },
      { timeout: 10_000, interval: 200 },
    )
    await coordinator.restart()
  }, 150_000)
})
