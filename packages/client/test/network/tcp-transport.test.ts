import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { KafkaConnectionError } from '@milena/protocol'
import { systemClock, VirtualClock, type TransportHandlers } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HostResolver } from '../../src/network/host-resolver.js'
import { createTcpTransport } from '../../src/network/tcp-transport.js'

const transport = createTcpTransport(systemClock)
let server: Server
let port: number
let peers: Socket[]

beforeEach(async () => {
  peers = []
  server = createServer((socket) => {
    peers.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})

afterEach(async () => {
  for (const peer of peers) peer.destroy()
  await new Promise<void>((resolve) => server.close(() => resolve()))
})

/** Handlers whose events a test can wait for. */
function handlers(): {
  readonly told: TransportHandlers
  readonly data: Promise<string>
  readonly closed: Promise<Error | undefined>
} {
  let gotData: (text: string) => void = () => undefined
  let gotClosed: (error: Error | undefined) => void = () => undefined
  const data = new Promise<string>((resolve) => (gotData = resolve))
  const closed = new Promise<Error | undefined>((resolve) => (gotClosed = resolve))
  return { told: { data: (chunk) => gotData(chunk.toString()), close: (error) => gotClosed(error) }, data, closed }
}

describe('a TCP connection', () => {
  it('carries bytes both ways, and tells when the peer ends it', async () => {
    const { told, data, closed } = handlers()
    const socket = await transport.connect({ host: '127.0.0.1', port }, { timeoutMs: 5_000, handlers: told })
    expect(socket.localAddress).toMatch(/^127\.0\.0\.1:\d+$/)
    socket.write(Buffer.from('hello'))
    expect(await data).toBe('hello')
    for (const peer of peers) peer.end()
    expect(await closed).toBeUndefined()
  })

  it('that this side closes is told as closed, and later writes do nothing', async () => {
    const { told, closed } = handlers()
    const socket = await transport.connect({ host: '127.0.0.1', port }, { timeoutMs: 5_000, handlers: told })
    socket.close()
    socket.close()
    expect(await closed).toBeUndefined()
    socket.write(Buffer.from('late'))
  })

  it('tries every address of a host: localhost reaches a server on the IPv4 loopback alone', async () => {
    const { told } = handlers()
    const socket = await transport.connect({ host: 'localhost', port }, { timeoutMs: 5_000, handlers: told })
    socket.close()
  })

  it('takes an IPv6 literal', async () => {
    const v6 = createServer()
    const listening = await new Promise<boolean>((resolve) => {
      v6.once('error', () => resolve(false))
      v6.listen(0, '::1', () => resolve(true))
    })
    const address = listening ? { host: '::1', port: (v6.address() as AddressInfo).port } : { host: '::1', port }
    const connecting = transport.connect(address, { timeoutMs: 5_000, handlers: handlers().told })
    // A machine without IPv6 still has to name the address as one writes it.
    if (listening) (await connecting).close()
    else await expect(connecting).rejects.toThrow(`[::1]:${port}`)
    v6.close()
  })
})

describe('connecting', () => {
  it('to a port where nothing listens says so', async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()))
    const failure: unknown = await transport
      .connect({ host: '127.0.0.1', port }, { timeoutMs: 5_000, handlers: handlers().told })
      .catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaConnectionError.is)
    expect(String(failure)).toContain(
      `Cannot connect to 127.0.0.1:${port} (connection refused: nothing listens there).`,
    )
  })

  it('to a host that does not exist names it', async () => {
    const failure: unknown = await transport
      .connect({ host: 'no-such-host.invalid', port }, { timeoutMs: 20_000, handlers: handlers().told })
      .catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaConnectionError.is)
    expect(String(failure)).toMatch(/host name no-such-host\.invalid (cannot be|was not) resolved/)
  })

  it('can be given up before and while it is tried', async () => {
    const controller = new AbortController()
    const connecting = transport.connect(
      { host: '127.0.0.1', port },
      { timeoutMs: 5_000, handlers: handlers().told, signal: controller.signal },
    )
    controller.abort()
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(
      transport.connect(
        { host: '127.0.0.1', port },
        { timeoutMs: 5_000, handlers: handlers().told, signal: controller.signal },
      ),
    ).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('can be given up while a name server owes its answer', async () => {
    const controller = new AbortController()
    const clock = new VirtualClock()
    const silent: HostResolver = { addresses: () => new Promise(() => undefined), nameOf: () => Promise.resolve('') }
    const connecting = createTcpTransport(clock, silent).connect(
      { host: 'broker.test', port },
      { timeoutMs: 5_000, handlers: handlers().told, signal: controller.signal },
    )
    controller.abort()
    await expect(connecting).rejects.toMatchObject({ code: 'ABORTED' })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a host with several addresses', () => {
  /** Nothing answers there: reserved for documentation (RFC 5737). */
  const BLACK_HOLE = '192.0.2.1'

  function resolving(...addresses: string[]): HostResolver & { readonly asked: string[] } {
    const asked: string[] = []
    return {
      asked,
      addresses: (host) => {
        asked.push(host)
        return Promise.resolve(addresses)
      },
      nameOf: (address) => Promise.resolve(address),
    }
  }

  it('is reached at the one that is alive, and resolved anew each time', async () => {
    const resolver = resolving('127.0.0.2', '127.0.0.1')
    const subject = createTcpTransport(systemClock, resolver)
    for (let i = 0; i < 2; i++) {
      const { told } = handlers()
      const socket = await subject.connect({ host: 'broker.test', port }, { timeoutMs: 5_000, handlers: told })
      expect(socket.localAddress).toMatch(/^127\.0\.0\.1:/)
      socket.close()
    }
    expect(resolver.asked).toEqual(['broker.test', 'broker.test'])
  })

  it('gives each of them a fair share of the time: one that swallows packets does not use it up', async () => {
    const subject = createTcpTransport(systemClock, resolving(BLACK_HOLE, '127.0.0.1'))
    const { told } = handlers()
    const startedAt = systemClock.now()
    const socket = await subject.connect({ host: 'broker.test', port }, { timeoutMs: 400, handlers: told })
    expect(systemClock.now() - startedAt).toBeLessThan(390)
    socket.close()
  })

  it('is unreachable when none answers, and the error names each with its reason', async () => {
    const subject = createTcpTransport(systemClock, resolving('127.0.0.2', '127.0.0.3'))
    await expect(
      subject.connect({ host: 'broker.test', port }, { timeoutMs: 5_000, handlers: handlers().told }),
    ).rejects.toThrow(/broker\.test:\d+ \(127\.0\.0\.2: connection refused.*127\.0\.0\.3: connection refused/)
  })

  it('is tried last at the one that took the connection and said nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined))
    const there = await new Promise<boolean>((resolve) => {
      silent.once('error', () => resolve(false))
      silent.listen(port, '127.0.0.2', () => resolve(true))
    })
    expect(there).toBe(true)
    const subject = createTcpTransport(systemClock, resolving('127.0.0.2', '127.0.0.1'))
    for (let i = 0; i < 3; i++) {
      const { told, data, closed } = handlers()
      const socket = await subject.connect({ host: 'broker.test', port }, { timeoutMs: 5_000, handlers: told })
      socket.write(Buffer.from('hello'))
      if (i > 0) await data
      socket.close()
      await closed
    }
    silent.close()
    expect(peers.length).toBe(2)
  })

  it('whose name server does not answer is given up in time', async () => {
    const subject = createTcpTransport(systemClock, {
      addresses: () => new Promise(() => undefined),
      nameOf: (address) => Promise.resolve(address),
    })
    await expect(
      subject.connect({ host: 'broker.test', port }, { timeoutMs: 50, handlers: handlers().told }),
    ).rejects.toThrow('The host name broker.test was not resolved within 50 ms.')
  })
})
