import { freePorts, startKafkaCluster, type KafkaCluster } from '@milena/tools-kafka'
import { CountingProxy } from './counting-proxy.js'

const host = '127.0.0.1'
const HEAP_MB = 1_024

/** Brokers that are reached both straight and through a counting proxy each. */
export class WallsCluster {
  readonly #kafka: KafkaCluster
  readonly proxies: readonly CountingProxy[]

  private constructor(kafka: KafkaCluster, proxies: readonly CountingProxy[]) {
    this.#kafka = kafka
    this.proxies = proxies
  }

  static async start(brokers: 1 | 3, progress: (line: string) => void): Promise<WallsCluster> {
    const listeners = await freePorts(brokers)
    const proxies = await Promise.all(listeners.map((port) => CountingProxy.start(port)))
    try {
      const kafka = await startKafkaCluster({
        brokers,
        logger: progress,
        heapMb: HEAP_MB,
        jvmOptions: [],
        serverProperties: ({ nodeId, port, controllerPort }) => ({
          listeners: [
            `PLAINTEXT://${host}:${port}`,
            `PROXIED://${host}:${listeners[nodeId - 1] ?? 0}`,
            `CONTROLLER://${host}:${controllerPort}`,
          ].join(','),
          'advertised.listeners': `PLAINTEXT://${host}:${port},PROXIED://${host}:${proxies[nodeId - 1]?.port ?? 0}`,
          'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
        }),
      })
      return new WallsCluster(kafka, proxies)
    } catch (error) {
      await Promise.all(proxies.map((proxy) => proxy.close()))
      throw error
    }
  }

  get bootstrapServers(): string {
    return this.#kafka.bootstrapServers
  }

  get proxiedBootstrapServers(): string {
    return this.proxies.map(({ port }) => `${host}:${port}`).join(',')
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#kafka.brokers.map((broker) => broker.kill()))
  }

  /** A majority of the controllers has to be back before one of them serves. */
  async startAll(): Promise<void> {
    await Promise.all(this.#kafka.brokers.map((broker) => broker.restart()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
    await this.#kafka.stop()
  }
}
