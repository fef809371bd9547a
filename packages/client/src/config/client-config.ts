import {
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Random,
  type Transport,
} from '@milena/protocol/runtime'
import { z } from 'zod'
import type { Address } from '../cluster/address.js'
import { consoleLogger } from '../logger.js'
import { systemResolver, type HostResolver } from '../network/host-resolver.js'
import { createTcpTransport } from '../network/tcp-transport.js'
import { ineffectiveEverywhere, refusedEverywhere } from './foreign-options.js'
import { option, resolveOptions, type Resolved } from './option-table.js'
import {
  bootstrapServers,
  longNumber,
  objectWith,
  oneOf,
  text,
  truth,
  wholeNumber,
  wordOrWholeNumber,
} from './value-schemas.js'

/** What tests and simulations put in place of the machine's own time, chance and network. */
export interface Runtime {
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly transport?: Transport | undefined
  /** What host names are resolved with; the usual transport and clientDnsLookup ask it. */
  readonly resolver?: HostResolver | undefined
}

/** How host names become addresses (KIP-302, KIP-235). */
export type ClientDnsLookup = 'use_all_dns_ips' | 'resolve_canonical_bootstrap_servers_only'

/** What a client does when it can reach none of the brokers it knows of (KIP-899, KIP-1102). */
export type MetadataRecoveryStrategy = 'rebootstrap' | 'none'

/** Options that everything which talks to Kafka takes. Durations are in milliseconds. */
export interface ClientOptions {
  /** Brokers to begin with: `host:port`, several with commas between or as an array. Required, here or in `properties`. The other brokers are found through them. */
  readonly bootstrapServers: string | readonly string[]
  /** Shown in the brokers' logs, quotas and group descriptions. */
  readonly clientId?: string | undefined
  /** How long an answer may take. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined
  /** How long an operation that repeats requests may take in all. Default 60,000. */
  readonly defaultApiTimeoutMs?: number | undefined
  /** First pause before a failed request is repeated; doubles each time. Default 100. */
  readonly retryBackoffMs?: number | undefined
  /** Longest such pause. Default 1,000. */
  readonly retryBackoffMaxMs?: number | undefined
  /** First pause before an address is connected to again after that failed; doubles with each failure. Default 50. */
  readonly reconnectBackoffMs?: number | undefined
  /** Longest such pause. Default 1,000. */
  readonly reconnectBackoffMaxMs?: number | undefined
  /** How long connecting to one broker may take, handshake included; doubles with each failure in a row. Default 10,000. */
  readonly socketConnectionSetupTimeoutMs?: number | undefined
  /** The longest that doubling makes of it. Default 30,000. */
  readonly socketConnectionSetupTimeoutMaxMs?: number | undefined
  /** A connection without any traffic for so long is closed, and opened again when it is needed; -1: never. Default 540,000. */
  readonly connectionsMaxIdleMs?: number | undefined
  /**
   * 'use_all_dns_ips': every address of a host is tried in turn. 'resolve_canonical_bootstrap_servers_only': besides, the
   * bootstrap addresses are first turned into the canonical names of all hosts behind them. Default 'use_all_dns_ips'.
   */
  readonly clientDnsLookup?: ClientDnsLookup | undefined
  /** How long a client that never reached the cluster goes on trying before it fails. Default 15,000. */
  readonly bootstrapTimeoutMs?: number | undefined
  /** How old topic metadata may get before it is fetched anew. Default 300,000. */
  readonly metadataMaxAgeMs?: number | undefined
  /** Topics that were not refreshed with success for so long leave the metadata cache; 'never' or null keeps them. Default 300,000. */
  readonly metadataTopicCacheTtlMs?: number | 'never' | null | undefined
  /**
   * Whether bootstrapServers are used again when none of the brokers that the cluster named can be reached, or a broker asks
   * for it; 'none': such a client fails until one of them is back. Default 'rebootstrap'.
   */
  readonly metadataRecoveryStrategy?: MetadataRecoveryStrategy | undefined
  /** With 'rebootstrap': after so long without any metadata all known brokers are given up, connected or not. Default 300,000. */
  readonly metadataRecoveryRebootstrapTriggerMs?: number | undefined
  /**
   * Whether brokers may create a topic that is asked for and does not exist (they do if auto.create.topics.enable is set).
   * Default false, unlike Java's: a misspelt name would make a topic.
   */
  readonly allowAutoCreateTopics?: boolean | undefined
  /** Longest answer that is taken, in bytes; a longer one ends the connection. Default 128 MiB. */
  readonly maxFrameBytes?: number | undefined
  /** Where log lines go; a pino logger fits. Default: warnings and errors to standard error. */
  readonly logger?: Logger | undefined
  /** Kafka's own dotted names, e.g. `{ 'request.timeout.ms': 10000 }`; they win over the camelCase options. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  /** For tests and simulations. */
  readonly runtime?: Runtime | undefined
}

