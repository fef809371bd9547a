import type { ShareLeader } from './share/share-leader.js'

/** One broker of the cluster. */
export class BrokerNode {
  readonly id: number
  readonly rack: string | undefined
  readonly share: ShareLeader
  /** What clients are told to connect to. */
  host: string
  port: number
  isAlive = false

  constructor(given: {
    readonly id: number
    readonly rack: string | undefined
    readonly host: string
    readonly share: ShareLeader
  }) {
    this.id = given.id
    this.rack = given.rack
    this.host = given.host
    this.port = 0
    this.share = given.share
  }
}
