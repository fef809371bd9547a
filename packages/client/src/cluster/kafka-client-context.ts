import {
  ErrorCode,
  FindCoordinator,
  isRetriable,
  KafkaConnectionError,
  KafkaError,
  KafkaTimeoutError,
  KafkaUsageError,
  Metadata,
} from '@milena/protocol'
import type { AnyApi, RequestInput, ResponseOf } from '@milena/protocol'
import type { Clock, Logger, Random } from '@milena/protocol/runtime'
import type { ResolvedClientConfig } from '../config/client-config.js'
import type { NetworkMetrics } from '../metrics/network-metrics.js'
import { isAborted, isConnectionLoss, sharedAbortController, underEither } from '../network/aborted.js'
import type { Connection } from '../network/connection.js'
import { ConnectionPool } from '../network/connection-pool.js'
import { abandonable } from './abandonable.js'
import { Backoff, pause } from './backoff.js'
import { Bootstrap } from './bootstrap.js'
import { brokerError } from './broker-error.js'
import { Coordinators } from './coordinators.js'
import { ClusterMetadata } from './metadata.js'
import type { BrokerNode } from './topic-metadata.js'

/** From then on a broker that does not answer is suspected to be gone. */
const SUSPICIOUS_SILENCE_MS = 10_000

/** Who is to answer: a node, any broker, the one for cluster-wide changes, or a group's coordinator. */
export type Target = number | 'any' | 'controller' | { readonly group: string }

/** How a request is sent over the control connections. */
export interface ControlSendOptions {
  readonly to: Target
  /** How long to wait for the answer, in milliseconds. Default: requestTimeoutMs. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Who asks: one of several that share this context. Default: its own clientId. */
  readonly clientId?: string | undefined
}

/** How a request is repeated until it succeeds. */
export interface RetryOptions<R> {
  readonly to: Target
  /** How long to go on trying, in milliseconds from now. Default: defaultApiTimeoutMs. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The error code that decides whether the answer is good enough; a retriable one means: try again. */
  readonly errorOf: (response: R) => number
}

/** How a connection of one's own is opened. */
export interface OpenConnectionOptions {
  readonly clientId: string
  readonly signal?: AbortSignal | undefined
  /** Bound of connecting and handshake, in milliseconds. Default: socketConnectionSetupTimeoutMs. */
  readonly timeoutMs?: number | undefined
}

/**
 * What all members, producers and admins of one application share: the control connections, the metadata, the coordinators.
 * It is counted: the creator holds it once, acquire() once more, and the last release() closes it.
 */
export class KafkaClientContext {
  readonly config: ResolvedClientConfig
  readonly metadata: ClusterMetadata
  readonly coordinators: Coordinators
  readonly #pool: ConnectionPool
  readonly #closing = sharedAbortController()
  readonly #bootstrap: Bootstrap
  #holders = 1
  #outageTold = false

