import { Admin, Producer } from '@milena/client'
import {
  ListenerEndpointRegistry,
  type ShareConsumerFactory,
  type ShareListenerContainerFactory,
  type ShareMessageListenerContainer,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import { ContainerModule, type ResolutionContext, type ServiceIdentifier } from 'inversify'
import type { ListenerClass } from './errors.js'
import {
  KafkaApplication,
  type ContainerFactoryOptions,
  type KafkaClientOptions,
  type KafkaProducerOptions,
} from './kafka-application.js'
import { DEFAULT_CONTAINER_FACTORY } from './listener-endpoint.js'
import type { PropertySource } from './property-resolver.js'

/** Gets something out of the DI container, as `di.get` does. */
export type Resolve = <T>(service: ServiceIdentifier<T>) => T

/** Everything that a Kafka application is told once. */
export interface KafkaModuleOptions {
  /**
   * How to reach Kafka, and how records are read: the options of ShareConsumer. Texts may hold placeholders. The Producer
   * and Admin of the DI container take from them what concerns them.
   */
  readonly client: KafkaClientOptions
  /** Options of the Producer in the DI container, over those of `client`: serialisers, compression, lingerMs. */
  readonly producer?: KafkaProducerOptions
  /**
   * Container factories by name; listeners choose one by `containerFactory`. A function is called once, when its factory is first
   * needed, to take parts out of the DI container: `(get) => ({ shareConsumerRecordRecoverer: get(OrderRecoverer).recover })`.
   * Default: `{ default: {} }`.
   */
  readonly containerFactories?: Readonly<
    Record<string, ContainerFactoryOptions | ((get: Resolve) => ContainerFactoryOptions)>
  >
  /** The classes with @KafkaListener and @EventListener methods. One that is not bound in the DI container is bound as a singleton. */
  readonly listeners?: readonly ListenerClass[]
  /** Where log lines go. Default: a pino logger, level info, to standard output. */
  readonly logger?: Logger
  /** Where placeholders are looked up before the environment: an object, a function, or several, asked in order. */
  readonly properties?: PropertySource | readonly PropertySource[]
}

/**
 * Names under which kafkaModule binds what has no class to be asked by. Producer, Admin and ListenerEndpointRegistry are bound
 * by their classes: a constructor parameter `producer: Producer` is enough.
 */
export const KafkaTokens = {
  /** The logger that all of it logs to. */
  Logger: Symbol.for('@milena/decorators/Logger') as ServiceIdentifier<Logger>,
  /** Makes share consumers with the `client` options of the module. */
  ShareConsumerFactory: Symbol.for('@milena/decorators/ShareConsumerFactory') as ServiceIdentifier<
    ShareConsumerFactory<unknown, unknown>
  >,
  /**
   * For you to bind: containers that were made in code. startKafkaListeners() starts those bound under this name too, and stops
   * them with the rest.
   */
  ListenerContainer: Symbol.for('@milena/decorators/ListenerContainer') as ServiceIdentifier<
    ShareMessageListenerContainer<never, never>
  >,
  /** The container factory of that name. One that you bind yourself under this name is known to listeners too. */
  containerFactory: (name: string): ServiceIdentifier<ShareListenerContainerFactory<unknown, unknown>> =>
    Symbol.for(`@milena/decorators/ContainerFactory/${name}`),
} as const

/** The application behind a module; bound once per kafkaModule. @internal */
export const APPLICATION: ServiceIdentifier<KafkaApplication> = Symbol.for('@milena/decorators/KafkaApplication')

/**
 * Everything of Kafka as one module for inversify: `di.load(kafkaModule({ … }))`, then `startKafkaListeners(di)`. Loading it
 * connects to nothing. (Spring's @EnableKafka.)
 *
 * @throws KafkaUsageError when the options are none
 */
export function kafkaModule(options: KafkaModuleOptions): ContainerModule {
  checkOptions(options)
  const factories = options.containerFactories ?? { [DEFAULT_CONTAINER_FACTORY]: {} }
  const application = new KafkaApplication({
    client: options.client,
    producer: options.producer ?? {},
    factoryNames: Object.keys(factories),
    listeners: options.listeners ?? [],
    logger: options.logger,
    properties: options.properties,
  })
  return new ContainerModule(({ bind }) => {
    bind(APPLICATION).toConstantValue(application)
    bind(KafkaTokens.Logger).toDynamicValue(() => application.logger)
    bind(KafkaTokens.ShareConsumerFactory)
      .toDynamicValue(() => application.consumerFactory())
      .inSingletonScope()
    bind(ListenerEndpointRegistry).toDynamicValue(() => application.registry)
    bind(Producer).toDynamicValue(() => application.producer)
    bind(Admin).toDynamicValue(() => application.admin)
    for (const [name, given] of Object.entries(factories)) {
      bind(KafkaTokens.containerFactory(name))
        .toDynamicValue((context) =>
          application.containerFactory(name, typeof given === 'function' ? given(resolveIn(context)) : given),
        )
        .inSingletonScope()
    }
  })
}

function resolveIn(context: ResolutionContext): Resolve {
  return <T>(service: ServiceIdentifier<T>) => context.get(service)
}

const OPTIONS: readonly string[] = [
  'client',
  'producer',
  'containerFactories',
  'listeners',
  'logger',
  'properties',
] satisfies (keyof KafkaModuleOptions)[]

function checkOptions(options: unknown): asserts options is KafkaModuleOptions {
  const client: unknown = typeof options === 'object' && options !== null ? Reflect.get(options, 'client') : undefined
  if (typeof options !== 'object' || options === null || typeof client !== 'object' || client === null) {
    throw new KafkaUsageError(
      "kafkaModule needs the client options, for example kafkaModule({ client: { bootstrapServers: 'localhost:9092' }, listeners: [OrderListener] }).",
    )
  }
  const unknownNames = Object.keys(options).filter((name) => !OPTIONS.includes(name))
  if (unknownNames.length > 0) {
    throw new KafkaUsageError(
      `kafkaModule does not know '${unknownNames.join("', '")}'. Known are ${OPTIONS.join(', ')}.`,
    )
  }
  const listeners: unknown = Reflect.get(options, 'listeners') ?? []
  if (!Array.isArray(listeners) || listeners.some((listener) => typeof listener !== 'function')) {
    throw new KafkaUsageError(
      'The listeners of kafkaModule must be a list of classes. (An undefined one is usually a circular import; of an instance give the class.)',
    )
  }
}
