import {
  FindCoordinator,
  InitProducerId,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaTimeoutError,
  KafkaUsageError,
  Metadata,
} from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig, type ClientOptions } from '../../src/config/client-config.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

let clock: VirtualClock
let network: ScriptedNetwork
let nodes: ScriptedNode[]
let warnings: string[]
const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) }

beforeEach(() => {
  clock = new VirtualClock()
  network = new ScriptedNetwork()
  warnings = []
  nodes = [1, 2, 3].map((nodeId) =>
    network.add(nodeId).on(Metadata, () => ({
      throttleTimeMs: 0,
      brokers: nodes.map((node) => ({ nodeId: node.nodeId, host: node.host, port: node.port })),
      clusterId: 'c',
      controllerId: 2,
      topics: [],
      errorCode: 0,
    })),
  )
})

function context(options: Partial<ClientOptions> = {}): KafkaClientContext {
  return KafkaClientContext.create(
    resolveClientConfig({
      bootstrapServers: 'broker-1:9092,broker-2:9092',
      logger,
      runtime: { clock, random: new SeededRandom(1), transport: network },
      ...options,
    }),
  )
}

function node(nodeId: number): ScriptedNode {
  const found = nodes.find((candidate) => candidate.nodeId === nodeId)
  if (found === undefined) throw new Error(`no node ${nodeId}`)
  return found
}

const init = { transactionalId: null, transactionTimeoutMs: 1 }
const initAnswer = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, producerId: 1, producerEpoch: 0 })

/** Runs the clock until the promise is settled. */
async function settled<T>(promise: Promise<T>, stepMs = 50, limitMs = 200_000): Promise<T> {
  let done = false
  const watched = promise.finally(() => (done = true))
  watched.catch(() => undefined)
  for (let spent = 0; !done && spent < limitMs; spent += stepMs) await clock.advance(stepMs)
  return watched
}

describe('bootstrapping', () => {
  it('goes on with the next address when the first is dead', async () => {
    const subject = context({ bootstrapServers: 'dead:1,broker-1:9092' })
    await settled(subject.metadata.refresh())
    expect(subject.metadata.brokers.map((broker) => broker.nodeId)).toEqual([1, 2, 3])
  })

  it('that reaches nobody is retried, warned of, and ends in one error that names each address, the reason and a remedy', async () => {
    const subject = context({ bootstrapServers: 'dead:1,gone:2', bootstrapTimeoutMs: 5_000 })
    const failure = await settled(subject.metadata.refresh()).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaConnectionError.is)
    expect(String(failure)).toMatch(/No Kafka broker could be reached.*dead:1.*nothing listens there/)
    expect(String(failure)).toMatch(/gone:2/)
    expect(String(failure)).toMatch(/Check bootstrapServers/)
    expect(clock.now()).toBeGreaterThanOrEqual(5_000)
    expect(clock.now()).toBeLessThan(7_000)
    expect(network.attempts.length).toBeGreaterThan(6)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('Trying again')
  })

  it('that reaches only something else than Kafka fails at once', async () => {
    node(1).raw = (peer) => peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))
    const subject = context({ bootstrapServers: 'broker-1:9092' })
    await expect(subject.metadata.refresh()).rejects.toThrow(/does not speak Kafka's protocol/)
    expect(network.attempts).toHaveLength(1)
  })

  it('heals when a broker comes up meanwhile', async () => {
    node(1).refuses = new KafkaConnectionError('not yet')
    const subject = context({ bootstrapServers: 'broker-1:9092' })
    const refreshing = settled(subject.metadata.refresh())
    await clock.advance(1_000)
    node(1).refuses = undefined
    await refreshing
    expect(subject.metadata.brokers).toHaveLength(3)
  })
})

