import type { EmbeddedBroker } from '@milena/embedded-broker'
import { shortWaits } from '@milena/tools-kafka'
import type { BrokerCount, BrokerProvider, ClusterOptions } from './broker-provider.js'
import { kafkaVersion, minorOf } from './release.js'

/** Embedded brokers in the test's own process: real ports, real time, and one that the suites of a file share. */
export function embeddedProvider(): BrokerProvider {
  const shared = new Map<BrokerCount, Promise<EmbeddedBroker>>()
  return {
    kind: 'embedded',
    async obtain(brokers) {
      const broker = shared.get(brokers) ?? start({ brokers })
      shared.set(brokers, broker)
      return { bootstrapServers: (await broker).bootstrapServers }
    },
    async release() {
      const released = [...shared.values()]
      shared.clear()
      for (const broker of released) await (await broker).stop()
    },
    async startCluster(options) {
      const broker = await start(options)
      return {
        bootstrapServers: broker.bootstrapServers,
        brokers: broker.brokerIds.map((nodeId) => ({
          nodeId,
          kill: () => broker.kill(nodeId),
          async restart() {
            await broker.kill(nodeId)
            await broker.restart(nodeId)
          },
        })),
        stop: () => broker.stop(),
      }
    },
  }
}

async function start({ brokers = 1, features = {} }: ClusterOptions): Promise<EmbeddedBroker> {
  // Loaded when it is wanted: suites on Kafka alone do without.
  const { EmbeddedBroker } = await import('@milena/embedded-broker')
  return EmbeddedBroker.start({
    version: minorOf(kafkaVersion()),
    brokers,
    features,
    serverProperties: { ...shortWaits, 'default.replication.factor': String(brokers) },
  })
}
