import { freePorts } from './free-ports.js'
import { startKafkaCluster, type KafkaBroker, type KafkaCluster, type KafkaClusterOptions } from './kafka-cluster.js'

const host = '127.0.0.1'

/** What stands between clients and the second listener of one broker. */
export interface BrokerProxy {
  readonly port: number
  close(): Promise<void>
}

export interface ProxiedClusterOptions extends Omit<KafkaClusterOptions, 'serverProperties'> {
  readonly brokers: 1 | 3
  /** Kafka's server settings besides those of the listeners. */
  readonly serverProperties?: Readonly<Record<string, string>>
}

/** Brokers with a proxy each. Whoever reaches one through its proxy is sent to the others through theirs, too. */
export interface ProxiedBrokers<P extends BrokerProxy> {
  readonly kafka: KafkaCluster
  /** That of the broker with node id n is at n - 1. */
  readonly proxies: readonly P[]
}

/**
 * Starts brokers that are reached both straight and through a proxy each.
 *
 * @param proxyTo starts a proxy to a port of this machine
 */
export async function startProxiedBrokers<P extends BrokerProxy>(
  options: ProxiedClusterOptions,
  proxyTo: (port: number) => Promise<P>,
): Promise<ProxiedBrokers<P>> {
  const listeners = await freePorts(options.brokers)
  const proxies = await Promise.all(listeners.map(proxyTo))
  try {
    const kafka = await startKafkaCluster({
      ...options,
      serverProperties: ({ nodeId, port, controllerPort }) => ({
        listeners: [
          `PLAINTEXT://${host}:${port}`,
          `PROXIED://${host}:${listeners[nodeId - 1] ?? 0}`,
          `CONTROLLER://${host}:${controllerPort}`,
        ].join(','),
        'advertised.listeners': `PLAINTEXT://${host}:${port},PROXIED://${host}:${proxies[nodeId - 1]?.port ?? 0}`,
        'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
        ...options.serverProperties,
      }),
    })
    return { kafka, proxies }
  } catch (error) {
    await Promise.all(proxies.map((proxy) => proxy.close()))
    throw error
  }
}

/** Brokers that are reached both straight and through a proxy each. */
export class ProxiedCluster<P extends BrokerProxy> {
  readonly #kafka: KafkaCluster
  readonly proxies: readonly P[]

  constructor({ kafka, proxies }: ProxiedBrokers<P>) {
    this.#kafka = kafka
    this.proxies = proxies
  }

  get bootstrapServers(): string {
    return this.#kafka.bootstrapServers
  }

  get proxiedBootstrapServers(): string {
    return this.proxies.map(({ port }) => `${host}:${port}`).join(',')
  }

  get brokers(): readonly KafkaBroker[] {
    return this.#kafka.brokers
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
    await this.#kafka.stop()
  }
}
