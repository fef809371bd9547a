import {
  ApiVersions,
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  ErrorCode,
  errorName,
  KafkaProtocolError,
  KafkaUsageError,
  type AnyApi,
  type RequestHeader,
} from '@milena/protocol'
import type { BrokerCluster } from '../broker-cluster.js'
import { apiRange } from '../api-versions-by-release.js'
import { failureAnswer } from './failure-answer.js'
import { noPartitionError, partitionErrors } from './partition-errors.js'
import type { ClientConnection, FrameServer } from './client-connection.js'
import type { Handler } from './handler.js'
import { HookFailure, type InterceptAction, type InterceptedRequest, type Interceptors } from './intercept.js'
import type { RequestContext } from './request-context.js'
import type { RequestHistory } from './request-history.js'

// From a request's bytes to its answer's. The rules:
//
// 1. An API or version that is not offered ends the connection, as Kafka does it; only ApiVersions is answered then, with
//    UNSUPPORTED_VERSION in the form of version 0 and the range of versions to choose from.
// 2. The hooks of broker.intercept() come between reading a request and handling it.
// 3. An answer that is there at once is given back at once, not in a promise: a test on virtual time then needs no turn.
// 4. What waits here (for a thaw, a hook, a delay) is not handled by a broker that was killed meanwhile. It is handled where only
//    its connection has closed: in Kafka a request that was read is in the queue, and its answer is dropped.

type Bytes = Buffer | undefined

/** Of all arrays of one request: a frame of nothing but tiny elements would take many times its size as objects. */
const MAX_ELEMENTS = 1_000_000

export class Dispatcher implements FrameServer {
  readonly #cluster: BrokerCluster
  readonly #handlers: ReadonlyMap<number, Handler>
  readonly #interceptors: Interceptors
  readonly #history: RequestHistory

  constructor(given: {
    readonly cluster: BrokerCluster
    readonly handlers: readonly Handler[]
    readonly interceptors: Interceptors
    readonly history: RequestHistory
  }) {
    this.#cluster = given.cluster
    this.#interceptors = given.interceptors
    this.#history = given.history
    this.#handlers = new Map(given.handlers.map((handler) => [handler.api.key, handler]))
  }

