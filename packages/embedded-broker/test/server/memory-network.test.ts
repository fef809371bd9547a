import { expect, describe, it } from 'vitest'
import type { ConnectionSink } from '../../src/server/client-connection.js'
import { MemoryNetwork } from '../../src/server/memory-network.js'

const address = { host: 'broker-1', port: 9092 }

function setup() {
  const network = new MemoryNetwork()
  const events: string[] = []
  const sinks: ConnectionSink[] = []
  network.listen('broker-1:9092', (sink) => {
    sinks.push(sink)
    return {
      receive: (chunk) => void events.push(`broker got ${chunk.toString()}`),
      drained: () => void events.push('drained'),
      close: () => void events.push('broker closed'),
    }
  })
  const connect = async () => {
    const socket = await network.connect(address, {
      timeoutMs: 1000,
      handlers: {
        data: (chunk) => void events.push(`client got ${chunk.toString()}`),
        close: () => void events.push('client closed'),
      },
    })
    const [sink] = sinks
    if (sink === undefined) throw new Error('The broker has accepted the connection.')
    return { socket, sink }
  }
  return { network, events, connect }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('A connection in memory', () => {
  it('carries bytes in order, never within the call that writes them', async () => {
    const { events, connect } = setup()
    const { socket, sink } = await connect()
    socket.write(Buffer.from('a'))
    socket.write(Buffer.from('b'))
    expect(sink.write(Buffer.from('c'))).toBe(true)
    expect(events).toEqual([])
    await settled()
    expect(events).toEqual(['broker got a', 'broker got b', 'client got c'])
  })

  it('holds back what is written while the broker pauses, and delivers it in order when it goes on', async () => {
    const { events, connect } = setup()
    const { socket, sink } = await connect()
    sink.pause()
    socket.write(Buffer.from('a'))
    socket.write(Buffer.from('b'))
    await settled()
    expect(events).toEqual([])
    sink.resume()
    socket.write(Buffer.from('c'))
    await settled()
    expect(events).toEqual(['broker got a', 'broker got b', 'broker got c'])
  })

  it('that the broker ends delivers what was written before, and tells the client once', async () => {
    const { events, connect } = setup()
    const { socket, sink } = await connect()
    sink.write(Buffer.from('a'))
    sink.end()
    sink.end()
    await settled()
    socket.close()
    await settled()
    expect(events).toEqual(['client got a', 'client closed'])
  })

  it('that the client closes is told to both sides, once', async () => {
    const { events, connect } = setup()
    const { socket } = await connect()
    socket.write(Buffer.from('a'))
    socket.close()
    socket.close()
    await settled()
    expect(events).toEqual(['broker got a', 'broker closed', 'client closed'])
  })

  it('is refused where nobody listens, or when the client has given up already', async () => {
    const { network, connect } = setup()
    const handlers = { data: () => undefined, close: () => undefined }
    const givenUp = network.connect(address, { timeoutMs: 1000, handlers, signal: AbortSignal.abort() })
    await expect(givenUp).rejects.toThrow(/given up/)
    network.unlisten('broker-1:9092')
    await expect(connect()).rejects.toThrow(/no embedded broker listens there/)
  })
})
