import { ErrorCode, KafkaError } from '@milena/protocol'
import { describe, expect, vi } from 'vitest'
import { numbered, receive, receiveFor, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('A member', () => {
  onVirtualCluster(
    'joins with epoch 0, its rack and its topics; later heartbeats carry the epoch it was given, and neither again',
    {},
    async (cluster) => {
      const consumer = cluster.consumer({ clientRack: 'cellar' })
      await cluster.settle(consumer, 20_000)
      const [join, ...later] = cluster.heartbeats()
      expect(join).toMatchObject({
        memberId: consumer.memberId,
        memberEpoch: 0,
        rackId: 'cellar',
        subscribedTopicNames: ['orders'],
      })
      for (const heartbeat of later) {
        expect(heartbeat).toMatchObject({ memberId: consumer.memberId, rackId: null, subscribedTopicNames: null })
        expect(heartbeat.memberEpoch).toBeGreaterThan(0)
      }
      const spacing = later.slice(-2).map(({ at }) => at)
      expect((spacing[1] ?? 0) - (spacing[0] ?? 0)).toBeGreaterThan(4_500)
    },
  )

  onVirtualCluster('heartbeats in the background, also while nobody polls', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    await cluster.clock.advance(120_000)
    expect(cluster.group).toMatchObject({ state: 'Stable', members: [{ memberId: consumer.memberId }] })
  })

  onVirtualCluster('adopts the interval that its last answer named', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer, 6_000)
    cluster.broker.setGroupConfig('workers', { 'share.heartbeat.interval.ms': '15000' })
    await cluster.settle(consumer, 10_000)
    cluster.broker.forgetRequests()
    await cluster.clock.advance(60_000)
    const times = cluster.heartbeats().map(({ at }) => at)
    expect(times.length).toBeGreaterThanOrEqual(3)
    expect(times.length).toBeLessThanOrEqual(5)
  })

  onVirtualCluster('is given a whole new heartbeat after any failed one', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer, 6_000)
    cluster.broker.intercept(
      'ShareGroupHeartbeat',
      () => ({ do: 'fail', errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }),
      { times: 1 },
    )
    cluster.broker.forgetRequests()
    await cluster.clock.advance(12_000)
    const [failed, next] = cluster.heartbeats()
    expect(failed?.subscribedTopicNames).toBeNull()
    expect(next?.subscribedTopicNames).toEqual(['orders'])
  })

  for (const code of ['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'] as const) {
    onVirtualCluster(`rejoins after ${code} with the same id and epoch 0`, {}, async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer, 6_000)
      cluster.broker.intercept('ShareGroupHeartbeat', () => ({ do: 'fail', errorCode: ErrorCode[code] }), { times: 1 })
      cluster.broker.forgetRequests()
      await cluster.clock.advance(8_000)
      const [, rejoin] = cluster.heartbeats()
      expect(rejoin).toMatchObject({ memberId: consumer.memberId, memberEpoch: 0, subscribedTopicNames: ['orders'] })
      cluster.append(['v'])
      expect(String((await cluster.first(consumer)).value)).toBe('v')
    })

    onVirtualCluster(`waits longer and longer when ${code} comes again and again`, {}, async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer, 6_000)
      cluster.broker.intercept('ShareGroupHeartbeat', () => ({ do: 'fail', errorCode: ErrorCode[code] }))
      cluster.broker.forgetRequests()
      await cluster.clock.advance(30_000)
      const times = cluster.heartbeats().map(({ at }) => at)
      expect(times.length).toBeGreaterThan(3)
      expect(times.length).toBeLessThan(80)
    })
  }

  for (const code of ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'] as const) {
    onVirtualCluster(
      `looks its coordinator up anew after ${code}, and heartbeats again at once`,
      {},
      async (cluster) => {
        const consumer = cluster.consumer()
        await cluster.settle(consumer, 6_000)
        cluster.broker.intercept('ShareGroupHeartbeat', () => ({ do: 'fail', errorCode: ErrorCode[code] }), {
          times: 1,
        })
        cluster.broker.forgetRequests()
        await cluster.clock.advance(8_000)
        const seen = cluster.broker
          .requests()
          .filter(({ api }) => api === 'FindCoordinator' || api === 'ShareGroupHeartbeat')
        expect(seen.slice(0, 3).map(({ api }) => api)).toEqual([
          'ShareGroupHeartbeat',
          'FindCoordinator',
          'ShareGroupHeartbeat',
        ])
        expect((seen[2]?.at ?? Infinity) - (seen[0]?.at ?? 0)).toBeLessThan(1_500)
        expect(consumer.memberId).toBe(cluster.group?.members[0]?.memberId)
      },
    )
  }

  onVirtualCluster('backs off, at the same coordinator, while that is loading', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer, 6_000)
    cluster.broker.intercept(
      'ShareGroupHeartbeat',
      () => ({ do: 'fail', errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS }),
      { times: 3 },
    )
    cluster.broker.forgetRequests()
    await cluster.clock.advance(15_000)
    expect(cluster.broker.requests({ api: 'FindCoordinator' })).toEqual([])
    expect(cluster.heartbeats().length).toBeGreaterThan(3)
  })

  onVirtualCluster(
    'finds its coordinator again when the connection to it was lost',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer, 6_000)
      const coordinator = cluster.heartbeats().at(-1)?.nodeId ?? 0
      await cluster.broker.kill(coordinator)
      cluster.broker.forgetRequests()
      await cluster.settle(consumer, 10_000)
      const next = cluster.heartbeats()
      expect(next.length).toBeGreaterThan(0)
      for (const { nodeId } of next) expect(nodeId).not.toBe(coordinator)
      expect(cluster.broker.requests({ api: 'FindCoordinator' }).length).toBeGreaterThan(0)
    },
  )

  for (const code of [
    'GROUP_AUTHORIZATION_FAILED',
    'INVALID_REQUEST',
    'GROUP_MAX_SIZE_REACHED',
    'UNSUPPORTED_ASSIGNOR',
    'UNSUPPORTED_VERSION',
    'GROUP_ID_NOT_FOUND',
  ] as const) {
    onVirtualCluster(
      `that is refused with ${code} tells the next poll, and does not go on asking`,
      {},
      async (cluster) => {
        cluster.broker.intercept('ShareGroupHeartbeat', () => ({ do: 'fail', errorCode: ErrorCode[code] }))
        const consumer = cluster.consumer()
        const failure = await cluster.outcome(consumer.poll(10_000))
        expect(failure).toSatisfy(KafkaError.is)
        expect(await cluster.outcome(consumer.poll(1_000))).toSatisfy(KafkaError.is)
        cluster.broker.forgetRequests()
        await cluster.clock.advance(60_000)
        expect(cluster.heartbeats().length).toBeLessThan(5)
      },
    )
  }

  onVirtualCluster(
    'that may not describe a topic tells each poll, goes on heartbeating, and heals when it may',
    {},
    async (cluster) => {
      const refused = cluster.broker.intercept('ShareGroupHeartbeat', () => ({
        do: 'fail',
        errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      }))
      const consumer = cluster.consumer()
      expect(await cluster.outcome(consumer.poll(10_000))).toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
      const before = refused.count
      await cluster.clock.advance(30_000)
      expect(refused.count).toBeGreaterThan(before)
      expect(refused.count).toBeLessThan(before + 60)
      refused.stop()
      await cluster.clock.advance(30_000)
      cluster.append(['v'])
      for (let polls = 0; polls < 3; polls++) await cluster.outcome(consumer.poll(100))
      expect(cluster.group?.members).toHaveLength(1)
    },
  )

  onVirtualCluster(
    'leaves with one heartbeat of epoch -1, which its coordinator is not told twice',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      cluster.broker.intercept('ShareGroupHeartbeat', () => ({
        do: 'fail',
        errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
      }))
      cluster.broker.forgetRequests()
      await cluster.outcome(consumer.close())
      await cluster.clock.advance(60_000)
      expect(cluster.heartbeats().map(({ memberEpoch }) => memberEpoch)).toEqual([-1])
    },
  )

  onVirtualCluster('keeps what it cannot name yet aside, and asks for metadata until it can', {}, async (cluster) => {
    const consumer = cluster.consumer()
    // Brokers that have not heard of the topic yet, though the coordinator has.
    const behind = cluster.broker.intercept('Metadata', () => ({
      do: 'change',
      answer: (body) => ({ ...body, topics: [] }),
    }))
    await cluster.settle(consumer)
    expect(cluster.shareRequests()).toEqual([])
    cluster.append(['v'])
    behind.stop()
    expect(String((await cluster.first(consumer)).value)).toBe('v')
  })
})

