import { createConnection } from 'node:net'
import {
  FrameSplitter,
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  type AnyApi,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import type { Transport, TransportAddress, TransportSocket } from '@milena/protocol/runtime'

const MAX_FRAME_BYTES = 64 * 1024 * 1024

interface Waiting {
  readonly frame: (frame: Buffer) => void
  readonly failed: (error: Error) => void
}

/** One connection to a broker, with nothing between it and the requests: no retries, no session, no pooling. */
export class Wire {
  readonly #waiting = new Map<number, Waiting>()
  readonly #splitter = new FrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES })
  #socket: TransportSocket | undefined
  #correlationId = 0

  static async open(transport: Transport, address: TransportAddress): Promise<Wire> {
    const wire = new Wire()
    wire.#socket = await transport.connect(address, {
      timeoutMs: 10_000,
      handlers: { data: (chunk) => wire.#take(chunk), close: (error) => wire.#closed(error) },
    })
    return wire
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  send<A extends AnyApi>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const socket = this.#socket
    if (socket === undefined) return Promise.reject(new Error(`${api.name} on a connection that is closed.`))
    const correlationId = this.#correlationId++
    return new Promise<ResponseOf<A>>((resolve, reject) => {
      this.#waiting.set(correlationId, {
        frame: (frame) => resolve(decodeResponse(api, version, frame)),
        failed: (error) => reject(new Error(`No answer to ${api.name}: ${error.message}`, { cause: error })),
      })
      socket.write(encodeRequest(api, { version, correlationId, clientId: 'differential', body }))
    })
  }

  cut(): void {
    this.#socket?.close()
  }

  #take(chunk: Buffer): void {
    this.#splitter.push(chunk, (frame) => {
      const correlationId = correlationIdOf(frame)
      const waiting = this.#waiting.get(correlationId)
      this.#waiting.delete(correlationId)
      try {
        // Answers outlive their chunk.
        waiting?.frame(Buffer.from(frame))
      } catch (error) {
        waiting?.failed(error instanceof Error ? error : new Error(String(error)))
      }
    })
  }

  #closed(error: Error | undefined): void {
    this.#socket = undefined
    const reason = error ?? new Error('the connection was closed')
    for (const waiting of this.#waiting.values()) waiting.failed(reason)
    this.#waiting.clear()
  }
}

/** TCP and nothing else. */
export const tcpTransport: Transport = {
  connect: ({ host, port }, { handlers }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, noDelay: true })
      let failure: Error | undefined
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        socket.on('error', (error) => (failure = error))
        socket.on('data', (chunk) => handlers.data(chunk))
        socket.on('close', () => handlers.close(failure))
        resolve({
          write: (bytes) => void socket.write(bytes),
          close: () => void socket.destroy(),
        })
      })
    }),
}
