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
import { createTcpTransport } from '../network/tcp-transport.js'
import { option, resolveOptions, type Resolved } from './option-table.js'
import { bootstrapServers, objectWith, text, wholeNumber } from './value-schemas.js'

/** What tests and simulations put in place of the machine's own time, chance and network. */
export interface Runtime {
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly transport?: Transport | undefined
}

/** Options that everything which talks to Kafka takes. Durations are in milliseconds. */
export interface ClientOptions {
  /** Brokers to begin with: `host:port`, several with commas between or as an array. Required. The other brokers are found through them. */
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
  /** How long connecting to one broker may take, handshake included. Default 10,000. */
  readonly socketConnectionSetupTimeoutMs?: number | undefined
  /** How long a client that never reached the cluster goes on trying before it fails. Default 15,000. */
  readonly bootstrapTimeoutMs?: number | undefined
  /** How old topic metadata may get before it is fetched anew. Default 300,000. */
  readonly metadataMaxAgeMs?: number | undefined
  /** Topics that nobody asked about for so long leave the metadata cache; null keeps them. Default 300,000. */
  readonly metadataTopicCacheTtlMs?: number | null | undefined
  /** Longest answer that is taken, in bytes; a longer one ends the connection. Default 128 MiB. */
  readonly maxFrameBytes?: number | undefined
  /** Where log lines go; a pino logger fits. Default: warnings and errors to standard error. */
  readonly logger?: Logger | undefined
  /** Kafka's own dotted names, e.g. `{ 'request.timeout.ms': 10000 }`; they win over the camelCase options. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  /** For tests and simulations. */
  readonly runtime?: Runtime | undefined
}

const runtimeSchema: z.ZodType<Runtime> = z.strictObject({
  clock: objectWith<Clock>('now', 'wallTime', 'setTimer', 'immediate').optional(),
  random: objectWith<Random>('next', 'uuid').optional(),
  transport: objectWith<Transport>('connect').optional(),
})

/** The options of ClientOptions, for every table that includes them. */
export const clientOptions = {
  bootstrapServers: option(bootstrapServers(), { property: 'bootstrap.servers' }),
  clientId: option(text(), { property: 'client.id', fallback: 'milena' }),
  requestTimeoutMs: option(wholeNumber(1), { property: 'request.timeout.ms', fallback: 30_000 }),
  defaultApiTimeoutMs: option(wholeNumber(1), { property: 'default.api.timeout.ms', fallback: 60_000 }),
  retryBackoffMs: option(wholeNumber(1), { property: 'retry.backoff.ms', fallback: 100 }),
  retryBackoffMaxMs: option(wholeNumber(1), { property: 'retry.backoff.max.ms', fallback: 1_000 }),
  socketConnectionSetupTimeoutMs: option(wholeNumber(1), {
    property: 'socket.connection.setup.timeout.ms',
    fallback: 10_000,
  }),
  bootstrapTimeoutMs: option(wholeNumber(1), { fallback: 15_000 }),
  metadataMaxAgeMs: option(wholeNumber(1), { property: 'metadata.max.age.ms', fallback: 300_000 }),
  metadataTopicCacheTtlMs: option(wholeNumber(1).nullable(), { property: 'metadata.max.idle.ms', fallback: 300_000 }),
  maxFrameBytes: option(wholeNumber(1_024), { fallback: 128 * 1_024 * 1_024 }),
  logger: option(objectWith<Logger>('debug', 'info', 'warn', 'error', 'child').optional()),
  runtime: option(runtimeSchema.optional()),
}

/** Options of Kafka's that come with security, which this version does not have. */
const SECURITY = 'connections are plain text in this version; TLS and SASL come later. Use a PLAINTEXT listener'

/** Names that mean something in Kafka and are refused by every client of this version. */
export const refusedEverywhere: ReadonlyMap<string, string> = new Map(
  [
    'security.protocol',
    'ssl',
    'sasl',
    'tls',
    'sasl.mechanism',
    'sasl.jaas.config',
    'ssl.truststore.location',
    'ssl.keystore.location',
  ].map((name) => [name, SECURITY]),
)

/** What running code sees of ClientOptions: complete and checked. */
export interface ResolvedClientConfig {
  readonly bootstrapServers: readonly Address[]
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly defaultApiTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly socketConnectionSetupTimeoutMs: number
  readonly bootstrapTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataTopicCacheTtlMs: number | null
  readonly maxFrameBytes: number
  readonly logger: Logger
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
}

/** Checks and completes client options. Throws KafkaUsageError naming every fault and its remedy. */
export function resolveClientConfig(given: ClientOptions): ResolvedClientConfig {
  return toClientConfig(
    resolveOptions({ owner: 'Kafka client', table: clientOptions, given, refused: refusedEverywhere }),
  )
}

/** The client's part of options that a larger table resolved. */
export function toClientConfig(options: Resolved<typeof clientOptions>): ResolvedClientConfig {
  const { runtime, logger } = options
  const clock = runtime?.clock ?? systemClock
  return {
    bootstrapServers: options.bootstrapServers,
    clientId: options.clientId,
    requestTimeoutMs: options.requestTimeoutMs,
    defaultApiTimeoutMs: options.defaultApiTimeoutMs,
    retryBackoffMs: Math.min(options.retryBackoffMs, options.retryBackoffMaxMs),
    retryBackoffMaxMs: options.retryBackoffMaxMs,
    socketConnectionSetupTimeoutMs: options.socketConnectionSetupTimeoutMs,
    bootstrapTimeoutMs: options.bootstrapTimeoutMs,
    metadataMaxAgeMs: options.metadataMaxAgeMs,
    metadataTopicCacheTtlMs: options.metadataTopicCacheTtlMs,
    maxFrameBytes: options.maxFrameBytes,
    logger: logger ?? consoleLogger(),
    clock,
    random: runtime?.random ?? systemRandom,
    transport: runtime?.transport ?? createTcpTransport(clock),
  }
}
