import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { ContainerGroup } from './container-group.js'
import { worstOf, type RegistryHealth } from './container-health.js'
import { startByPhase, stopByPhase, type AnyContainer } from './container-phases.js'
import { readEndpoint, type KafkaListenerEndpoint } from './endpoint.js'
import type { ContainerEventPublisher } from './event-hub.js'
import type { ShareListenerContainerFactory } from './share-listener-container-factory.js'
import type { ShareMessageListenerContainer, StopOptions } from './share-message-listener-container.js'

interface Registration {
  readonly container: AnyContainer
  readonly autoStartup: boolean
}

/** How an endpoint is registered. */
export interface RegisterOptions {
  /**
   * Starts the container at once, whatever its autoStartup says. A start that fails is logged and published as an event, and the
   * container is `failed`; to hear of it, await its start(), which joins the one under way. Default false.
   */
  readonly startImmediately?: boolean | undefined
}

/** How a container that was made in code is kept. */
export interface AdoptOptions {
  /** Default true. */
  readonly autoStartup?: boolean | undefined
}

/**
 * The listener containers of an application by their ids; starts and stops them together. Containers may be registered at any
 * time, also while others run.
 */
export class ListenerEndpointRegistry {
  readonly #registrations = new Map<string, Registration>()
  readonly #publishers = new Set<ContainerEventPublisher>()
  #unnamed = 0
  /** How often stop() was called: a start() that it overtook does not go on. */
  #stops = 0

  /**
   * Makes the endpoint's container and keeps it. It is started by the next start(), or at once where that is asked for.
   * @throws KafkaUsageError when the id is taken, or a setting is unknown or wrong
   */
  registerListenerContainer<K, V>(
    endpoint: KafkaListenerEndpoint<K, V>,
    factory: ShareListenerContainerFactory<K, V>,
    options?: RegisterOptions,
  ): ShareMessageListenerContainer<K, V>
  /** With a container factory whose types nobody knows, as that of a DI container: a listener that names its types is taken at its word. */
  registerListenerContainer<K, V, FK, FV>(
    endpoint: KafkaListenerEndpoint<K, V>,
    factory: ShareListenerContainerFactory<FK, FV> & (unknown extends FK & FV ? unknown : never),
    options?: RegisterOptions,
  ): ShareMessageListenerContainer<K, V>
  registerListenerContainer<K, V>(
    endpoint: KafkaListenerEndpoint<K, V>,
    factory: ShareListenerContainerFactory<K, V>,
    { startImmediately = false }: RegisterOptions = {},
  ): ShareMessageListenerContainer<K, V> {
    const { id = this.#nextId(), autoStartup, ...rest } = readEndpoint(endpoint)
    if (typeof factory?.createListenerContainer !== 'function') {
      throw new KafkaUsageError(
        `The listener container '${id}' needs a container factory that makes it: new ShareListenerContainerFactory({ consumerFactory }).`,
      )
    }
    if (this.#registrations.has(id)) {
      throw new KafkaUsageError(
        `A listener container '${id}' is registered already: give each endpoint an id of its own.`,
      )
    }
    const starts = truthOf(autoStartup, `Endpoint '${id}': autoStartup`)
    const container = factory.createListenerContainer({ ...rest, id })
    this.#keep(container, starts)
    // The container logs and publishes why it could not start.
    if (startImmediately) container.start().catch(() => undefined)
    return container
  }

  /**
   * Keeps a container that was made in code, under its own id: it is started, stopped and found with the others. With autoStartup
   * false start() leaves it alone.
   * @throws KafkaUsageError when the id is taken
   */
  adopt<K, V>(container: ShareMessageListenerContainer<K, V>, { autoStartup = true }: AdoptOptions = {}): void {
    const { id } = container
    if (this.#registrations.has(id)) {
      throw new KafkaUsageError(
        `A listener container '${id}' is registered already: give each an id of its own in its container properties.`,
      )
    }
    this.#keep(container, autoStartup)
  }

  /**
   * Has a publisher told every event of every container, of those that are registered later, too. Adding one twice changes
   * nothing.
   */
  addEventPublisher(publisher: ContainerEventPublisher): void {
    this.#publishers.add(publisher)
    for (const container of this.allContainers) container.addEventPublisher(publisher)
  }

  /**
   * Forgets a container, so that its id is free again; returns it, or undefined where there is none.
   * @throws KafkaUsageError for one that is not at rest
   */
  unregisterListenerContainer(id: string): AnyContainer | undefined {
    const container = this.#registrations.get(id)?.container
    if (container === undefined) return undefined
    if (container.state !== 'stopped' && container.state !== 'failed') {
      throw new KafkaUsageError(
        `Listener container '${id}' is ${container.state}. Call its stop() before it is unregistered.`,
      )
    }
    this.#registrations.delete(id)
    return container
  }

  getListenerContainer(id: string): AnyContainer | undefined {
    return this.#registrations.get(id)?.container
  }

  /** The ids, in order of registration. */
  getListenerContainerIds(): readonly string[] {
    return [...this.#registrations.keys()]
  }

  /** All containers, in order of registration. */
  get allContainers(): readonly AnyContainer[] {
    return [...this.#registrations.values()].map(({ container }) => container)
  }

  /** The containers that share this containerGroup, as they are registered now; undefined when there are none. */
  getContainerGroup(name: string): ContainerGroup | undefined {
    const containers = this.allContainers.filter(({ containerGroup }) => containerGroup === name)
    return containers.length === 0 ? undefined : new ContainerGroup(name, containers)
  }

  /**
   * Starts every container but those with autoStartup false: low phases first, those of one phase at once. Resolves when all of
   * them run. When one fails, those that were started are stopped again, and the first cause is what this rejects with. Rejects
   * with code START_CANCELLED when stop() is called meanwhile.
   */
  async start(): Promise<void> {
    const stops = this.#stops
    const containers = [...this.#registrations.values()].filter(({ autoStartup }) => autoStartup)
    await startByPhase(
      containers.map(({ container }) => container),
      () => {
        if (this.#stops === stops) return
        throw new KafkaError('stop() was called while the listener containers were being started.', {
          code: 'START_CANCELLED',
        })
      },
    )
  }

  /** Stops every container, high phases first; the bound is that of one phase. Never rejects. */
  async stop(options: StopOptions = {}): Promise<void> {
    this.#stops++
    await stopByPhase(this.allContainers, options)
  }

  /** How all containers are. */
  health(): RegistryHealth {
    const all = [...this.#registrations.values()].map(({ container, autoStartup }) => {
      const health = container.health()
      return { health, counts: autoStartup || health.state !== 'stopped' }
    })
    return {
      status: worstOf(all.filter(({ counts }) => counts).map(({ health }) => health.status)),
      containers: all.map(({ health }) => health),
    }
  }

  #keep<K, V>(container: ShareMessageListenerContainer<K, V>, autoStartup: boolean): void {
    for (const publisher of this.#publishers) container.addEventPublisher(publisher)
    this.#registrations.set(container.id, { container: container as unknown as AnyContainer, autoStartup })
  }

  #nextId(): string {
    let id
    do id = `listener-${this.#unnamed++}`
    while (this.#registrations.has(id))
    return id
  }
}

/** True or false, or its text, as an environment has it; where nothing is said, true. */
function truthOf(given: unknown, what: string): boolean {
  if (given === undefined || given === true || given === 'true') return true
  if (given === false || given === 'false') return false
  throw new KafkaUsageError(`${what} must be true or false.`)
}
