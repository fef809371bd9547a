import { FindCoordinator, InitProducerId, KafkaBrokerError, KafkaConnectionError, Metadata } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig, type ClientOptions } from '../../src/config/client-config.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

let clock: VirtualClock
let network: ScriptedNetwork

beforeEach(() => {
  clock = new VirtualClock()
  network = new ScriptedNetwork()
})

/** A cluster whose brokers name each other. */
function cluster(hosts: readonly string[]): ScriptedNode[] {
  const nodes: ScriptedNode[] = hosts.map((host, i) => network.add(i + 1, { host, port: 9092 }))
  for (const node of nodes) {
    node.on(Metadata, () => metadataOf(nodes))
    node.on(InitProducerId, () => ({ throttleTimeMs: 0, errorCode: 0, producerId: node.nodeId, producerEpoch: 0 }))
    node.on(FindCoordinator, ({ coordinatorKeys }) => ({
      throttleTimeMs: 0,
      coordinators: coordinatorKeys.map((key) => ({
        key,
        nodeId: 1,
        host: nodes[0]?.host ?? '',
        port: 9092,
        errorCode: 0,
        errorMessage: null,
      })),
    }))
  }
  return nodes
}

function metadataOf(nodes: readonly ScriptedNode[], errorCode = 0) {
  return {
    throttleTimeMs: 0,
    brokers: nodes.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
    clusterId: 'c',
    controllerId: 1,
    topics: [],
    errorCode,
  }
}

/** The name leads to this broker from now on. */
function name(address: string, node: ScriptedNode): void {
  network.nodes.set(address, node)
}

function gone(nodes: readonly ScriptedNode[]): void {
  for (const node of nodes) {
    network.nodes.delete(`${node.host}:${node.port}`)
    node.cut()
  }
}

function context(options: Partial<ClientOptions> = {}): KafkaClientContext {
  return KafkaClientContext.create(
    resolveClientConfig({
      bootstrapServers: 'boot:9092',
      logger: silentLogger,
      runtime: { clock, random: new SeededRandom(1), transport: network },
      ...options,
    }),
  )
}

async function settled<T>(promise: Promise<T>, limitMs = 200_000): Promise<T> {
  let done = false
  const watched = promise.finally(() => (done = true))
  watched.catch(() => undefined)
  for (let spent = 0; !done && spent < limitMs; spent += 50) await clock.advance(50)
  return watched
}

const init = { transactionalId: null, transactionTimeoutMs: 1 }
const hostsOf = (subject: KafkaClientContext) => subject.metadata.brokers.map(({ host }) => host)

