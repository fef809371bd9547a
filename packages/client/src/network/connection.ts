import {
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  FrameSplitter,
  KafkaConnectionError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
} from '@milena/protocol'
import type { AnyApi, RequestInput, ResponseOf } from '@milena/protocol'
import type { Clock, Logger, Timer, Transport, TransportSocket } from '@milena/protocol/runtime'
import { formatAddress, type Address } from '../cluster/address.js'
import type { NetworkMetrics } from '../metrics/network-metrics.js'
import { abortedError, isConnectionLoss } from './aborted.js'
import { negotiate, type BrokerCapabilities } from './api-versions.js'
import { handshake } from './handshake.js'
import { explainStranger } from './stranger.js'

/** What a Connection needs to be opened. */
export interface ConnectionOptions {
  readonly address: Address
  /** The broker's node id; undefined for a bootstrap address whose id is not known yet. */
  readonly nodeId?: number | undefined
  readonly clientId: string
  readonly transport: Transport
  readonly clock: Clock
  readonly logger: Logger
  /** Bound of connecting and handshake together, in milliseconds. */
  readonly connectTimeoutMs: number
  /** How long a request may stay unanswered unless send() is told otherwise, in milliseconds. */
  readonly requestTimeoutMs: number
  /** A longer answer is refused and ends the connection: nothing the broker claims is allocated unchecked. */
  readonly maxFrameBytes: number
  /** Without any traffic for so long, in milliseconds, it closes itself. Default Infinity. */
  readonly maxIdleMs?: number | undefined
  /** Told what goes over it. */
  readonly metrics?: NetworkMetrics | undefined
  readonly signal?: AbortSignal | undefined
}

/** How one request is sent. */
export interface SendOptions {
  /** How long to wait for the answer, in milliseconds. Default: the connection's requestTimeoutMs. */
  readonly timeoutMs?: number | undefined
  /** Stops waiting; the request itself is not taken back. */
  readonly signal?: AbortSignal | undefined
  /** Who asks, where that is not the client that opened the connection. */
  readonly clientId?: string | undefined
  /** The request holds something that older versions cannot say; refuse to send it in a version below this. */
  readonly minVersion?: number | undefined
}

/** A broker that asks for a longer pause than this is not believed. */
const LONGEST_THROTTLE_MS = 30_000

/** A request whose answer is outstanding. */
interface Waiting {
  readonly sentAt: number
  readonly deadline: number
  readonly apiName: string
  readonly answered: (frame: Buffer) => void
  readonly failed: (error: KafkaError) => void
}

/**
 * One TCP connection to one broker: requests go out at once, any number may be outstanding, answers find their request by
 * correlation id. The broker works through them one by one and in order.
 *
 * It dies once and for good, by whatever comes first: the peer, unreadable bytes, or close(). Every request that is still
 * outstanding is then rejected with the reason, and so is every later one.
 */
export class Connection {
  readonly address: Address
  readonly nodeId: number | undefined
  readonly #options: ConnectionOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #closeListeners = new Set<(error: KafkaError) => void>()
  readonly #splitter: FrameSplitter
  #socket: TransportSocket | undefined
  #capabilities: BrokerCapabilities = { apis: new Map(), finalizedFeatures: undefined }
  #ready = false
  #death: KafkaError | undefined
  #correlationId = 0
  #firstBytes: Buffer = Buffer.alloc(0)
  #lastReceivedAt: number
  #lastSentAt = 0
  #throttledUntil = 0
  #endedByPeer = false
  #answers = 0
  #handshakeAnswers = 0
  #timer: Timer | undefined
  #timerAt = Infinity

  private constructor(options: ConnectionOptions) {
    this.#options = options
    this.address = options.address
    this.nodeId = options.nodeId
    this.#splitter = new FrameSplitter({ maxFrameBytes: options.maxFrameBytes })
    this.#lastReceivedAt = options.clock.now()
  }

  /**
   * Connects and learns the broker's API versions. Rejects with KafkaConnectionError (unreachable, closed, a TLS port),
   * KafkaProtocolError (the peer does not speak Kafka), KafkaTimeoutError, or code ABORTED.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    await connection.#open()
    return connection
  }

  /** Requests can be sent. */
  get isOpen(): boolean {
    return this.#ready && this.#death === undefined
  }

