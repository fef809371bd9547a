import { KafkaUsageError } from '@milena/protocol'
import { asDeserializer, type Deserializer, type DeserializeFunction } from '../serde.js'
import { clientOptions, toClientConfig, type ClientOptions, type ResolvedClientConfig } from './client-config.js'
import { ineffectiveForShareConsumers, refusedByShareConsumers } from './foreign-options.js'
import { option, resolveOptions, withoutEffect } from './option-table.js'
import { functionOrObjectWith, groupId, oneOf, text, truth, wholeNumber, wordOrWholeNumber } from './value-schemas.js'

/** How records are acknowledged: by the next poll, or one by one by the application. */
export type AcknowledgementMode = 'implicit' | 'explicit'

/** Whether a fetch takes whole record batches (and so perhaps more than asked for), or exactly as many records as asked for. */
export type AcquireMode = 'batch_optimized' | 'record_limit'

/** Options of a share consumer. Durations are in milliseconds. */
export interface ShareConsumerOptions<K = Buffer | null, V = Buffer | null> extends ClientOptions {
  /** The share group to join. Required, here or in `properties`. */
  readonly groupId: string
  /** Default `milena-share-consumer`. */
  readonly clientId?: string | undefined
  /** Default: bytes as they are. */
  readonly keyDeserializer?: Deserializer<K> | DeserializeFunction<K> | undefined
  /** Default: bytes as they are. */
  readonly valueDeserializer?: Deserializer<V> | DeserializeFunction<V> | undefined
  /** Default 'implicit': the next poll accepts what the last one returned. */
  readonly acknowledgementMode?: AcknowledgementMode | undefined
  /**
   * How many records a poll returns; soft with acquireMode 'batch_optimized', where acquired ranges are not cut. Where it is
   * given, a fetch asks for so many; by default a fetch sizes itself by how fast records are worked off, from 16 up to 2,000.
   * Default 500.
   */
  readonly maxPollRecords?: number | undefined
  /** How many records one fetch asks for (krafka's max_records); -1, the default: as maxPollRecords says. */
  readonly maxRecords?: number | undefined
  /** How long the acquired ranges of one fetch may be (krafka's batch_size); 0, the default: as maxPollRecords says. */
  readonly batchSize?: number | undefined
  /** Continuous consumption only: how many records may be handed out and unanswered. Default: no bound of its own. */
  readonly maxInFlight?: number | undefined
  /** How many bytes of fetched records may wait to be handed out; soft. Default 104,857,600. */
  readonly maxBufferedBytes?: number | undefined
  /**
   * Continuous consumption only: for how long the lock of one record is renewed while it is being worked on, in milliseconds
   * from its acquisition; 0: never. Default 300,000.
   */
  readonly maxLockExtensionMs?: number | undefined
  /** A consumer that does not poll for so long leaves the group; its next poll joins again. Default 300,000. */
  readonly maxPollIntervalMs?: number | undefined
  /**
   * Whether a fetch takes whole record batches, or exactly as many records as asked for (Apache Kafka 4.2). Default: exact
   * while the fetches are small because the application is slow or not known yet, whole batches for one that keeps up.
   */
  readonly acquireMode?: AcquireMode | undefined
  /** How long a broker waits for records before it answers with none. Default 500. */
  readonly fetchMaxWaitMs?: number | undefined
  /** A broker answers at once when it has so many bytes. Default 1. */
  readonly fetchMinBytes?: number | undefined
  /** Most bytes of one answer; soft, a larger single batch still comes. Default 52,428,800. */
  readonly fetchMaxBytes?: number | undefined
  /** The rack this consumer runs in, told to the coordinator. */
  readonly clientRack?: string | undefined
  /** Records fetched ahead of those handed out. Default 'auto': sized by how fast they are worked off. */
  readonly prefetch?: number | 'auto' | undefined
  /** Whether the checksum of each record batch is checked. Default true. */
  readonly checkCrcs?: boolean | undefined
  /** Heartbeat interval until the coordinator tells its own; smaller than sessionTimeoutMs. Default 5,000. */
  readonly heartbeatIntervalMs?: number | undefined
  /** After so long without an answer of the coordinator the member holds itself lost and joins anew. Default 45,000. */
  readonly sessionTimeoutMs?: number | undefined
  /** What a second acknowledgement of one record does: an error, or the last one counts as in Java. Default 'error'. */
  readonly onSecondAcknowledge?: 'error' | 'lastWins' | undefined
}

