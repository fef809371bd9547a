import {
  Admin,
  consoleLogger,
  ShareConsumer,
  type AcknowledgementMode,
  type ShareConsumerOptions,
} from '@milena/client'
import { resolveShareConsumerConfig } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import { requireKnown } from './known-names.js'
import { DeserializerKeeper, type ConsumerDeserializers } from './consumer-deserializers.js'
import {
  instanceSource,
  settingSource,
  supplierSource,
  type DeserializerSource,
  type DeserializerSupplier,
  type GivenDeserializer,
} from './deserializer-source.js'
import {
  adminOptionsOf,
  bootstrapServersOf,
  layProperties,
  loggerOf,
  readFactorySettings,
  textSetting,
  type FactorySettings,
  type ShareConsumerFactoryOptions,
} from './factory-settings.js'

/** What a container asks of a consumer that it needs. What is left out, the factory decides. */
export interface ShareConsumerRequest {
  readonly groupId?: string | undefined
  readonly clientId?: string | undefined
  readonly acknowledgementMode?: AcknowledgementMode | undefined
  /** Further consumer settings, by the client's names or Kafka's dotted ones; they beat the factory's own. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

/** Makes the share consumers of containers. One's own may stand in for {@link DefaultShareConsumerFactory}. */
export interface ShareConsumerFactory<K = Buffer | null, V = Buffer | null> {
  /** The group of consumers for which no other is asked. */
  readonly groupId?: string | undefined
  /** The logger of containers that are given none. */
  readonly logger?: Logger | undefined
  /** The addresses that its consumers begin with, for messages about a cluster that cannot be reached. */
  readonly bootstrapServers?: readonly string[] | undefined
  /** Makes a consumer that is not subscribed yet. Who asked for it closes it. */
  createShareConsumer(request: ShareConsumerRequest): ShareConsumer<K, V>
  /** Finds out, without connecting, whether a consumer could be made with these settings. @throws KafkaUsageError if not */
  checkSettings?(request: ShareConsumerRequest): void
  /**
   * Makes an admin client of the cluster that consumers with these properties speak to. Who asked for it closes it. Needed where
   * containers have groupConfigs.
   */
  createAdmin?(request?: Pick<ShareConsumerRequest, 'properties'>): Admin
  addListener(listener: ShareConsumerFactoryListener): void
  removeListener(listener: ShareConsumerFactoryListener): boolean
}

/** @throws KafkaUsageError when `given` cannot make consumers */
export function requireFactory(given: unknown, owner: string): void {
  if (typeof given === 'object' && given !== null && typeof Reflect.get(given, 'createShareConsumer') === 'function') {
    return
  }
  throw new KafkaUsageError(
    `${owner} needs a consumer factory: new DefaultShareConsumerFactory({ bootstrapServers, groupId }), or an object of your own with createShareConsumer().`,
  )
}

/**
 * Hears of every consumer that a factory makes. `id` is the consumer's client id, with a number where that is not unique. What it
 * returns is not waited for; what it throws, or rejects with, is logged.
 */
export interface ShareConsumerFactoryListener {
  consumerAdded?(id: string, consumer: ShareConsumer<unknown, unknown>): unknown
  consumerRemoved?(id: string, consumer: ShareConsumer<unknown, unknown>): unknown
}

/** The deserialisers of a factory, where they are not among its settings, which they beat. */
export interface FactoryDeserializers<K, V> {
  /** One for all consumers. */
  readonly keyDeserializer?: GivenDeserializer<K> | undefined
  readonly valueDeserializer?: GivenDeserializer<V> | undefined
  /** Called for each consumer. */
  readonly keyDeserializerSupplier?: DeserializerSupplier<K> | undefined
  readonly valueDeserializerSupplier?: DeserializerSupplier<V> | undefined
  /**
   * Whether configure(configs, isKey) of these is called for each consumer, and close() of an instance after the last one. False
   * leaves ready-made ones alone. Those that the settings name are always configured. Default true.
   */
  readonly configureDeserializers?: boolean | undefined
}

const DESERIALIZERS: readonly string[] = [
  'keyDeserializer',
  'valueDeserializer',
  'keyDeserializerSupplier',
  'valueDeserializerSupplier',
  'configureDeserializers',
] satisfies (keyof FactoryDeserializers<unknown, unknown>)[]

/** Makes share consumers from one set of settings. (Spring's class of this name.) */
export class DefaultShareConsumerFactory<K = Buffer | null, V = Buffer | null> implements ShareConsumerFactory<K, V> {
  readonly #settings: FactorySettings
  readonly #given: Readonly<Record<string, unknown>>
  readonly #listeners: ShareConsumerFactoryListener[] = []
  readonly #ids = new Set<string>()
  readonly #keeper = new DeserializerKeeper(() => this.logger ?? consoleLogger())
  #key: DeserializerSource<K> | undefined
  #value: DeserializerSource<V> | undefined
  #configure = true
  #warnedOfMode = false

