import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { FrameSplitter } from '@milena/protocol'

const host = '127.0.0.1'
const MOST_FRAME_BYTES = 128 * 1024 * 1024

/** Between clients and one broker: counts the requests that pass, and ends connections by a reset when told to. */
export class CountingProxy {
  readonly port: number
  requests = 0
  readonly #server: Server
  readonly #pairs = new Set<readonly [client: Socket, broker: Socket]>()

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static start(brokerPort: number): Promise<CountingProxy> {
    const server = createServer()
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port: 0, host, exclusive: true }, () => {
        const proxy = new CountingProxy(server, (server.address() as AddressInfo).port)
        server.on('connection', (client) => proxy.#accept(client, brokerPort))
        resolve(proxy)
      })
    })
  }

  /** How many connections there were. */
  reset(): number {
    const pairs = [...this.#pairs]
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
    return pairs.length
  }

  async close(): Promise<void> {
    this.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket, brokerPort: number): void {
    const broker = connect({ host, port: brokerPort, noDelay: true })
    const pair = [client, broker] as const
    this.#pairs.add(pair)
    client.setNoDelay(true)
    const frames = new FrameSplitter({ maxFrameBytes: MOST_FRAME_BYTES })
    client.on('data', (bytes: Buffer) => frames.push(bytes, () => this.requests++))
    client.pipe(broker)
    broker.pipe(client)
    for (const socket of pair) {
      socket.on('error', () => {
        // 'close' follows.
      })
      socket.on('close', () => {
        this.#pairs.delete(pair)
        for (const each of pair) each.destroy()
      })
    }
  }
}