/** ShareConsumerOptions of which `properties` name the brokers or the group, as a properties file of a Java client does. */
export interface ShareConsumerOptionsInProperties<K = Buffer | null, V = Buffer | null> extends Omit<
  ShareConsumerOptions<K, V>,
  'bootstrapServers' | 'groupId' | 'properties'
> {
  /** Required where `properties` have no `bootstrap.servers`. */
  readonly bootstrapServers?: ClientOptions['bootstrapServers'] | undefined
  /** The share group to join. Required where `properties` have no `group.id`. */
  readonly groupId?: string | undefined
  /** Kafka's own dotted names, `bootstrap.servers` or `group.id` among them; they win over the camelCase options. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** What running code sees of ShareConsumerOptions. */
export interface ResolvedShareConsumerConfig<K = unknown, V = unknown> {
  readonly client: ResolvedClientConfig
  readonly groupId: string
  readonly clientId: string
  readonly acknowledgementMode: AcknowledgementMode
  /** About how many records a poll returns. */
  readonly maxPollRecords: number
  /** What one fetch asks for: maxRecords or maxPollRecords where given; undefined: sized by how fast records are worked off. */
  readonly fetchRecords: number | undefined
  /** The longest acquired range; undefined: as long as a fetch. */
  readonly batchSize: number | undefined
  readonly maxInFlight: number | undefined
  readonly maxBufferedBytes: number
  readonly maxLockExtensionMs: number
  readonly maxPollIntervalMs: number
  readonly acquireMode: AcquireMode | undefined
  readonly fetchMaxWaitMs: number
  readonly fetchMinBytes: number
  readonly fetchMaxBytes: number
  readonly clientRack: string | undefined
  readonly prefetch: number | 'auto'
  readonly checkCrcs: boolean
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
  readonly defaultApiTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  /** undefined: the bytes as they are, without a call per record. */
  readonly keyDeserializer: Deserializer<K> | undefined
  readonly valueDeserializer: Deserializer<V> | undefined
  readonly onSecondAcknowledge: 'error' | 'lastWins'
}

const DEFAULT_MAX_POLL_RECORDS = 500

/** The options of ShareConsumerOptions. */
export const shareConsumerOptions = {
  ...clientOptions,
  clientId: option(text(), { property: 'client.id', fallback: 'milena-share-consumer', emptyIsNone: true }),
  groupId: option(groupId(), { property: 'group.id' }),
  keyDeserializer: option(functionOrObjectWith('deserialize').optional()),
  valueDeserializer: option(functionOrObjectWith('deserialize').optional()),
  acknowledgementMode: option(oneOf(['implicit', 'explicit']), {
    property: 'share.acknowledgement.mode',
    fallback: 'implicit',
  }),
  maxPollRecords: option(wholeNumber(1).optional(), { property: 'max.poll.records' }),
  maxRecords: option(wholeNumber(-1), { fallback: -1 }),
  batchSize: option(wholeNumber(0), { fallback: 0 }),
  maxInFlight: option(wholeNumber(1).optional()),
  maxBufferedBytes: option(wholeNumber(1), { fallback: 104_857_600 }),
  maxLockExtensionMs: option(wholeNumber(0), { fallback: 300_000 }),
  maxPollIntervalMs: option(wholeNumber(1), { property: 'max.poll.interval.ms', fallback: 300_000 }),
  acquireMode: option(oneOf(['batch_optimized', 'record_limit']).optional(), { property: 'share.acquire.mode' }),
  fetchMaxWaitMs: option(wholeNumber(0), { property: 'fetch.max.wait.ms', fallback: 500 }),
  fetchMinBytes: option(wholeNumber(0), { property: 'fetch.min.bytes', fallback: 1 }),
  fetchMaxBytes: option(wholeNumber(1), { property: 'fetch.max.bytes', fallback: 52_428_800 }),
  clientRack: option(text().optional(), { property: 'client.rack', emptyIsNone: true }),
  prefetch: option(wordOrWholeNumber(['auto'], 0), { fallback: 'auto' }),
  checkCrcs: option(truth(), { property: 'check.crcs', fallback: true }),
  heartbeatIntervalMs: option(wholeNumber(1), { fallback: 5_000 }),
  sessionTimeoutMs: option(wholeNumber(1), { fallback: 45_000 }),
  onSecondAcknowledge: option(oneOf(['error', 'lastWins']), { fallback: 'error' }),
}

/** Checks and completes the options of a share consumer. Throws KafkaUsageError naming every fault and its remedy. */
export function resolveShareConsumerConfig<K = Buffer | null, V = Buffer | null>(
  given: ShareConsumerOptions<K, V> | ShareConsumerOptionsInProperties<K, V>,
): ResolvedShareConsumerConfig<K, V> {
  const options = resolveOptions({
    owner: 'ShareConsumer',
    table: shareConsumerOptions,
    given,
    refused: refusedByShareConsumers,
    ineffective: ineffectiveForShareConsumers,
  })
  requireHeartbeatsWithinSession(options)
  requireSomeRecords(options.maxRecords)
  const client = toClientConfig(options)
  for (const { property, reason } of withoutEffect(given, ineffectiveForShareConsumers))
    client.logger.debug({ property }, `the property '${property}' has no effect here: ${reason}`)
  return {
    client,
    groupId: options.groupId,
    clientId: options.clientId,
    acknowledgementMode: options.acknowledgementMode,
    maxPollRecords: options.maxPollRecords ?? DEFAULT_MAX_POLL_RECORDS,
    fetchRecords: options.maxRecords > 0 ? options.maxRecords : options.maxPollRecords,
    batchSize: options.batchSize > 0 ? options.batchSize : undefined,
    maxInFlight: options.maxInFlight,
    maxBufferedBytes: options.maxBufferedBytes,
    maxLockExtensionMs: options.maxLockExtensionMs,
    maxPollIntervalMs: options.maxPollIntervalMs,
    acquireMode: options.acquireMode,
    fetchMaxWaitMs: options.fetchMaxWaitMs,
    fetchMinBytes: options.fetchMinBytes,
    fetchMaxBytes: options.fetchMaxBytes,
    clientRack: options.clientRack,
    prefetch: options.prefetch,
    checkCrcs: options.checkCrcs,
    heartbeatIntervalMs: options.heartbeatIntervalMs,
    sessionTimeoutMs: options.sessionTimeoutMs,
    defaultApiTimeoutMs: client.defaultApiTimeoutMs,
    requestTimeoutMs: client.requestTimeoutMs,
    retryBackoffMs: client.retryBackoffMs,
    retryBackoffMaxMs: client.retryBackoffMaxMs,
    keyDeserializer: deserializerOf(given.keyDeserializer),
    valueDeserializer: deserializerOf(given.valueDeserializer),
    onSecondAcknowledge: options.onSecondAcknowledge,
  }
}

// A member whose session is no longer than a heartbeat's interval would hold itself lost between any two of them.
function requireHeartbeatsWithinSession(options: {
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
}): void {
  const { heartbeatIntervalMs, sessionTimeoutMs } = options
  if (heartbeatIntervalMs < sessionTimeoutMs) return
  throw new KafkaUsageError(
    `ShareConsumer: heartbeatIntervalMs (${heartbeatIntervalMs}) must be smaller than sessionTimeoutMs (${sessionTimeoutMs}). Make it a third of it or less, so that one lost heartbeat ends nothing.`,
    { code: 'INVALID_CONFIG' },
  )
}

// Kafka takes it to mean that nothing is to be acquired.
function requireSomeRecords(maxRecords: number): void {
  if (maxRecords !== 0) return
  throw new KafkaUsageError(
    'ShareConsumer: maxRecords is 0, with which no record would ever come. Leave it out (or -1) to let maxPollRecords decide.',
    { code: 'INVALID_CONFIG' },
  )
}

function deserializerOf<T>(given: Deserializer<T> | DeserializeFunction<T> | undefined): Deserializer<T> | undefined {
  return given === undefined ? undefined : asDeserializer(given)
}
