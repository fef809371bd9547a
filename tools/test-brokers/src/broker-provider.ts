import type { BrokerKind } from './broker-kind.js'

/** A broker that serves, or why there is none. */
export type BrokerOffer = { readonly bootstrapServers: string } | { readonly notRun: string }

/** How many brokers a cluster has. */
export type BrokerCount = 1 | 3

/** What a suite wants of a cluster of its own (describe-on-clusters.ts). */
export interface ClusterOptions {
  /** 1 (default), or 3. */
  readonly brokers?: BrokerCount
  /** Levels of features, such as `{ 'share.version': 0 }` for a cluster without share groups. */
  readonly features?: Readonly<Record<string, number>>
}

/** One broker of a suite's own cluster. */
export interface ClusterBroker {
  readonly nodeId: number
  /** Ends it without a word to anybody, as the loss of its machine does. Its data is kept. */
  kill(): Promise<void>
  /** Starts it, at its old address and with its data, and resolves when the cluster serves again. */
  restart(): Promise<void>
}

export interface StartedCluster {
  readonly bootstrapServers: string
  readonly brokers: readonly ClusterBroker[]
  stop(): Promise<void>
}

/** Where a test process gets brokers of one kind from. */
export interface BrokerProvider {
  readonly kind: BrokerKind
  /**
   * The broker, or the three, that suites share. Asked while the suites are collected, before any test, and by each of them.
   */
  obtain(brokers: BrokerCount): Promise<BrokerOffer>
  /** The suites of this file are done with it. May come several times, or not at all. */
  release?(): Promise<void>
  /** A cluster that the caller may do anything to. Asked only where `obtain` had a broker. */
  startCluster?(options: ClusterOptions): Promise<StartedCluster>
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