/** ClientOptions of which `properties` name the brokers, as a properties file of a Java client does. */
export interface ClientOptionsInProperties extends Omit<ClientOptions, 'bootstrapServers' | 'properties'> {
  /** Required where `properties` have no `bootstrap.servers`. */
  readonly bootstrapServers?: ClientOptions['bootstrapServers'] | undefined
  /** Kafka's own dotted names, `bootstrap.servers` among them; they win over the camelCase options. */
  readonly properties: Readonly<Record<string, unknown>>
}

const runtimeSchema: z.ZodType<Runtime> = z.strictObject({
  clock: objectWith<Clock>('now', 'wallTime', 'setTimer', 'immediate').optional(),
  random: objectWith<Random>('next', 'uuid').optional(),
  transport: objectWith<Transport>('connect').optional(),
  resolver: objectWith<HostResolver>('addresses', 'nameOf').optional(),
})

/** The options of ClientOptions, for every table that includes them. */
export const clientOptions = {
  bootstrapServers: option(bootstrapServers(), { property: 'bootstrap.servers' }),
  clientId: option(text(), { property: 'client.id', fallback: 'milena', emptyIsNone: true }),
  requestTimeoutMs: option(wholeNumber(1), { property: 'request.timeout.ms', fallback: 30_000 }),
  defaultApiTimeoutMs: option(wholeNumber(1), { property: 'default.api.timeout.ms', fallback: 60_000 }),
  retryBackoffMs: option(longNumber(0), { property: 'retry.backoff.ms', fallback: 100 }),
  retryBackoffMaxMs: option(longNumber(0), { property: 'retry.backoff.max.ms', fallback: 1_000 }),
  socketConnectionSetupTimeoutMs: option(longNumber(1), {
    property: 'socket.connection.setup.timeout.ms',
    fallback: 10_000,
  }),
  socketConnectionSetupTimeoutMaxMs: option(longNumber(1), {
    property: 'socket.connection.setup.timeout.max.ms',
    fallback: 30_000,
  }),
  reconnectBackoffMs: option(longNumber(0), { property: 'reconnect.backoff.ms', fallback: 50 }),
  reconnectBackoffMaxMs: option(longNumber(0), { property: 'reconnect.backoff.max.ms', fallback: 1_000 }),
  connectionsMaxIdleMs: option(longNumber(-(2 ** 63)), { property: 'connections.max.idle.ms', fallback: 540_000 }),
  clientDnsLookup: option(oneOf(['use_all_dns_ips', 'resolve_canonical_bootstrap_servers_only']), {
    property: 'client.dns.lookup',
    fallback: 'use_all_dns_ips',
  }),
  bootstrapTimeoutMs: option(wholeNumber(1), { fallback: 15_000 }),
  metadataMaxAgeMs: option(longNumber(1), { property: 'metadata.max.age.ms', fallback: 300_000 }),
  metadataTopicCacheTtlMs: option(wordOrWholeNumber(['never'], 1, 2 ** 63).nullable(), {
    property: 'metadata.max.idle.ms',
    fallback: 300_000,
  }),
  metadataRecoveryStrategy: option(oneOf(['rebootstrap', 'none']), {
    property: 'metadata.recovery.strategy',
    fallback: 'rebootstrap',
  }),
  metadataRecoveryRebootstrapTriggerMs: option(longNumber(0), {
    property: 'metadata.recovery.rebootstrap.trigger.ms',
    fallback: 300_000,
  }),
  allowAutoCreateTopics: option(truth(), { property: 'allow.auto.create.topics', fallback: false }),
  maxFrameBytes: option(wholeNumber(1_024), { fallback: 128 * 1_024 * 1_024 }),
  logger: option(objectWith<Logger>('trace', 'debug', 'info', 'warn', 'error', 'child').optional()),
  runtime: option(runtimeSchema.optional()),
}

