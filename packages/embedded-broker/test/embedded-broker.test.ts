import {
  ApiVersions,
  DescribeCluster,
  ErrorCode,
  ListOffsets,
  Metadata,
  ShareAcknowledge,
  ShareFetch,
} from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { EmbeddedBroker, withEmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { afterEach, describe, expect, it } from 'vitest'
import { RawClient } from './raw-client.js'

const running: EmbeddedBroker[] = []

async function start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ network: 'memory', ...options })
  running.push(broker)
  return broker
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

const leaders = (broker: EmbeddedBroker, topic: string) =>
  broker
    .inspect()
    .topics.find(({ name }) => name === topic)
    ?.partitions.map(({ leader, leaderEpoch }) => ({ leader, leaderEpoch }))

describe('An embedded broker', () => {
  it('starts with the topics that it is given, and tells clients where its brokers are', async () => {
    const broker = await start({
      brokers: 3,
      topics: ['orders:4', { name: 'audit', configs: { 'retention.ms': '60000' } }],
    })
    const client = await RawClient.connect(broker)
    const metadata = await client.send(Metadata, 12, { topics: null })
    expect(metadata.brokers.map(({ nodeId, host, port }) => `${nodeId} ${host}:${port}`)).toEqual([
      '1 broker-1:9092',
      '2 broker-2:9092',
      '3 broker-3:9092',
    ])
    expect(metadata.topics.map(({ name, partitions }) => `${name}:${partitions.length}`).toSorted()).toEqual([
      'audit:1',
      'orders:4',
    ])
    expect(new Set(metadata.topics.flatMap(({ partitions }) => partitions.map(({ leaderId }) => leaderId)))).toEqual(
      new Set([1, 2, 3]),
    )
  })

  it('holds what is appended to a partition, for tests to read back', async () => {
    const broker = await start({ topics: ['orders'] })
    expect(broker.append('orders', [{ value: 'a' }, { key: 'k', value: null, headers: { trace: 't-1' } }])).toEqual({
      firstOffset: 0,
      lastOffset: 1,
    })
    const records = await broker.records('orders')
    expect(
      records.map(({ offset, key, value }) => [offset, key?.toString() ?? null, value?.toString() ?? null]),
    ).toEqual([
      [0, null, 'a'],
      [1, 'k', null],
    ])
    expect(records[1]?.headers).toEqual([{ key: 'trace', value: Buffer.from('t-1') }])
  })

  it('ends all connections when it stops, and can be stopped again', async () => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    await client.send(ApiVersions, 2, {})
    await broker.stop()
    await client.whenClosed()
    await broker.stop()
    await expect(RawClient.connect(broker)).rejects.toThrow(/no embedded broker listens there/)
  })

  it('leaves no timer of its clock behind when it stops', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock, topics: ['orders'] })
    const client = await RawClient.connect(broker)
    const asked = client.send(ShareFetch, 2, { ...emptyFetch, maxWaitMs: 60_000 }).catch(() => undefined)
    await clock.advance(0)
    await broker.stop()
    await asked
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is stopped behind withEmbeddedBroker, also when the function fails', async () => {
    let seen: EmbeddedBroker | undefined
    await expect(
      withEmbeddedBroker(
        (broker) => {
          seen = broker
          throw new Error('the test failed')
        },
        { network: 'memory' },
      ),
    ).rejects.toThrow('the test failed')
    await expect(RawClient.connect(seen as EmbeddedBroker)).rejects.toThrow(/no embedded broker listens/)
  })

  it('frees its port when it stops or cannot start, and says so when a port is taken', async () => {
    const first = await start({ network: 'tcp' })
    const port = Number(first.bootstrapServers.split(':')[1])
    await expect(start({ network: 'tcp', port })).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\).*port/,
    )
    await first.stop()
    await expect(start({ network: 'tcp', port, topics: ['no spaces'] })).rejects.toThrow(/no spaces/)
    await start({ network: 'tcp', port })
  })

  it('says that the host is at fault when it is no address of this machine', async () => {
    // 192.0.2.0/24 is reserved for documentation: no machine has it.
    await expect(start({ network: 'tcp', host: '192.0.2.1' })).rejects.toThrow(
      /EADDRNOTAVAIL.*no address of this machine.*127\.0\.0\.1/,
    )
  })

  it.each([
    [{ broker: 3 }, /no option "broker"/],
    [{ brokers: 0 }, /brokers is a whole number from 1 to 20/],
    [{ version: '3.9' }, /version is one of 4\.1, 4\.2, 4\.3, 4\.4/],
    [{ topics: ['orders:x'] }, /"orders:x" names no topic/],
    [{ topics: ['no spaces'] }, /no spaces/],
    [{ serverProperties: { 'group.share.recordlock': '3' } }, /group\.share\.recordlock/],
    [{ network: 'udp' }, /network is 'tcp' or 'memory'/],
    [{ brokers: 2, port: 65_535 }, /port is a whole number from 0 to 65534/],
  ])('refuses %j with what is wrong', async (options, message) => {
    await expect(EmbeddedBroker.start(options as EmbeddedBrokerOptions)).rejects.toThrow(message)
  })
})