  /**
   * @param options the options of ShareConsumer, Kafka's dotted names, or both mixed; copied
   * @throws KafkaUsageError for deserialisers that are none. Other settings are checked when a consumer is made
   */
  constructor(options: ShareConsumerFactoryOptions<K, V>, deserializers: FactoryDeserializers<K, V> = {}) {
    this.#settings = readFactorySettings(options)
    this.#given = Object.freeze({ ...options })
    const { keyDeserializer: key, valueDeserializer: value } = this.#settings
    if (key !== undefined) settingSource(key, 'keyDeserializer')
    if (value !== undefined) settingSource(value, 'valueDeserializer')
    requireKnown(
      Object.keys(deserializers),
      { noun: 'among its deserialisers', known: DESERIALIZERS, reasonAgainst: () => undefined },
      'DefaultShareConsumerFactory',
    )
    const { keyDeserializerSupplier, valueDeserializerSupplier, configureDeserializers } = deserializers
    requireOneOf('key', deserializers.keyDeserializer, keyDeserializerSupplier)
    requireOneOf('value', deserializers.valueDeserializer, valueDeserializerSupplier)
    if (deserializers.keyDeserializer !== undefined) this.setKeyDeserializer(deserializers.keyDeserializer)
    if (deserializers.valueDeserializer !== undefined) this.setValueDeserializer(deserializers.valueDeserializer)
    if (keyDeserializerSupplier !== undefined) this.setKeyDeserializerSupplier(keyDeserializerSupplier)
    if (valueDeserializerSupplier !== undefined) this.setValueDeserializerSupplier(valueDeserializerSupplier)
    if (configureDeserializers !== undefined) this.setConfigureDeserializers(configureDeserializers)
  }

  /** What it was made with; a frozen copy. */
  get configurationProperties(): Readonly<Record<string, unknown>> {
    return this.#given
  }

