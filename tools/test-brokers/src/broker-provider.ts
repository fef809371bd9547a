import type { BrokerKind } from './broker-kind.js'

/** A broker that serves, or why there is none. */
export type BrokerOffer = { readonly bootstrapServers: string } | { readonly notRun: string }

/** Where a test process gets a broker of one kind from. */
export interface BrokerProvider {
  readonly kind: BrokerKind
  /** Asked while the suites are collected, before any test. Called once per test file. */
  obtain(): Promise<BrokerOffer>
}

const providers = new Map<BrokerKind, BrokerProvider>()

/** Makes a kind of broker known to every suite of this test process; vitest's `setupFiles` is the place to call it. */
export function registerBrokerProvider(provider: BrokerProvider): void {
  providers.set(provider.kind, provider)
}

export function providerOf(kind: BrokerKind): BrokerProvider | undefined {
  return providers.get(kind)
}

export function registeredKinds(): BrokerKind[] {
  return [...providers.keys()]
}
