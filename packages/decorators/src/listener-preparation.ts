import type { ShareListenerContainerFactory } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { BoundKafkaListenerEndpoint } from './bound-endpoint.js'
import {
  BOUND_TWICE,
  containerFactoryIn,
  containerIn,
  loggerIn,
  propertySourceIn,
  publisherIn,
  recovererIn,
} from './bound-functions.js'
import { messageOf, placeOf, type ListenerClass, type Problems } from './errors.js'
import type { EventSubscription } from './event-dispatcher.js'
import { isClass, type InstanceResolver, type ListenerInstance, type ServiceReference } from './instance-resolver.js'
import type { KafkaApplication } from './kafka-application.js'
import { completeEndpoint, DEFAULT_CONTAINER_FACTORY, describeEndpoint } from './listener-endpoint.js'
import { exploreListenerClass, type ExploredClass, type ExploredListener } from './listener-explorer.js'
import { resolveHooks, servicesOf } from './listener-hooks.js'
import { checkAckMode } from './listener-method.js'

/** What startKafkaListeners reads out of a DI container besides listener classes and container factories. */
export interface ApplicationTokens {
  readonly logger: ServiceReference
  readonly propertySource: ServiceReference
  readonly eventPublisher: ServiceReference
  readonly listenerClass: ServiceReference
  readonly endpoint: ServiceReference
  readonly listenerContainer: ServiceReference
  /** Under which name the container factory of that name is bound, if it is. */
  readonly containerFactory: (name: string | symbol) => ServiceReference | undefined
}

type AnyFactory = ShareListenerContainerFactory<unknown, unknown>

/**
 * Classes to endpoints, endpoints to registered containers. Nothing is connected and nothing is started here, and every mistake
 * is noted, so that all of them are told at once.
 */
export class ListenerPreparation {
  readonly #application: KafkaApplication
  readonly #services: InstanceResolver
  readonly #tokens: ApplicationTokens
  readonly #problems: Problems
  /** Who has an id already. */
  readonly #owners = new Map<string, string>()
  readonly #factories = new Map<string | symbol, Promise<AnyFactory | undefined>>()

  constructor(application: KafkaApplication, tokens: ApplicationTokens, problems: Problems) {
    this.#application = application
    this.#services = application.services
    this.#tokens = tokens
    this.#problems = problems
  }

