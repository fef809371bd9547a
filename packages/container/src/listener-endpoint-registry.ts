import { KafkaUsageError } from '@milena/protocol'
import type { KafkaListenerEndpoint } from './endpoint.js'
import type { ShareListenerContainerFactory } from './share-listener-container-factory.js'
import type { ShareMessageListenerContainer, StopOptions } from './share-message-listener-container.js'

/** Containers of any key and value type side by side: what the registry does with them does not depend on the types. */
type AnyContainer = ShareMessageListenerContainer<unknown, unknown>

interface Registration {
  readonly container: AnyContainer
  readonly autoStartup: boolean
}

/** The listener containers of an application by their ids; starts and stops them together. */
export class ListenerEndpointRegistry {
  readonly #registrations = new Map<string, Registration>()
  #unnamed = 0

  /**
   * Makes the endpoint's container and keeps it. It is started by start(), not here.
   * @throws KafkaUsageError when the id is taken, or a setting is wrong
   */
  registerListenerContainer<K, V>(
    endpoint: KafkaListenerEndpoint<K, V>,
    factory: ShareListenerContainerFactory<K, V>,
  ): ShareMessageListenerContainer<K, V> {
    const id = endpoint.id ?? this.#nextId()
    if (this.#registrations.has(id)) {
      throw new KafkaUsageError(
        `A listener container '${id}' is registered already: give each endpoint an id of its own.`,
      )
    }
    const container = factory.createListenerContainer({ ...endpoint, id })
    this.#registrations.set(id, {
      container: container as unknown as AnyContainer,
      autoStartup: endpoint.autoStartup ?? true,
    })
    return container
  }

  getListenerContainer(id: string): AnyContainer | undefined {
    return this.#registrations.get(id)?.container
  }

  /** All containers, in order of registration. */
  get allContainers(): readonly AnyContainer[] {
    return [...this.#registrations.values()].map(({ container }) => container)
  }

  /**
   * Starts every container but those with autoStartup false, all at once; resolves when they run. When one fails, the others
   * are stopped again and the first cause is what this rejects with.
   */
  async start(): Promise<void> {
    const containers = [...this.#registrations.values()].filter(({ autoStartup }) => autoStartup)
    try {
      await Promise.all(containers.map(({ container }) => container.start()))
    } catch (cause) {
      await Promise.all(containers.map(({ container }) => container.stop()))
      throw cause
    }
  }

  /** Stops every container within the bound; never rejects. */
  async stop(options: StopOptions = {}): Promise<void> {
    await Promise.all(this.allContainers.map((container) => container.stop(options)))
  }

  #nextId(): string {
    let id
    do id = `listener-${this.#unnamed++}`
    while (this.#registrations.has(id))
    return id
  }
}
