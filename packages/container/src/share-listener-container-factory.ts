import { consoleLogger } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { ContainerProperties } from './container-properties.js'
import { containerPropertyNames, deprecationOf, reasonAgainst } from './container-property-checks.js'
import { DEFAULT_CONTAINER_ID, layContainerProperties } from './container-property-layers.js'
import type { ContainerRuntime } from './container-surroundings.js'
import { listenerOptionsOf, propertiesOfEndpoint, readEndpoint, type KafkaListenerEndpoint } from './endpoint.js'
import type { ContainerEventPublisher } from './event-hub.js'
import { requireKnown } from './known-names.js'
import type { ShareConsumerRecordRecoverer } from './recoverers.js'
import { requireFactory, type ShareConsumerFactory } from './share-consumer-factory.js'
import { ShareMessageListenerContainer } from './share-message-listener-container.js'

/** What a container factory gives to each container that it makes. */
export interface ShareListenerContainerFactoryOptions<K, V> {
  readonly consumerFactory: ShareConsumerFactory<K, V>
  /** Copied: a later change of the object touches no container. */
  readonly containerProperties?: ContainerProperties | undefined
  /** How many members a container runs that does not say so itself. Beats the one in containerProperties. */
  readonly concurrency?: number | string | undefined
  /** Beats the one in containerProperties. */
  readonly shareConsumerRecordRecoverer?: ShareConsumerRecordRecoverer<K, V> | undefined
  /** Default: the consumer factory's, else warnings and errors on standard error. */
  readonly logger?: Logger | undefined
  readonly eventPublisher?: ContainerEventPublisher | undefined
  /** For tests and simulations. */
  readonly runtime?: ContainerRuntime<K, V> | undefined
}

/**
 * Makes containers with common settings, from endpoints or for topics. What an endpoint sets wins over the factory, and the
 * factory over the consumer factory. (Spring's ShareKafkaListenerContainerFactory.)
 */
export class ShareListenerContainerFactory<K = Buffer | null, V = Buffer | null> {
  readonly #options: ShareListenerContainerFactoryOptions<K, V>
  readonly #properties: ContainerProperties

  /** @throws KafkaUsageError for container properties that are unknown or wrong, and without a consumer factory */
  constructor(options: ShareListenerContainerFactoryOptions<K, V>) {
    requireFactory(options?.consumerFactory, 'A container factory')
    requireKnown(
      Object.keys(options),
      { noun: 'an option of it', known: OPTIONS, reasonAgainst: reasonAgainstOption },
      'Container factory',
    )
    this.#options = options
    const { concurrency, shareConsumerRecordRecoverer, containerProperties = {} } = options
    this.#properties = layContainerProperties(
      containerProperties,
      { concurrency, shareConsumerRecordRecoverer },
      'Container factory',
    )
    const deprecation = deprecationOf(containerProperties, 'Container factory')
    if (deprecation !== undefined) {
      const logger = options.logger ?? options.consumerFactory.logger ?? consoleLogger()
      logger.warn({}, deprecation)
    }
  }

  get consumerFactory(): ShareConsumerFactory<K, V> {
    return this.#options.consumerFactory
  }

  /** A container that runs the endpoint's listener; not started. @throws KafkaUsageError for settings that are wrong */
  createListenerContainer(given: KafkaListenerEndpoint<K, V>): ShareMessageListenerContainer<K, V> {
    const endpoint = readEndpoint(given)
    const container = this.#create(
      layContainerProperties(
        this.#properties,
        propertiesOfEndpoint(endpoint),
        `Container '${endpoint.id ?? DEFAULT_CONTAINER_ID}'`,
      ),
    )
    container.setupMessageListener(endpoint.listener, listenerOptionsOf(endpoint))
    return container
  }

  /** A container for these topics, with all of the factory's settings; it needs a listener before it can start. */
  createContainer(...topics: readonly [string, ...string[]]): ShareMessageListenerContainer<K, V>
  /**
   * A container with these properties laid over the factory's; it needs a listener before it can start. Where several containers
   * are made, give each an id: their members' client ids are made from it.
   */
  createContainer(properties: ContainerProperties): ShareMessageListenerContainer<K, V>
  createContainer(...given: readonly [ContainerProperties] | readonly string[]): ShareMessageListenerContainer<K, V> {
    const [first] = given
    const properties = typeof first === 'object' ? first : { topics: given as readonly string[] }
    if (given.length === 0) throw new KafkaUsageError('createContainer() needs at least one topic.')
    const where = `Container '${properties.id ?? this.#properties.id ?? DEFAULT_CONTAINER_ID}'`
    return this.#create(layContainerProperties(this.#properties, properties, where))
  }

  #create(properties: ContainerProperties): ShareMessageListenerContainer<K, V> {
    const { consumerFactory, logger, eventPublisher, runtime } = this.#options
    return new ShareMessageListenerContainer(consumerFactory, properties, { logger, eventPublisher, runtime })
  }
}

const OPTIONS: readonly string[] = [
  'consumerFactory',
  'containerProperties',
  'concurrency',
  'shareConsumerRecordRecoverer',
  'logger',
  'eventPublisher',
  'runtime',
] satisfies (keyof ShareListenerContainerFactoryOptions<unknown, unknown>)[]

function reasonAgainstOption(name: string): string | undefined {
  return containerPropertyNames.includes(name) ? 'it belongs into containerProperties' : reasonAgainst(name)
}