  get groupId(): string | undefined {
    return textSetting(this.#settings, 'group.id', 'groupId')
  }

  get logger(): Logger | undefined {
    return loggerOf(this.#settings)
  }

  get bootstrapServers(): readonly string[] {
    return bootstrapServersOf(this.#settings)
  }

  /** One deserialiser for the keys of all consumers made from now on, instead of any given before. */
  setKeyDeserializer(deserializer: GivenDeserializer<K>): void {
    this.#key = instanceSource(deserializer, 'keyDeserializer')
  }

  /** One deserialiser for the values of all consumers made from now on, instead of any given before. */
  setValueDeserializer(deserializer: GivenDeserializer<V>): void {
    this.#value = instanceSource(deserializer, 'valueDeserializer')
  }

  /** A deserialiser of keys for each consumer made from now on. */
  setKeyDeserializerSupplier(supplier: DeserializerSupplier<K>): void {
    this.#key = supplierSource(supplier, 'keyDeserializer')
  }

  /** A deserialiser of values for each consumer made from now on. */
  setValueDeserializerSupplier(supplier: DeserializerSupplier<V>): void {
    this.#value = supplierSource(supplier, 'valueDeserializer')
  }

  /** Whether configure() is called on deserialisers that were given or supplied; for consumers made from now on. */
  setConfigureDeserializers(configure: boolean): void {
    if (typeof configure !== 'boolean') throw new KafkaUsageError('configureDeserializers must be true or false.')
    this.#configure = configure
  }

  /** The listeners; the list is a frozen copy. */
  get listeners(): readonly ShareConsumerFactoryListener[] {
    return Object.freeze([...this.#listeners])
  }

  /** Hears of consumers made from now on, and of the end of all. */
  addListener(listener: ShareConsumerFactoryListener): void {
    if (typeof listener !== 'object' || listener === null) {
      throw new KafkaUsageError(
        'A listener of a consumer factory is an object with consumerAdded(id, consumer) or consumerRemoved(id, consumer).',
      )
    }
    this.#listeners.push(listener)
  }

  /** True when it was there. */
  removeListener(listener: ShareConsumerFactoryListener): boolean {
    const index = this.#listeners.indexOf(listener)
    if (index >= 0) this.#listeners.splice(index, 1)
    return index >= 0
  }

  createAdmin({ properties }: Pick<ShareConsumerRequest, 'properties'> = {}): Admin {
    return new Admin(adminOptionsOf(layProperties(this.#settings, properties)))
  }

  checkSettings(request: ShareConsumerRequest): void {
    const { options, properties, keyDeserializer, valueDeserializer } = layProperties(
      this.#settings,
      request.properties,
    )
    if (keyDeserializer !== undefined) settingSource(keyDeserializer, 'keyDeserializer')
    if (valueDeserializer !== undefined) settingSource(valueDeserializer, 'valueDeserializer')
    const asked = {
      ...properties,
      'group.id': request.groupId ?? properties['group.id'] ?? options['groupId'] ?? 'any',
    }
    resolveShareConsumerConfig({ ...options, properties: asked })
  }

  createShareConsumer(request: ShareConsumerRequest = {}): ShareConsumer<K, V> {
    const settings = layProperties(this.#settings, request.properties)
    const groupId = request.groupId ?? textSetting(settings, 'group.id', 'groupId')
    if (groupId === undefined) {
      throw new KafkaUsageError(
        'There is no groupId: set it on the listener, in the container properties, or in the options of the consumer factory.',
      )
    }
    this.#checkMode(settings, request.acknowledgementMode)
    // In a consumer's options `properties` win: what is asked for goes there.
    const properties = {
      ...settings.properties,
      'group.id': groupId,
      ...given('client.id', request.clientId),
      ...given('share.acknowledgement.mode', request.acknowledgementMode),
    }
    const deserializers = this.#deserializers(settings, request, properties)
    try {
      const consumer = new ShareConsumer<K, V>({
        ...settings.options,
        groupId,
        keyDeserializer: deserializers.key,
        valueDeserializer: deserializers.value,
        properties,
      } as unknown as ShareConsumerOptions<K, V>)
      this.#announce(consumer, deserializers)
      return consumer
    } catch (error) {
      deserializers.release()
      throw error
    }
  }

  #deserializers(
    settings: FactorySettings,
    request: ShareConsumerRequest,
    properties: Readonly<Record<string, unknown>>,
  ): ConsumerDeserializers<K, V> {
    // What is set nearer to the listener beats what was given to the factory, and that its settings.
    const asked = layProperties(
      { ...this.#settings, keyDeserializer: undefined, valueDeserializer: undefined },
      request.properties,
    )
    const sourceOf = <T>(which: 'keyDeserializer' | 'valueDeserializer', own: DeserializerSource<T> | undefined) => {
      if (asked[which] !== undefined) return settingSource<T>(asked[which], which)
      return own ?? (settings[which] === undefined ? undefined : settingSource<T>(settings[which], which))
    }
    return this.#keeper.open({
      key: sourceOf('keyDeserializer', this.#key),
      value: sourceOf('valueDeserializer', this.#value),
      configure: this.#configure,
      configs: Object.freeze({ ...settings.options, ...properties }),
    })
  }

  #announce(consumer: ShareConsumer<K, V>, deserializers: ConsumerDeserializers<K, V>): void {
    const { clientId } = consumer
    let id = clientId
    for (let count = 1; this.#ids.has(id); count++) id = `${clientId}.${count}`
    this.#ids.add(id)
    const heard = consumer as unknown as ShareConsumer<unknown, unknown>
    const close = consumer.close.bind(consumer)
    consumer.close = async (options) => {
      try {
        await close(options)
      } finally {
        if (this.#ids.delete(id)) {
          deserializers.release()
          this.#tell((listener) => listener.consumerRemoved?.(id, heard))
        }
      }
    }
    this.#tell((listener) => listener.consumerAdded?.(id, heard))
  }

  #tell(what: (listener: ShareConsumerFactoryListener) => unknown): void {
    const report = (error: unknown): void => {
      const logger = this.logger ?? consoleLogger()
      logger.error(
        { err: error },
        'A listener of the share consumer factory failed. Consumers are not affected; mend the listener.',
      )
    }
    for (const listener of this.listeners) {
      try {
        const outcome = what(listener)
        if (outcome instanceof Promise) outcome.catch(report)
      } catch (error) {
        report(error)
      }
    }
  }

  #checkMode(settings: FactorySettings, asked: AcknowledgementMode | undefined): void {
    const own = textSetting(settings, 'share.acknowledgement.mode', 'acknowledgementMode')
    if (asked === undefined || own === undefined || own === asked || this.#warnedOfMode) return
    this.#warnedOfMode = true
    const logger = this.logger ?? consoleLogger()
    logger.warn(
      { given: own, used: asked },
      `The consumer settings ask for acknowledgement mode '${own}'; '${asked}' is used, which the container needs. ` +
        `Leave the setting away: the shareAckMode of the container decides, and only IMPLICIT uses 'implicit'.`,
    )
  }
}

function requireOneOf(what: string, instance: unknown, supplier: unknown): void {
  if (instance === undefined || supplier === undefined) return
  throw new KafkaUsageError(`Give either ${what}Deserializer or ${what}DeserializerSupplier, not both.`)
}

function given(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value }
}
