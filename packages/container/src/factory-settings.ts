import type { AdminOptions, ShareConsumerOptions } from '@milena/client'
import { everyClientsOptions, inOneSpelling } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { GivenDeserializer } from './deserializer-source.js'

/** Kafka's dotted names and their values, such as a properties file has. */
export type KafkaSettings = { readonly [dotted: `${string}.${string}`]: unknown }

/**
 * What consumers are made with: the options of ShareConsumer, Kafka's dotted names, or both mixed. groupId and clientId may be
 * left to the containers. Deserialisers may also be classes, and names of those that Kafka and Spring ship.
 */
export type ShareConsumerFactoryOptions<K = Buffer | null, V = Buffer | null> = Omit<
  Partial<ShareConsumerOptions<K, V>>,
  'keyDeserializer' | 'valueDeserializer'
> & {
  readonly keyDeserializer?: GivenDeserializer<K> | (new () => GivenDeserializer<K>) | string | undefined
  readonly valueDeserializer?: GivenDeserializer<V> | (new () => GivenDeserializer<V>) | string | undefined
} & KafkaSettings

/** The settings of a factory: options by their camelCase names, and properties by Kafka's, which win. */
export interface FactorySettings {
  readonly options: Readonly<Record<string, unknown>>
  readonly properties: Readonly<Record<string, unknown>>
  readonly keyDeserializer: unknown
  readonly valueDeserializer: unknown
}

/** Sorts what a factory was given. Names and values are checked by the consumer. @throws KafkaUsageError for what is no object */
export function readFactorySettings(given: object): FactorySettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || given instanceof Map) {
    throw new KafkaUsageError(
      "DefaultShareConsumerFactory takes the options of ShareConsumer, such as { bootstrapServers: 'localhost:9092' }.",
    )
  }
  const options: Record<string, unknown> = {}
  const properties: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === 'properties') continue
    if (name.includes('.')) properties[name] = value
    else options[name] = value
  }
  const nested: unknown = Reflect.get(given, 'properties')
  if (nested !== undefined && (typeof nested !== 'object' || nested === null || Array.isArray(nested))) {
    throw new KafkaUsageError(
      "DefaultShareConsumerFactory: properties must be an object of Kafka's dotted names and their values.",
    )
  }
  return settingsOf(options, { ...inOneSpelling(properties), ...inOneSpelling({ ...nested }) })
}

/** These settings with others laid over their properties. */
export function layProperties(
  settings: FactorySettings,
  over: Readonly<Record<string, unknown>> | undefined,
): FactorySettings {
  const { keyDeserializer, valueDeserializer, ...laid } = settingsOf(settings.options, {
    ...settings.properties,
    ...inOneSpelling(over ?? {}),
  })
  return {
    ...laid,
    keyDeserializer: keyDeserializer ?? settings.keyDeserializer,
    valueDeserializer: valueDeserializer ?? settings.valueDeserializer,
  }
}

/** A setting that may have been given by either name. */
export function textSetting(
  { options, properties }: FactorySettings,
  dotted: string,
  name: string,
): string | undefined {
  const given = properties[dotted] ?? options[name]
  return typeof given === 'string' ? given : undefined
}

/** The logger among the settings; what is none is refused by the consumer. */
export function loggerOf({ options }: FactorySettings): Logger | undefined {
  return options['logger'] as Logger | undefined
}

/** The brokers as they were given, for messages. Anything that could hold more than addresses is left out. */
export function bootstrapServersOf({ options, properties }: FactorySettings): readonly string[] {
  const given: unknown = properties['bootstrap.servers'] ?? options['bootstrapServers']
  const listed: readonly unknown[] = Array.isArray(given) ? given : typeof given === 'string' ? given.split(',') : []
  return listed.filter((each): each is string => typeof each === 'string' && /^[\w.:[\]-]+$/.test(each.trim()))
}

/** Those of the settings that an admin client of the same cluster takes. */
export function adminOptionsOf({ options, properties }: FactorySettings): AdminOptions {
  return everyClientsOptions({ ...options, properties }) as AdminOptions
}

function settingsOf(
  options: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, unknown>>,
): FactorySettings {
  const { keyDeserializer: key, valueDeserializer: value, ...plainOptions } = options
  const { 'key.deserializer': dottedKey, 'value.deserializer': dottedValue, ...plain } = properties
  return {
    options: plainOptions,
    properties: plain,
    keyDeserializer: dottedKey ?? key,
    valueDeserializer: dottedValue ?? value,
  }
}
