import { afterAll, describe, it } from 'vitest'
import { brokerKinds, requestedKinds, type BrokerKind } from './broker-kind.js'
import {
  providerOf,
  registerBrokerProvider,
  registeredKinds,
  type BrokerCount,
  type BrokerOffer,
  type BrokerProvider,
} from './broker-provider.js'
import { embeddedProvider } from './embedded-provider.js'
import { kafkaProvider } from './kafka-provider.js'

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
  /** The kinds this behaviour exists on. Default: all. Anything else has its reason written beside it. */
  readonly on?: readonly BrokerKind[]
}

/** A broker that a suite may use, and where it came from. */
export interface Obtained {
  readonly kind: BrokerKind
  readonly brokers: BrokerCount
  readonly bootstrapServers: string
  readonly provider: BrokerProvider
}

registerBrokerProvider(embeddedProvider())
registerBrokerProvider(kafkaProvider())

/**
 * A suite for every kind of broker that MILENA_TEST_BROKERS names (default: all that can run). Where a kind cannot run the suite
 * is reported as `not run`, with the reason; with MILENA_REQUIRE_KAFKA=1 that is a failure for Kafka.
 */
export function describeOnKinds(
  name: string,
  options: { readonly on: readonly BrokerKind[] | undefined; readonly sizes: readonly BrokerCount[] },
  suite: (obtained: Obtained) => void,
): void {
  const requested = requestedKinds(process.env['MILENA_TEST_BROKERS']) ?? registeredKinds()
  const kinds = brokerKinds.filter((kind) => requested.includes(kind) && (options.on ?? brokerKinds).includes(kind))
  // A file without a single test is taken for a mistake by vitest.
  if (kinds.length === 0) it(`${name}: not asked for`, { meta: { brokerNotAsked: true } }, (context) => context.skip())
  for (const [kind, brokers] of kinds.flatMap((each) => options.sizes.map((size) => [each, size] as const))) {
    const where = brokers === 1 ? kind : `${kind}, ${brokers} brokers`
    describe(`${name} [${where}]`, { meta: { broker: kind } }, async () => {
      const provider = providerOf(kind)
      const offer: BrokerOffer = (await provider?.obtain(brokers)) ?? { notRun: `No ${kind} broker is registered.` }
      if (provider !== undefined && 'bootstrapServers' in offer) {
        suite({ kind, brokers, provider, bootstrapServers: offer.bootstrapServers })
      } else if ('notRun' in offer) {
        cannotRun(kind, offer.notRun)
      }
    })
  }
  // A hook of the file: after all of its suites.
  afterAll(async () => {
    for (const kind of kinds) await providerOf(kind)?.release?.()
  })
}

function cannotRun(kind: BrokerKind, reason: string): void {
  if (kind === 'kafka' && process.env['MILENA_REQUIRE_KAFKA'] === '1') {
    it('runs', () => {
      throw new Error(`MILENA_REQUIRE_KAFKA=1, but Kafka could not be started: ${reason}`)
    })
  } else {
    it('is not run', { meta: { brokerNotRun: reason } }, (context) => context.skip(reason))
  }
}
