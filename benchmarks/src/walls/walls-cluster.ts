import { ProxiedCluster, startProxiedBrokers } from '@milena/tools-kafka'
import { CountingProxy } from './counting-proxy.js'

const HEAP_MB = 1_024

/** Brokers that are reached both straight and through a counting proxy each. */
export class WallsCluster extends ProxiedCluster<CountingProxy> {
  static async start(brokers: 1 | 3, progress: (line: string) => void): Promise<WallsCluster> {
    const options = { brokers, logger: progress, heapMb: HEAP_MB, jvmOptions: [] }
    return new WallsCluster(await startProxiedBrokers(options, (port) => CountingProxy.start(port)))
  }

  async killAll(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill()))
  }

  /** A majority of the controllers has to be back before one of them serves. */
  async startAll(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.restart()))
  }
}
