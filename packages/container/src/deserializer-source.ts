import type { Deserializer, DeserializeFunction } from '@milena/client'
import { nearestName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import { isThenable } from './record-invoker.js'
import { knownDeserializer, knownDeserializers } from './known-deserializers.js'

/** What a deserialiser may do besides deserialising. (Kafka's interface of that name.) */
export interface ConfigurableDeserializer<T> extends Deserializer<T> {
  /** Called before it is used by a consumer, with that consumer's settings. */
  configure?(configs: Readonly<Record<string, unknown>>, isKey: boolean): void
  /** Called when no consumer uses it any more. */
  close?(): unknown
}

/** A deserialiser in one of the forms in which it may be given. */
export type GivenDeserializer<T> = ConfigurableDeserializer<T> | DeserializeFunction<T>

/** Makes a deserialiser for each consumer. */
export type DeserializerSupplier<T> = () => GivenDeserializer<T>

/** Where the deserialisers of keys, or of values, come from. */
export interface DeserializerSource<T> {
  /** One for a consumer; undefined: the bytes as they are. */
  readonly take: () => GivenDeserializer<T> | undefined
  /** Whether a consumer gets one of its own. */
  readonly perConsumer: boolean
  /** Whether configure() is called although the factory was told not to: Kafka configures what it makes itself. */
  readonly alwaysConfigured: boolean
}

/** @throws KafkaUsageError for what cannot deserialise */
export function instanceSource<T>(given: GivenDeserializer<T>, what: string): DeserializerSource<T> {
  requireDeserializer(given, what)
  return { take: () => given, perConsumer: false, alwaysConfigured: false }
}

/** @throws KafkaUsageError for what is no function */
export function supplierSource<T>(supplier: DeserializerSupplier<T>, what: string): DeserializerSource<T> {
  if (typeof supplier !== 'function') {
    throw new KafkaUsageError(`${what}Supplier must be a function that returns a deserializer.`)
  }
  return {
    take: () => {
      const made: unknown = supplier()
      if (isThenable(made)) void made.then(undefined, () => undefined)
      requireDeserializer(made, `What ${what}Supplier returned`)
      return made as GivenDeserializer<T>
    },
    perConsumer: true,
    alwaysConfigured: false,
  }
}

/**
 * From a setting: a class, a known name of one, an instance, or a function.
 * @throws KafkaUsageError for what is none of these
 */
export function settingSource<T>(setting: unknown, what: string): DeserializerSource<T> {
  if (typeof setting === 'string') return namedSource(setting, what)
  if (isDeserializerClass<T>(setting)) {
    return { take: () => new setting(), perConsumer: true, alwaysConfigured: true }
  }
  requireDeserializer(setting, what)
  return instanceSource(setting as GivenDeserializer<T>, what)
}

function namedSource<T>(name: string, what: string): DeserializerSource<T> {
  const { known, make } = knownDeserializer(name)
  if (known) return { take: () => make?.() as Deserializer<T> | undefined, perConsumer: true, alwaysConfigured: true }
  const nearest = nearestName(name, knownDeserializers)
  throw new KafkaUsageError(
    `${what}: there is no deserializer '${name}' here${nearest === undefined ? '.' : `; did you mean '${nearest}'?`} ` +
      `Give a class, an instance or a function, or one of the names ${knownDeserializers.join(', ')}.`,
  )
}

function isDeserializerClass<T>(setting: unknown): setting is new () => Deserializer<T> {
  if (typeof setting !== 'function') return false
  const prototype: unknown = setting.prototype
  return typeof prototype === 'object' && prototype !== null && 'deserialize' in prototype
}

function requireDeserializer(given: unknown, what: string): void {
  if (typeof given === 'function' && !isDeserializerClass(given)) return
  if (typeof given === 'object' && given !== null && typeof Reflect.get(given, 'deserialize') === 'function') return
  throw new KafkaUsageError(
    `${what} must be a deserializer: an object with deserialize(data, context), such as string() or json(), or a function.`,
  )
}
