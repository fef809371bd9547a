import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultyProxy } from '../src/proxy/faulty-proxy.js'

// A server that echoes stands for the broker.
let server: Server
let brokerSide: Socket[]
let proxy: FaultyProxy
let clients: Socket[]

beforeEach(async () => {
  brokerSide = []
  clients = []
  server = createServer((socket) => {
    brokerSide.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await FaultyProxy.start(0, (server.address() as AddressInfo).port)
})

afterEach(async () => {
  for (const client of clients) client.destroy()
  await proxy.close()
  for (const socket of brokerSide) socket.destroy()
  server.close()
})

async function client(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' })
  clients.push(socket)
  await once(socket, 'connect')
  return socket
}

/** Sends and resolves to what comes back, once it is as long. */
async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  let heard = ''
  for await (const [bytes] of onData(socket)) {
    heard += String(bytes)
    if (heard.length >= text.length) break
  }
  return heard
}

async function* onData(socket: Socket): AsyncGenerator<unknown[]> {
  while (true) yield (await once(socket, 'data')) as unknown[]
}

async function connection() {
  while (proxy.connections.length === 0) await once(server, 'connection')
  const [first] = proxy.connections
  if (first === undefined) throw new Error('There is no connection.')
  return first
}

describe('a proxy that can be made to fail', () => {
  it('passes bytes both ways while nothing is done to it', async () => {
    expect(await echo(await client(), 'hello')).toBe('hello')
    const large = 'x'.repeat(3_000_000)
    expect(await echo(await client(), large)).toBe(large)
  })

  it('passes the end on, and forgets the connection', async () => {
    const socket = await client()
    await echo(socket, 'a')
    socket.end()
    await once(socket, 'close')
    expect(proxy.connections).toEqual([])
  })

  it('cuts: both sides see the end at once', async () => {
    const socket = await client()
    await echo(socket, 'a')
    const spoilt = await connection()
    const clientEnd = once(socket, 'error')
    const brokerEnds = brokerSide.map((side) => new Promise((resolve) => side.once('close', resolve)))
    spoilt.cut()
    const [error] = (await clientEnd) as [NodeJS.ErrnoException]
    await Promise.all(brokerEnds)
    expect(error.code).toBe('ECONNRESET')
    expect(proxy.connections).toEqual([])
  })

  it('delays what is sent from then on, whole and in order', async () => {
    const socket = await client()
    await echo(socket, 'a')
    const from = performance.now()
    ;(await connection()).delay(60)
    const first = echo(socket, 'first')
    expect(await first).toBe('first')
    expect(performance.now() - from).toBeGreaterThanOrEqual(55)
    expect(await echo(socket, 'second')).toBe('second')
  })

  it('black-holes: nothing passes, and neither side hears of the end of the other', async () => {
    const socket = await client()
    await echo(socket, 'a')
    ;(await connection()).blackHole()
    let heard = false
    socket.on('data', () => (heard = true))
    socket.write('lost')
    socket.destroy()
    const outcome = await Promise.race([
      ...brokerSide.map((side) => once(side, 'close').then(() => 'closed')),
      sleep(50).then(() => 'silence'),
    ])
    expect([heard, outcome]).toEqual([false, 'silence'])
    expect(proxy.connections).toEqual([])
  })

  it('darkens: new connections open and are answered nothing, until there is light again', async () => {
    const before = await client()
    await echo(before, 'a')
    proxy.darken()
    const during = await client()
    const reset = once(during, 'error')
    during.write('lost')
    expect(await Promise.race([once(during, 'data'), sleep(50).then(() => 'silence')])).toBe('silence')
    before.on('error', () => undefined)
    proxy.light()
    await reset
    expect(await echo(await client(), 'light')).toBe('light')
  })
})