const emptyFetch = {
  groupId: 'workers',
  memberId: 'member-1',
  shareSessionEpoch: 0,
  maxWaitMs: 0,
  minBytes: 1,
  maxRecords: 10,
  batchSize: 10,
  topics: [],
  forgottenTopicsData: [],
}

describe('A broker that is killed', () => {
  it('hands its partitions to brokers that live, and gets none back by being restarted', async () => {
    const broker = await start({ brokers: 3, topics: ['orders:3'] })
    const before = leaders(broker, 'orders')
    const client = await RawClient.connect(broker, { nodeId: 2 })
    await broker.kill(2)
    await client.whenClosed()
    const after = leaders(broker, 'orders') ?? []
    expect(before?.filter(({ leader }) => leader === 2)).toHaveLength(1)
    expect(after.every(({ leader }) => leader === 1 || leader === 3)).toBe(true)
    await broker.restart(2)
    expect(leaders(broker, 'orders')).toEqual(after)
    const back = await RawClient.connect(broker, { nodeId: 2 })
    const cluster = await back.send(DescribeCluster, 1, { includeClusterAuthorizedOperations: false })
    expect(cluster.brokers.map(({ brokerId }) => brokerId)).toEqual([1, 2, 3])
  })

  it('keeps its log: a single broker serves its records again after a restart, on the same port', async () => {
    const broker = await start({ network: 'tcp', topics: ['orders'] })
    const address = broker.bootstrapServers
    broker.append('orders', [{ value: 'a' }])
    await broker.kill(1)
    expect(leaders(broker, 'orders')?.[0]?.leader).toBe(-1)
    await broker.restart(1)
    expect(broker.bootstrapServers).toBe(address)
    const client = await RawClient.connect(broker)
    const offsets = await client.send(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] }],
    })
    expect(offsets.topics[0]?.partitions[0]).toMatchObject({ errorCode: 0, offset: 1 })
  })
})

describe('A broker that is restarted', () => {
  it('twice at once comes back once', async () => {
    const broker = await start({ network: 'tcp' })
    await broker.kill(1)
    await Promise.all([broker.restart(1), broker.restart(1)])
    expect(broker.inspect().brokers).toMatchObject([{ isAlive: true }])
  })

  it('after the whole was stopped stays dead, and so does one that was about to come back', async () => {
    const broker = await start({ network: 'tcp' })
    await broker.kill(1)
    const restarting = broker.restart(1)
    const port = Number(broker.bootstrapServers.split(':')[1])
    await Promise.all([expect(restarting).rejects.toThrow(/was stopped for good/), broker.stop()])
    await expect(broker.restart(1)).rejects.toThrow(/was stopped for good/)
    // Nobody has its port.
    await start({ network: 'tcp', port })
  })
})

describe('A partition that is moved', () => {
  it('has the new leader and a later epoch, and the old one refuses it', async () => {
    const broker = await start({ brokers: 2, topics: ['orders'] })
    const [{ leader, leaderEpoch } = { leader: 0, leaderEpoch: 0 }] = leaders(broker, 'orders') ?? []
    const to = leader === 1 ? 2 : 1
    broker.moveLeader({ topic: 'orders', to })
    expect(leaders(broker, 'orders')).toEqual([{ leader: to, leaderEpoch: leaderEpoch + 1 }])
    const client = await RawClient.connect(broker, { nodeId: leader })
    const offsets = await client.send(ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1 }] }],
    })
    expect(offsets.topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  it('must exist, and go to a broker that lives', async () => {
    const broker = await start({ brokers: 2, topics: ['orders'] })
    expect(() => broker.moveLeader({ topic: 'order', to: 1 })).toThrow(/no partition 0 of a topic "order"/)
    expect(() => broker.moveLeader({ topic: 'orders', to: 7 })).toThrow(/no broker 7/)
    await broker.kill(2)
    expect(() => broker.moveLeader({ topic: 'orders', to: 2 })).toThrow(/not alive/)
  })
})

describe('A frozen broker', () => {
  it('takes requests and answers them when it thaws', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock })
    const client = await RawClient.connect(broker)
    broker.freeze()
    let answered = false
    const answer = client.send(ApiVersions, 2, {}).then(() => (answered = true))
    await clock.advance(10_000)
    expect(answered).toBe(false)
    broker.thaw()
    await answer
  })
})