  async prepare(): Promise<void> {
    const problems = this.#problems
    if (!(await this.#hasLogger())) return
    const sources = await this.#bound('KafkaTokens.PropertySource', this.#tokens.propertySource, propertySourceIn)
    this.#application.usePropertySources(sources.map(({ part }) => part))
    const publishers = await this.#bound('KafkaTokens.EventPublisher', this.#tokens.eventPublisher, publisherIn)

    const classes = (await this.#listenerClasses()).map((each) => exploreListenerClass(each, problems))
    const subscriptions: EventSubscription[] = []
    for (const explored of classes) subscriptions.push(...(await this.#instantiate(explored)))
    for (const listener of classes.flatMap(({ listeners }) => listeners)) await this.#register(listener)
    await this.#registerBoundKafkaListenerEndpoints()
    await this.#adoptContainers()
    await this.#checkRecoverers()

    this.#application.events.subscribe(
      subscriptions,
      publishers.map(({ where, part: publisher }) => ({ where, publisher })),
    )
    this.#application.registry.addEventPublisher(this.#application.events)
  }

  /** Whether there is one logger. Without it nothing else can be made, nor found wrong. */
  async #hasLogger(): Promise<boolean> {
    const found = await this.#bound('KafkaTokens.Logger', this.#tokens.logger, loggerIn)
    if (found.length > 1) this.#problems.add('KafkaTokens.Logger', BOUND_TWICE)
    return found.length === 1
  }

  /** Everything that is bound under a name, as what it has to be. */
  async #bound<T>(
    name: string,
    service: ServiceReference,
    as: (given: unknown) => T,
  ): Promise<readonly { readonly where: string; readonly part: T }[]> {
    let all: readonly unknown[]
    try {
      all = await this.#services.all(service)
    } catch (error) {
      this.#cannotMake(name, error)
      return []
    }
    return all.flatMap((given, index) => {
      const where = all.length === 1 ? name : `${name} (${index + 1} of ${all.length})`
      try {
        return [{ where, part: as(given) }]
      } catch (error) {
        this.#problems.add(where, messageOf(error))
        return []
      }
    })
  }

  async #listenerClasses(): Promise<readonly ListenerClass[]> {
    const bound = await this.#bound('KafkaTokens.ListenerClass', this.#tokens.listenerClass, listenerClassIn)
    return [...new Set([...this.#application.listeners, ...bound.map(({ part }) => part)])]
  }

  /** Has the DI container make the class once, so that one that it cannot make is found; and finds its event listeners. */
  async #instantiate({ listenerClass, eventListeners }: ExploredClass): Promise<readonly EventSubscription[]> {
    try {
      const instance = await this.#services.resolve(listenerClass)
      return eventListeners.map((eventListener) => ({ ...eventListener, instance }))
    } catch (error) {
      this.#problems.add(
        placeOf(listenerClass),
        `The DI container cannot make it: ${sentenceOf(error)} Put @injectable() on the class and bind what its constructor asks for; import ` +
          'those classes as values (of an "import type" nothing is left at run time), or write @inject(Service).',
      )
      return []
    }
  }

  async #register(listener: ExploredListener): Promise<void> {
    const { where } = listener
    const problems = this.#problems
    const before = problems.count
    const endpoint = describeEndpoint(listener, this.#application.resolver, problems)
    this.#claim(endpoint.id, where)
    this.#application.learnSecrets({ properties: endpoint.properties })
    const factory = await this.#factory(endpoint.containerFactory, where)
    const recoverer = this.#application.boundRecoverers.get(endpoint.containerFactory)
    const services = [listener.listenerClass, ...servicesOf(endpoint)]
    const instances = await this.#together(recoverer === undefined ? services : [...services, recoverer])
    const hooks = await resolveHooks(
      endpoint,
      where,
      (service) => instances.get(service) ?? this.#services.resolve(service),
      problems,
    )
    const instance = instances.get(listener.listenerClass)
    if (problems.count > before || factory === undefined || instance === undefined) return
    this.#attempt(where, () => {
      const complete = completeEndpoint({ listener, endpoint, instance, hooks })
      const container = this.#application.registry.registerListenerContainer(complete, factory)
      this.#requireGroup(container, where)
      checkAckMode(listener, container.containerProperties.shareAckMode, problems)
      // What it would say of the mode is said.
      if (problems.count === before) container.checkReady()
    })
  }

