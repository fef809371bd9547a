import {
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  type AnyApi,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import type { TransportSocket } from '@milena/protocol/runtime'
import type { EmbeddedBroker } from '@milena/embedded-broker'

interface Outstanding {
  readonly resolve: (frame: Buffer) => void
  readonly reject: (error: Error) => void
}

/** A client that writes and reads requests as they are: one connection over the memory transport. */
export class RawClient {
  isOpen = true
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #splitter = new FrameSplitter({ maxFrameBytes: 100_000_000 })
  readonly #whenClosed: Promise<void>
  #socket: TransportSocket | undefined
  #closed: () => void = () => undefined
  #correlationId = 0

  private constructor(readonly clientId: string) {
    this.#whenClosed = new Promise((resolve) => {
      this.#closed = resolve
    })
  }

  static async connect(
    broker: EmbeddedBroker,
    options: { readonly nodeId?: number; readonly clientId?: string } = {},
  ): Promise<RawClient> {
    const client = new RawClient(options.clientId ?? 'raw')
    const addresses = broker.bootstrapServers.split(',')
    const [host = '', port] = (addresses[(options.nodeId ?? 1) - 1] ?? '').split(':')
    client.#socket = await broker.transport.connect(
      { host, port: Number(port) },
      {
        timeoutMs: 1000,
        handlers: {
          data: (chunk) => client.#splitter.push(chunk, (frame) => client.#answered(frame)),
          close: () => {
            client.isOpen = false
            client.#closed()
            for (const { reject } of client.#outstanding.values()) reject(new Error('The connection was closed.'))
            client.#outstanding.clear()
          },
        },
      },
    )
    return client
  }

  #answered(frame: Buffer): void {
    const id = correlationIdOf(frame)
    this.#outstanding.get(id)?.resolve(frame)
    this.#outstanding.delete(id)
  }

  send<A extends AnyApi>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const correlationId = ++this.#correlationId
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.#outstanding.set(correlationId, { resolve, reject })
    })
    this.write(encodeRequest(api, { version, correlationId, clientId: this.clientId, body }))
    return answer.then((frame) => decodeResponse(api, version, frame))
  }

  /** Bytes as they are. */
  write(bytes: Buffer): void {
    this.#socket?.write(bytes)
  }

  /** Cuts the connection. */
  cut(): void {
    this.#socket?.close()
  }

  /** Resolves when the connection is gone. */
  whenClosed(): Promise<void> {
    return this.#whenClosed
  }
}