describe('An interception', () => {
  it('observes requests without touching them, as often as it is told to', async () => {
    const broker = await start({ topics: ['orders'] })
    const client = await RawClient.connect(broker, { clientId: 'billing' })
    const seen: (string | null)[] = []
    const hook = broker.intercept(
      'Metadata',
      ({ clientId, body }) => {
        seen.push(`${clientId} ${body.topics?.length ?? 'all'}`)
        return undefined
      },
      { times: 2 },
    )
    for (let i = 0; i < 3; i++) expect((await client.send(Metadata, 12, { topics: null })).topics).toHaveLength(1)
    expect(seen).toEqual(['billing all', 'billing all'])
    expect(hook.count).toBe(2)
  })

  it('answers, fails, changes and drops', async () => {
    const broker = await start({ topics: ['orders'] })
    const client = await RawClient.connect(broker)
    const ask = () => client.send(ShareFetch, 2, emptyFetch)

    const failing = broker.intercept('ShareFetch', () => ({
      do: 'fail',
      errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    }))
    expect((await ask()).errorCode).toBe(ErrorCode.GROUP_AUTHORIZATION_FAILED)
    failing.stop()

    broker.intercept('ShareFetch', () => ({ do: 'change', answer: (body) => ({ ...body, throttleTimeMs: 7 }) }), {
      times: 1,
    })
    expect(await ask()).toMatchObject({ errorCode: 0, throttleTimeMs: 7 })

    let answered = false
    broker.intercept('ShareFetch', () => ({ do: 'drop', what: 'request' }), { times: 1 })
    void ask().then(
      () => (answered = true),
      () => undefined,
    )
    // What comes behind the dropped one is served.
    expect((await client.send(ApiVersions, 2, {})).errorCode).toBe(0)
    expect(answered).toBe(false)
  })

  it('cuts the connection behind a request that was handled', async () => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    broker.intercept('ShareFetch', () => ({ do: 'cut', when: 'after' }))
    await expect(client.send(ShareFetch, 2, emptyFetch)).rejects.toThrow('The connection was closed.')
    expect(broker.inspect().shareSessions).toEqual([])
    expect(broker.requests({ api: 'ShareFetch' })).toHaveLength(1)
  })

  it('delays by the clock of the broker', async () => {
    const clock = new VirtualClock()
    const broker = await start({ clock })
    const client = await RawClient.connect(broker)
    broker.intercept('ApiVersions', () => ({ do: 'delay', ms: 500 }))
    let answered = false
    void client.send(ApiVersions, 2, {}).then(() => (answered = true))
    await clock.advance(499)
    expect(answered).toBe(false)
    await clock.advance(1)
    expect(answered).toBe(true)
  })

  it('with a predicate leaves other requests alone, and the newest that fits decides', async () => {
    const broker = await start()
    const [first, second] = [
      await RawClient.connect(broker, { clientId: 'first' }),
      await RawClient.connect(broker, { clientId: 'second' }),
    ]
    broker.intercept('*', () => ({ do: 'fail', errorCode: ErrorCode.UNKNOWN_SERVER_ERROR }))
    broker.intercept('ApiVersions', () => undefined, { when: ({ clientId }) => clientId === 'second' })
    expect((await first.send(ApiVersions, 2, {})).errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
    expect((await second.send(ApiVersions, 2, {})).errorCode).toBe(0)
  })

  it('of an API that is none is refused', async () => {
    const broker = await start()
    expect(() => broker.intercept('ShareFetsch' as 'ShareFetch', () => undefined)).toThrow(
      /serves no API "ShareFetsch"/,
    )
    expect(() => broker.intercept('ShareFetch', () => undefined, { times: 0 })).toThrow(/times is 0/)
  })
})

describe('until()', () => {
  it('resolves when a request of a client has made it so', async () => {
    const broker = await start()
    const client = await RawClient.connect(broker)
    const session = broker.until(() => broker.inspect().shareSessions[0])
    await client.send(ShareFetch, 2, emptyFetch)
    await expect(session).resolves.toMatchObject({ groupId: 'workers', memberId: 'member-1', nextEpoch: 1 })
    await client.send(ShareAcknowledge, 2, {
      groupId: 'workers',
      memberId: 'member-1',
      shareSessionEpoch: -1,
      topics: [],
    })
    await broker.until(() => broker.inspect().shareSessions.length === 0)
  })

  it('tells how things stand when it waited in vain', async () => {
    const broker = await start({ topics: ['orders'] })
    await expect(broker.until(() => false, { timeoutMs: 5 })).rejects.toThrow(/did not come within 5 ms[^]*"orders"/)
  })
})
