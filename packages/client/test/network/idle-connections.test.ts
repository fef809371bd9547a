import { FindCoordinator, KafkaTimeoutError } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Connection } from '../../src/network/connection.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

let clock: VirtualClock
let network: ScriptedNetwork
let node: ScriptedNode

beforeEach(() => {
  clock = new VirtualClock()
  network = new ScriptedNetwork()
  node = network.add(1)
})

function open(maxIdleMs: number): Promise<Connection> {
  return Connection.open({
    address: { host: 'broker-1', port: 9092 },
    nodeId: 1,
    clientId: 'tester',
    transport: network,
    clock,
    logger: silentLogger,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    maxFrameBytes: 1_000_000,
    maxIdleMs,
  })
}

describe('the idle time of a connection', () => {
  it('begins with its handshake, also when it is shorter than a request may take', async () => {
    const connection = await open(5_000)
    await clock.advance(4_999)
    expect(connection.isOpen).toBe(true)
    await clock.advance(1)
    expect(connection.isOpen).toBe(false)
  })

  it('begins anew with a request that is sent, be it answered or not', async () => {
    node.on(FindCoordinator, () => undefined)
    const connection = await open(60_000)
    await clock.advance(50_000)
    const sent = connection.send(FindCoordinator, { keyType: 0, coordinatorKeys: ['g'] }, { timeoutMs: 5_000 })
    const outcome = expect(sent).rejects.toSatisfy(KafkaTimeoutError.is)
    await clock.advance(5_000)
    await outcome
    await clock.advance(54_999)
    expect(connection.isOpen).toBe(true)
    await clock.advance(1)
    expect(connection.isOpen).toBe(false)
  })
})