describe('a client whose known brokers are all gone', () => {
  it('finds the cluster that came back under all-new addresses behind the name that it was given', async () => {
    const before = cluster(['old-1', 'old-2', 'old-3'])
    for (const node of before) name('boot:9092', node)
    const subject = context()
    await settled(subject.metadata.refresh())
    await settled(subject.coordinators.find('g'))
    expect(hostsOf(subject)).toEqual(['old-1', 'old-2', 'old-3'])
    gone(before)
    const [first] = cluster(['new-1', 'new-2', 'new-3'])
    if (first !== undefined) name('boot:9092', first)
    await settled(subject.metadata.refresh())
    expect(hostsOf(subject)).toEqual(['new-1', 'new-2', 'new-3'])
    subject.coordinators.forget('g')
    await settled(subject.send(InitProducerId, init, { to: { group: 'g' } }))
    expect(first?.seen(InitProducerId)).toHaveLength(1)
  })

  it('finds its coordinator where it is now, before the metadata knows', async () => {
    const [before] = cluster(['old-1'])
    if (before === undefined) throw new Error('no node')
    name('boot:9092', before)
    const subject = context()
    await settled(subject.metadata.refresh())
    gone([before])
    const [now] = cluster(['new-1'])
    if (now !== undefined) name('boot:9092', now)
    const sent = subject.send(InitProducerId, init, { to: { group: 'g' } })
    await expect(settled(sent)).resolves.toMatchObject({ producerId: 1 })
    expect(now?.seen(InitProducerId)).toHaveLength(1)
  })

  it("fails until one of them is back, with metadataRecoveryStrategy 'none'", async () => {
    const before = cluster(['old-1', 'old-2'])
    for (const node of before) name('boot:9092', node)
    const subject = context({ metadataRecoveryStrategy: 'none', requestTimeoutMs: 5_000 })
    await settled(subject.metadata.refresh())
    gone(before)
    const [other] = cluster(['new-1'])
    if (other !== undefined) name('boot:9092', other)
    await expect(settled(subject.metadata.refresh())).rejects.toSatisfy(KafkaConnectionError.is)
    expect(other?.accepted).toBe(0)
    cluster(['old-1', 'old-2'])
    await settled(subject.metadata.refresh())
    expect(hostsOf(subject)).toEqual(['old-1', 'old-2'])
  })

  it('knocks at each address about once a second, not more', async () => {
    const before = cluster(['old-1', 'old-2'])
    for (const node of before) name('boot:9092', node)
    const subject = context()
    await settled(subject.metadata.refresh())
    gone(before)
    network.nodes.delete('boot:9092')
    network.attempts.length = 0
    const members = Array.from({ length: 5 }, () =>
      subject.sendWithRetry(InitProducerId, init, { to: 'any', errorOf: ({ errorCode }) => errorCode }).catch(() => 0),
    )
    await clock.advance(59_000)
    for (const address of ['old-1:9092', 'old-2:9092', 'boot:9092']) {
      const knocks = network.attempts.filter((attempt) => attempt === address).length
      expect(knocks).toBeGreaterThan(20)
      expect(knocks).toBeLessThan(75)
    }
    cluster(['old-1', 'old-2'])
    await settled(Promise.all(members))
  })
})

describe('a broker that asks its client to bootstrap again', () => {
  it('loses it to the addresses that it was given, coordinators included', async () => {
    const [stale] = cluster(['old-1'])
    if (stale === undefined) throw new Error('no node')
    name('boot:9092', stale)
    const subject = context()
    await settled(subject.metadata.refresh())
    await settled(subject.coordinators.find('g'))
    stale.on(Metadata, () => metadataOf([], 129))
    const now = cluster(['new-1', 'new-2'])
    const [first] = now
    if (first !== undefined) name('boot:9092', first)
    await settled(subject.metadata.refresh())
    expect(hostsOf(subject)).toEqual(['new-1', 'new-2'])
    expect(stale.connections.size).toBe(0)
    await settled(subject.coordinators.find('g'))
    expect(now.flatMap((node) => node.seen(FindCoordinator))).toHaveLength(1)
  })

  it("is an error for a client with metadataRecoveryStrategy 'none'", async () => {
    const [node] = cluster(['old-1'])
    if (node === undefined) throw new Error('no node')
    name('boot:9092', node)
    const subject = context({ metadataRecoveryStrategy: 'none' })
    await settled(subject.metadata.refresh())
    node.on(Metadata, () => metadataOf([], 129))
    const failure = await settled(subject.metadata.refresh().catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaBrokerError.is)
    expect(failure).toMatchObject({ code: 'REBOOTSTRAP_REQUIRED' })
  })

  it('again and again does not get a tight loop', async () => {
    const [node] = cluster(['old-1'])
    if (node === undefined) throw new Error('no node')
    name('boot:9092', node)
    const subject = context()
    await settled(subject.metadata.refresh())
    node.on(Metadata, () => metadataOf([], 129))
    await expect(settled(subject.metadata.refresh())).rejects.toThrow(/REBOOTSTRAP_REQUIRED/)
    expect(node.seen(Metadata).length).toBeLessThan(45)
  })
})

