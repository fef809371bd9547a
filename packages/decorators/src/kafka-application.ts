import { Admin, Producer, type ClientOptions, type ProducerOptions, type ShareConsumerOptions } from '@milena/client'
import { everyClientsOptions, layOptions } from '@milena/client/internal'
import {
  DefaultShareConsumerFactory,
  ListenerEndpointRegistry,
  readEndpoint,
  ShareListenerContainerFactory,
  type ContainerProperties,
  type ContainerRuntime,
  type KafkaListenerEndpoint,
  type ShareConsumerFactory,
  type ShareConsumerRecordRecoverer,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { BoundKafkaListenerEndpoint } from './bound-endpoint.js'
import { propertySourceIn } from './bound-functions.js'
import { redactingLogger } from './default-logger.js'
import type { ListenerClass } from './errors.js'
import { EventDispatcher } from './event-dispatcher.js'
import type { InstanceResolver, ServiceReference } from './instance-resolver.js'
import type { GroupConfigsWithPlaceholders } from './kafka-listener-options.js'
import { groupIn } from './listener-endpoint.js'
import { topicsIn } from './option-reader.js'
import { environmentProperties, PropertyResolver, unresolvedSecret, type PropertySource } from './property-resolver.js'
import { isSecretName, SecretRedaction } from './secret-redaction.js'

/** Options of the share consumers that containers make: all of ShareConsumer's. groupId may be left to the listeners. */
export type KafkaClientOptions = Partial<ShareConsumerOptions<unknown, unknown>>

/** Options of the Producer in the DI container. */
export type KafkaProducerOptions = Partial<ProducerOptions>

/** How the containers of one factory work. Listeners say topics, ids and client ids themselves. */
export interface ContainerFactoryOptions extends Omit<
  ContainerProperties,
  'id' | 'topics' | 'clientId' | 'clientIdPrefix' | 'shareConsumerRecordRecoverer' | 'groupConfigs'
> {
  /** Settings of the share group, applied before the first member of a container joins it. */
  readonly groupConfigs?: GroupConfigsWithPlaceholders | undefined
  /** What this factory's consumers have other than `client` of kafkaModule: another cluster, another deserialiser. */
  readonly client?: KafkaClientOptions
  /**
   * Makes the consumers, in the place of `client`: a factory, or what one is bound under in the DI container. Default:
   * KafkaTokens.ShareConsumerFactory.
   */
  readonly consumerFactory?: ShareConsumerFactory<unknown, unknown> | ServiceReference | undefined
  /**
   * Decides what becomes of a record whose listener threw: a function, or what one is bound under in the DI container (a function
   * too, or an object with recover(record, error)). Default: KafkaTokens.ShareConsumerRecordRecoverer if that is bound, else REJECTING.
   */
  readonly shareConsumerRecordRecoverer?:
    | Exclude<ContainerProperties['shareConsumerRecordRecoverer'], undefined>
    | ServiceReference
    | undefined
  /** For tests and simulations. */
  readonly runtime?: ContainerRuntime<unknown, unknown>
}

/** The options of a container factory after what it refers to was found. */
export interface FoundContainerFactoryOptions extends Omit<
  ContainerFactoryOptions,
  'consumerFactory' | 'shareConsumerRecordRecoverer'
> {
  readonly consumerFactory: ShareConsumerFactory<unknown, unknown>
  readonly shareConsumerRecordRecoverer?: ShareConsumerRecordRecoverer | undefined
}

/** What one kafkaModule was given, without anything of the DI container. */
export interface KafkaApplicationOptions {
  readonly client: KafkaClientOptions
  readonly producer: KafkaProducerOptions
  readonly factoryNames: readonly (string | symbol)[]
  readonly listeners: readonly ListenerClass[]
  readonly logger: Logger | undefined
  readonly properties: PropertySource | readonly PropertySource[] | undefined
}

/** What an application takes out of its DI container, when it is first needed. */
export interface ApplicationSurroundings {
  readonly services: InstanceResolver
  /** The logger that is bound there, which is ownLogger if nobody bound another. */
  readonly logger: () => Logger
  /** The property sources that are bound there; they may be anything. */
  readonly propertySources: () => readonly unknown[]
}

/** How long unsent records of the Producer keep the end of an application waiting, where it is not told. */
const CLOSE_TIMEOUT_MS = 10_000

/**
 * Everything that one kafkaModule stands for, made when it is first needed: one logger, one registry, one producer, one admin,
 * and a container factory per name.
 */
export class KafkaApplication {
  readonly factoryNames: readonly (string | symbol)[]
  readonly listeners: readonly ListenerClass[]
  readonly events = new EventDispatcher(() => this.logger)
  readonly registry = new ListenerEndpointRegistry()
  /** What recoverers are bound under that the container factories use, with who uses them. */
  readonly boundRecoverers = new Map<string | symbol, ServiceReference>()
  readonly #options: KafkaApplicationOptions
  readonly #redaction = new SecretRedaction()
  #surroundings: ApplicationSurroundings | undefined
  #services: InstanceResolver | undefined
  #ownLogger: Logger | undefined
  #resolver: PropertyResolver | undefined
  #producer: Producer | undefined
  #admin: Admin | undefined

  constructor(options: KafkaApplicationOptions) {
    this.#options = options
    this.factoryNames = options.factoryNames
    this.listeners = options.listeners
    this.#redaction.learn(options.client)
    this.#redaction.learn(options.producer)
  }

  /** Gives it the DI container that it belongs to. The first one stays. */
  connect(surroundings: ApplicationSurroundings): void {
    this.#surroundings ??= surroundings
  }

  /** Has services come from here from now on: out of the DI container that the listeners are started with. */
  startWith(services: InstanceResolver): void {
    this.#services = services
  }

  get services(): InstanceResolver {
    return this.#services ?? this.#connected.services
  }

  /** The logger that all of it logs to. */
  get logger(): Logger {
    return this.#connected.logger()
  }

  /** The logger of kafkaModule: the one given, else pino, which keeps the secrets of the options to itself. */
  get ownLogger(): Logger {
    this.#ownLogger ??= this.#options.logger ?? redactingLogger(this.#redaction)
    return this.#ownLogger
  }

  /** Placeholders are looked up in the `properties` of kafkaModule, then in the sources bound in the DI container, then in the environment. */
  get resolver(): PropertyResolver {
    this.#resolver ??= this.#newResolver(this.#connected.propertySources().map(propertySourceIn))
    return this.#resolver
  }

  /** The property sources of the DI container, found good; unless placeholders were looked up before. */
  usePropertySources(bound: readonly PropertySource[]): void {
    this.#resolver ??= this.#newResolver(bound)
  }

  get producer(): Producer {
    this.#producer ??= new Producer(this.#plainClientOptions(this.#options.producer))
    return this.#producer
  }

  get admin(): Admin {
    this.#admin ??= new Admin(this.#plainClientOptions())
    return this.#admin
  }

  consumerFactory(own: KafkaClientOptions = {}): ShareConsumerFactory<unknown, unknown> {
    return new DefaultShareConsumerFactory<unknown, unknown>(this.#clientOptions(own))
  }

  containerFactory(options: FoundContainerFactoryOptions): ShareListenerContainerFactory<unknown, unknown> {
    const { consumerFactory, runtime, client: _used, info, ...given } = options
    const properties = { ...this.#resolvedEntries(given), info } as ContainerProperties
    return new ShareListenerContainerFactory<unknown, unknown>({
      consumerFactory,
      // A group among the consumer settings is this factory's group, for whoever asks its containers.
      containerProperties: { ...properties, groupId: properties.groupId ?? groupIn(properties.properties) },
      logger: this.logger,
      eventPublisher: this.events,
      runtime,
    })
  }

  /** An endpoint that was made in code, with the placeholders of its texts resolved; its info is the application's own. */
  endpoint(given: BoundKafkaListenerEndpoint): {
    readonly endpoint: KafkaListenerEndpoint
    readonly containerFactory: string | symbol | undefined
  } {
    const { info, ...read } = readEndpoint(given, ['containerFactory'])
    const { containerFactory, topics, ...rest } = this.#resolvedEntries(read)
    // Its listener takes records of the types that its container factory makes, which nobody here knows.
    const endpoint = { ...rest, topics: topicsIn([topics].flat()), ...(info === undefined ? {} : { info }) }
    return { endpoint: endpoint as KafkaListenerEndpoint, containerFactory }
  }

  /** Keeps the secrets of further settings out of the log. */
  learnSecrets(settings: object): void {
    this.#redaction.learn(settings)
  }

  /** Closes what was made of producer and admin; the next one who asks gets a new one. Rejects with the first failure after trying both. */
  async closeClients(timeoutMs = CLOSE_TIMEOUT_MS): Promise<void> {
    const closings = [this.#producer?.close({ timeoutMs }), this.#admin?.close()].filter(
      (closing) => closing !== undefined,
    )
    this.#producer = undefined
    this.#admin = undefined
    const outcomes = await Promise.allSettled(closings)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  get #connected(): ApplicationSurroundings {
    if (this.#surroundings !== undefined) return this.#surroundings
    throw new KafkaUsageError('This kafkaModule is in no DI container. Load it first: di.load(kafkaModule({ … })).')
  }

  #newResolver(bound: readonly PropertySource[]): PropertyResolver {
    return new PropertyResolver([...sourcesOf(this.#options.properties), ...bound, environmentProperties])
  }

  #clientOptions(own: KafkaClientOptions): KafkaClientOptions {
    return this.#resolvedEntries(layOptions({ logger: this.logger, ...this.#options.client }, own))
  }

  /** Those of the client options that every client knows, and `own` over them. */
  #plainClientOptions(own: KafkaProducerOptions = {}): ClientOptions {
    const shared = everyClientsOptions(this.#clientOptions({}))
    return layOptions(shared, this.#resolvedEntries(own)) as unknown as ClientOptions
  }

  /** The options with the placeholders of their texts resolved, those in lists and in the settings inside them included. */
  #resolvedEntries<T extends object>(options: T, owner = ''): T {
    const entries = Object.entries(options).map(([name, value]): [string, unknown] => [
      name,
      this.#resolvedValue(value, name, owner),
    ])
    const resolved = Object.fromEntries(entries) as T
    this.#redaction.learn(resolved, owner)
    return resolved
  }

  #resolvedValue(value: unknown, name: string, owner: string): unknown {
    if (typeof value === 'string') return this.#resolvedText(value, name, owner)
    if (Array.isArray(value)) return value.map((item) => this.#resolvedValue(item, name, owner))
    const isSettings = SETTINGS.includes(name) || SETTINGS.includes(owner)
    return isSettings && isPlainObject(value) ? this.#resolvedEntries(value, name) : value
  }

  #resolvedText(text: string, name: string, owner: string): string {
    if (!text.includes('${')) return text
    try {
      return this.resolver.resolve(text)
    } catch (error) {
      if (!isSecretName(name, owner)) throw error
      // The sentence may quote the text.
      throw new KafkaUsageError(unresolvedSecret(name))
    }
  }
}

/** Options that are objects of texts themselves. */
const SETTINGS: readonly string[] = ['properties', 'groupConfigs', 'kafkaConsumerProperties', 'sasl', 'ssl']

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function sourcesOf(given: PropertySource | readonly PropertySource[] | undefined): readonly PropertySource[] {
  if (given === undefined) return []
  return Array.isArray(given) ? (given as readonly PropertySource[]) : [given as PropertySource]
}
