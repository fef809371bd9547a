import { KafkaConnectionError, type KafkaError } from '@milena/protocol'
import type { ResolvedClientConfig } from '../config/client-config.js'
import type { Connection } from '../network/connection.js'
import { nobodyReached, type ConnectionPool } from '../network/connection-pool.js'
import { formatAddress, type Address } from './address.js'
import { canonicalAddresses } from './canonical-addresses.js'
import type { ClusterMetadata } from './metadata.js'

/** What Bootstrap stands on. */
export interface BootstrapOptions {
  readonly config: ResolvedClientConfig
  readonly pool: ConnectionPool
  readonly metadata: ClusterMetadata
  /** What was known of the cluster is given up: nothing that was learned from it holds. */
  readonly startedOver: () => void
}

/**
 * How a client gets, and gets back, to its cluster: a connection to whichever broker answers.
 *
 * Rules kept here
 * - Brokers that the cluster named come first, then the addresses given, whose names are resolved anew each time (KIP-899);
 *   those that just failed come last. With metadataRecoveryStrategy 'none' the given ones serve only until the first answer.
 * - Known brokers that give no metadata for metadataRecoveryRebootstrapTriggerMs, connected or not, are given up, and so
 *   they are when one of them asks for it (KIP-1102).
 */
export class Bootstrap {
  readonly #options: BootstrapOptions
  /** Since when each attempt to get metadata has failed. */
  #failingSince: number | undefined
  /** A broker has answered a request: whatever fails from now on is an outage, and no wrong address. */
  everReached = false

  constructor(options: BootstrapOptions) {
    this.#options = options
  }

  /** Known brokers may be given up for the given addresses. */
  get recovers(): boolean {
    return this.#options.config.metadataRecoveryStrategy === 'rebootstrap'
  }

  /**
   * A control connection to any broker: one that is open, else the first that can be made. A client that never reached the
   * cluster has `withinMs` for all addresses. Rejects with one error for all that were tried.
   */
  connection(withinMs: number): Promise<Connection> {
    const open = this.#options.pool.anyOpen()
    return open === undefined ? this.#connect(withinMs) : Promise.resolve(open)
  }

  /** A metadata request was answered as it should be. */
  succeeded(): void {
    this.#failingSince = undefined
  }

  /** One attempt to get metadata failed. */
  failed(failure: KafkaError): void {
    const { clock, metadataRecoveryRebootstrapTriggerMs: triggerMs } = this.#options.config
    this.#failingSince ??= clock.now()
    if (clock.now() - this.#failingSince >= triggerMs) this.startOver(failure)
  }

  /** Gives up what is known of the cluster, where the strategy allows it and anything is known. */
  startOver(cause: KafkaError): void {
    const { config, metadata, pool, startedOver } = this.#options
    this.#failingSince = undefined
    if (!this.recovers || metadata.brokers.length === 0) return
    config.logger.info(
      { code: cause.code },
      'the brokers known so far are given up; the cluster is looked for at bootstrapServers again',
    )
    metadata.startOver()
    startedOver()
    pool.dropShared(
      new KafkaConnectionError('The connection was given up to look for the cluster at bootstrapServers again.', {
        cause,
      }),
    )
  }

  async #connect(bootstrapWithinMs: number): Promise<Connection> {
    const { config, pool } = this.#options
    const candidates = await this.#candidates()
    const withinMs = this.everReached ? config.bootstrapTimeoutMs : bootstrapWithinMs
    const timeoutMs = Math.max(1_000, Math.min(config.socketConnectionSetupTimeoutMs, withinMs / candidates.length))
    const failures: [Address, unknown][] = []
    for (const candidate of candidates) {
      try {
        return await pool.shared(candidate, timeoutMs)
      } catch (error) {
        if (pool.isClosed) throw error
        failures.push([candidate, error])
      }
    }
    throw nobodyReached(failures)
  }

  // Each group in random order, so that many clients started at once do not all knock at the same door.
  async #candidates(): Promise<Address[]> {
    const { config, metadata, pool } = this.#options
    const known = this.#shuffled(metadata.brokers)
    const wanted: Address[] = known.length > 0 && !this.recovers ? known : [...known, ...(await this.#given())]
    const byName = new Map(wanted.map(({ host, port }) => [formatAddress({ host, port }), { host, port }]))
    const candidates = [...byName.values()].map((address) => ({ address, waitMs: pool.waitMs(address) }))
    config.logger.trace({ candidates }, 'looking for a broker')
    return candidates.toSorted((a, b) => a.waitMs - b.waitMs).map(({ address }) => address)
  }

  async #given(): Promise<Address[]> {
    const { bootstrapServers, clientDnsLookup, resolver, clock, socketConnectionSetupTimeoutMs } = this.#options.config
    if (clientDnsLookup === 'use_all_dns_ips') return this.#shuffled(bootstrapServers)
    const timeoutMs = socketConnectionSetupTimeoutMs
    return this.#shuffled(await canonicalAddresses(bootstrapServers, { resolver, clock, timeoutMs }))
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const { random } = this.#options.config
    const result = [...items]
    for (let i = result.length - 1; i > 0; i--) {
      const j = Math.floor(random.next() * (i + 1))
      const [a, b] = [result[i], result[j]]
      if (a === undefined || b === undefined) continue
      result[i] = b
      result[j] = a
    }
    return result
  }
}
