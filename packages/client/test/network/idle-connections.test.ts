import { FindCoordinator, KafkaTimeoutError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { ScriptedConnections } from './scripted-connections.js'

describe('the idle time of a connection', () => {
  it('begins with its handshake, also when it is shorter than a request may take', async () => {
    const connections = new ScriptedConnections()
    const { clock } = connections
    const connection = await connections.open({ maxIdleMs: 5_000 })
    await clock.advance(4_999)
    expect(connection.isOpen).toBe(true)
    await clock.advance(1)
    expect(connection.isOpen).toBe(false)
  })

  it('begins anew with a request that is sent, be it answered or not', async () => {
    const connections = new ScriptedConnections()
    const { clock, node } = connections
    node.on(FindCoordinator, () => undefined)
    const connection = await connections.open({ maxIdleMs: 60_000 })
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
