import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

// Stands between clients and one broker and spoils their connections on demand.
//
// Rules kept here
// - Bytes are never reordered, changed or left out of a stream that goes on: a stream that lost bytes ends by a reset, or never.
// - Behind a black hole nothing is heard of either side's end, as it is where packets are dropped.

const host = '127.0.0.1'
/** A direction that waits holds no more than this. */
const MOST_HELD_BYTES = 1024 * 1024

/** One direction of a connection. */
class Lane {
  readonly #from: Socket
  readonly #to: Socket
  #held: Buffer[] = []
  #heldBytes = 0
  #openAt = 0
  #timer: NodeJS.Timeout | undefined
  #ending = false
  #black = false

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    to.on('drain', () => this.#resume())
  }

  /** What is sent from now on arrives after so many milliseconds, in order. */
  delay(ms: number): void {
    this.#openAt = Math.max(this.#openAt, Date.now() + ms)
  }

  blacken(): void {
    this.#black = true
    clearTimeout(this.#timer)
    this.#held = []
    this.#heldBytes = 0
    this.#from.resume()
  }

  /** Its end follows what is held. */
  end(): void {
    this.#ending = true
    if (this.#held.length === 0) this.#to.end()
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.#held = []
  }

  #take(bytes: Buffer): void {
    if (this.#black) return
    const waitMs = this.#openAt - Date.now()
    if (waitMs <= 0 && this.#held.length === 0) {
      if (!this.#to.write(bytes)) this.#from.pause()
      return
    }
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    if (this.#heldBytes > MOST_HELD_BYTES) this.#from.pause()
    if (this.#held.length === 1) this.#timer = setTimeout(() => this.#release(), Math.max(waitMs, 0))
  }

  #release(): void {
    const waitMs = this.#openAt - Date.now()
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#release(), waitMs)
      return
    }
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const bytes of held) this.#to.write(bytes)
    if (this.#ending) this.#to.end()
    this.#resume()
  }

  #resume(): void {
    if (this.#heldBytes <= MOST_HELD_BYTES) this.#from.resume()
  }
}

/** A client's connection and the one to the broker that stands for it. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #broker: Socket
  readonly #lanes: readonly Lane[]
  readonly #onEnd: () => void
  #black = false

  constructor(client: Socket, brokerPort: number, onEnd: () => void) {
    this.#client = client
    this.#broker = connect({ host, port: brokerPort, allowHalfOpen: true, noDelay: true })
    this.#onEnd = onEnd
    client.setNoDelay(true)
    const up = new Lane(client, this.#broker)
    const down = new Lane(this.#broker, client)
    this.#lanes = [up, down]
    this.#follow(client, up)
    this.#follow(this.#broker, down)
  }

  /** Both sides see a reset. */
  cut(): void {
    for (const lane of this.#lanes) lane.destroy()
    this.#client.resetAndDestroy()
    this.#broker.resetAndDestroy()
    this.#onEnd()
  }

  /** What is sent from now on arrives so much later. */
  delay(ms: number): void {
    for (const lane of this.#lanes) lane.delay(ms)
  }

  /** From now on nothing passes, and neither side hears of the other's end. Ends with cut() only. */
  blackHole(): void {
    this.#black = true
    for (const lane of this.#lanes) lane.blacken()
  }

  get isBlack(): boolean {
    return this.#black
  }

  #follow(socket: Socket, lane: Lane): void {
    socket.on('end', () => {
      if (!this.#black) lane.end()
    })
    socket.on('error', () => {
      // 'close' follows.
    })
    socket.on('close', (hadError) => {
      if (this.#black) return
      if (hadError) this.cut()
      else if (this.#client.destroyed && this.#broker.destroyed) this.#onEnd()
    })
  }
}

export class FaultyProxy {
  readonly port: number
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()
  #dark = false

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  /** @param port 0: any that is free */
  static start(port: number, brokerPort: number): Promise<FaultyProxy> {
    const server = createServer({ allowHalfOpen: true })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host, exclusive: true }, () => {
        const proxy = new FaultyProxy(server, (server.address() as AddressInfo).port)
        server.on('connection', (client) => proxy.#accept(client, brokerPort))
        resolve(proxy)
      })
    })
  }

  /** Those that are not in a black hole already. */
  get connections(): readonly ProxiedConnection[] {
    return [...this.#connections].filter((connection) => !connection.isBlack)
  }

  /** Every connection is in a black hole until light(); new ones open, and are answered nothing. */
  darken(): void {
    this.#dark = true
    for (const connection of this.#connections) connection.blackHole()
  }

  /** New connections are served again; those of the dark are cut. */
  light(): void {
    this.#dark = false
    for (const connection of [...this.#connections]) if (connection.isBlack) connection.cut()
  }

  async close(): Promise<void> {
    for (const connection of [...this.#connections]) connection.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket, brokerPort: number): void {
    const connection: ProxiedConnection = new ProxiedConnection(client, brokerPort, () =>
      this.#connections.delete(connection),
    )
    this.#connections.add(connection)
    if (this.#dark) connection.blackHole()
  }
}
