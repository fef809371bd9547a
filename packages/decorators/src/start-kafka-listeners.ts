import type { KafkaListenerEndpoint, ListenerEndpointRegistry, ShareMessageListenerContainer } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import type { Container, Newable } from 'inversify'
import { messageOf, placeOf, Problems, type ListenerClass } from './errors.js'
import type { EventSubscription } from './event-dispatcher.js'
import type { InstanceResolver, ListenerInstance } from './instance-resolver.js'
import type { KafkaApplication } from './kafka-application.js'
import { APPLICATION, KafkaTokens } from './kafka-module.js'
import { describeEndpoint, type DescribedEndpoint } from './listener-endpoint.js'
import { exploreListenerClass, type ExploredClass, type ExploredListener } from './listener-explorer.js'
import { endpointListener } from './listener-method.js'

/** The running listeners of an application. */
export interface KafkaListeners {
  /** The containers, by listener id: to pause one, or to start one that has autoStartup false. */
  readonly registry: ListenerEndpointRegistry
  /**
   * Ends everything within a bound: nothing more is taken, running calls may end, what is finished is answered, the rest goes back
   * to the group at once. Then the Producer and Admin of the DI container are closed. It is the end of this application; may be called twice.
   */
  stop(options?: StopKafkaOptions): Promise<void>
  /** Resolves when every container is stopped; rejects with the cause as soon as one has failed. */
  whenStopped(): Promise<void>
}

/** How long stop() may take. */
export interface StopKafkaOptions {
  /** Milliseconds for the containers, which stop side by side. Default: the shutdownTimeoutMs of each. */
  readonly timeoutMs?: number
}

const started = new WeakSet<KafkaApplication>()

/**
 * Reads the listener classes, makes their containers and starts those with autoStartup. Resolves when all of them have joined
 * their groups. A container that cannot start ends the others and rejects with its cause.
 *
 * @throws KafkaUsageError that lists every mistake of the listeners, by class and method, before anything connects
 */
export async function startKafkaListeners(di: Container): Promise<KafkaListeners> {
  const application = applicationOf(di)
  if (started.has(application)) {
    throw new KafkaUsageError(
      'startKafkaListeners was called before for this DI container. Keep what it returned. To start again after stop(), or after a start that failed, load kafkaModule into a new DI container.',
    )
  }
  started.add(application)
  const instances = inversifyInstances(di)
  const running = new RunningListeners(application)
  try {
    await prepare(di, application, instances)
    running.adopt(await containersBoundIn(di))
    await running.start()
  } catch (error) {
    await running.stop().catch((failure: unknown) => {
      application.logger.warn({ err: failure }, 'Closing after a failed start failed too.')
    })
    throw error
  }
  return running
}

class RunningListeners implements KafkaListeners {
  readonly registry: ListenerEndpointRegistry
  #adopted: readonly ShareMessageListenerContainer<never, never>[] = []
  #stopped: Promise<void> | undefined

  constructor(private readonly application: KafkaApplication) {
    this.registry = application.registry
  }

  /** Takes in containers that were made in code. */
  adopt(containers: readonly ShareMessageListenerContainer<never, never>[]): void {
    this.#adopted = containers
  }

