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
  let cluster: Promise<KafkaCluster> | undefined
  const say = (line: string): void => {
    process.stderr.write(`kafka: ${line}\n`)
  }
  const desk = await openClusterDesk(async (): Promise<BrokerOffer> => {
    try {
      cluster = startKafkaCluster({ logger: say })
      return { bootstrapServers: (await cluster).bootstrapServers }
    } catch (error) {
      cluster = undefined
      const reason = error instanceof Error ? error.message : String(error)
      say(`not run. ${reason}`)
      return { notRun: reason }
    }
  })
  project.provide('milenaClusterDesk', desk.port)
  return async () => {
    await desk.close()
    await (await cluster)?.stop()
  }
}