  /** The reason of this connection's end; undefined while it lives. */
  get death(): KafkaError | undefined {
    return this.#death
  }

  /** How long the broker has been silent, in milliseconds. */
  get silentForMs(): number {
    return this.#options.clock.now() - this.#lastReceivedAt
  }

  /** It has answered more than the handshake. */
  get hasServed(): boolean {
    return this.#ready && this.#answers > this.#handshakeAnswers
  }

  /** It is dead because the peer ended it. */
  get endedByPeer(): boolean {
    return this.#endedByPeer
  }

  /**
   * For how long its broker wants no more requests, in milliseconds: a quota was exceeded, and what is sent all the same stays
   * unread until then (KIP-219). 0: it may be used.
   */
  get throttledForMs(): number {
    return Math.max(0, this.#throttledUntil - this.#options.clock.now())
  }

  /** Requests sent and not yet answered, timed out or aborted. */
  get outstanding(): number {
    return this.#waiting.size
  }

  /** The cluster's finalised features as this broker told them: name to level. Empty when it does not tell. */
  get finalizedFeatures(): ReadonlyMap<string, number> {
    return this.#capabilities.finalizedFeatures ?? new Map()
  }

  /** The broker for messages: `1 (localhost:9092)`. */
  get brokerName(): string {
    const address = formatAddress(this.address)
    return this.nodeId === undefined ? address : `${this.nodeId} (${address})`
  }

  /** The version in which `api` is spoken with this broker. Throws KafkaUnsupportedVersionError naming API and broker. */
  version(api: AnyApi): number {
    return negotiate(api, this.#capabilities, this.brokerName)
  }

  /** What the broker said it can do. */
  get capabilities(): BrokerCapabilities {
    return this.#capabilities
  }

  /**
   * Sends one request and resolves with its answer, whatever error codes are in it. Rejects with KafkaConnectionError (the
   * connection died), KafkaTimeoutError (no answer in time: a late one is dropped and does no harm),
   * KafkaUnsupportedVersionError, KafkaUsageError (a value that the version cannot carry), or code ABORTED.
   */
  send<A extends AnyApi>(api: A, body: RequestInput<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    if (this.#death !== undefined) return Promise.reject(this.#asUnsent(this.#death))
    if (options.signal?.aborted) return Promise.reject(abortedError(options.signal))
    let version: number
    let frame: Buffer
    const correlationId = this.#nextCorrelationId()
    try {
      version = negotiate(api, this.#capabilities, this.brokerName, options.minVersion)
      const clientId = options.clientId ?? this.#options.clientId
      frame = encodeRequest(api, { version, correlationId, clientId, body })
    } catch (error) {
      return Promise.reject(
        error instanceof Error ? error : new KafkaError(String(error), { code: 'UNKNOWN', retriable: false }),
      )
    }
    return this.#exchange(frame, correlationId, api.name, options).then((answer) => {
      try {
        const response = decodeResponse(api, version, answer)
        this.#throttle(api.name, response)
        return response
      } catch (error) {
        // What the answer said, and so the state of whatever it belongs to, is lost: nothing on this connection can be trusted.
        const failure = new KafkaProtocolError(
          `The answer of broker ${this.brokerName} to ${api.name} v${version} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        )
        this.close(failure)
        throw failure
      }
    })
  }

  /** Calls `listener` once when the connection dies, at once when it is dead already. */
  onClose(listener: (error: KafkaError) => void): void {
    if (this.#death !== undefined) listener(this.#death)
    else this.#closeListeners.add(listener)
  }

  /** Ends the connection; every outstanding send is rejected with `cause`. Calling it again does nothing. */
  close(
    cause: KafkaError = new KafkaConnectionError(
      `The connection to broker ${this.brokerName} was closed by this client.`,
    ),
  ): void {
    if (this.#death !== undefined) return
    this.#death = cause
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#socket !== undefined) this.#options.metrics?.closed.record(1)
    this.#socket?.close()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const request of waiting) request.failed(cause)
    const listeners = [...this.#closeListeners]
    this.#closeListeners.clear()
    for (const listener of listeners) {
      try {
        listener(cause)
      } catch (error) {
        this.#options.logger.error({ err: error }, 'a listener of a connection that closed threw')
      }
    }
  }

  async #open(): Promise<void> {
    const { clock, connectTimeoutMs, transport, address, signal } = this.#options
    const startedAt = clock.now()
    this.#socket = await transport.connect(address, {
      timeoutMs: connectTimeoutMs,
      handlers: { data: (chunk) => this.#received(chunk), close: (error) => this.#peerClosed(error) },
      ...(signal === undefined ? {} : { signal }),
    })
    if (this.#death !== undefined) {
      this.#socket.close()
      throw this.#death
    }
    this.#options.metrics?.created.record(1)
    try {
      const exchange = (frame: Buffer, correlationId: number) =>
        this.#exchange(frame, correlationId, 'ApiVersions', {
          timeoutMs: Math.max(1, connectTimeoutMs - (clock.now() - startedAt)),
          signal,
        })
      this.#capabilities = await handshake(exchange, this.#options.clientId, () => this.#nextCorrelationId())
    } catch (error) {
      const failure = this.#handshakeFailure(error)
      this.close(failure)
      throw failure
    }
    this.#handshakeAnswers = this.#answers
    this.#ready = true
    this.#watch(clock.now() + this.#maxIdleMs)
  }

  get #maxIdleMs(): number {
    return this.#options.maxIdleMs ?? Infinity
  }

  #throttle(api: string, response: unknown): void {
    const throttleTimeMs: unknown = Reflect.get(Object(response), 'throttleTimeMs')
    if (typeof throttleTimeMs !== 'number' || throttleTimeMs <= 0) return
    const { clock, logger } = this.#options
    const ms = Math.min(throttleTimeMs, LONGEST_THROTTLE_MS)
    this.#throttledUntil = Math.max(this.#throttledUntil, clock.now() + ms)
    logger.debug({ broker: this.brokerName, api, throttleTimeMs }, 'a quota was exceeded: the broker wants a pause')
  }

  #handshakeFailure(error: unknown): KafkaError {
    if (!KafkaError.is(error)) {
      return new KafkaProtocolError(`The handshake with ${this.brokerName} failed: ${String(error)}`, { cause: error })
    }
    if (KafkaTimeoutError.is(error)) {
      return new KafkaConnectionError(
        `${this.brokerName} took the connection, but did not answer the ApiVersions handshake within ${Math.round(this.#options.connectTimeoutMs)} ms. It is overloaded, still starting, or not a Kafka broker.`,
        { cause: error },
      )
    }
    const looksForeign = this.#answers === 0 && this.#firstBytes.length > 0 && this.#firstBytes[0] !== 0
    if (KafkaProtocolError.is(error) || (KafkaConnectionError.is(error) && looksForeign)) {
      return explainStranger(this.brokerName, this.#firstBytes, error)
    }
    return error
  }

  #exchange(frame: Buffer, correlationId: number, apiName: string, options: SendOptions): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { clock, requestTimeoutMs } = this.#options
      const { signal } = options
      const now = clock.now()
      const deadline = now + (options.timeoutMs ?? requestTimeoutMs)
      const aborted = () => {
        this.#waiting.delete(correlationId)
        reject(abortedError(signal))
      }
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiting.set(correlationId, {
        sentAt: now,
        deadline,
        apiName,
        answered: (answer) => {
          signal?.removeEventListener('abort', aborted)
          resolve(answer)
        },
        failed: (error) => {
          signal?.removeEventListener('abort', aborted)
          reject(error)
        },
      })
      this.#lastSentAt = now
      this.#options.metrics?.sent.record(frame.length)
      this.#watch(deadline)
      this.#socket?.write(frame)
    })
  }

  #received(chunk: Buffer): void {
    if (this.#death !== undefined) return
    this.#lastReceivedAt = this.#options.clock.now()
    this.#options.metrics?.received.record(chunk.length)
    if (this.#answers === 0 && this.#firstBytes.length < 16)
      this.#firstBytes = Buffer.concat([this.#firstBytes, chunk.subarray(0, 16)])
    try {
      this.#splitter.push(chunk, (frame) => this.#answered(frame))
    } catch (error) {
      this.close(
        KafkaError.is(error)
          ? error
          : new KafkaProtocolError(`What broker ${this.brokerName} sent cannot be read: ${String(error)}`, {
              cause: error,
            }),
      )
    }
  }

  #answered(frame: Buffer): void {
    const correlationId = correlationIdOf(frame)
    const waiting = this.#waiting.get(correlationId)
    if (waiting === undefined) {
      // The late answer to a request that timed out or was aborted. An id that was never given out cannot be told apart
      // from one, and is as harmless: what follows still finds its own request.
      this.#options.logger.debug(
        { broker: this.brokerName, correlationId },
        'dropped an answer that nobody waits for any more',
      )
      return
    }
    this.#answers++
    this.#options.metrics?.latency.record(this.#options.clock.now() - waiting.sentAt)
    this.#waiting.delete(correlationId)
    waiting.answered(frame)
  }

  #peerClosed(error: Error | undefined): void {
    if (this.#death !== undefined) return
    this.#endedByPeer = true
    const why = error === undefined ? '' : ` (${error.message})`
    let hint = ''
    if (!this.#ready) {
      hint =
        ' during the handshake: is it a Kafka broker, and a listener with security protocol PLAINTEXT (no TLS, no SASL)?'
    } else if (this.#answers === this.#handshakeAnswers && this.#waiting.size > 0 && error === undefined) {
      hint = ' on the first request: a listener that wants SASL does that; use one with security protocol PLAINTEXT.'
    }
    this.close(
      new KafkaConnectionError(`Broker ${this.brokerName} closed the connection${why}${hint === '' ? '.' : hint}`, {
        cause: error,
      }),
    )
  }

  /** The error for a request that was never sent because the connection is dead. */
  #asUnsent(death: KafkaError): KafkaError {
    if (isConnectionLoss(death)) return death
    return new KafkaConnectionError(`The connection to broker ${this.brokerName} has ended: ${death.message}`, {
      cause: death,
    })
  }

  // One timer serves all requests, and the idle time when there are none. It is set to the earliest deadline and not moved when
  // that request is answered: it then fires once for nothing, which is cheaper than a timer per request.
  #watch(deadline: number): void {
    if (deadline >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = deadline
    const { clock } = this.#options
    this.#timer = clock.setTimer(() => this.#expire(), Math.max(0, deadline - clock.now()), { unref: true })
  }

  #expire(): void {
    this.#timer = undefined
    this.#timerAt = Infinity
    const now = this.#options.clock.now()
    let next = Infinity
    const late: [number, Waiting][] = []
    for (const entry of this.#waiting) {
      if (entry[1].deadline <= now) late.push(entry)
      else if (entry[1].deadline < next) next = entry[1].deadline
    }
    for (const [correlationId] of late) this.#waiting.delete(correlationId)
    if (this.#waiting.size === 0) {
      next = Math.max(this.#lastSentAt, this.#lastReceivedAt) + this.#maxIdleMs
      if (next <= now && late.length === 0) {
        this.#closeIdle()
        return
      }
    }
    this.#watch(next)
    for (const [, { sentAt, apiName, failed }] of late) {
      failed(
        new KafkaTimeoutError(
          `Broker ${this.brokerName} did not answer ${apiName} within ${Math.round(now - sentAt)} ms.`,
        ),
      )
    }
  }

  // Before the broker does it (its connections.max.idle.ms is a minute longer than ours by default): a request that is sent
  // just when it does would be lost.
  #closeIdle(): void {
    this.#options.logger.debug({ broker: this.brokerName }, 'an idle connection is closed')
    this.close(
      new KafkaConnectionError(
        `The connection to broker ${this.brokerName} was closed after ${this.#maxIdleMs} ms without traffic.`,
        { code: 'IDLE' },
      ),
    )
  }

  #nextCorrelationId(): number {
    this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
    return this.#correlationId
  }
}
