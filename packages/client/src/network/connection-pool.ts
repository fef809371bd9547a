import { KafkaConnectionError, KafkaError } from '@milena/protocol'
import type { Logger, Transport } from '@milena/protocol/runtime'
import { formatAddress, type Address } from '../cluster/address.js'
import { pause } from '../cluster/backoff.js'
import { NetworkMetrics } from '../metrics/network-metrics.js'
import { sharedAbortController, underEither } from './aborted.js'
import { Connection } from './connection.js'
import { Reconnects, type ReconnectOptions } from './reconnects.js'

/** What the pool takes from the client's configuration. */
export interface ConnectionPoolOptions extends ReconnectOptions {
  readonly bootstrapServers: readonly Address[]
  readonly clientId: string
  readonly logger: Logger
  readonly transport: Transport
  readonly requestTimeoutMs: number
  readonly connectionsMaxIdleMs: number
  readonly maxFrameBytes: number
}

/** A broker to connect to, as the cluster's metadata names it. */
export interface PoolTarget extends Address {
  readonly nodeId: number
}

/** How a connection outside of the pool is opened. */
export interface OpenOptions {
  readonly clientId: string
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
}

/**
 * The connections of one client: at most one shared control connection per address, opened when first asked for and again
 * after it died, and any number that others own. close() ends them all.
 */
