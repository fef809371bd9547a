import {
  ApiVersions,
  CreateTopics,
  decodeRequest,
  decodeRequestHeader,
  DeleteTopics,
  DescribeConfigs,
  DescribeShareGroupOffsets,
  encodeResponse,
  FindCoordinator,
  FrameSplitter,
  IncrementalAlterConfigs,
  InitProducerId,
  KafkaConnectionError,
  Metadata,
  Produce,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupDescribe,
  ShareGroupHeartbeat,
  type AnyApi,
  type RequestOf,
  type ResponseInput,
} from '@milena/protocol'
import type { Transport, TransportAddress, TransportConnectOptions, TransportSocket } from '@milena/protocol/runtime'

const APIS: readonly AnyApi[] = [
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  DescribeShareGroupOffsets,
  FindCoordinator,
  IncrementalAlterConfigs,
  InitProducerId,
  Metadata,
  Produce,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupDescribe,
  ShareGroupHeartbeat,
]

/** A request as a scripted node got it. */
export interface SeenRequest {
  readonly api: string
  readonly version: number
  readonly clientId: string | null
  readonly correlationId: number
  readonly body: unknown
  readonly connection: ScriptedConnection
}

type Handler = (body: unknown, seen: SeenRequest) => unknown

/** One end of a connection in memory: the broker's. */
export class ScriptedConnection {
  isOpen = true

  constructor(
    readonly node: ScriptedNode,
    private readonly client: TransportConnectOptions['handlers'],
  ) {}

  /** Bytes to the client, after the code that runs now. */
  send(bytes: Buffer): void {
    queueMicrotask(() => {
      if (this.isOpen) this.client.data(bytes)
    })
  }

  /** Answers a request. */
  answer<A extends AnyApi>(api: A, seen: Pick<SeenRequest, 'version' | 'correlationId'>, body: ResponseInput<A>): void {
    this.send(encodeResponse(api, { version: seen.version, correlationId: seen.correlationId, body }))
  }

  /** Closes it right behind what was sent, so that both reach the client in one turn. */
  end(): void {
    queueMicrotask(() => {
      if (!this.isOpen) return
      this.isOpen = false
      this.node.connections.delete(this)
      this.client.close()
    })
  }

  close(error?: Error): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.node.connections.delete(this)
    queueMicrotask(() => this.client.close(error))
  }
}

/** A broker whose every answer a test writes. It answers ApiVersions by itself; what has no handler stays unanswered. */
export class ScriptedNode {
  readonly requests: SeenRequest[] = []
  readonly connections = new Set<ScriptedConnection>()
  /** How many connections were made to it. */
  accepted = 0
  /** Finalised feature levels that ApiVersions tells. */
  features: Record<string, number> = { 'share.version': 1 }
  /** APIs that ApiVersions leaves out. */
  readonly withheld = new Set<AnyApi>()
  /** Takes over a connection: gets its bytes raw, and nothing is answered by itself. */
  raw: ((connection: ScriptedConnection, bytes: Buffer) => void) | undefined
  /** Connecting fails with this. */
  refuses: Error | undefined
  readonly #handlers = new Map<number, Handler>()

  constructor(
    readonly nodeId: number,
    readonly host: string,
    readonly port: number,
  ) {}

  /** Answers an API from now on: with what the handler returns, or not at all for undefined. */
  on<A extends AnyApi>(
    api: A,
    handler: (
      body: RequestOf<A>,
      seen: SeenRequest,
    ) => ResponseInput<A> | undefined | Promise<ResponseInput<A> | undefined>,
  ): this {
    this.#handlers.set(api.key, handler as Handler)
    return this
  }

  /** The bodies of all requests of one API so far. */
  seen<A extends AnyApi>(api: A): RequestOf<A>[] {
    return this.requests.filter((request) => request.api === api.name).map((request) => request.body as RequestOf<A>)
  }

  /** Cuts all connections. */
  cut(error?: Error): void {
    for (const connection of this.connections) connection.close(error)
  }

  accept(handlers: TransportConnectOptions['handlers']): TransportSocket {
    this.accepted++
    const connection = new ScriptedConnection(this, handlers)
    this.connections.add(connection)
    const splitter = new FrameSplitter({ maxFrameBytes: 100_000_000 })
    return {
      write: (bytes) => {
        if (!connection.isOpen) return
        if (this.raw !== undefined) this.raw(connection, bytes)
        else splitter.push(bytes, (frame) => this.#received(connection, frame))
      },
      close: () => connection.close(),
    }
  }

  #received(connection: ScriptedConnection, frame: Buffer): void {
    const { apiKey, apiVersion, correlationId, clientId } = decodeRequestHeader(frame)
    const api = APIS.find((candidate) => candidate.key === apiKey)
    if (api === undefined) throw new Error(`A scripted broker was asked for API ${apiKey}, which it does not know.`)
    const body = decodeRequest(api, apiVersion, frame)
    const seen: SeenRequest = { api: api.name, version: apiVersion, clientId, correlationId, body, connection }
    this.requests.push(seen)
    const handler = this.#handlers.get(apiKey) ?? (api === ApiVersions ? () => this.#apiVersions() : undefined)
    if (handler === undefined) return
    void Promise.resolve(handler(body, seen)).then((answer) => {
      if (answer !== undefined) connection.answer(api, seen, answer as never)
    })
  }

  #apiVersions(): ResponseInput<typeof ApiVersions> {
    return {
      errorCode: 0,
      throttleTimeMs: 0,
      apiKeys: APIS.filter((api) => !this.withheld.has(api)).map((api) => ({
        apiKey: api.key,
        minVersion: api.minVersion,
        maxVersion: api.maxVersion,
      })),
      finalizedFeaturesEpoch: 1,
      finalizedFeatures: Object.entries(this.features).map(([name, level]) => ({
        name,
        maxVersionLevel: level,
        minVersionLevel: level,
      })),
    }
  }
}

/** A network of scripted brokers in memory. */
export class ScriptedNetwork implements Transport {
  readonly nodes = new Map<string, ScriptedNode>()
  /** Every attempt to connect, as `host:port`. */
  readonly attempts: string[] = []

  add(nodeId: number, address = { host: `broker-${nodeId}`, port: 9092 }): ScriptedNode {
    const node = new ScriptedNode(nodeId, address.host, address.port)
    this.nodes.set(`${address.host}:${address.port}`, node)
    return node
  }

  connect(address: TransportAddress, options: TransportConnectOptions): Promise<TransportSocket> {
    const key = `${address.host}:${address.port}`
    this.attempts.push(key)
    const node = this.nodes.get(key)
    if (node?.refuses !== undefined) return Promise.reject(node.refuses)
    if (node === undefined)
      return Promise.reject(
        new KafkaConnectionError(`Cannot connect to ${key} (connection refused: nothing listens there).`),
      )
    return Promise.resolve(node.accept(options.handlers))
  }
}