  async start(): Promise<void> {
    await Promise.all([this.registry.start(), ...this.#adopted.map((container) => container.start())])
  }

  stop(options: StopKafkaOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(options)
    return this.#stopped
  }

  async #stop(options: StopKafkaOptions): Promise<void> {
    await Promise.all([this.registry.stop(options), ...this.#adopted.map((container) => container.stop(options))])
    await this.application.closeClients()
  }

  async whenStopped(): Promise<void> {
    await Promise.all([...this.registry.allContainers, ...this.#adopted].map((container) => container.whenStopped()))
  }
}

/** Classes to endpoints, endpoints to registered containers. Every mistake is found before the first container is made. */
async function prepare(di: Container, application: KafkaApplication, instances: InstanceResolver): Promise<void> {
  const problems = new Problems()
  const classes = [...new Set(application.listeners)].map((listenerClass) =>
    exploreListenerClass(listenerClass, problems),
  )
  const described = classes
    .flatMap((explored) => explored.listeners)
    .map((listener) => ({ listener, endpoint: describeEndpoint(listener, application.resolver, problems) }))
  checkIds(described, problems)
  checkFactories(di, application, described, problems)
  problems.throwIfAny()

  const instanceOf = await resolveInstances(classes, instances, problems)
  problems.throwIfAny()

  application.events.subscribe(classes.flatMap((explored) => subscriptionsOf(explored, instanceOf)))
  for (const { listener, endpoint } of described) {
    const instance = instanceOf.get(listener.listenerClass)
    if (instance !== undefined) register({ di, application, listener, endpoint, instance, problems })
  }
  problems.throwIfAny()
}

interface DescribedListener {
  readonly listener: ExploredListener
  readonly endpoint: DescribedEndpoint
}

function checkIds(described: readonly DescribedListener[], problems: Problems): void {
  const owners = new Map<string, string>()
  for (const { listener, endpoint } of described) {
    const owner = owners.get(endpoint.id)
    if (owner === undefined) owners.set(endpoint.id, listener.where)
    else problems.add(listener.where, `The id '${endpoint.id}' is taken by ${owner}. Give one of them another id.`)
  }
}

function checkFactories(
  di: Container,
  application: KafkaApplication,
  described: readonly DescribedListener[],
  problems: Problems,
): void {
  for (const { listener, endpoint } of described) {
    const name = endpoint.containerFactory
    if (di.isBound(KafkaTokens.containerFactory(name))) continue
    const known = application.factoryNames.map((each) => `'${each}'`).join(', ')
    problems.add(
      listener.where,
      `There is no container factory '${name}'. Known are ${known === '' ? 'none' : known}; add it to containerFactories of kafkaModule, or name one of these.`,
    )
  }
}

async function resolveInstances(
  classes: readonly ExploredClass[],
  instances: InstanceResolver,
  problems: Problems,
): Promise<Map<ListenerClass, ListenerInstance>> {
  const resolved = new Map<ListenerClass, ListenerInstance>()
  for (const { listenerClass } of classes) {
    try {
      resolved.set(listenerClass, await instances.resolve(listenerClass))
    } catch (error) {
      problems.add(
        placeOf(listenerClass),
        `The DI container cannot make it: ${messageOf(error).trim()} Put @injectable() on the class and bind what its constructor asks for.`,
      )
    }
  }
  return resolved
}

function subscriptionsOf(
  explored: ExploredClass,
  instanceOf: ReadonlyMap<ListenerClass, ListenerInstance>,
): EventSubscription[] {
  const instance = instanceOf.get(explored.listenerClass)
  return instance === undefined ? [] : explored.eventListeners.map((eventListener) => ({ ...eventListener, instance }))
}

function register(found: {
  readonly di: Container
  readonly application: KafkaApplication
  readonly listener: ExploredListener
  readonly endpoint: DescribedEndpoint
  readonly instance: ListenerInstance
  readonly problems: Problems
}): void {
  const { di, application, listener, endpoint, instance, problems } = found
  const { where, method: name, plan } = listener
  try {
    const complete: KafkaListenerEndpoint = { ...endpoint, ...endpointListener({ where, name, plan, instance }) }
    const factory = di.get(KafkaTokens.containerFactory(endpoint.containerFactory))
    const { groupId } = application.registry.registerListenerContainer(complete, factory)
    if (groupId === undefined) {
      problems.add(
        where,
        'It has no group. Set groupId here, in its container factory, or in the client options of kafkaModule.',
      )
    }
  } catch (error) {
    problems.add(where, messageOf(error))
  }
}

function applicationOf(di: Container): KafkaApplication {
  const applications = typeof di?.isBound === 'function' && di.isBound(APPLICATION) ? di.getAll(APPLICATION) : []
  const [application] = applications
  if (application === undefined) {
    throw new KafkaUsageError(
      'startKafkaListeners found no kafkaModule in this DI container. Load one first: di.load(kafkaModule({ client: … , listeners: [ … ] })).',
    )
  }
  if (applications.length > 1) {
    throw new KafkaUsageError(
      'This DI container has kafkaModule loaded more than once. Load it once, with all listeners; a second cluster is a container factory with client options of its own.',
    )
  }
  return application
}

async function containersBoundIn(di: Container): Promise<readonly ShareMessageListenerContainer<never, never>[]> {
  return di.isBound(KafkaTokens.ListenerContainer) ? di.getAllAsync(KafkaTokens.ListenerContainer) : []
}

/**
 * Listener instances out of inversify, whose scopes are respected. inversify tells nobody the scope of a binding, so each class is asked for
 * twice: the same object both times is a singleton (or a constant) and is kept; different ones mean an instance per record.
 */
function inversifyInstances(di: Container): InstanceResolver {
  return {
    async resolve(listenerClass): Promise<ListenerInstance> {
      // inversify's type of a class takes any arguments, ours none in particular; it is the same class.
      const service = listenerClass as unknown as Newable<object>
      if (!di.isBound(service)) di.bind(service).to(service).inSingletonScope()
      const instance = await di.getAsync(service)
      const again = await di.getAsync(service)
      return instance === again ? { scope: 'singleton', instance } : { scope: 'perCall', create: createOf(di, service) }
    },
  }
}

/** Synchronous where inversify can do it, so that a record costs no promise more than it must. */
function createOf(di: Container, service: Newable<object>): () => object | Promise<object> {
  try {
    di.get(service)
    return () => di.get(service)
  } catch {
    // Something that it depends on is made asynchronously.
    return () => di.getAsync(service)
  }
}
