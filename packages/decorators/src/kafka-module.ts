import { Admin, Producer } from '@milena/client'
import {
  ListenerEndpointRegistry,
  type AnyShareConsumerRecordRecoverer,
  type ContainerEventPublisher,
  type ShareConsumerFactory,
  type ShareListenerContainerFactory,
} from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import { ContainerModule, type IsBoundOptions, type ResolutionContext, type ServiceIdentifier } from 'inversify'
import type { BoundKafkaListenerEndpoint, BoundListenerContainer } from './bound-endpoint.js'
import { BOUND_TWICE, consumerFactoryIn, recovererFrom } from './bound-functions.js'
import type { ListenerClass } from './errors.js'
import { isServiceReference } from './instance-resolver.js'
import { InversifyInstances } from './instance-resolver-inversify.js'
import {
  KafkaApplication,
  type ContainerFactoryOptions,
  type KafkaClientOptions,
  type KafkaProducerOptions,
} from './kafka-application.js'
import { DEFAULT_CONTAINER_FACTORY } from './listener-endpoint.js'
import type { PropertySource } from './property-resolver.js'
import { RunningListeners, type KafkaListeners } from './running-listeners.js'

/** Gets something out of the DI container, as `di.get` does. */
export type Resolve = <T>(service: ServiceIdentifier<T>) => T

/** Everything that a Kafka application is told once. What is not given here can be bound in the DI container instead: see KafkaTokens. */
export interface KafkaModuleOptions {
  /**
   * How to reach Kafka, and how records are read: the options of ShareConsumer. Texts may hold placeholders. The Producer
   * and Admin of the DI container take from them what concerns them.
   */
  readonly client: KafkaClientOptions
  /** Options of the Producer in the DI container, over those of `client`: serialisers, compression, lingerMs. */
  readonly producer?: KafkaProducerOptions
  /**
   * Container factories by name, which is a text or a symbol; listeners choose one by `containerFactory`. A function is called once, when its factory is first
   * needed, to take parts out of the DI container: `(get) => ({ shareConsumerRecordRecoverer: get(OrderRecoverer).recover })`.
   * Default: `{ default: {} }`.
   */
  readonly containerFactories?: Readonly<
    Record<string | symbol, ContainerFactoryOptions | ((get: Resolve) => ContainerFactoryOptions)>
  >
  /** The classes with `@KafkaListener` and `@EventListener` methods. One that is not bound in the DI container is bound as a singleton. */
  readonly listeners?: readonly ListenerClass[]
  /** Where log lines go. Default: a pino logger, level info, to standard output, which writes no secrets. */
  readonly logger?: Logger
  /** Where placeholders are looked up before the environment: an object, a function, or several, asked in order. */
  readonly properties?: PropertySource | readonly PropertySource[]
}

/**
 * Names under which things are bound that have no class to be asked by. Producer, Admin and ListenerEndpointRegistry are bound
 * by their classes: a constructor parameter `producer: Producer` is enough.
 *
 * Logger and ShareConsumerFactory are bound by kafkaModule unless you have bound them before it is loaded. The others are yours
 * to bind; startKafkaListeners reads them. Those that say "any number" may be bound several times.
 */
