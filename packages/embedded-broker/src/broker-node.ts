import type { ShareLeader } from './share/leader/share-leader.js'

/** A connection as its broker needs it: to end it. */
export interface NodeConnection {
  readonly clientId: string | null
  close(): void
}

/** One broker of the cluster. */
export class BrokerNode {
  readonly id: number
  readonly rack: string | undefined
  readonly share: ShareLeader
  readonly connections = new Set<NodeConnection>()
  /** What clients are told to connect to. */
  host: string
  port: number
  isAlive = false
  #frozen: { readonly thawed: Promise<void>; readonly thaw: () => void } | undefined

  constructor(given: {
    readonly id: number
    readonly rack: string | undefined
    readonly host: string
    readonly port: number
    readonly share: ShareLeader
  }) {
    this.id = given.id
    this.rack = given.rack
    this.host = given.host
    this.port = given.port
    this.share = given.share
  }

  /** Aborted when this broker is killed; another one after its restart. */
  get life(): AbortSignal {
    return this.share.life
  }

  /** It takes connections and bytes, and answers nothing: as in a long garbage collection. */
  get isFrozen(): boolean {
    return this.#frozen !== undefined
  }

  freeze(): void {
    if (this.#frozen !== undefined) return
    let thaw: () => void = () => undefined
    const thawed = new Promise<void>((resolve) => {
      thaw = resolve
    })
    this.#frozen = { thawed, thaw }
  }

  thaw(): void {
    this.#frozen?.thaw()
    this.#frozen = undefined
  }

  whenThawed(): Promise<void> {
    return this.#frozen?.thawed ?? Promise.resolve()
  }

  /** Cuts all connections. */
  cutConnections(): void {
    for (const connection of [...this.connections]) connection.close()
  }
}
