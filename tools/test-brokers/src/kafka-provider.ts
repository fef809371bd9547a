import { startKafkaCluster } from '@milena/tools-kafka'
import { inject } from 'vitest'
import type { BrokerProvider } from './broker-provider.js'
import { askClusterDesk } from './cluster-desk.js'

/** The Kafkas of the whole run, one of each size, and Kafkas of a suite's own. */
export function kafkaProvider(): BrokerProvider {
  return {
    kind: 'kafka',
    obtain: (brokers) => askClusterDesk(inject('milenaClusterDesk'), brokers),
    startCluster: (options) => startKafkaCluster(options),
  }
}