export class ConnectionPool {
  /** What goes over all connections that come from here. */
  readonly metrics: NetworkMetrics
  readonly #options: ConnectionPoolOptions
  readonly #shared = new Map<string, Promise<Connection>>()
  readonly #ready = new Set<Connection>()
  readonly #all = new Set<Connection>()
  readonly #reconnects: Reconnects
  readonly #closing = sharedAbortController()

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
    this.#reconnects = new Reconnects(options)
    this.metrics = new NetworkMetrics(options.clock)
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /**
   * A control connection that is open right now, if there is one. Best is one that owes no answer and was heard of last; one
   * that its broker throttles is taken only for want of another.
   */
  anyOpen(): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#ready)
      if (connection.isOpen && (best === undefined || isBetter(connection, best))) best = connection
    return best
  }

  /** How long an address is left alone because connecting to it failed, in milliseconds. */
  waitMs(address: Address): number {
    return this.#reconnects.waitMs(formatAddress(address))
  }

  /** The shared control connection to an address. `timeoutMs` bounds connecting, if it is the one to do it. */
  shared(address: Address, timeoutMs?: number): Promise<Connection> {
    const key = formatAddress(address)
    let opening = this.#shared.get(key)
    if (opening === undefined) {
      opening = this.#connect(address, undefined, { clientId: this.#options.clientId, timeoutMs })
      this.#shared.set(key, opening)
      const forget = () => {
        this.#shared.delete(key)
      }
      opening.then((connection) => {
        this.#ready.add(connection)
        connection.onClose(() => {
          this.#ready.delete(connection)
          forget()
        })
      }, forget)
    }
    return opening
  }

  /** The shared control connection to a broker of the cluster. */
  sharedBroker(broker: PoolTarget): Promise<Connection> {
    return this.shared(broker).catch((error: unknown) => {
      throw this.#explainAdvertised(error, broker)
    })
  }

  /** A new connection to a broker; the caller owns it. */
  open(broker: PoolTarget, options: OpenOptions): Promise<Connection> {
    return this.#connect(broker, broker.nodeId, options).catch((error: unknown) => {
      throw this.#explainAdvertised(error, broker)
    })
  }

  /** Closes the shared control connections; `cause` goes to what is outstanding on them. Those that others own stay. */
  dropShared(cause: KafkaError): void {
    for (const connection of this.#ready) connection.close(cause)
  }

  /** Closes every connection that came from here, also those that others own. */
  close(): void {
    this.#closing.abort()
    for (const connection of this.#all)
      connection.close(new KafkaConnectionError('The client was closed.', { code: 'CLOSED', retriable: false }))
  }

  #connect(address: Address, nodeId: number | undefined, options: OpenOptions): Promise<Connection> {
    const { clientId, timeoutMs, signal } = options
    return underEither(signal, this.#closing.signal, (either) =>
      this.#open(address, { nodeId, clientId, timeoutMs, signal: either }),
    )
  }

  async #open(
    address: Address,
    options: OpenOptions & { readonly nodeId: number | undefined; readonly signal: AbortSignal },
  ): Promise<Connection> {
    const { nodeId, clientId, signal } = options
    const { clock, logger, transport, requestTimeoutMs, connectionsMaxIdleMs, maxFrameBytes } = this.#options
    const { host, port } = address
    const key = formatAddress(address)
    const waitMs = this.#reconnects.waitMs(key)
    if (waitMs > 0) await pause(clock, waitMs, signal)
    const startedAt = clock.now()
    let connection: Connection
    try {
      connection = await Connection.open({
        address: { host, port },
        nodeId,
        clientId,
        clock,
        logger,
        transport,
        requestTimeoutMs,
        maxFrameBytes,
        maxIdleMs: connectionsMaxIdleMs,
        metrics: this.metrics,
        connectTimeoutMs: options.timeoutMs ?? this.#reconnects.setupTimeoutMs(key),
        signal,
      })
    } catch (error) {
      if (!signal.aborted) this.#reconnects.failed(key, startedAt)
      throw error
    }
    this.#all.add(connection)
    connection.onClose(() => {
      this.#all.delete(connection)
      // A listener that takes connections and hangs up on the first request is no better than one that takes none.
      if (connection.hasServed) this.#reconnects.succeeded(key)
      else if (connection.endedByPeer) this.#reconnects.failed(key, startedAt)
    })
    return connection
  }

  // The address of a broker comes from the brokers themselves. Where it is wrong, bootstrapping works and everything after it
  // fails: the commonest trouble with Kafka in containers, and only these words lead to its cause.
  #explainAdvertised(error: unknown, broker: PoolTarget): unknown {
    const address = formatAddress(broker)
    if (!KafkaConnectionError.is(error)) return error
    if (this.#options.bootstrapServers.some((bootstrap) => formatAddress(bootstrap) === address)) return error
    return new KafkaConnectionError(
      `${error.message} The address ${address} of broker ${broker.nodeId} comes from the cluster's metadata (advertised.listeners in the broker's configuration), not from bootstrapServers; it must be reachable from this machine.`,
      { code: error.code, retriable: error.retriable, cause: error },
    )
  }
}

function isBetter(one: Connection, other: Connection): boolean {
  if (one.throttledForMs > 0 !== other.throttledForMs > 0) return one.throttledForMs === 0
  if (one.outstanding > 0 !== other.outstanding > 0) return one.outstanding === 0
  return one.silentForMs < other.silentForMs
}

/** One error for several addresses that were all tried without success. */
export function nobodyReached(failures: readonly (readonly [Address, unknown])[]): KafkaError {
  const reasons = failures.map(([address, error]) => {
    const reason = error instanceof Error ? error.message : String(error)
    return reason.includes(formatAddress(address)) ? reason : `${formatAddress(address)}: ${reason}`
  })
  const [only] = failures
  if (failures.length === 1 && only !== undefined && KafkaError.is(only[1]) && !KafkaConnectionError.is(only[1]))
    return only[1]
  const advice = 'Check bootstrapServers, that the brokers run, and the network in between.'
  return new KafkaConnectionError(`No Kafka broker could be reached. ${reasons.join(' ')} ${advice}`, {
    ...(failures.length === 1 && KafkaError.is(only?.[1]) ? { code: only[1].code } : {}),
    retriable: failures.length === 0 || failures.some(([, error]) => KafkaError.is(error) && error.retriable),
    cause: only?.[1],
  })
}
