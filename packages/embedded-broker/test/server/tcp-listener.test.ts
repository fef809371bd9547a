import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionSink } from '../../src/server/client-connection.js'
import { TcpListener, type TcpListenerOptions } from '../../src/server/tcp-listener.js'
import { serverCertificate as cert, serverKey as key } from '../security/certificates.js'

const MIB = 1024 * 1024

/** The broker's side of the connections of one listener. */
class Accepted {
  readonly sinks: ConnectionSink[] = []
  readonly received: string[] = []
  readonly refused: string[] = []
  closed = 0
  drained = 0
  #waiting: { readonly isThere: () => boolean; readonly resolve: () => void }[] = []

  readonly options: Pick<TcpListenerOptions, 'accept' | 'onRefused'> = {
    accept: (sink) => {
      this.sinks.push(sink)
      this.#look()
      return {
        receive: (chunk) => {
          this.received.push(chunk.toString('latin1'))
          this.#look()
        },
        drained: () => {
          this.drained++
          this.#look()
        },
        close: () => {
          this.closed++
          this.#look()
        },
      }
    },
    onRefused: (why) => {
      this.refused.push(why)
      this.#look()
    },
  }

  until(isThere: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ isThere, resolve })
      this.#look()
    })
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ isThere, resolve }) => {
      if (!isThere()) return true
      resolve()
      return false
    })
  }
}

const opened: (TcpListener | Socket)[] = []
const tls = { key, cert }

afterEach(async () => {
  for (const each of opened.splice(0)) {
    if (each instanceof TcpListener) await each.close()
    else each.destroy()
  }
})

async function listen(accepted: Accepted, secured?: TcpListenerOptions['tls']): Promise<TcpListener> {
  const listener = await TcpListener.open({ host: '127.0.0.1', port: 0, tls: secured, ...accepted.options })
  opened.push(listener)
  return listener
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  opened.push(socket)
  await once(socket, 'connect')
  return socket
}

describe('A port of a broker', () => {
  it('tells its connection of bytes, and of a client that goes, also when it does so rudely', async () => {
    const accepted = new Accepted()
    const { port } = await listen(accepted)
    const [polite, rude] = [await client(port), await client(port)]
    polite.write('hello')
    await accepted.until(() => accepted.received.join('') === 'hello')
    polite.end()
    await accepted.until(() => accepted.closed === 1)
    rude.resetAndDestroy()
    await accepted.until(() => accepted.closed === 2)
    expect(accepted.refused).toEqual([])
  })

  it('sends what was written before the end, and then ends', async () => {
    const accepted = new Accepted()
    const { port } = await listen(accepted)
    const socket = await client(port)
    await accepted.until(() => accepted.sinks.length === 1)
    accepted.sinks[0]?.write(Buffer.from('last words'))
    accepted.sinks[0]?.end()
    const words: string[] = []
    socket.on('data', (chunk: Buffer) => words.push(chunk.toString('latin1')))
    await once(socket, 'close')
    expect(words.join('')).toBe('last words')
    await accepted.until(() => accepted.closed === 1)
  })

  it('tells when a client does not read what is written, and when it reads again', async () => {
    const accepted = new Accepted()
    const { port } = await listen(accepted)
    const socket = await client(port)
    await accepted.until(() => accepted.sinks.length === 1)
    const [sink] = accepted.sinks
    let written = 0
    while (sink?.write(Buffer.alloc(MIB)) === true) expect(++written).toBeLessThan(64)
    expect(accepted.drained).toBe(0)
    socket.resume()
    await accepted.until(() => accepted.drained > 0)
    expect(sink?.write(Buffer.alloc(1))).toBe(true)
  })

  it('lets go of a client that does not read, when its connection ends', async () => {
    const accepted = new Accepted()
    const { port } = await listen(accepted)
    await client(port)
    await accepted.until(() => accepted.sinks.length === 1)
    const [sink] = accepted.sinks
    let written = 0
    while (sink?.write(Buffer.alloc(MIB)) === true) expect(++written).toBeLessThan(64)
    sink?.end()
    await accepted.until(() => accepted.closed === 1)
  })

  it('cuts whoever is connected when it is closed', async () => {
    const accepted = new Accepted()
    const listener = await listen(accepted)
    const socket = await client(listener.port)
    await accepted.until(() => accepted.sinks.length === 1)
    await Promise.all([once(socket, 'close'), listener.close()])
    await accepted.until(() => accepted.closed === 1)
  })

  it('does not wait for a client in the middle of its TLS handshake when it is closed', async () => {
    const accepted = new Accepted()
    const listener = await listen(accepted, tls)
    const socket = await client(listener.port)
    await Promise.all([once(socket, 'close'), listener.close()])
    expect(accepted.sinks).toEqual([])
  })

  it('says why a TLS handshake failed, and goes on', async () => {
    const accepted = new Accepted()
    const { port } = await listen(accepted, tls)
    const garbage = await client(port)
    garbage.write('this is no TLS at all, not by any means')
    await accepted.until(() => accepted.refused.length === 1)
    expect(accepted.refused[0]).toMatch(/^the TLS handshake failed/)
    const proper = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
    opened.push(proper)
    await once(proper, 'secureConnect')
    await accepted.until(() => accepted.sinks.length === 1)
  })
})