describe('brokers that are connected and give no metadata', () => {
  it('are given up after metadataRecoveryRebootstrapTriggerMs, not before', async () => {
    const [stale] = cluster(['old-1'])
    if (stale === undefined) throw new Error('no node')
    name('boot:9092', stale)
    const subject = context({ metadataRecoveryRebootstrapTriggerMs: 60_000 })
    await settled(subject.metadata.refresh())
    const LEADER_NOT_AVAILABLE = 5
    stale.on(Metadata, () => metadataOf([], LEADER_NOT_AVAILABLE))
    const [now] = cluster(['new-1'])
    if (now !== undefined) name('boot:9092', now)
    const startedAt = clock.now()
    while (hostsOf(subject)[0] !== 'new-1' && clock.now() - startedAt < 100_000)
      await settled(subject.metadata.refresh().catch(() => undefined))
    expect(hostsOf(subject)).toEqual(['new-1'])
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(60_000)
    expect(clock.now() - startedAt).toBeLessThan(65_000)
  })
})

describe('the addresses given', () => {
  it('are turned into the canonical names of the hosts behind them, where that is wanted', async () => {
    const [first] = cluster(['host-a.dc'])
    if (first === undefined) throw new Error('no node')
    const asked: string[] = []
    const resolver = {
      addresses: (host: string) => {
        asked.push(host)
        return Promise.resolve(['10.0.0.1', '10.0.0.2'])
      },
      nameOf: (address: string) => Promise.resolve(address === '10.0.0.1' ? 'host-a.dc' : 'host-b.dc'),
    }
    const options = { runtime: { clock, random: new SeededRandom(1), transport: network, resolver } }
    const subject = context({ ...options, clientDnsLookup: 'resolve_canonical_bootstrap_servers_only' })
    await settled(subject.metadata.refresh())
    expect(asked).toEqual(['boot'])
    expect(network.attempts).toContain('host-a.dc:9092')
    for (const address of network.attempts) expect(['host-a.dc:9092', 'host-b.dc:9092']).toContain(address)
    await subject.close()
  })

  it('stay as they are where their names cannot be resolved, which connecting then says', async () => {
    const resolver = {
      addresses: () => Promise.reject(new Error('no such host')),
      nameOf: (address: string) => Promise.resolve(address),
    }
    const subject = context({
      runtime: { clock, random: new SeededRandom(1), transport: network, resolver },
      clientDnsLookup: 'resolve_canonical_bootstrap_servers_only',
      bootstrapTimeoutMs: 1_000,
    })
    await expect(settled(subject.metadata.refresh())).rejects.toThrow(/boot:9092/)
  })
})

