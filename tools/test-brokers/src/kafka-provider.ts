import { startKafkaCluster } from '@milena/tools-kafka'
import { inject } from 'vitest'
import type { BrokerProvider } from './broker-provider.js'
import { askClusterDesk } from './cluster-desk.js'

/** The one Kafka of the whole run, and Kafkas of a suite's own. */
export function kafkaProvider(): BrokerProvider {
  return {
    kind: 'kafka',
    obtain: () => askClusterDesk(inject('milenaClusterDesk')),
    startCluster: (options) => startKafkaCluster(options),
  }
}
