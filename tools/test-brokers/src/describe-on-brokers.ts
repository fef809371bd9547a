import { afterAll } from 'vitest'
import type { BrokerCount } from './broker-provider.js'
import { describeOnKinds, type OnBrokersOptions } from './describe-on-kinds.js'
import { TestBrokerConnection, type TestBroker } from './test-broker.js'

export interface SharedBrokersOptions extends OnBrokersOptions {
  /** On a single broker (default), on a cluster of three (topics have three replicas there), or once on each. */
  readonly brokers?: BrokerCount | readonly BrokerCount[]
}

/**
 * A behaviour suite, run once on every kind of broker that MILENA_TEST_BROKERS names (default: all that can run). All suites
 * share the broker, so leave it as it was; one that is to break it is for describeOnClusters. For the top level of a file.
 */
export function describeOnBrokers(
  name: string,
  suite: (broker: TestBroker) => void,
  options: SharedBrokersOptions = {},
): void {
  const { on, brokers: asked = 1 } = options
  const sizes = typeof asked === 'number' ? [asked] : asked
  describeOnKinds(name, { on, sizes }, ({ kind, brokers, bootstrapServers }) => {
    const broker = new TestBrokerConnection({ kind, size: brokers, address: () => bootstrapServers })
    afterAll(() => broker.close())
    suite(broker)
  })
}
