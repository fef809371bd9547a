import type { KafkaListenerEndpoint } from '@milena/container'
import type { Problems } from './errors.js'
import type { ListenerInstance } from './instance-resolver.js'
import type { ExploredListener } from './listener-explorer.js'
import type { DescribedHooks, ResolvedHooks } from './listener-hooks.js'
import { endpointListener } from './listener-method.js'
import { OptionReader } from './option-reader.js'
import type { PropertyResolver } from './property-resolver.js'

type OfTheListener = 'listener' | 'kind' | 'acknowledgmentOptional' | 'takesSignal' | 'listenerName'

/**
 * What a `@KafkaListener` says once its placeholders are resolved: an endpoint that lacks only the functions to call. Its hooks may
 * still be names of the DI container.
 */
export type DescribedEndpoint = Omit<KafkaListenerEndpoint, OfTheListener | keyof DescribedHooks> &
  DescribedHooks & {
    readonly id: string
    readonly containerFactory: string | symbol
  }

/** An endpoint, ready for a container factory. */
export type CompleteEndpoint = KafkaListenerEndpoint & { readonly id: string }

/** The container factory of a listener that names none. */
export const DEFAULT_CONTAINER_FACTORY = 'default'

/** Turns what a decorator was given into an endpoint description. What is wrong is noted, by class, method and option. */
export function describeEndpoint(
  listener: ExploredListener,
  resolver: PropertyResolver,
  problems: Problems,
): DescribedEndpoint {
  const reader = new OptionReader(listener, resolver, problems)
  reader.checkNames()
  const id = reader.text('id')
  const properties = reader.properties()
  const groupId = reader.text('groupId') ?? groupIn(properties) ?? (reader.idIsGroup() ? id : undefined)
  return {
    id: id ?? listener.defaultId,
    topics: reader.topics(),
    containerFactory: reader.factory('containerFactory') ?? DEFAULT_CONTAINER_FACTORY,
    ...given({
      groupId,
      concurrency: reader.count('concurrency'),
      clientIdPrefix: reader.text('clientIdPrefix'),
      autoStartup: reader.truth('autoStartup'),
      maxInFlight: reader.count('maxInFlight'),
      ackMode: reader.ackMode(),
      processingDeadlineMs: reader.duration('processingDeadlineMs'),
      info: listener.options?.info,
      containerGroup: reader.text('containerGroup'),
      phase: reader.whole('phase'),
      errorHandler: reader.hook('errorHandler'),
      filter: reader.hook('filter'),
      groupConfigs: reader.groupConfigs(),
      properties,
    }),
  }
}

/** Puts a description, the instance that is called and the resolved hooks together. */
export function completeEndpoint(parts: {
  readonly listener: ExploredListener
  readonly endpoint: DescribedEndpoint
  readonly instance: ListenerInstance
  readonly hooks: ResolvedHooks
}): CompleteEndpoint {
  const { listener, endpoint, instance, hooks } = parts
  const { errorHandler: _named, filter: _alsoNamed, containerFactory: _chosen, ...described } = endpoint
  return { ...described, ...hooks, ...endpointListener(listener, instance), listenerName: listener.where }
}

/** The group that consumer settings name, by either spelling. */
export function groupIn(properties: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const group = properties?.['group.id'] ?? properties?.['groupId']
  return typeof group === 'string' && group !== '' ? group : undefined
}

/** What is set: an endpoint says nothing of the rest, so that factories can. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
