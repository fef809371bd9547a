/** Where the bytes of a connection come out. */
export interface TransportHandlers {
  /** Bytes arrived, cut at any place. The chunk belongs to the receiver. */
  data(chunk: Buffer): void
  /** The connection is gone, told once; with the reason when it was not an orderly end. Nothing is called after it. */
  close(error?: Error): void
}

/** A connection that stands. */
export interface TransportSocket {
  /** Takes the bytes over; the caller leaves them alone from here on. After close() it does nothing. */
  write(bytes: Buffer): void
  /** Ends the connection; idempotent. The close handler is told. */
  close(): void
  /** `address:port` of this side, where there is one. */
  readonly localAddress?: string | undefined
}

export interface TransportAddress {
  readonly host: string
  readonly port: number
}

export interface TransportConnectOptions {
  readonly timeoutMs: number
  readonly handlers: TransportHandlers
  readonly signal?: AbortSignal
}

/** How connections are made: TCP in production, memory in tests. */
export interface Transport {
  /** Rejects with a KafkaConnectionError or KafkaTimeoutError that names the address. */
  connect(address: TransportAddress, options: TransportConnectOptions): Promise<TransportSocket>
}