export interface KafkaTokens {
  /** The logger that all of it logs to. */
  readonly Logger: ServiceIdentifier<Logger>
  /** Makes the share consumers of every container factory that names no other, with the `client` options of the module. */
  readonly ShareConsumerFactory: ServiceIdentifier<ShareConsumerFactory<unknown, unknown>>
  /** The running application: to stop it from inside, or to show its health(). */
  readonly Listeners: ServiceIdentifier<KafkaListeners>
  /**
   * The recoverer of every container factory that has none of its own: a function (record, error) => answer, or an object with
   * recover(record, error). Bound in request or transient scope there is one for each record that failed.
   */
  readonly ShareConsumerRecordRecoverer: ServiceIdentifier<
    AnyShareConsumerRecordRecoverer | { recover: AnyShareConsumerRecordRecoverer }
  >
  /** Any number: where placeholders are looked up after the `properties` of the module and before the environment. */
  readonly PropertySource: ServiceIdentifier<PropertySource>
  /** Any number: is told every event of every container. A function, or an object with publish(event). What it throws is logged. */
  readonly EventPublisher: ServiceIdentifier<ContainerEventPublisher | ContainerEventPublisher['publish']>
  /** Any number: classes with `@KafkaListener` and `@EventListener` methods, besides the `listeners` of the module. */
  readonly ListenerClass: ServiceIdentifier<ListenerClass>
  /** Any number: listeners without decorators. Each gets a container, made by the container factory that it names. */
  readonly Endpoint: ServiceIdentifier<BoundKafkaListenerEndpoint>
  /** Any number: containers that were made in code. They are in the registry by their ids, started and stopped with the rest. */
  readonly ListenerContainer: ServiceIdentifier<BoundListenerContainer>
  /**
   * The container factory of that name. One that you bind yourself under this name is known to listeners too; a name that
   * is a symbol is bound as it is. (One bound under its plain text is found as well.)
   */
  readonly containerFactory: (
    name: string | symbol,
  ) => ServiceIdentifier<ShareListenerContainerFactory<unknown, unknown>>
  /** The consumer factory of that name, for container factories to choose by `consumerFactory`. Yours to bind; names as above. */
  readonly consumerFactory: (name: string | symbol) => ServiceIdentifier<ShareConsumerFactory<unknown, unknown>>
}

/** The names themselves. */
export const KafkaTokens: KafkaTokens = {
  Logger: token('Logger'),
  ShareConsumerFactory: token('ShareConsumerFactory'),
  Listeners: token('Listeners'),
  ShareConsumerRecordRecoverer: token('ShareConsumerRecordRecoverer'),
  PropertySource: token('PropertySource'),
  EventPublisher: token('EventPublisher'),
  ListenerClass: token('ListenerClass'),
  Endpoint: token('Endpoint'),
  ListenerContainer: token('ListenerContainer'),
  containerFactory: (name) => named('ContainerFactory', name),
  consumerFactory: (name) => named('ConsumerFactory', name),
}

/** The application behind a module; bound once per kafkaModule. @internal */
export const APPLICATION: ServiceIdentifier<KafkaApplication> = token('KafkaApplication')
/** Its life. @internal */
export const RUNNING: ServiceIdentifier<RunningListeners> = token('RunningListeners')

/**
 * Everything of Kafka as one module for inversify: `di.load(kafkaModule({ … }))`, then `startKafkaListeners(di)`. Loading it
 * connects to nothing. (Spring's @EnableKafka.)
 *
 * @throws KafkaUsageError when the options are none
 */
export function kafkaModule(options: KafkaModuleOptions): ContainerModule {
  checkOptions(options)
  const factories = options.containerFactories ?? { [DEFAULT_CONTAINER_FACTORY]: {} }
  const names = Reflect.ownKeys(factories)
  const application = new KafkaApplication({
    client: options.client,
    producer: options.producer ?? {},
    factoryNames: names,
    listeners: options.listeners ?? [],
    logger: options.logger,
    properties: options.properties,
  })
  const running = new RunningListeners(application)
  return new ContainerModule(({ bind, isBound }) => {
    /** The application, which knows its DI container from the first time that it is asked for. */
    const connected = (context: ResolutionContext): KafkaApplication => {
      application.connect({
        services: new InversifyInstances({ bind, isBound, context }),
        logger: () => context.get(KafkaTokens.Logger),
        propertySources: () => (isBound(KafkaTokens.PropertySource) ? context.getAll(KafkaTokens.PropertySource) : []),
      })
      return application
    }
    bind(APPLICATION).toDynamicValue(connected)
    bind(RUNNING).toConstantValue(running)
    bind(KafkaTokens.Listeners).toConstantValue(running)
    if (!isBound(KafkaTokens.Logger)) {
      bind(KafkaTokens.Logger).toDynamicValue((context) => connected(context).ownLogger)
    }
    if (!isBound(KafkaTokens.ShareConsumerFactory)) {
      bind(KafkaTokens.ShareConsumerFactory)
        .toDynamicValue((context) => connected(context).consumerFactory())
        .inSingletonScope()
    }
    bind(ListenerEndpointRegistry).toDynamicValue(() => application.registry)
    bind(Producer).toDynamicValue((context) => connected(context).producer)
    bind(Admin).toDynamicValue((context) => connected(context).admin)
    for (const name of names) {
      const given = factories[name]
      bind(KafkaTokens.containerFactory(name))
        .toDynamicValue((context) => {
          const chosen = typeof given === 'function' ? given((service) => context.get(service)) : given
          return makeContainerFactory(connected(context), { name, given: chosen, context, isBound })
        })
        .inSingletonScope()
    }
  })
}