  private constructor(config: ResolvedClientConfig) {
    this.config = config
    this.#pool = new ConnectionPool(config)
    this.metadata = new ClusterMetadata({
      clock: config.clock,
      logger: config.logger,
      metadataMaxAgeMs: config.metadataMaxAgeMs,
      metadataTopicCacheTtlMs: config.metadataTopicCacheTtlMs,
      allowAutoCreateTopics: config.allowAutoCreateTopics,
      backoff: this.backoff(),
      fetch: (body) => this.#fetchMetadata(body),
    })
    this.#bootstrap = new Bootstrap({
      config,
      pool: this.#pool,
      metadata: this.metadata,
      startedOver: () => this.coordinators.forgetAll(),
    })
    this.coordinators = new Coordinators({
      ask: (body, errorOf) =>
        this.sendWithRetry(FindCoordinator, body, {
          to: 'any',
          errorOf,
          // Whoever has more time asks again; a member that joins has not, and should hear why it cannot.
          deadlineMs: Math.min(config.defaultApiTimeoutMs, config.bootstrapTimeoutMs),
        }),
      addBroker: (broker) => this.metadata.addBroker(broker),
    })
  }

  static create(config: ResolvedClientConfig): KafkaClientContext {
    return new KafkaClientContext(config)
  }

  get clock(): Clock {
    return this.config.clock
  }

  get random(): Random {
    return this.config.random
  }

  get logger(): Logger {
    return this.config.logger
  }

  /** What goes over all of its connections. */
  get network(): NetworkMetrics {
    return this.#pool.metrics
  }

  /** Fires when the context closes; for work that must not outlive it. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** Holds the context open for one more user. */
  acquire(): this {
    this.#refuseWhenClosed()
    this.#holders++
    return this
  }

  /** Lets go of it; the last one to do so closes it. */
  async release(): Promise<void> {
    this.#holders--
    if (this.#holders === 0) await this.close()
  }

  /** Opens a new connection to a broker; the caller owns it and closes it. */
  async openConnection(nodeId: number, options: OpenConnectionOptions): Promise<Connection> {
    this.#refuseWhenClosed()
    const broker = await this.#broker(nodeId, options.signal)
    return this.#pool.open(broker, options)
  }

  /**
   * Sends one request over a control connection, one attempt. Rejects with what Connection.send() rejects with, or with
   * KafkaConnectionError when nobody could be reached.
   */
  send<A extends AnyApi>(api: A, body: RequestInput<A>, options: ControlSendOptions): Promise<ResponseOf<A>> {
    return this.#send(api, body, options, this.config.bootstrapTimeoutMs)
  }

  async #send<A extends AnyApi>(
    api: A,
    body: RequestInput<A>,
    { to, timeoutMs, signal, clientId }: ControlSendOptions,
    bootstrapWithinMs: number,
  ): Promise<ResponseOf<A>> {
    this.#refuseWhenClosed()
    const connection = await this.#connectionTo(to, bootstrapWithinMs, signal)
    await this.#heedThrottle(connection, timeoutMs, signal)
    try {
      const response = await connection.send(api, body, { timeoutMs, signal, clientId })
      // Not before: a listener that wants SASL takes connections and hangs up on the first request.
      this.#bootstrap.everReached = true
      this.#outageTold = false
      return response
    } catch (error) {
      if (KafkaTimeoutError.is(error) && this.#isMute(connection, timeoutMs)) connection.close(error)
      throw error
    }
  }

  /**
   * Sends a request, again and again with back-off while the connection fails or `errorOf` gives a retriable code, and
   * resolves with the first answer that has neither. Once the time is up it rejects with the last error.
   */
  async sendWithRetry<A extends AnyApi>(
    api: A,
    body: RequestInput<A>,
    options: RetryOptions<ResponseOf<A>>,
  ): Promise<ResponseOf<A>> {
    const { clock, defaultApiTimeoutMs, requestTimeoutMs, bootstrapTimeoutMs } = this.config
    const { to, signal, errorOf } = options
    const startedAt = clock.now()
    const boundMs = options.deadlineMs ?? defaultApiTimeoutMs
    const backoff = this.backoff()
    for (;;) {
      let failure: KafkaError
      try {
        const timeoutMs = Math.max(1, Math.min(requestTimeoutMs, startedAt + boundMs - clock.now()))
        const response = await this.#send(
          api,
          body,
          { to, timeoutMs, signal },
          startedAt + bootstrapTimeoutMs - clock.now(),
        )
        const code = errorOf(response)
        if (code === ErrorCode.NONE || !(isRetriable(code) || this.#leadsBack(code))) return response
        failure = brokerError(api.name, code, null)
      } catch (error) {
        if (!KafkaError.is(error) || !error.retriable || isAborted(error)) throw error
        failure = error
      }
      if (api.key === Metadata.key) this.#bootstrap.failed(failure)
      this.#learnFrom(failure, to)
      const spentMs = clock.now() - startedAt
      // Who never reached the cluster has a wrong address more often than an outage: tell it soon.
      const leftMs = (this.#bootstrap.everReached ? boundMs : Math.min(boundMs, bootstrapTimeoutMs)) - spentMs
      if (leftMs <= 0) throw giveUp(api.name, failure, spentMs)
      this.#note(api.name, failure, backoff.attempts + 1)
      await this.#pause(backoff, signal, leftMs)
    }
  }

  /** Pauses between attempts, as retryBackoffMs and retryBackoffMaxMs set them. */
  backoff(): Backoff {
    const { clock, random, retryBackoffMs, retryBackoffMaxMs } = this.config
    return new Backoff({ clock, random, initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs })
  }

  /** Closes everything at once, whoever still holds it. Calling it again does nothing. */
  close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort()
      this.metadata.close()
      this.#pool.close()
    }
    return Promise.resolve()
  }

  #refuseWhenClosed(): void {
    if (this.#closing.signal.aborted)
      throw new KafkaUsageError('This client is closed. Create a new one.', { code: 'CLOSED' })
  }

  async #fetchMetadata(body: RequestInput<typeof Metadata>): Promise<ResponseOf<typeof Metadata>> {
    const response = await this.sendWithRetry(Metadata, body, {
      to: 'any',
      errorOf: (answer) => answer.errorCode,
      deadlineMs: this.config.requestTimeoutMs,
    })
    if (response.errorCode === ErrorCode.NONE) this.#bootstrap.succeeded()
    return response
  }

  /** The answer sends this client back to the addresses that it began with, where it finds a better one (KIP-1102). */
  #leadsBack(errorCode: number): boolean {
    return errorCode === ErrorCode.REBOOTSTRAP_REQUIRED && this.#bootstrap.recovers
  }

  /**
   * A broker that says nothing at all any more is taken for gone, else every later request would wait out its time too. So is
   * one that left a request unanswered for a good while with nothing else to do.
   */
  #isMute(connection: Connection, waitedMs = this.config.requestTimeoutMs): boolean {
    const { requestTimeoutMs } = this.config
    if (connection.silentForMs >= requestTimeoutMs) return true
    return waitedMs >= SUSPICIOUS_SILENCE_MS && connection.silentForMs >= waitedMs && connection.outstanding === 0
  }

  // What is sent to a broker that throttles this client stays unread until the pause is over, and may time out meanwhile.
  async #heedThrottle(
    connection: Connection,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const throttledMs = Math.min(connection.throttledForMs, timeoutMs ?? this.config.requestTimeoutMs)
    if (throttledMs <= 0) return
    try {
      await underEither(signal, this.closed, (either) => pause(this.clock, throttledMs, either))
    } catch (error) {
      this.#refuseWhenClosed()
      throw error
    }
  }

  async #connectionTo(to: Target, bootstrapWithinMs: number, signal: AbortSignal | undefined): Promise<Connection> {
    const target = to === 'controller' ? (this.metadata.controllerId ?? 'any') : to
    const connecting = this.#connect(target, bootstrapWithinMs, signal)
    return signal === undefined ? connecting : abandonable(connecting, signal)
  }

  async #connect(
    target: Exclude<Target, 'controller'>,
    bootstrapWithinMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Connection> {
    if (target === 'any') {
      return this.#bootstrap.connection(bootstrapWithinMs).catch((error: unknown) => {
        this.#refuseWhenClosed()
        throw error
      })
    }
    const nodeId = typeof target === 'number' ? target : await this.coordinators.find(target.group, { signal })
    return this.#pool.sharedBroker(await this.#broker(nodeId, signal))
  }

  async #broker(nodeId: number, signal: AbortSignal | undefined): Promise<BrokerNode> {
    const known = this.metadata.broker(nodeId)
    if (known !== undefined) return known
    await this.metadata.refresh({ signal })
    const found = this.metadata.broker(nodeId)
    if (found !== undefined) return found
    const others = this.metadata.brokers.map((broker) => broker.nodeId).join(', ')
    throw new KafkaConnectionError(
      `The cluster has no broker with node id ${nodeId} at the moment; it has ${others === '' ? 'none' : others}.`,
    )
  }

  #learnFrom(failure: KafkaError, to: Target): void {
    const lost = isConnectionLoss(failure)
    if (failure.code === 'REBOOTSTRAP_REQUIRED') this.#bootstrap.startOver(failure)
    if (typeof to === 'object') {
      if (lost || failure.code === 'NOT_COORDINATOR' || failure.code === 'COORDINATOR_NOT_AVAILABLE')
        this.coordinators.forget(to.group)
    } else if (to !== 'any' && (lost || failure.code === 'NOT_CONTROLLER')) {
      this.metadata
        .refresh()
        .catch((error: unknown) => this.logger.debug({ err: error }, 'refreshing the metadata failed'))
    }
  }

  // Whoever started with a wrong address, or whose cluster is gone, reads of it at once and not only when the time is up.
  #note(api: string, failure: KafkaError, attempt: number): void {
    const { code, message } = failure
    if (attempt >= 2 && !this.#outageTold && KafkaConnectionError.is(failure)) {
      this.#outageTold = true
      this.logger.warn({ api, code }, `${message} Trying again.`)
    } else {
      this.logger.debug({ api, code, attempt }, message)
    }
  }

  async #pause(backoff: Backoff, signal: AbortSignal | undefined, atMostMs: number): Promise<void> {
    try {
      await underEither(signal, this.closed, (either) => backoff.wait(either, atMostMs))
    } catch (error) {
      this.#refuseWhenClosed()
      throw error
    }
  }
}

function giveUp(api: string, failure: KafkaError, spentMs: number): KafkaError {
  const { code, message } = failure
  if (KafkaConnectionError.is(failure)) {
    // Its message says all that the last failure did.
    return new KafkaConnectionError(`${message} (Tried for ${Math.round(spentMs)} ms.)`, { code, cause: failure.cause })
  }
  return new KafkaTimeoutError(
    `${api} did not succeed within ${Math.round(spentMs)} ms. The last attempt: ${message}`,
    { cause: failure },
  )
}
