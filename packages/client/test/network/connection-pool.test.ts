import { FindCoordinator, KafkaConnectionError, Metadata } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionPool } from '../../src/network/connection-pool.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

const address = { host: 'broker-1', port: 9092 }
const broker = { ...address, nodeId: 1 }

let clock: VirtualClock
let network: ScriptedNetwork
let node: ScriptedNode
/** How long each attempt to connect was given. */
let given: number[]

beforeEach(() => {
  clock = new VirtualClock()
  network = new ScriptedNetwork()
  node = network.add(1)
  given = []
})

function pool(): ConnectionPool {
  return new ConnectionPool({
    bootstrapServers: [address],
    clientId: 'tester',
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    transport: {
      connect: (to, options) => {
        given.push(options.timeoutMs)
        return network.connect(to, options)
      },
    },
    requestTimeoutMs: 30_000,
    connectionsMaxIdleMs: 540_000,
    maxFrameBytes: 1_000_000,
    reconnectBackoffMs: 50,
    reconnectBackoffMaxMs: 1_000,
    socketConnectionSetupTimeoutMs: 10_000,
    socketConnectionSetupTimeoutMaxMs: 30_000,
  })
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  let done = false
  const watched = promise.finally(() => (done = true))
  watched.catch(() => undefined)
  for (let spent = 0; !done && spent < 100_000; spent += 50) await clock.advance(50)
  return watched
}

describe('the control connection to an address', () => {
  it('is one for all who ask for it, and made anew when it has died', async () => {
    const subject = pool()
    const [first, second] = await Promise.all([subject.shared(address), subject.shared(address)])
    expect(second).toBe(first)
    node.cut()
    await clock.advance(0)
    expect(await settled(subject.shared(address))).not.toBe(first)
    expect(node.accepted).toBe(2)
  })

  it('ends when the cluster is given up; connections that others own do not', async () => {
    const subject = pool()
    const shared = await subject.shared(address)
    const own = await subject.open(broker, { clientId: 'own' })
    subject.dropShared(new KafkaConnectionError('given up'))
    expect(shared.isOpen).toBe(false)
    expect(own.isOpen).toBe(true)
    subject.close()
    expect(own.isOpen).toBe(false)
    expect(subject.isClosed).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })
})

it('a connection that died is none of the pool any more', async () => {
  const subject = pool()
  const own = await subject.open(broker, { clientId: 'own' })
  node.cut()
  await clock.advance(0)
  expect(own.isOpen).toBe(false)
  const closed = vi.spyOn(own, 'close')
  subject.close()
  expect(closed).not.toHaveBeenCalled()
})

describe('an address that fails', () => {
  it('is given more time with each attempt', async () => {
    node.refuses = new KafkaConnectionError('no')
    const subject = pool()
    for (let i = 0; i < 4; i++) await settled(subject.open(broker, { clientId: 'own' })).catch(() => undefined)
    expect(given[0]).toBe(10_000)
    expect(given[1]).toBeGreaterThan(15_000)
    expect(given[1]).toBeLessThan(25_000)
    expect(given[3]).toBeGreaterThan(23_999)
    expect(given[3]).toBeLessThanOrEqual(30_000)
  })

  it('is not hammered when it takes connections and hangs up on the first request', async () => {
    node.on(Metadata, (_, { connection }) => {
      connection.close()
      return undefined
    })
    const subject = pool()
    const until = clock.now() + 10_000
    while (clock.now() < until) {
      const connection = await settled(subject.shared(address))
      await settled(connection.send(Metadata, { topics: [] })).catch(() => undefined)
    }
    expect(node.accepted).toBeGreaterThan(8)
    expect(node.accepted).toBeLessThan(30)
  })

  it('is forgiven by the first connection that serves', async () => {
    const subject = pool()
    node.refuses = new KafkaConnectionError('no')
    for (let i = 0; i < 5; i++) await settled(subject.shared(address)).catch(() => undefined)
    expect(subject.waitMs(address)).toBeGreaterThan(300)
    node.refuses = undefined
    node.on(FindCoordinator, () => ({ throttleTimeMs: 0, coordinators: [] }))
    const connection = await settled(subject.shared(address))
    await connection.send(FindCoordinator, { keyType: 0, coordinatorKeys: ['g'] })
    node.cut()
    await clock.advance(0)
    expect(subject.waitMs(address)).toBe(0)
  })

  it('can stop being waited for by a signal, and by the end of the client', async () => {
    node.refuses = new KafkaConnectionError('no')
    const subject = pool()
    for (let i = 0; i < 5; i++) await settled(subject.shared(address)).catch(() => undefined)
    const controller = new AbortController()
    const aborted = subject.open(broker, { clientId: 'own', signal: controller.signal })
    const closed = subject.open(broker, { clientId: 'own' })
    const outcomes = Promise.all([
      expect(aborted).rejects.toMatchObject({ code: 'ABORTED' }),
      expect(closed).rejects.toMatchObject({ code: 'ABORTED' }),
    ])
    controller.abort()
    subject.close()
    await outcomes
    expect(clock.pendingTimers).toBe(0)
  })
})