/** Finds what the options of a container factory refer to, and makes it. */
function makeContainerFactory(
  application: KafkaApplication,
  asked: {
    readonly name: string | symbol
    readonly given: ContainerFactoryOptions | undefined
    readonly context: ResolutionContext
    readonly isBound: (service: ServiceIdentifier, options?: IsBoundOptions) => boolean
  },
): ShareListenerContainerFactory<unknown, unknown> {
  const { name, given: options, context, isBound } = asked
  const where = `Container factory '${String(name)}'`
  if (typeof options !== 'object' || options === null) {
    throw new KafkaUsageError(`${where} has no options. Give it an object; {} takes the defaults.`)
  }
  const { client, consumerFactory } = options
  if (client !== undefined && consumerFactory !== undefined) {
    throw new KafkaUsageError(
      `${where} has both client and consumerFactory. Keep one: a consumerFactory brings its own client options.`,
    )
  }
  const consumers = (): ShareConsumerFactory<unknown, unknown> => {
    if (client !== undefined) return application.consumerFactory(client)
    if (consumerFactory !== undefined && !isServiceReference(consumerFactory)) return consumerFactory
    const service = consumerFactory ?? KafkaTokens.ShareConsumerFactory
    const found =
      typeof service === 'function' ? service : boundAs(KafkaTokens.consumerFactory, service as string, isBound)
    if (found === undefined) {
      throw new KafkaUsageError(
        `${where} wants the consumer factory '${String(service)}', and nothing is bound under that name. Bind it: di.bind(KafkaTokens.consumerFactory('${String(service)}')).`,
      )
    }
    const [factory, another] = context.getAll<unknown>(found)
    if (another === undefined) return consumerFactoryIn(factory)
    throw new KafkaUsageError(`The consumer factory of container factory '${String(name)}': ${BOUND_TWICE}`)
  }
  const recoverer =
    options.shareConsumerRecordRecoverer ??
    (isBound(KafkaTokens.ShareConsumerRecordRecoverer) ? KafkaTokens.ShareConsumerRecordRecoverer : undefined)
  if (isServiceReference(recoverer)) application.boundRecoverers.set(name, recoverer)
  return application.containerFactory({
    ...options,
    consumerFactory: consumers(),
    shareConsumerRecordRecoverer: isServiceReference(recoverer)
      ? recovererFrom(() => application.services, recoverer)
      : recoverer,
  })
}

/** Under which of its names something is bound: the one of ours, else the plain text. A symbol has one only. */
export function boundAs<T>(
  tokenOf: (name: string | symbol) => ServiceIdentifier<T>,
  name: string | symbol,
  isBound: (service: ServiceIdentifier) => boolean,
): ServiceIdentifier<T> | undefined {
  return [tokenOf(name), name].find((service) => isBound(service))
}

function token(name: string): symbol {
  return Symbol.for(`@milena/decorators/${name}`)
}

function named(kind: string, name: string | symbol): symbol {
  return typeof name === 'symbol' ? name : token(`${kind}/${name}`)
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
