import type { Container, ContainerModuleLoadOptions, Newable, ResolutionContext, ServiceIdentifier } from 'inversify'
import { isClass, type InstanceResolver, type ListenerInstance, type ServiceReference } from './instance-resolver.js'

/** What instances are taken from: a Container, or what one tells a module that is loaded into it. */
export interface InversifyServices {
  readonly bind: ContainerModuleLoadOptions['bind']
  readonly isBound: ContainerModuleLoadOptions['isBound']
  readonly context: Pick<ResolutionContext | Container, 'get' | 'getAsync' | 'getAllAsync'>
}

/** A service that was looked at: whether it is made anew, and whether inversify can do that synchronously. */
interface Probed {
  readonly instance: ListenerInstance
  readonly synchronous: boolean
}

/** What was made together for one subject, in the order of its services. */
interface Made {
  readonly services: readonly ServiceReference[]
  readonly parts: readonly (object | Promise<object>)[]
}

/**
 * Services out of inversify, whose scopes are respected.
 *
 * inversify tells nobody the scope of a binding, so each service is asked for twice: the same object both times is a singleton
 * (or a constant) and is kept; different ones mean one per record.
 *
 * A request of inversify is one call of get(). So that a record has one request, what is made anew for it (its listener, and the
 * filter, error handler and recoverer that are bound that way) is asked for by one get() of a value that is made of all of them.
 */
export class InversifyInstances implements InstanceResolver {
  readonly #services: InversifyServices
  readonly #probed = new Map<ServiceReference, Promise<Probed>>()
  readonly #made = new WeakMap<object, Made>()

  constructor(services: InversifyServices) {
    this.#services = services
  }

  isBound(service: ServiceReference): boolean {
    return this.#services.isBound(identifierOf(service))
  }

  async all(service: ServiceReference): Promise<readonly unknown[]> {
    return this.isBound(service) ? this.#services.context.getAllAsync(identifierOf(service)) : []
  }

  async resolve(service: ServiceReference): Promise<ListenerInstance> {
    return (await this.#probe(service)).instance
  }

  async together(services: readonly ServiceReference[]): Promise<ReadonlyMap<ServiceReference, ListenerInstance>> {
    const distinct = [...new Set(services)]
    const probed = await Promise.all(distinct.map(async (service) => ({ service, ...(await this.#probe(service)) })))
    const fresh = probed.filter(({ instance }) => instance.scope === 'perCall')
    const resolved = new Map(probed.map(({ service, instance }) => [service, instance]))
    // One that is made alone is made by its own get(), which costs a twentieth of remembering what was made for whom.
    if (fresh.length < 2) return resolved
    const parts = fresh.map(({ service }) => service)
    const make = this.#composite(
      parts,
      fresh.every(({ synchronous }) => synchronous),
    )
    for (const [index, service] of parts.entries()) {
      resolved.set(service, {
        scope: 'perCall',
        create: (subject) => {
          let made = this.#made.get(subject)
          if (made === undefined) {
            made = { services: parts, parts: make() }
            this.#made.set(subject, made)
          }
          // There is one for each of them.
          return made.parts[index] as object | Promise<object>
        },
      })
    }
    return resolved
  }

  madeFor(subject: object, service: ServiceReference): object | Promise<object> | undefined {
    const made = this.#made.get(subject)
    return made?.parts[made.services.indexOf(service)]
  }

  #probe(service: ServiceReference): Promise<Probed> {
    const present = this.#probed.get(service)
    if (present !== undefined) return present
    const probing = this.#lookAt(service)
    this.#probed.set(service, probing)
    return probing
  }

  async #lookAt(service: ServiceReference): Promise<Probed> {
    const identifier = identifierOf(service)
    if (isClass(service) && !this.isBound(service)) {
      this.#services
        .bind(identifier)
        .to(identifier as Newable<object>)
        .inSingletonScope()
    }
    const first = await this.#services.context.getAsync(identifier)
    const again = await this.#again(identifier)
    if (first === again.instance) return { instance: { scope: 'singleton', instance: first }, synchronous: true }
    const create = again.synchronous
      ? () => this.#services.context.get(identifier)
      : () => this.#services.context.getAsync(identifier)
    return { instance: { scope: 'perCall', create }, synchronous: again.synchronous }
  }

  /** Synchronously where inversify can do it, so that a record costs no promise more than it must. */
  async #again(identifier: ServiceIdentifier<object>): Promise<{ instance: object; synchronous: boolean }> {
    try {
      return { instance: this.#services.context.get(identifier), synchronous: true }
    } catch {
      // Something that it depends on is made asynchronously; what else is wrong, this tells too.
      return { instance: await this.#services.context.getAsync(identifier), synchronous: false }
    }
  }

  #composite(parts: readonly ServiceReference[], synchronous: boolean): () => Made['parts'] {
    const request: ServiceIdentifier<readonly object[]> = Symbol('@milena/decorators/Request')
    // Transient by name: the default scope of the DI container may be another.
    this.#services
      .bind(request)
      .toResolvedValue((...made: object[]) => made, parts.map(identifierOf))
      .inTransientScope()
    if (synchronous) return () => this.#services.context.get<readonly object[]>(request)
    return () => {
      const making = this.#services.context.getAsync<readonly object[]>(request)
      return parts.map((_service, index) => {
        const part = making.then((made) => made[index] as object)
        // A part that nobody asks for must not end the process when none could be made.
        part.catch(() => undefined)
        return part
      })
    }
  }
}

/** inversify's type of a class takes any arguments, ours none in particular; it is the same class. */
function identifierOf(service: ServiceReference): ServiceIdentifier<object> {
  return service as ServiceIdentifier<object>
}