describe('a control connection', () => {
  it('that is idle closes, and another is made when it is needed', async () => {
    const [node] = cluster(['old-1'])
    if (node === undefined) throw new Error('no node')
    name('boot:9092', node)
    const subject = context()
    await settled(subject.metadata.refresh())
    expect(node.connections.size).toBe(1)
    await clock.advance(540_001)
    expect(node.connections.size).toBe(0)
    await settled(subject.send(InitProducerId, init, { to: 1 }))
    expect(node.accepted).toBe(2)
    expect(node.connections.size).toBe(1)
  })

  it('is left alone while its broker throttles this client; others are used meanwhile', async () => {
    const nodes = cluster(['old-1', 'old-2'])
    const [first, second] = nodes
    if (first === undefined || second === undefined) throw new Error('no node')
    const subject = context({ bootstrapServers: 'old-1:9092' })
    await settled(subject.metadata.refresh())
    first.on(InitProducerId, () => ({ throttleTimeMs: 2_000, errorCode: 0, producerId: 1, producerEpoch: 0 }))
    await settled(subject.send(InitProducerId, init, { to: 1 }))
    await settled(subject.send(InitProducerId, init, { to: 2 }))
    const sentAt = clock.now()
    await settled(subject.send(InitProducerId, init, { to: 'any' }))
    expect(second.seen(InitProducerId)).toHaveLength(2)
    expect(clock.now() - sentAt).toBeLessThanOrEqual(50)
    const sent = subject.send(InitProducerId, init, { to: 1 })
    await clock.advance(1_500)
    expect(first.seen(InitProducerId)).toHaveLength(1)
    await settled(sent)
    expect(first.seen(InitProducerId)).toHaveLength(2)
  })

  it('that is throttled holds up neither a signal nor the end of the client', async () => {
    const [node] = cluster(['old-1'])
    if (node === undefined) throw new Error('no node')
    name('boot:9092', node)
    const subject = context()
    node.on(InitProducerId, () => ({ throttleTimeMs: 60_000, errorCode: 0, producerId: 1, producerEpoch: 0 }))
    await settled(subject.send(InitProducerId, init, { to: 1 }))
    const controller = new AbortController()
    const aborted = subject.send(InitProducerId, init, { to: 1, signal: controller.signal })
    const ended = subject.send(InitProducerId, init, { to: 1 })
    const outcomes = Promise.all([
      expect(aborted).rejects.toMatchObject({ code: 'ABORTED' }),
      expect(ended).rejects.toThrow(/closed/),
    ])
    await clock.advance(10)
    controller.abort()
    await clock.advance(10)
    await subject.close()
    await outcomes
    expect(clock.pendingTimers).toBe(0)
  })

  it('to a black hole is closed when the request timeout has passed, and the next one is made to another broker', async () => {
    const nodes = cluster(['old-1', 'old-2'])
    const [first] = nodes
    if (first === undefined) throw new Error('no node')
    name('boot:9092', first)
    const subject = context({ requestTimeoutMs: 3_000 })
    await settled(subject.metadata.refresh())
    const [open] = nodes.filter(({ connections }) => connections.size > 0)
    open?.on(Metadata, () => undefined)
    const startedAt = clock.now()
    await expect(settled(subject.send(Metadata, { topics: [] }, { to: 'any' }))).rejects.toThrow(/3000 ms/)
    expect(clock.now() - startedAt).toBeLessThanOrEqual(3_050)
    expect(open?.connections.size).toBe(0)
  })

  it('is chosen for any request by who owes no answer, so that a black hole holds up the first one only', async () => {
    const nodes = cluster(['old-1', 'old-2'])
    const [first, second] = nodes
    if (first === undefined || second === undefined) throw new Error('no node')
    const subject = context({ bootstrapServers: 'old-1:9092' })
    await settled(subject.send(InitProducerId, init, { to: 1 }))
    await settled(subject.send(InitProducerId, init, { to: 2 }))
    second.on(InitProducerId, () => undefined).on(Metadata, () => undefined)
    const stuck = subject.send(InitProducerId, init, { to: 2 })
    stuck.catch(() => undefined)
    await clock.advance(10)
    await settled(subject.metadata.refresh())
    expect(second.seen(Metadata)).toEqual([])
    expect(clock.now()).toBeLessThan(1_000)
    await subject.close()
  })

  it('that leaves a request of 15 s unanswered, and owes nothing else, is given up before the request timeout', async () => {
    const [node] = cluster(['old-1'])
    if (node === undefined) throw new Error('no node')
    const subject = context({ bootstrapServers: 'old-1:9092' })
    await settled(subject.send(InitProducerId, init, { to: 1 }))
    node.on(InitProducerId, () => undefined)
    const quick = subject.send(InitProducerId, init, { to: 1, timeoutMs: 2_000 })
    await expect(settled(quick)).rejects.toThrow(/2000 ms/)
    expect(node.connections.size).toBe(1)
    const long = subject.send(InitProducerId, init, { to: 1, timeoutMs: 15_000 })
    await expect(settled(long)).rejects.toThrow(/15000 ms/)
    expect(node.connections.size).toBe(0)
  })
})
