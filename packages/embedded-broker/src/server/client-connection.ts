import { FrameSplitter, KafkaProtocolError } from '@milena/protocol'
import type { BrokerNode } from '../broker-node.js'
import type { BrokerCluster } from '../broker-cluster.js'
import type { ConnectionIdentity } from '../security/broker-security.js'
import type { RequestConnection } from './request-context.js'

// One connection of a client. The rules it keeps, as Kafka's do:
//
// 1. Requests are served strictly one after the other: what is sent behind a long poll waits for it.
// 2. While requests wait, no more than a bound of bytes is taken from the socket.
// 3. A client that does not read its answers is not served until it does: answers that wait are memory.
// 4. Whatever cannot be read ends the connection, with a log line, and nothing else.

/** The bytes' way to the client. */
export interface ConnectionSink {
  /** @returns whether more may be written; if not, drained() of the connection is called as soon as it may */
  write(bytes: Buffer): boolean
  /** Ends the connection; the other side sees an orderly end. */
  end(): void
  /** Stop and go for the incoming bytes. */
  pause(): void
  resume(): void
}

/** Who makes answers of requests: the dispatcher. */
export interface FrameServer {
  /** @returns the answer's frame; undefined when there is none, or the connection was closed */
  serve(frame: Buffer, connection: ClientConnection): Buffer | undefined | Promise<Buffer | undefined>
  /** Serving threw: tells of it, and ends the connection. */
  defect(error: unknown, connection: ClientConnection): void
}

/** Bytes of requests that may wait behind the one being served before the socket is paused. */
const MAX_WAITING_BYTES = 1024 * 1024

export class ClientConnection implements RequestConnection {
  readonly id: string
  readonly clientHost: string
  readonly node: BrokerNode
  readonly identity: ConnectionIdentity
  /** What the client calls itself in its latest request. */
  clientId: string | null = null
  readonly #cluster: BrokerCluster
  readonly #server: FrameServer
  readonly #sink: ConnectionSink
  readonly #waiting: Buffer[] = []
  readonly #closed = new AbortController()
  readonly #onClose: (() => void)[] = []
  #splitter: FrameSplitter
  #frameLimit: number
  #waitingBytes = 0
  #isPaused = false
  #isServing = false
  /** Why nothing more can be read; what was read before is served first. */
  #unreadable: string | undefined
  /** The client has to read answers first. */
  #isClogged = false

  constructor(given: {
    readonly id: string
    readonly clientHost: string
    readonly node: BrokerNode
    readonly cluster: BrokerCluster
    readonly server: FrameServer
    readonly sink: ConnectionSink
    readonly identity: ConnectionIdentity
  }) {
    this.id = given.id
    this.clientHost = given.clientHost
    this.node = given.node
    this.identity = given.identity
    this.#cluster = given.cluster
    this.#server = given.server
    this.#sink = given.sink
    this.#frameLimit = this.#cluster.security.maxFrameBytesFor(this.identity, this.#cluster.configs)
    this.#splitter = new FrameSplitter({ maxFrameBytes: this.#frameLimit })
  }

  /** Aborted when the connection is gone. */
  get signal(): AbortSignal {
    return this.#closed.signal
  }

  get isOpen(): boolean {
    return !this.#closed.signal.aborted
  }

  onClose(fn: () => void): void {
    if (this.isOpen) this.#onClose.push(fn)
    else fn()
  }

  /** Bytes from the client. */
  receive(chunk: Buffer): void {
    if (!this.isOpen || this.#unreadable !== undefined) return
    try {
      this.#splitter.push(chunk, this.#enqueue)
    } catch (error) {
      if (!KafkaProtocolError.is(error)) throw error
      this.#unreadable = error.message
    }
    if (!this.#isServing) this.#serveWaiting()
  }

  /** The client has read its answers: more may be written. */
  drained(): void {
    this.#isClogged = false
    if (!this.#isServing) this.#serveWaiting()
  }

  readonly #enqueue = (frame: Buffer): void => {
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    if (this.#waitingBytes > MAX_WAITING_BYTES && !this.#isPaused) {
      this.#isPaused = true
      this.#sink.pause()
    }
  }

  /** Serves what waits, one after the other, without a promise as long as the answers are there at once. */
  #serveWaiting(): void {
    while (this.isOpen && !this.#isClogged) {
      const frame = this.#waiting.shift()
      if (frame === undefined) {
        if (this.#unreadable !== undefined) this.refuse(this.#unreadable)
        return
      }
      this.#waitingBytes -= frame.length
      if (this.#isPaused && this.#waitingBytes <= MAX_WAITING_BYTES) {
        this.#isPaused = false
        this.#sink.resume()
      }
      let answer: ReturnType<FrameServer['serve']>
      try {
        answer = this.#server.serve(frame, this)
      } catch (error) {
        this.#server.defect(error, this)
        return
      }
      if (answer instanceof Promise) {
        this.#isServing = true
        answer.then(
          (bytes) => {
            this.#isServing = false
            this.#send(bytes)
            this.#serveWaiting()
          },
          (error: unknown) => {
            this.#isServing = false
            this.#server.defect(error, this)
          },
        )
        return
      }
      this.#send(answer)
    }
  }

  #send(bytes: Buffer | undefined): void {
    if (bytes !== undefined && this.isOpen) this.#isClogged = !this.#sink.write(bytes)
    if (this.identity.mustClose) this.close()
    else this.#adaptFrameLimit()
  }

  /** Who has proven who they are may send more at once. Frames are whole here: the answer was the last thing that happened. */
  #adaptFrameLimit(): void {
    const limit = this.#cluster.security.maxFrameBytesFor(this.identity, this.#cluster.configs)
    if (limit === this.#frameLimit) return
    this.#frameLimit = limit
    this.#splitter.maxFrameBytes = limit
  }

  /** Ends the connection because of what the client sent. */
  refuse(why: string): void {
    if (!this.isOpen) return
    this.#cluster.surroundings.logger.warn(
      { node: this.node.id, client: this.clientHost, connection: this.id },
      `Closed the connection of ${this.clientHost}: ${why}`,
    )
    this.close()
  }

  /** Ends the connection; idempotent. Called too when the client has ended it. */
  close(): void {
    if (!this.isOpen) return
    this.#closed.abort()
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.node.connections.delete(this)
    this.#sink.end()
    for (const fn of this.#onClose.splice(0)) fn()
    this.#cluster.surroundings.changed()
  }
}