onEveryBroker('Membership', (sentence) => {
  sentence('is that of the server: it assigns one partition to both of two members', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const members = [groups.consumer(groupId), groups.consumer(groupId)]
    for (const member of members) member.subscribe([topic])
    await Promise.all(members.map((member) => receiveFor(member, 1_500)))
    await vi.waitFor(async () => {
      const [described] = await broker.admin.describeShareGroups([groupId])
      expect(described?.state).toBe('Stable')
      expect(new Set(described?.members.map(({ memberId }) => memberId))).toEqual(
        new Set(members.map(({ memberId }) => memberId)),
      )
      for (const { assignment } of described?.members ?? []) {
        expect(assignment).toMatchObject([{ topic, partitions: [0] }])
      }
    }, 10_000)
  })

  sentence('begins with subscribe and the first poll, and ends with close', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId, { clientId: 'counted' })
    consumer.subscribe([topic])
    await vi.waitFor(
      async () => {
        await consumer.poll(100)
        expect((await broker.admin.describeShareGroups([groupId]))[0]?.members).toMatchObject([
          { clientId: 'counted', memberId: consumer.memberId, subscribedTopicNames: [topic] },
        ])
      },
      { timeout: 10_000 },
    )
    await consumer.close()
    expect((await broker.admin.describeShareGroups([groupId]))[0]).toMatchObject({ state: 'Empty', members: [] })
  })

  sentence('has the topics of the last subscribe, not of those before', async (groups, broker) => {
    const [first, second] = [await broker.createTopic(), await broker.createTopic()]
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([first])
    await consumer.poll(200)
    consumer.subscribe([second])
    await vi.waitFor(
      async () => {
        await consumer.poll(100)
        const [described] = await broker.admin.describeShareGroups([groupId])
        expect(described?.members[0]?.subscribedTopicNames).toEqual([second])
      },
      { timeout: 10_000 },
    )
  })

  sentence('brings the records of all topics and partitions', async (groups, broker) => {
    const topics = [await broker.createTopic({ partitions: 3 }), await broker.createTopic({ partitions: 2 })]
    const groupId = await broker.createGroup()
    const places = [0, 1, 2].flatMap((partition) => [{ topic: topics[0] ?? '', partition }])
    places.push(...[0, 1].map((partition) => ({ topic: topics[1] ?? '', partition })))
    for (const { topic, partition } of places)
      await groups.produce(topic, [{ value: `${topic}-${partition}`, partition }])
    const consumer = groups.consumer(groupId)
    consumer.subscribe(topics)
    expect(texts(await receive(consumer, 5)).sort()).toEqual(
      places.map(({ topic, partition }) => `${topic}-${partition}`).sort(),
    )
  })

  sentence('is shared by several members of one partition, whose records do not overlap', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const members = [1, 2, 3].map(() =>
      groups.explicit(groupId, { maxPollRecords: 10, acquireMode: 'record_limit', prefetch: 0 }),
    )
    for (const member of members) {
      member.subscribe([topic])
      await member.poll(100)
    }
    await groups.produce(topic, numbered(60))
    const held = await Promise.all(members.map((member) => receive(member, 1)))
    const offsets = held.flat().map(({ offset }) => offset)
    expect(held.every((records) => records.length > 0)).toBe(true)
    expect(new Set(offsets).size).toBe(offsets.length)
  })
})