  async #registerBoundKafkaListenerEndpoints(): Promise<void> {
    const endpoints = await this.#bound('KafkaTokens.Endpoint', this.#tokens.endpoint, endpointIn)
    for (const { where: token, part } of endpoints) {
      const id: unknown = Reflect.get(part, 'id')
      const where = typeof id === 'string' ? `${token} '${id}'` : token
      const before = this.#problems.count
      const read = this.#attempt(where, () => this.#application.endpoint(part))
      if (read === undefined) continue
      const { endpoint, containerFactory = DEFAULT_CONTAINER_FACTORY } = read
      if (endpoint.id !== undefined) this.#claim(endpoint.id, where)
      const factory = await this.#factory(containerFactory, where)
      if (this.#problems.count > before || factory === undefined) continue
      this.#attempt(where, () => {
        const container = this.#application.registry.registerListenerContainer(endpoint, factory)
        this.#requireGroup(container, where)
        container.checkReady()
      })
    }
  }

  async #adoptContainers(): Promise<void> {
    const containers = await this.#bound('KafkaTokens.ListenerContainer', this.#tokens.listenerContainer, containerIn)
    for (const { where, part } of containers) {
      const before = this.#problems.count
      this.#claim(part.id, `${where} '${part.id}'`)
      if (this.#problems.count > before) continue
      this.#attempt(where, () => {
        this.#application.registry.adopt(part)
        part.checkReady()
      })
    }
  }

  /** A recoverer that is none is found now and not with the first record that fails. */
  async #checkRecoverers(): Promise<void> {
    for (const service of new Set(this.#application.boundRecoverers.values())) {
      const users = [...this.#application.boundRecoverers].filter(([, used]) => used === service)
      const where = `The recoverer of container factory ${users.map(([name]) => nameOf(name)).join(', ')}`
      try {
        const instance = await this.#services.resolve(service)
        const found = instance.scope === 'singleton' ? instance.instance : await instance.create({})
        this.#attempt(where, () => recovererIn(found))
      } catch (error) {
        this.#cannotMake(where, error)
      }
    }
  }

  /** The container factory of a name. That there is none is told by everybody who names it; what is wrong with one is told once. */
  async #factory(name: string | symbol, where: string): Promise<AnyFactory | undefined> {
    const service = this.#tokens.containerFactory(name)
    if (service === undefined) {
      const names = this.#application.factoryNames.map(nameOf)
      const known = names.length === 0 ? 'none' : names.join(', ')
      this.#problems.add(
        where,
        `There is no container factory ${nameOf(name)}. Known are ${known}; add it to containerFactories of kafkaModule, or name one of these.`,
      )
      return undefined
    }
    let finding = this.#factories.get(name)
    if (finding === undefined) {
      finding = this.#makeFactory(name, service, where)
      this.#factories.set(name, finding)
    }
    return finding
  }

  async #makeFactory(name: string | symbol, service: ServiceReference, where: string): Promise<AnyFactory | undefined> {
    try {
      const [factory, another] = await this.#services.all(service)
      if (another === undefined) return containerFactoryIn(factory)
      throw new KafkaUsageError(
        `The container factory ${nameOf(name)} is bound more than once. Give one of them another name, or use di.rebind().`,
      )
    } catch (error) {
      this.#problems.add(where, messageOf(error))
      return undefined
    }
  }

  /** The services as they are for one record, without those that cannot be made. */
  async #together(services: readonly ServiceReference[]): Promise<ReadonlyMap<ServiceReference, ListenerInstance>> {
    const outcomes = await Promise.allSettled(services.map((service) => this.#services.resolve(service)))
    return this.#services.together(services.filter((_service, index) => outcomes[index]?.status === 'fulfilled'))
  }

  #claim(id: string, where: string): void {
    const owner = this.#owners.get(id)
    if (owner === undefined) this.#owners.set(id, where)
    else this.#problems.add(where, `The id '${id}' is taken by ${owner}. Give one of them another id.`)
  }

  #requireGroup({ groupId }: { readonly groupId: string | undefined }, where: string): void {
    if (groupId !== undefined) return
    this.#problems.add(
      where,
      'It has no group. Set groupId here, in its container factory, or in the client options of kafkaModule.',
    )
  }

  #attempt<T>(where: string, what: () => T): T | undefined {
    try {
      return what()
    } catch (error) {
      this.#problems.add(where, messageOf(error))
      return undefined
    }
  }

  #cannotMake(where: string, error: unknown): void {
    this.#problems.add(
      where,
      `The DI container cannot make it: ${sentenceOf(error)} Mend what is bound under that name.`,
    )
  }
}

function nameOf(factory: string | symbol): string {
  return typeof factory === 'symbol' ? String(factory) : `'${factory}'`
}

function listenerClassIn(given: unknown): ListenerClass {
  if (isClass(given)) return given
  throw new KafkaUsageError(
    'What is bound there is no class. Bind the class itself, not an instance: di.bind(KafkaTokens.ListenerClass).toConstantValue(OrderListener).',
  )
}

function endpointIn(given: unknown): BoundKafkaListenerEndpoint {
  if (typeof given === 'object' && given !== null && 'topics' in given && 'listener' in given)
    return given as BoundKafkaListenerEndpoint
  throw new KafkaUsageError(
    "What is bound there is no endpoint. Bind an object with topics and listener, for example { id: 'orders', topics: 'orders', listener: (record) => … }.",
  )
}

/** What the DI container said, ended so that another sentence can follow. */
function sentenceOf(error: unknown): string {
  return messageOf(error)
    .trim()
    .replace(/[^.!?]$/, '$&.')
}