/** What running code sees of ClientOptions: complete and checked. */
export interface ResolvedClientConfig {
  readonly bootstrapServers: readonly Address[]
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly defaultApiTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly socketConnectionSetupTimeoutMs: number
  readonly socketConnectionSetupTimeoutMaxMs: number
  /** Infinity: never. */
  readonly connectionsMaxIdleMs: number
  readonly clientDnsLookup: ClientDnsLookup
  readonly bootstrapTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataTopicCacheTtlMs: number | null
  readonly metadataRecoveryStrategy: MetadataRecoveryStrategy
  readonly metadataRecoveryRebootstrapTriggerMs: number
  readonly allowAutoCreateTopics: boolean
  readonly maxFrameBytes: number
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
  readonly resolver: HostResolver
}

/** Checks and completes client options. Throws KafkaUsageError naming every fault and its remedy. */
export function resolveClientConfig(given: ClientOptions | ClientOptionsInProperties): ResolvedClientConfig {
  return toClientConfig(
    resolveOptions({
      owner: 'Kafka client',
      table: clientOptions,
      given,
      refused: refusedEverywhere,
      ineffective: ineffectiveEverywhere,
    }),
  )
}

/** The client's part of options that a larger table resolved. */
export function toClientConfig(options: Resolved<typeof clientOptions>): ResolvedClientConfig {
  const { runtime, logger } = options
  const clock = runtime?.clock ?? systemClock
  const resolver = runtime?.resolver ?? systemResolver
  return {
    bootstrapServers: options.bootstrapServers,
    clientId: options.clientId,
    requestTimeoutMs: options.requestTimeoutMs,
    defaultApiTimeoutMs: options.defaultApiTimeoutMs,
    // 0 is as little as there is: without any pause the event loop would not turn.
    retryBackoffMs: Math.max(1, Math.min(options.retryBackoffMs, options.retryBackoffMaxMs)),
    retryBackoffMaxMs: Math.max(1, options.retryBackoffMaxMs),
    reconnectBackoffMs: Math.min(options.reconnectBackoffMs, options.reconnectBackoffMaxMs),
    reconnectBackoffMaxMs: options.reconnectBackoffMaxMs,
    socketConnectionSetupTimeoutMs: options.socketConnectionSetupTimeoutMs,
    socketConnectionSetupTimeoutMaxMs: Math.max(
      options.socketConnectionSetupTimeoutMs,
      options.socketConnectionSetupTimeoutMaxMs,
    ),
    connectionsMaxIdleMs: options.connectionsMaxIdleMs < 0 ? Infinity : options.connectionsMaxIdleMs,
    clientDnsLookup: options.clientDnsLookup,
    bootstrapTimeoutMs: options.bootstrapTimeoutMs,
    metadataMaxAgeMs: options.metadataMaxAgeMs,
    metadataTopicCacheTtlMs: options.metadataTopicCacheTtlMs === 'never' ? null : options.metadataTopicCacheTtlMs,
    metadataRecoveryStrategy: options.metadataRecoveryStrategy,
    metadataRecoveryRebootstrapTriggerMs: options.metadataRecoveryRebootstrapTriggerMs,
    allowAutoCreateTopics: options.allowAutoCreateTopics,
    maxFrameBytes: options.maxFrameBytes,
    logger: logger ?? consoleLogger(),
    clock,
    random: runtime?.random ?? systemRandom,
    transport: runtime?.transport ?? createTcpTransport(clock, resolver),
    resolver,
  }
}
