import { silentLogger } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import type { BrokerCluster } from '../../src/broker-cluster.js'
import { buildCluster } from '../../src/build-cluster.js'
import { resolveOptions } from '../../src/embedded-broker-options.js'
import { ClientConnection, type FrameServer } from '../../src/server/client-connection.js'

const KIB = 1024

/** Answers each frame when it is told to, with the frame itself. */
class SlowServer implements FrameServer {
  readonly seen: string[] = []
  readonly #waiting: ((answer: Buffer | undefined) => void)[] = []
  isAtOnce = false

  serve(frame: Buffer): Buffer | Promise<Buffer | undefined> {
    this.seen.push(frame.toString('latin1', 0, 1))
    return this.isAtOnce ? frame : new Promise((resolve) => this.#waiting.push(resolve))
  }

  defect(): void {
    throw new Error('Nothing fails here.')
  }

  async answer(): Promise<void> {
    this.#waiting.shift()?.(Buffer.from('answer'))
    await Promise.resolve()
    await Promise.resolve()
  }
}

/** The socket, as far as a connection sees it. */
class FakeSocket {
  readonly written: Buffer[] = []
  hasRoom = true
  isPaused = false
  hasEnded = false

  write(bytes: Buffer): boolean {
    this.written.push(bytes)
    return this.hasRoom
  }
  end(): void {
    this.hasEnded = true
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
}

/** A frame that begins with this letter, behind its size. */
function framed(letter: string, bytes = 1): Buffer {
  const frame = Buffer.alloc(4 + bytes)
  frame.writeInt32BE(bytes)
  frame.write(letter, 4)
  return frame
}

describe('A connection of a client', () => {
  let cluster: BrokerCluster
  let server: SlowServer
  let socket: FakeSocket
  let connection: ClientConnection

  beforeEach(() => {
    cluster = buildCluster(resolveOptions({ network: 'memory', logger: silentLogger }), () => undefined)
    const [node] = cluster.nodes
    if (node === undefined) throw new Error('A cluster has a broker.')
    server = new SlowServer()
    socket = new FakeSocket()
    connection = new ClientConnection({
      id: '1',
      clientHost: '/127.0.0.1',
      node,
      cluster,
      server,
      sink: socket,
      identity: cluster.security.newConnection(),
    })
    node.connections.add(connection)
  })

  it('is served one request after the other: the next one waits for the answer, also when it comes in a later chunk', async () => {
    connection.receive(Buffer.concat([framed('a'), framed('b')]))
    connection.receive(framed('c'))
    expect(server.seen).toEqual(['a'])
    await server.answer()
    expect(server.seen).toEqual(['a', 'b'])
    await server.answer()
    await server.answer()
    expect(server.seen).toEqual(['a', 'b', 'c'])
    expect(socket.written).toHaveLength(3)
  })

  it('takes no more bytes while more than 1 MiB of requests wait, and goes on when they are fewer', async () => {
    connection.receive(framed('a'))
    connection.receive(framed('b', 800 * KIB))
    expect(socket.isPaused).toBe(false)
    connection.receive(framed('c', 800 * KIB))
    expect(socket.isPaused).toBe(true)
    await server.answer()
    expect(server.seen).toEqual(['a', 'b'])
    expect(socket.isPaused).toBe(false)
  })

  it('is not served while its client does not read the answers, and goes on where it was when it does', () => {
    server.isAtOnce = true
    socket.hasRoom = false
    connection.receive(Buffer.concat([framed('a'), framed('b')]))
    connection.receive(framed('c'))
    expect(server.seen).toEqual(['a'])
    connection.drained()
    expect(server.seen).toEqual(['a', 'b'])
    socket.hasRoom = true
    connection.drained()
    expect(server.seen).toEqual(['a', 'b', 'c'])
  })

  it('waits for the answer that is being made, too, when its client reads again', async () => {
    socket.hasRoom = false
    connection.receive(Buffer.concat([framed('a'), framed('b'), framed('c')]))
    await server.answer()
    connection.drained()
    connection.drained()
    expect(server.seen).toEqual(['a', 'b'])
  })

  it('is served what came before something that cannot be read, and then ended', async () => {
    connection.receive(Buffer.concat([framed('a'), framed('b'), Buffer.from('GET / HTTP/1.1')]))
    expect(socket.hasEnded).toBe(false)
    await server.answer()
    await server.answer()
    expect(server.seen).toEqual(['a', 'b'])
    expect(socket.written).toHaveLength(2)
    expect(socket.hasEnded).toBe(true)
  })

  it('that is closed drops what waits, writes no answer, and is none of its broker any more', async () => {
    connection.receive(Buffer.concat([framed('a'), framed('b')]))
    const gone: string[] = []
    connection.onClose(() => gone.push('told'))
    connection.close()
    connection.close()
    await server.answer()
    expect(server.seen).toEqual(['a'])
    expect(socket.written).toEqual([])
    expect(socket.hasEnded).toBe(true)
    expect(gone).toEqual(['told'])
    expect(connection.node.connections.size).toBe(0)
    connection.onClose(() => gone.push('told at once'))
    expect(gone).toEqual(['told', 'told at once'])
  })
})
