import { afterAll } from 'vitest'
import { describeOnKinds, type OnBrokersOptions } from './describe-on-kinds.js'
import { TestBrokerConnection, type TestBroker } from './test-broker.js'

/**
 * A behaviour suite, run once on every kind of broker that MILENA_TEST_BROKERS names (default: all that can run). All suites
 * share the broker, so leave it as it was; one that is to break it is for describeOnClusters. For the top level of a file.
 */
export function describeOnBrokers(
  name: string,
  suite: (broker: TestBroker) => void,
  options: OnBrokersOptions = {},
): void {
  describeOnKinds(name, options, ({ kind, bootstrapServers }) => {
    const broker = new TestBrokerConnection(kind, () => bootstrapServers)
    afterAll(() => broker.close())
    suite(broker)
  })
}
