import { Admin, Producer, type ClientOptions, type ProducerOptions, type ShareConsumerOptions } from '@milena/client'
import { clientOptions } from '@milena/client/internal'
import {
  DefaultShareConsumerFactory,
  ListenerEndpointRegistry,
  ShareListenerContainerFactory,
  type ContainerProperties,
  type ContainerRuntime,
  type ShareConsumerFactory,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import { pino } from 'pino'
import type { ListenerClass } from './errors.js'
import { EventDispatcher } from './event-dispatcher.js'
import { groupIn } from './listener-endpoint.js'
import { environmentProperties, PropertyResolver, type PropertySource } from './property-resolver.js'

/** Options of the share consumers that containers make: all of ShareConsumer's. groupId may be left to the listeners. */
export type KafkaClientOptions = Partial<ShareConsumerOptions<unknown, unknown>>

/** Options of the Producer in the DI container. */
export type KafkaProducerOptions = Partial<ProducerOptions>

/** How the containers of one factory work. Listeners say topics, ids and client ids themselves. */
export interface ContainerFactoryOptions extends Omit<
  ContainerProperties,
  'id' | 'topics' | 'clientId' | 'clientIdPrefix'
> {
  /** What this factory's consumers have other than `client` of kafkaModule: another cluster, another deserialiser. */
  readonly client?: KafkaClientOptions
  /** Makes the consumers, in the place of `client`. */
  readonly consumerFactory?: ShareConsumerFactory<unknown, unknown>
  /** For tests and simulations. */
  readonly runtime?: ContainerRuntime<unknown, unknown>
}

/** What one kafkaModule was given, without anything of the DI container. */
export interface KafkaApplicationOptions {
  readonly client: KafkaClientOptions
  readonly producer: KafkaProducerOptions
  readonly factoryNames: readonly string[]
  readonly listeners: readonly ListenerClass[]
  readonly logger: Logger | undefined
  readonly properties: PropertySource | readonly PropertySource[] | undefined
}

/**
 * Everything that one kafkaModule stands for, made when it is first needed: one logger, one registry, one producer, one admin,
 * and a container factory per name.
 */
export class KafkaApplication {
  readonly factoryNames: readonly string[]
  readonly listeners: readonly ListenerClass[]
  readonly resolver: PropertyResolver
  readonly events = new EventDispatcher(() => this.logger)
  readonly #options: KafkaApplicationOptions
  #logger: Logger | undefined
  #registry: ListenerEndpointRegistry | undefined
  #producer: Producer | undefined
  #admin: Admin | undefined

  constructor(options: KafkaApplicationOptions) {
    this.#options = options
    this.factoryNames = options.factoryNames
    this.listeners = options.listeners
    this.resolver = new PropertyResolver([...sourcesOf(options.properties), environmentProperties])
  }

  get logger(): Logger {
    this.#logger ??= this.#options.logger ?? pino({ name: 'milena' })
    return this.#logger
  }

  get registry(): ListenerEndpointRegistry {
    this.#registry ??= new ListenerEndpointRegistry()
    return this.#registry
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

  containerFactory(name: string, options: ContainerFactoryOptions): ShareListenerContainerFactory<unknown, unknown> {
    if (typeof options !== 'object' || options === null) {
      throw new KafkaUsageError(`Container factory '${name}' has no options. Give it an object; {} takes the defaults.`)
    }
    const { client, consumerFactory, runtime, ...given } = options
    const properties = this.#resolvedEntries(given)
    if (client !== undefined && consumerFactory !== undefined) {
      throw new KafkaUsageError(
        `Container factory '${name}' has both client and consumerFactory. Keep one: a consumerFactory brings its own client options.`,
      )
    }
    return new ShareListenerContainerFactory<unknown, unknown>({
      consumerFactory: consumerFactory ?? this.consumerFactory(client),
      // A group among the consumer settings is this factory's group, for whoever asks its containers.
      containerProperties: { ...properties, groupId: properties.groupId ?? groupIn(properties.properties) },
      logger: this.logger,
      eventPublisher: this.events,
      runtime,
    })
  }

  /** Closes what was made of producer and admin; the next one who asks gets a new one. Rejects with the first failure after trying both. */
  async closeClients(): Promise<void> {
    const open = [this.#producer, this.#admin].filter((client) => client !== undefined)
    this.#producer = undefined
    this.#admin = undefined
    const outcomes = await Promise.allSettled(open.map((client) => client.close()))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  #clientOptions(own: KafkaClientOptions): KafkaClientOptions {
    const { client } = this.#options
    const options = { logger: this.logger, ...client, ...own, properties: { ...client.properties, ...own.properties } }
    return this.#resolvedEntries(options)
  }

  /** Those of the client options that every client knows, and `own` over them. */
  #plainClientOptions(own: KafkaProducerOptions = {}): ClientOptions {
    const { properties = {}, ...options } = this.#clientOptions({})
    const names = new Map<string, string>()
    for (const [name, { property }] of Object.entries(clientOptions)) {
      names.set(name, name)
      if (property !== undefined) names.set(property, name)
    }
    const known = (given: object) => Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name)))
    const ownResolved = this.#resolvedEntries(own)
    return {
      ...known(options),
      ...ownResolved,
      properties: { ...known(properties), ...ownResolved.properties },
    } as ClientOptions
  }

  /** The options with the placeholders of their texts resolved, those in lists and in `properties` included. */
  #resolvedEntries<T extends object>(options: T): T {
    const entries = Object.entries(options).map(([name, value]): [string, unknown] => [
      name,
      name === 'properties' && isRecord(value) ? this.#resolvedEntries(value) : this.#resolved(value),
    ])
    return Object.fromEntries(entries) as T
  }

  #resolved(value: unknown): unknown {
    if (typeof value === 'string') return this.resolver.resolve(value)
    if (Array.isArray(value)) return value.map((item) => this.#resolved(item))
    return value
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sourcesOf(given: PropertySource | readonly PropertySource[] | undefined): readonly PropertySource[] {
  if (given === undefined) return []
  return Array.isArray(given) ? (given as readonly PropertySource[]) : [given as PropertySource]
}