  /** @returns the answer's frame; undefined when there is none (or the connection was closed) */
  serve(frame: Buffer, connection: ClientConnection): Bytes | Promise<Bytes> {
    const { node } = connection
    const { life } = node
    if (node.isFrozen) {
      return node.whenThawed().then(() => (life.aborted ? undefined : this.serve(frame, connection)))
    }
    let header: RequestHeader
    try {
      header = decodeRequestHeader(frame)
    } catch (error) {
      return this.#unreadable(error, connection)
    }
    connection.clientId = header.clientId
    const handler = this.#handlers.get(header.apiKey)
    const range = handler === undefined ? undefined : apiRange(this.#cluster.surroundings.profile, handler.api)
    if (handler === undefined || range === undefined) {
      connection.refuse(
        `it asked for API ${header.apiKey} version ${header.apiVersion}, which this broker does not serve (UNSUPPORTED_VERSION).`,
      )
      return undefined
    }
    if (header.apiVersion < range.minVersion || header.apiVersion > range.maxVersion) {
      return this.#wrongVersion(handler.api, header, connection)
    }
    if (!this.#cluster.security.mayServe(connection.identity, header.apiKey)) {
      connection.refuse(`it asked for ${handler.api.name} before it was authenticated.`)
      return undefined
    }
    let body: unknown
    try {
      body = decodeRequest(handler.api, header.apiVersion, frame, { allowMore: true, maxElements: MAX_ELEMENTS })
    } catch (error) {
      return this.#unreadable(error, connection)
    }
    const request: InterceptedRequest = {
      api: handler.api.name,
      version: header.apiVersion,
      clientId: header.clientId,
      nodeId: node.id,
      connectionId: connection.id,
      principal: connection.identity.principal,
      body,
    }
    if (!this.#history.isOff) {
      this.#history.add({ ...request, at: this.#cluster.surroundings.clock.wallTime() }, frame.length)
    }
    const exchange = new Exchange(this.#cluster, handler, header, request, connection)
    if (this.#interceptors.isEmpty) return exchange.handle()
    const action = this.#interceptors.decide(request)
    return action instanceof Promise
      ? action.then((decided) => exchange.obey(decided, life))
      : exchange.obey(action, life)
  }

  /** A handler threw, which is our mistake, or a hook, which is the test's; never the client's. */
  defect(error: unknown, connection: ClientConnection): void {
    const message =
      error instanceof HookFailure
        ? `${error.message} The connection of ${connection.clientHost} was closed.`
        : `The embedded broker failed to serve a request, which is a defect of it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    const facts = { node: connection.node.id, connection: connection.id, err: error }
    this.#cluster.surroundings.logger.error(facts, message)
    connection.close()
  }

  #unreadable(error: unknown, connection: ClientConnection): undefined {
    if (KafkaProtocolError.is(error)) connection.refuse(error.message)
    else this.defect(error, connection)
    return undefined
  }

  #wrongVersion(api: AnyApi, header: RequestHeader, connection: ClientConnection): Bytes {
    const range = apiRange(this.#cluster.surroundings.profile, api)
    const asked = `${api.name} version ${header.apiVersion}, and this broker serves ${range?.minVersion} to ${range?.maxVersion} (UNSUPPORTED_VERSION)`
    if (api !== ApiVersions) {
      connection.refuse(`it asked for ${asked}.`)
      return undefined
    }
    this.#cluster.surroundings.logger.debug({ connection: connection.id }, `A client asked for ${asked}.`)
    return encodeResponse(ApiVersions, {
      version: 0,
      correlationId: header.correlationId,
      body: {
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        apiKeys: [{ apiKey: api.key, minVersion: range?.minVersion ?? 0, maxVersion: range?.maxVersion ?? 0 }],
      },
    })
  }
}

/** One request on its way to an answer. */
class Exchange {
  constructor(
    private readonly cluster: BrokerCluster,
    private readonly handler: Handler,
    private readonly header: RequestHeader,
    private readonly request: InterceptedRequest,
    private readonly connection: ClientConnection,
  ) {}

  /** Handles the request as a broker does. */
  handle(): Bytes | Promise<Bytes> {
    const body = this.#body()
    return body instanceof Promise ? body.then((answer) => this.#finish(answer)) : this.#finish(body)
  }

  /** Does what the hook says, unless the broker is dead by now. @param life of the broker that the request came to */
  obey(action: InterceptAction, life: AbortSignal): Bytes | Promise<Bytes> {
    if (life.aborted) return undefined
    return action === undefined ? this.handle() : this.#do(action, life)
  }

  async #do(action: Exclude<InterceptAction, undefined>, life: AbortSignal): Promise<Bytes> {
    switch (action.do) {
      case 'answer':
        return this.#ofHook(() => this.#encode(action.body))
      case 'fail': {
        const { errorCode } = action
        if ('partitions' in action) {
          const partitionError = this.#ofHook(() => partitionErrors(this.request.api, action.partitions, errorCode))
          const body = await this.#body(partitionError)
          return body === undefined ? undefined : this.#finish(body)
        }
        return this.#ofHook(() => this.#encode(failureAnswer(this.handler.api, this.request, action)))
      }
      case 'delay':
        await this.cluster.surroundings.delayed.wait({
          keys: [],
          delayMs: action.ms,
          tryComplete: () => false,
          signal: life,
        })
        return life.aborted ? undefined : this.handle()
      case 'drop':
        if (action.what !== 'request') await this.handle()
        return undefined
      case 'cut':
        if (action.when === 'after') await this.handle()
        this.connection.close()
        return undefined
      case 'change': {
        const body = await this.#body()
        return body === undefined ? undefined : this.#ofHook(() => this.#finish(action.answer(body as never)))
      }
      default: {
        const { do: asked } = action as { readonly do?: unknown }
        throw new HookFailure(
          this.request.api,
          new KafkaUsageError(`There is no { do: ${JSON.stringify(asked)} }: see InterceptAction for what there is.`),
        )
      }
    }
  }

  /** What the hook has given may be of no use. */
  #ofHook<T>(use: () => T): T {
    try {
      return use()
    } catch (error) {
      throw new HookFailure(this.request.api, error)
    }
  }

  #body(partitionError = noPartitionError): unknown {
    const { connection, cluster, request } = this
    const context: RequestContext = {
      cluster,
      node: connection.node,
      connection,
      principal: connection.identity.principal,
      clientId: request.clientId,
      version: request.version,
      signal: connection.signal,
      logger: cluster.surroundings.logger,
      partitionError,
      allows: (operation, resourceType, name) =>
        cluster.security.authorizer?.allows({
          principal: connection.identity.principal,
          operation,
          resourceType,
          name,
        }) ?? true,
    }
    return this.handler.handle(request.body as never, context)
  }

  #finish(body: unknown): Bytes | Promise<Bytes> {
    const { node } = this.connection
    this.cluster.surroundings.changed()
    if (body === undefined) return undefined
    const bytes = this.#encode(body)
    return node.isFrozen ? node.whenThawed().then(() => bytes) : bytes
  }

  #encode(body: unknown): Buffer {
    const { logger } = this.cluster.surroundings
    if (logger.isLevelEnabled?.('debug') !== false) {
      const code = (body as { readonly errorCode?: number }).errorCode ?? 0
      logger.debug(
        {
          node: this.connection.node.id,
          api: this.request.api,
          version: this.request.version,
          clientId: this.request.clientId,
          connection: this.connection.id,
        },
        `${this.request.clientId ?? this.connection.clientHost}: ${this.request.api}${code === 0 ? '' : ` -> ${errorName(code)}`}`,
      )
    }
    return encodeResponse(this.handler.api, {
      version: this.request.version,
      correlationId: this.header.correlationId,
      body: body as never,
    })
  }
}
