import { ApiVersions, FindCoordinator } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, expect, it } from 'vitest'
import { ConnectionPool } from '../../src/network/connection-pool.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

const [first, second] = [
  { host: 'broker-1', port: 9092 },
  { host: 'broker-2', port: 9092 },
] as const

let clock: VirtualClock
let nodes: readonly [ScriptedNode, ScriptedNode]
let pool: ConnectionPool

beforeEach(() => {
  clock = new VirtualClock()
  const network = new ScriptedNetwork()
  nodes = [network.add(1), network.add(2)]
  pool = new ConnectionPool({
    bootstrapServers: [first, second],
    clientId: 'tester',
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    transport: network,
    requestTimeoutMs: 30_000,
    connectionsMaxIdleMs: 540_000,
    maxFrameBytes: 1_000_000,
    reconnectBackoffMs: 50,
    reconnectBackoffMaxMs: 1_000,
    socketConnectionSetupTimeoutMs: 10_000,
    socketConnectionSetupTimeoutMaxMs: 30_000,
  })
})

const find = { keyType: 0, coordinatorKeys: ['g'] }

it('a connection that its broker throttles is taken only for want of another, until the pause is over', async () => {
  for (const [index, node] of nodes.entries())
    node.on(FindCoordinator, () => ({ throttleTimeMs: index === 0 ? 5_000 : 0, coordinators: [] }))
  const throttled = await pool.shared(first)
  await clock.advance(10)
  await throttled.send(FindCoordinator, find)
  expect(pool.anyOpen()).toBe(throttled)
  const other = await pool.shared(second)
  await clock.advance(10)
  // Heard of last, and throttled all the same.
  await throttled.send(FindCoordinator, find)
  expect(throttled.silentForMs).toBeLessThan(other.silentForMs)
  expect(pool.anyOpen()).toBe(other)
  await clock.advance(5_000)
  expect(pool.anyOpen()).toBe(throttled)
  pool.close()
})

it('an attempt that its caller gave up says nothing about the broker: the next one begins at once', async () => {
  nodes[0].on(ApiVersions, () => undefined)
  const controller = new AbortController()
  const attempt = pool.open({ ...first, nodeId: 1 }, { clientId: 'own', signal: controller.signal })
  const outcome = expect(attempt).rejects.toMatchObject({ code: 'ABORTED' })
  await clock.advance(100)
  controller.abort()
  await outcome
  expect(pool.waitMs(first)).toBe(0)
  pool.close()
})
