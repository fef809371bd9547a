import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { ConfigurableDeserializer, DeserializerSource, GivenDeserializer } from './deserializer-source.js'
import { isThenable } from './record-invoker.js'

/** The deserialisers that one consumer uses. */
export interface ConsumerDeserializers<K, V> {
  readonly key: GivenDeserializer<K> | undefined
  readonly value: GivenDeserializer<V> | undefined
  /** The consumer is closed. */
  release(): void
}

/** What the deserialisers of a consumer come from. */
export interface DeserializerChoice<K, V> {
  readonly key: DeserializerSource<K> | undefined
  readonly value: DeserializerSource<V> | undefined
  /** Whether those that are given, or supplied, are configured. */
  readonly configure: boolean
  /** The settings of the consumer. */
  readonly configs: Readonly<Record<string, unknown>>
}

/**
 * Configures the deserialisers of consumers, and closes them: one that a consumer has for itself with that consumer, one that
 * several share with the last of them, unless it is to be left alone.
 */
export class DeserializerKeeper {
  readonly #users = new Map<object, number>()

  constructor(private readonly logger: () => Logger) {}

  /** @throws what a supplier, a constructor or configure() throws */
  open<K, V>({ key, value, configure, configs }: DeserializerChoice<K, V>): ConsumerDeserializers<K, V> {
    const opened: object[] = []
    const open = <T>(source: DeserializerSource<T> | undefined, isKey: boolean): GivenDeserializer<T> | undefined => {
      const given = source?.take()
      if (source === undefined || given === undefined || typeof given === 'function') return given
      const configured = configure || source.alwaysConfigured
      if (configured || source.perConsumer) {
        opened.push(given)
        this.#users.set(given, (this.#users.get(given) ?? 0) + 1)
      }
      if (configured) configureAtOnce(given, configs, isKey)
      return given
    }
    const release = (): void => {
      for (const each of opened.splice(0)) this.#release(each)
    }
    try {
      return { key: open(key, true), value: open(value, false), release }
    } catch (error) {
      release()
      throw error
    }
  }

  #release(deserializer: ConfigurableDeserializer<unknown> | object): void {
    const left = (this.#users.get(deserializer) ?? 1) - 1
    if (left > 0) {
      this.#users.set(deserializer, left)
      return
    }
    this.#users.delete(deserializer)
    void this.#close(deserializer)
  }

  async #close(deserializer: ConfigurableDeserializer<unknown> | object): Promise<void> {
    try {
      if ('close' in deserializer) await deserializer.close?.()
    } catch (error) {
      this.logger().error(
        { err: error },
        'A deserializer could not be closed. Consumers are not affected; mend the deserializer.',
      )
    }
  }
}

/** @throws what configure() throws, and KafkaUsageError where it wants to be waited for */
function configureAtOnce(
  deserializer: ConfigurableDeserializer<unknown>,
  configs: Readonly<Record<string, unknown>>,
  isKey: boolean,
): void {
  const outcome: unknown = deserializer.configure?.(configs, isKey)
  if (!isThenable(outcome)) return
  void outcome.then(undefined, () => undefined)
  throw new KafkaUsageError(
    `configure() of the ${isKey ? 'key' : 'value'} deserializer returned a promise, and consumers are made at once. Configure it ` +
      'beforehand, and set configureDeserializers to false.',
  )
}
