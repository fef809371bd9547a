import { KafkaUsageError } from '@milena/protocol'
import { silentLogger, systemClock, systemRandom, type Clock, type Logger, type Random } from '@milena/protocol/runtime'
import type { SecurityOptions } from './security/security-options.js'
import { kafkaVersions, type KafkaVersion } from './version-profile.js'

/** A topic that exists from the start. */
export interface InitialTopic {
  readonly name: string
  /** Default 1. */
  readonly partitions?: number
  /** On how many brokers it lives, so that another can lead it when one is killed. Default: all. */
  readonly replicationFactor?: number
  /** Kafka's topic configurations, e.g. `{ 'retention.ms': '60000' }`. */
  readonly configs?: Readonly<Record<string, string>>
}

export interface EmbeddedBrokerOptions<C extends Clock = Clock> {
  /** How many brokers the cluster has. Default 1; at most 20. */
  readonly brokers?: number
  /** The release of Kafka it behaves as. Default `4.4`. */
  readonly version?: KafkaVersion
  /**
   * `tcp` (default): each broker listens on a port, and clients connect as to any Kafka. `memory`: no port is opened; clients
   * in this process connect through `broker.transport`, which is there in both cases.
   */
  readonly network?: 'tcp' | 'memory'
  /** The address to listen on, and what clients are told to connect to. Default `127.0.0.1`: this machine only. */
  readonly host?: string
  /** What clients are told to connect to, where that is not `host` (which may be `0.0.0.0`). Default: `host`. */
  readonly advertisedHost?: string
  /** The first broker's port; the next ones follow. Default 0: free ones. */
  readonly port?: number
  /** Topics that exist from the start: `'orders'`, `'orders:3'` (3 partitions), or an object. */
  readonly topics?: readonly (string | InitialTopic)[]
  /** Configurations of the brokers by Kafka's names, as in server.properties, e.g. `{ 'group.share.delivery.count.limit': '3' }`. */
  readonly serverProperties?: Readonly<Record<string, string>>
  /** Levels of features where they are not those of the release, e.g. `{ 'share.version': 0 }`: a cluster with share groups switched off. */
  readonly features?: Readonly<Record<string, number>>
  /** Authentication, TLS and authorisation. Default: none of them. */
  readonly security?: SecurityOptions
  /** Where the brokers get their time from; a VirtualClock makes locks expire when a test says so. Default: the machine's. */
  readonly clock?: C
  /** Where ids come from. Default: the machine's. */
  readonly random?: Random
  /** Told what clients do, in sentences; a pino logger fits. Default: silent. */
  readonly logger?: Logger
  /**
   * How many bytes of records all logs may hold together; beyond it the oldest batches are let go, with a warning, whatever
   * the topics' retention says. Default 1 GiB.
   */
  readonly maxLogBytes?: number
  /** How many of the latest requests `broker.requests()` remembers (never more than 16 MiB of them). Default 10,000. */
  readonly rememberedRequests?: number
}

export interface ResolvedOptions {
  readonly brokers: number
  readonly version: KafkaVersion
  readonly network: 'tcp' | 'memory'
  readonly host: string
  readonly advertisedHost: string
  readonly port: number
  readonly topics: readonly InitialTopic[]
  readonly serverProperties: Readonly<Record<string, string>>
  readonly features: Readonly<Record<string, number>>
  readonly security: SecurityOptions
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly maxLogBytes: number
  readonly rememberedRequests: number
}

const known: Readonly<Record<keyof EmbeddedBrokerOptions, true>> = {
  brokers: true,
  version: true,
  network: true,
  host: true,
  advertisedHost: true,
  port: true,
  topics: true,
  serverProperties: true,
  features: true,
  security: true,
  clock: true,
  random: true,
  logger: true,
  maxLogBytes: true,
  rememberedRequests: true,
}

/** Of one cluster. */
export const MAX_BROKERS = 20
const MIB = 1024 * 1024

/** Throws KafkaUsageError naming the option and what it may be. */
export function resolveOptions(given: EmbeddedBrokerOptions): ResolvedOptions {
  for (const name of Object.keys(given)) {
    if (!(name in known)) {
      throw new KafkaUsageError(
        `EmbeddedBroker has no option "${name}". It has: ${Object.keys(known).join(', ')}. Kafka's own names go into serverProperties.`,
      )
    }
  }
  const host = given.host ?? '127.0.0.1'
  const network = given.network ?? 'tcp'
  if (network !== 'tcp' && network !== 'memory') {
    throw new KafkaUsageError(`network is 'tcp' or 'memory', not ${JSON.stringify(network)}.`)
  }
  const brokers = wholeNumber('brokers', given.brokers ?? 1, 1, MAX_BROKERS)
  const version = given.version ?? '4.4'
  if (!kafkaVersions.includes(version)) {
    throw new KafkaUsageError(`version is one of ${kafkaVersions.join(', ')}, not ${JSON.stringify(version)}.`)
  }
  return {
    brokers,
    version,
    network,
    host,
    advertisedHost: given.advertisedHost ?? (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host),
    // The others' ports follow.
    port: wholeNumber('port', given.port ?? 0, 0, 65_535 - (brokers - 1)),
    topics: (given.topics ?? []).map(parseTopic),
    serverProperties: given.serverProperties ?? {},
    features: given.features ?? {},
    security: given.security ?? {},
    clock: given.clock ?? systemClock,
    random: given.random ?? systemRandom,
    logger: given.logger ?? silentLogger,
    maxLogBytes: wholeNumber('maxLogBytes', given.maxLogBytes ?? 1024 * MIB, MIB, Number.MAX_SAFE_INTEGER),
    rememberedRequests: wholeNumber('rememberedRequests', given.rememberedRequests ?? 10_000, 0, 1_000_000),
  }
}

/** `orders`, `orders:3` or an object. */
function parseTopic(given: string | InitialTopic): InitialTopic {
  if (typeof given !== 'string') return given
  const [name = '', partitions, more] = given.split(':')
  const count = partitions === undefined ? 1 : Number(partitions)
  if (name === '' || more !== undefined || !Number.isInteger(count) || count < 1) {
    throw new KafkaUsageError(
      `"${given}" names no topic. Give a name, and behind a colon how many partitions it has, e.g. orders:3.`,
    )
  }
  return { name, partitions: count }
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new KafkaUsageError(`${name} is a whole number from ${min} to ${max}, not ${String(value)}.`)
}
