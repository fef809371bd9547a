import { afterAll, describe, inject, it } from 'vitest'
import { brokerKinds, requestedKinds, type BrokerKind } from './broker-kind.js'
import { providerOf, registerBrokerProvider, registeredKinds, type BrokerOffer } from './broker-provider.js'
import { askClusterDesk } from './cluster-desk.js'
import { openTestBroker, type TestBroker } from './test-broker.js'

declare module 'vitest' {
  interface TaskMeta {
    /** The kind of broker that the test runs on (broker-reporter.ts counts them). */
    broker?: BrokerKind
    /** This test stands for a suite that could not run on its kind of broker; the text says why. */
    brokerNotRun?: string
    /** This test stands for a suite that MILENA_TEST_BROKERS leaves out; it counts for nothing. */
    brokerNotAsked?: boolean
  }
}

export interface OnBrokersOptions {
  /** The kinds this behaviour exists on. Default: all. */
  readonly on?: readonly BrokerKind[]
}

registerBrokerProvider({ kind: 'kafka', obtain: () => askClusterDesk(inject('milenaClusterDesk')) })

/**
 * A behaviour suite, run once on every kind of broker that MILENA_TEST_BROKERS names (default: all that can run). Where a kind
 * cannot run the suite is reported as `not run`, with the reason; with MILENA_REQUIRE_KAFKA=1 that is a failure for Kafka.
 */
export function describeOnBrokers(
  name: string,
  suite: (broker: TestBroker) => void,
  options: OnBrokersOptions = {},
): void {
  const requested = requestedKinds(process.env['MILENA_TEST_BROKERS']) ?? registeredKinds()
  const kinds = brokerKinds.filter((kind) => requested.includes(kind) && (options.on ?? brokerKinds).includes(kind))
  // A file without a single test is taken for a mistake by vitest.
  if (kinds.length === 0) it(`${name}: not asked for`, { meta: { brokerNotAsked: true } }, (context) => context.skip())
  for (const kind of kinds) {
    describe(`${name} [${kind}]`, { meta: { broker: kind } }, async () => {
      const offer = await offerOf(kind)
      if ('bootstrapServers' in offer) {
        const broker = openTestBroker(kind, offer.bootstrapServers)
        afterAll(() => broker.close())
        suite(broker)
        return
      }
      if (kind === 'kafka' && process.env['MILENA_REQUIRE_KAFKA'] === '1') {
        it('runs', () => {
          throw new Error(`MILENA_REQUIRE_KAFKA=1, but Kafka could not be started: ${offer.notRun}`)
        })
      } else {
        it('is not run', { meta: { brokerNotRun: offer.notRun } }, (context) => context.skip(offer.notRun))
      }
    })
  }
}

async function offerOf(kind: BrokerKind): Promise<BrokerOffer> {
  return (await providerOf(kind)?.obtain()) ?? { notRun: `No ${kind} broker is registered.` }
}
