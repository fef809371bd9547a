import { startKafkaCluster, type KafkaCluster } from '@milena/tools-kafka'
import type { TestProject } from 'vitest/node'
import type { BrokerOffer } from './broker-provider.js'
import { openClusterDesk } from './cluster-desk.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Port of the desk that hands out this run's Kafka (cluster-desk.ts). */
    milenaClusterDesk: number
  }
}

/** vitest's globalSetup: Kafka starts with the first suite that needs it, and stops at the end of the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const clusters: Promise<KafkaCluster>[] = []
  const say = (line: string): void => {
    process.stderr.write(`kafka: ${line}\n`)
  }
  const desk = await openClusterDesk(async (brokers): Promise<BrokerOffer> => {
    try {
      const cluster = startKafkaCluster({ brokers, logger: say })
      clusters.push(cluster)
      return { bootstrapServers: (await cluster).bootstrapServers }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      say(`not run. ${reason}`)
      return { notRun: reason }
    }
  })
  project.provide('milenaClusterDesk', desk.port)
  return async () => {
    await desk.close()
    // One that could not start has been told of already.
    for (const started of await Promise.allSettled(clusters)) {
      if (started.status === 'fulfilled') await started.value.stop()
    }
  }
}