describe('a request', () => {
  it('to any broker uses a connection that is open', async () => {
    const subject = context()
    for (const each of nodes) each.on(InitProducerId, () => initAnswer(0))
    await subject.send(InitProducerId, init, { to: 'any' })
    await subject.send(InitProducerId, init, { to: 'any' })
    expect(network.attempts).toHaveLength(1)
  })

  it('to a node goes there, once the metadata told its address', async () => {
    const subject = context()
    node(3).on(InitProducerId, () => initAnswer(0))
    await subject.send(InitProducerId, init, { to: 3 })
    expect(node(3).seen(InitProducerId)).toHaveLength(1)
  })

  it('to a node that the cluster does not have says which it has', async () => {
    await expect(context().send(InitProducerId, init, { to: 9 })).rejects.toThrow(/no broker with node id 9.*1, 2, 3/)
  })

  it('for the controller goes to the one of the metadata', async () => {
    const subject = context()
    await subject.metadata.refresh()
    node(2).on(InitProducerId, () => initAnswer(0))
    await subject.send(InitProducerId, init, { to: 'controller' })
    expect(node(2).seen(InitProducerId)).toHaveLength(1)
  })

  it('to a broker whose advertised address cannot be reached says where that address comes from', async () => {
    const subject = context({ bootstrapServers: 'broker-1:9092' })
    node(3).refuses = new KafkaConnectionError('Cannot connect to broker-3:9092 (connection refused).')
    await expect(subject.send(InitProducerId, init, { to: 3 })).rejects.toThrow(
      /broker-3:9092 of broker 3 comes from the cluster's metadata \(advertised.listeners.*not from bootstrapServers/,
    )
    await expect(settled(subject.openConnection(3, { clientId: 'x' }))).rejects.toThrow(/advertised.listeners/)
  })

  it('is repeated while its error code is retriable, and resolves with the first final one', async () => {
    const subject = context()
    const codes = [14, 15, 7, 31]
    for (const each of nodes) each.on(InitProducerId, () => initAnswer(codes.shift() ?? 0))
    const response = await settled(
      subject.sendWithRetry(InitProducerId, init, { to: 'any', errorOf: (answer) => answer.errorCode }),
    )
    expect(response.errorCode).toBe(31)
    expect(codes).toEqual([])
  })

  it('that never succeeds ends in a timeout with the last reason', async () => {
    const subject = context({ defaultApiTimeoutMs: 3_000 })
    for (const each of nodes) each.on(InitProducerId, () => initAnswer(14))
    const failure = await settled(
      subject.sendWithRetry(InitProducerId, init, { to: 'any', errorOf: (answer) => answer.errorCode }),
    ).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaTimeoutError.is)
    expect(String(failure)).toContain('COORDINATOR_LOAD_IN_PROGRESS')
    expect(clock.now()).toBeLessThan(4_000)
  })

  it('survives a connection that is cut', async () => {
    const subject = context()
    let tries = 0
    for (const each of nodes) {
      each.on(InitProducerId, (_, { connection }) => {
        tries++
        if (tries > 2) return initAnswer(0)
        connection.close()
        return undefined
      })
    }
    const response = await settled(
      subject.sendWithRetry(InitProducerId, init, { to: 'any', errorOf: (answer) => answer.errorCode }),
    )
    expect(response.producerId).toBe(1)
    expect(tries).toBe(3)
  })

  it('that times out on a silent connection ends it, so that the next one finds another', async () => {
    const subject = context({ requestTimeoutMs: 1_000 })
    const first = subject.send(InitProducerId, init, { to: 'any' })
    await expect(settled(first)).rejects.toSatisfy(KafkaTimeoutError.is)
    expect(nodes.reduce((sum, each) => sum + each.connections.size, 0)).toBe(0)
  })

  it('can be given up by a signal while it waits for its next attempt', async () => {
    const subject = context()
    for (const each of nodes) each.on(InitProducerId, () => initAnswer(14))
    const controller = new AbortController()
    const sent = subject.sendWithRetry(InitProducerId, init, {
      to: 'any',
      errorOf: (answer) => answer.errorCode,
      signal: controller.signal,
    })
    const outcome = expect(sent).rejects.toMatchObject({ code: 'ABORTED' })
    await clock.advance(20)
    controller.abort()
    await outcome
  })
})

