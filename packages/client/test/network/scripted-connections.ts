import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { Connection, type ConnectionOptions } from '../../src/network/connection.js'
import { ScriptedNetwork, type ScriptedNode } from '../scripted-network.js'

/** Connections to one scripted node, in virtual time. */
export class ScriptedConnections {
  readonly clock = new VirtualClock()
  readonly #network = new ScriptedNetwork()
  readonly node: ScriptedNode = this.#network.add(1)

  open(options: Partial<ConnectionOptions> = {}): Promise<Connection> {
    return Connection.open({
      address: { host: 'broker-1', port: 9092 },
      nodeId: 1,
      clientId: 'tester',
      transport: this.#network,
      clock: this.clock,
      logger: silentLogger,
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      maxFrameBytes: 1_000_000,
      ...options,
    })
  }
}
