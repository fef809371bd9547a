import { afterAll, beforeAll } from 'vitest'
import type { BrokerCount, ClusterBroker, ClusterOptions, StartedCluster } from './broker-provider.js'
import { describeOnKinds, type OnBrokersOptions } from './describe-on-kinds.js'
import { TestBrokerConnection, type TestBroker } from './test-broker.js'

/** A cluster that belongs to one suite, which may do anything to it. It is there from the first test on. */
export interface TestCluster extends TestBroker {
  readonly brokers: readonly ClusterBroker[]
}

/** Starting three Kafkas on a busy machine. */
const START_TIMEOUT_MS = 150_000

/** A behaviour suite on a cluster of its own, run once on every kind of broker, as describeOnBrokers does it. */
export function describeOnClusters(
  name: string,
  options: ClusterOptions & OnBrokersOptions,
  suite: (cluster: TestCluster) => void,
): void {
  describeOnKinds(name, { on: options.on, sizes: [1] }, ({ kind, provider }) => {
    const cluster = new OwnCluster(kind, options.brokers ?? 1)
    beforeAll(async () => {
      if (provider.startCluster === undefined) throw new Error(`The ${kind} broker comes alone, not as a cluster.`)
      cluster.started = await provider.startCluster(options)
    }, START_TIMEOUT_MS)
    afterAll(async () => {
      await cluster.close()
      await cluster.started?.stop()
    })
    suite(cluster)
  })
}

class OwnCluster extends TestBrokerConnection implements TestCluster {
  started: StartedCluster | undefined

  constructor(kind: TestBroker['kind'], size: BrokerCount) {
    super({ kind, size, address: () => this.#running().bootstrapServers })
  }

  get brokers(): readonly ClusterBroker[] {
    return this.#running().brokers
  }

  #running(): StartedCluster {
    if (this.started === undefined) {
      throw new Error('The cluster is started before the first test of its suite: use it in tests and hooks only.')
    }
    return this.started
  }
}