it('many requests that wait for their next attempt do not look like a leak to Node', async () => {
  const subject = context({ bootstrapServers: 'dead:1' })
  const leaks: Error[] = []
  const listener = (warning: Error) => leaks.push(warning)
  process.on('warning', listener)
  const sent = Array.from({ length: 30 }, () =>
    subject
      .sendWithRetry(InitProducerId, init, { to: 'any', errorOf: (answer) => answer.errorCode })
      .catch(() => undefined),
  )
  await clock.advance(1_000)
  await subject.close()
  await Promise.all(sent)
  await clock.advance(0)
  process.off('warning', listener)
  expect(leaks).toEqual([])
})

describe('the coordinator of a group', () => {
  const answerOf = (nodeId: number, errorCode = 0) => ({
    throttleTimeMs: 0,
    coordinators: [{ key: 'g', nodeId, host: `broker-${nodeId}`, port: 9092, errorCode, errorMessage: null }],
  })

  it('is asked for once by all who want it, and kept until forgotten', async () => {
    const subject = context()
    for (const each of nodes) each.on(FindCoordinator, () => answerOf(3))
    expect(await Promise.all([subject.coordinators.find('g'), subject.coordinators.find('g')])).toEqual([3, 3])
    await subject.coordinators.find('g')
    const asked = () => nodes.flatMap((each) => each.seen(FindCoordinator))
    expect(asked()).toMatchObject([{ keyType: 0, coordinatorKeys: ['g'] }])
    subject.coordinators.forget('g')
    await subject.coordinators.find('g')
    expect(asked()).toHaveLength(2)
  })

  it('is looked for again with back-off while the cluster has none', async () => {
    const subject = context()
    const codes = [15, 14, 16]
    for (const each of nodes) each.on(FindCoordinator, () => answerOf(2, codes.shift() ?? 0))
    expect(await settled(subject.coordinators.find('g'))).toBe(2)
    expect(codes).toEqual([])
  })

  it('that is refused is a broker error, and asked for anew next time', async () => {
    const subject = context()
    let code = 30
    for (const each of nodes) each.on(FindCoordinator, () => answerOf(2, code))
    await expect(subject.coordinators.find('g')).rejects.toSatisfy(
      (error: unknown) =>
        KafkaBrokerError.is(error) &&
        error.code === 'GROUP_AUTHORIZATION_FAILED' &&
        error.message.includes("group 'g'"),
    )
    code = 0
    expect(await subject.coordinators.find('g')).toBe(2)
  })

  it('of a group without a name is a usage error', async () => {
    await expect(context().coordinators.find('')).rejects.toSatisfy(KafkaUsageError.is)
  })

  it('is looked for again by a request that it refuses as not its own', async () => {
    const subject = context()
    let coordinator = 1
    for (const each of nodes) {
      each.on(FindCoordinator, () => answerOf(coordinator))
      each.on(InitProducerId, () => initAnswer(each.nodeId === 3 ? 0 : 16))
    }
    await subject.coordinators.find('g')
    coordinator = 3
    const response = await settled(
      subject.sendWithRetry(InitProducerId, init, { to: { group: 'g' }, errorOf: (answer) => answer.errorCode }),
    )
    expect(response.errorCode).toBe(0)
    expect(node(3).seen(InitProducerId)).toHaveLength(1)
  })
})

describe('a context', () => {
  it('is closed by the last of those who hold it, with all connections', async () => {
    const subject = context()
    await subject.metadata.refresh()
    const own = await subject.openConnection(2, { clientId: 'mine' })
    expect(node(2).requests.at(-1)).toMatchObject({ api: 'ApiVersions', clientId: 'mine' })
    subject.acquire()
    await subject.release()
    expect(own.isOpen).toBe(true)
    await subject.release()
    expect(own.isOpen).toBe(false)
    await clock.advance(0)
    expect(nodes.reduce((sum, each) => sum + each.connections.size, 0)).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    await expect(subject.send(InitProducerId, init, { to: 'any' })).rejects.toThrow(/closed/)
    expect(() => subject.acquire()).toThrow(/closed/)
  })

  it('that is closed ends what waits for its next attempt', async () => {
    const subject = context({ bootstrapServers: 'dead:1' })
    const refreshing = subject.metadata.refresh()
    const outcome = expect(refreshing).rejects.toThrow(/closed/)
    await clock.advance(20)
    await subject.close()
    await outcome
  })
})
