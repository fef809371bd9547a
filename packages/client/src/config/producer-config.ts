import { KafkaUsageError, type CompressionName } from '@milena/protocol'
import { asSerializer, type Serializer, type SerializeFunction } from '../serde.js'
import { clientOptions, toClientConfig, type ClientOptions, type ResolvedClientConfig } from './client-config.js'
import { ineffectiveEverywhere, refusedEverywhere } from './foreign-options.js'
import { option, resolveOptions } from './option-table.js'
import { functionOrObjectWith, oneOf, text, wholeNumber } from './value-schemas.js'

/** What keys and values may be when no serialiser is given: bytes as they are, texts as UTF-8, null as nothing. */
export type DefaultSerializable = Buffer | Uint8Array | string | null

/** Options of a producer. Durations are in milliseconds, sizes in bytes. */
export interface ProducerOptions<K = DefaultSerializable, V = DefaultSerializable> extends ClientOptions {
  /** Default `milena-producer`. */
  readonly clientId?: string | undefined
  /** Default: bytes as they are, texts as UTF-8. */
  readonly keySerializer?: Serializer<K> | SerializeFunction<K> | undefined
  /** Default: bytes as they are, texts as UTF-8. */
  readonly valueSerializer?: Serializer<V> | SerializeFunction<V> | undefined
  /** How long a record waits for others to share its batch. Default 5. */
  readonly lingerMs?: number | undefined
  /** A batch of so many bytes goes out at once; a larger single record makes a batch of its own. Default 16,384. */
  readonly batchSize?: number | undefined
  /** Default 'none'. */
  readonly compression?: CompressionName | undefined
  /** Largest record and largest request. Default 1,048,576. */
  readonly maxRequestSize?: number | undefined
  /** Requests to one broker that may be unanswered at once, 1 to 5 (five is what brokers can tell repeats from). Default 5. */
  readonly maxInFlightRequests?: number | undefined
  /** From send() to its result, retries included; after that the record fails. Default 120,000. */
  readonly deliveryTimeoutMs?: number | undefined
  /** Bytes of records not yet delivered; beyond it send() waits for room. Default 33,554,432. */
  readonly bufferMemory?: number | undefined
  /** How long send() waits for room or for the topic's metadata. Default 60,000. */
  readonly maxBlockMs?: number | undefined
}

/** ProducerOptions of which `properties` name the brokers, as a properties file of a Java client does. */
export interface ProducerOptionsInProperties<K = DefaultSerializable, V = DefaultSerializable> extends Omit<
  ProducerOptions<K, V>,
  'bootstrapServers' | 'properties'
> {
  /** Required where `properties` have no `bootstrap.servers`. */
  readonly bootstrapServers?: ClientOptions['bootstrapServers'] | undefined
  /** Kafka's own dotted names, `bootstrap.servers` among them; they win over the camelCase options. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** What running code sees of ProducerOptions. */
export interface ResolvedProducerConfig<K = unknown, V = unknown> {
  readonly client: ResolvedClientConfig
  readonly keySerializer: Serializer<K>
  readonly valueSerializer: Serializer<V>
  readonly lingerMs: number
  readonly batchSize: number
  readonly compression: CompressionName
  readonly maxRequestSize: number
  readonly maxInFlightRequests: number
  readonly deliveryTimeoutMs: number
  readonly bufferMemory: number
  readonly maxBlockMs: number
}

/** The options of ProducerOptions. */
export const producerOptions = {
  ...clientOptions,
  clientId: option(text(), { property: 'client.id', fallback: 'milena-producer', emptyIsNone: true }),
  keySerializer: option(functionOrObjectWith('serialize').optional()),
  valueSerializer: option(functionOrObjectWith('serialize').optional()),
  lingerMs: option(wholeNumber(0), { property: 'linger.ms', fallback: 5 }),
  batchSize: option(wholeNumber(0), { property: 'batch.size', fallback: 16_384 }),
  compression: option(oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd']), {
    property: 'compression.type',
    fallback: 'none',
  }),
  maxRequestSize: option(wholeNumber(1), { property: 'max.request.size', fallback: 1_048_576 }),
  maxInFlightRequests: option(wholeNumber(1, 5), { property: 'max.in.flight.requests.per.connection', fallback: 5 }),
  deliveryTimeoutMs: option(wholeNumber(1), { property: 'delivery.timeout.ms', fallback: 120_000 }),
  bufferMemory: option(wholeNumber(1, Number.MAX_SAFE_INTEGER), { property: 'buffer.memory', fallback: 33_554_432 }),
  maxBlockMs: option(wholeNumber(0), { property: 'max.block.ms', fallback: 60_000 }),
}

const ALWAYS_IDEMPOTENT = 'this producer is always idempotent and waits for all replicas in sync. Leave it out'

const refused: ReadonlyMap<string, string> = new Map([
  ...refusedEverywhere,
  ...Object.entries({
    acks: ALWAYS_IDEMPOTENT,
    'enable.idempotence': ALWAYS_IDEMPOTENT,
    retries: 'a record is retried until deliveryTimeoutMs is over. Set that instead',
    'transactional.id': 'transactions are not part of this producer. Leave it out',
    'partitioner.class': 'Java classes cannot be used here. Give records a partition to choose it yourself',
    'interceptor.classes': 'Java classes cannot be used here. Leave it out',
    'key.serializer': 'Java classes cannot be used here. Set the option keySerializer',
    'value.serializer': 'Java classes cannot be used here. Set the option valueSerializer',
  }),
])

/** Checks and completes the options of a producer. Throws KafkaUsageError naming every fault and its remedy. */
export function resolveProducerConfig<K = DefaultSerializable, V = DefaultSerializable>(
  given: ProducerOptions<K, V> | ProducerOptionsInProperties<K, V>,
): ResolvedProducerConfig<K, V> {
  const options = resolveOptions({
    owner: 'Producer',
    table: producerOptions,
    given,
    refused,
    ineffective: ineffectiveEverywhere,
  })
  if (options.deliveryTimeoutMs < options.lingerMs) {
    throw new KafkaUsageError(
      `Producer: deliveryTimeoutMs (${options.deliveryTimeoutMs}) must not be smaller than lingerMs (${options.lingerMs}).`,
      { code: 'INVALID_CONFIG' },
    )
  }
  return {
    client: toClientConfig(options),
    keySerializer: serializerOf(given.keySerializer),
    valueSerializer: serializerOf(given.valueSerializer),
    lingerMs: options.lingerMs,
    batchSize: options.batchSize,
    compression: options.compression,
    maxRequestSize: options.maxRequestSize,
    maxInFlightRequests: options.maxInFlightRequests,
    deliveryTimeoutMs: options.deliveryTimeoutMs,
    bufferMemory: options.bufferMemory,
    maxBlockMs: options.maxBlockMs,
  }
}

function serializerOf<T>(given: Serializer<T> | SerializeFunction<T> | undefined): Serializer<T> {
  return given === undefined ? bytesOrText : asSerializer(given)
}

const bytesOrText: Serializer<unknown> = {
  serialize(data, { isKey }) {
    if (data === null || data === undefined) return null
    if (typeof data === 'string') return Buffer.from(data, 'utf8')
    if (Buffer.isBuffer(data)) return data
    if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const name = isKey ? 'key' : 'value'
    throw new KafkaUsageError(
      `The ${name} of this record is of type ${typeof data}; without a serialiser it must be a Buffer, a text or null. Set ${name}Serializer, e.g. to json().`,
    )
  },
}
