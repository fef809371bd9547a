import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type PeerCertificate, type TLSSocket } from 'node:tls'
import { KafkaConnectionError } from '@milena/protocol'
import type { ConnectionSink } from './client-connection.js'
import type { AcceptedConnection } from './memory-network.js'

/** What node:tls needs of the broker, in PEM. */
export interface TlsListenerOptions {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** Trusted for client certificates. */
  readonly ca?: string | Buffer | undefined
  /** Asks clients for a certificate, and refuses those without. Default false. */
  readonly requestCert?: boolean | undefined
}

export interface TcpListenerOptions {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  readonly tls: TlsListenerOptions | undefined
  /** A connection stands. `peer` is the client's certificate, when it showed one. */
  readonly accept: (
    sink: ConnectionSink,
    clientHost: string,
    peer: PeerCertificate | undefined,
  ) => AcceptedConnection | undefined
  /** A connection that did not come about (a failed TLS handshake). */
  readonly onRefused: (why: string) => void
}

/** Bytes of answers that may wait for a client to read them before it is served no more. */
const MAX_UNREAD_BYTES = 1024 * 1024

/** The client's end of a connection, by which it can be told from others while it stands. */
function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** A port of the machine on which one broker listens. */
export class TcpListener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  /** Rejects with a KafkaConnectionError that names the address, e.g. when the port is taken. */
  static async open(options: TcpListenerOptions): Promise<TcpListener> {
    const { host, port, tls } = options
    const server =
      tls === undefined
        ? createServer({ noDelay: true })
        : createTlsServer({
            key: tls.key,
            cert: tls.cert,
            ca: tls.ca,
            requestCert: tls.requestCert ?? false,
            rejectUnauthorized: tls.requestCert ?? false,
            noDelay: true,
          })
    const listener = new TcpListener(server)
    if (tls === undefined) {
      server.on('connection', (socket: Socket) => listener.#serve(socket, undefined, options))
    } else {
      // Sockets count from their first byte on: closing has to end those in the middle of a handshake, too. From the
      // handshake on only the secured one may be ended: Node 20 crashes when the socket is taken away from under it.
      const shaking = new Map<string, Socket>()
      server.on('connection', (socket: Socket) => {
        const key = addressOf(socket)
        shaking.set(key, socket)
        socket.on('close', () => {
          if (shaking.get(key) === socket) shaking.delete(key)
        })
        listener.#keep(socket)
      })
      server.on('secureConnection', (socket: TLSSocket) => {
        const plain = shaking.get(addressOf(socket))
        if (plain !== undefined) listener.#sockets.delete(plain)
        const certificate = socket.getPeerCertificate()
        const hasOne = Object.keys(certificate ?? {}).length > 0
        listener.#serve(socket, hasOne ? certificate : undefined, options)
      })
      server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
        options.onRefused(`the TLS handshake failed (${error.message.trim()})`)
        socket.destroy()
      })
    }
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          new KafkaConnectionError(
            `The embedded broker cannot listen on ${host}:${port} (${error.code ?? error.message}). ${remedyFor(error.code)}`,
            { cause: error },
          ),
        )
      })
      server.listen({ host, port }, () => resolve())
    })
    server.removeAllListeners('error')
    server.on('error', (error) => options.onRefused(error.message))
    return listener
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }

  #serve(socket: Socket, peer: PeerCertificate | undefined, options: TcpListenerOptions): void {
    this.#keep(socket)
    const sink: ConnectionSink = {
      write: (bytes) => {
        socket.write(bytes)
        return socket.writableLength <= MAX_UNREAD_BYTES
      },
      end: () => {
        // What is still to be sent is sent, but a client that does not read must not keep the socket.
        if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy()
        else socket.destroySoon()
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    }
    const accepted = options.accept(sink, socket.remoteAddress ?? '', peer)
    if (accepted === undefined) {
      socket.destroy()
      return
    }
    socket.on('data', (chunk: Buffer) => accepted.receive(chunk))
    socket.on('drain', () => accepted.drained())
    socket.on('close', () => accepted.close())
  }

  /** Ends all connections and frees the port. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function remedyFor(code: string | undefined): string {
  return code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL'
    ? 'The host is no address of this machine: give one of its own, e.g. 127.0.0.1, or 0.0.0.0 for all of them.'
    : 'Choose another port, or 0 for a free one.'
}
