import type { AnyListenerErrorHandler, AnyRecordFilter } from '@milena/container'
import { KafkaUsageError } from '@milena/protocol'
import { messageOf, type Problems } from './errors.js'
import {
  isClass,
  isServiceReference,
  nameOfService,
  type ListenerInstance,
  type ServiceReference,
} from './instance-resolver.js'

/** The functions that a listener has besides its method, as its decorator names them. */
export interface DescribedHooks {
  readonly errorHandler?: unknown
  readonly filter?: unknown
}

/** The same, as functions. */
export interface ResolvedHooks {
  readonly errorHandler?: AnyListenerErrorHandler
  readonly filter?: AnyRecordFilter
}

/** The services that the hooks of a listener are to be asked of the DI container. */
export function servicesOf({ errorHandler, filter }: DescribedHooks): readonly ServiceReference[] {
  return [errorHandler, filter].filter(isServiceReference)
}

/**
 * Makes functions of the error handler and the filter of a listener where they are services of the DI container. One that is made anew
 * for each record is asked for with the record. What is missing, or is neither a function nor an object of the right kind, is noted.
 */
export async function resolveHooks(
  described: DescribedHooks,
  where: string,
  instanceOf: (service: ServiceReference) => ListenerInstance | Promise<ListenerInstance>,
  problems: Problems,
): Promise<ResolvedHooks> {
  const resolve = async (option: keyof DescribedHooks, method: string): Promise<Hook | undefined> => {
    const given = described[option]
    if (!isServiceReference(given)) return typeof given === 'function' ? (given as Hook) : undefined
    const named = `Its ${option} ${nameOfService(given)}`
    try {
      return await hookOf(await instanceOf(given), method, named)
    } catch (error) {
      // The first line says what is missing; those of the DI container after it say how it came to look for it.
      const [told = ''] = messageOf(error).trim().split('\n')
      const remedy = 'Bind it, or give the function itself.'
      problems.add(
        where,
        told.startsWith(named) ? told : `${named} cannot be had from the DI container: ${told} ${remedy}`,
      )
      return undefined
    }
  }
  const [errorHandler, filter] = await Promise.all([
    resolve('errorHandler', 'handleError'),
    resolve('filter', 'filter'),
  ])
  return {
    ...(errorHandler === undefined ? {} : { errorHandler: errorHandler as AnyListenerErrorHandler }),
    ...(filter === undefined ? {} : { filter: filter as AnyRecordFilter }),
  }
}

type Hook = (record: object, ...rest: unknown[]) => unknown

async function hookOf(instance: ListenerInstance, method: string, named: string): Promise<Hook> {
  if (instance.scope === 'singleton') return callable(instance.instance, method, named)
  // Of those made for each record one is looked at now, so that a wrong one is found before anything starts.
  callable(await instance.create({}), method, named)
  return (record, ...rest) => {
    const made = instance.create(record)
    return made instanceof Promise
      ? made.then((fresh: object) => callable(fresh, method, named)(record, ...rest))
      : callable(made, method, named)(record, ...rest)
  }
}

function callable(found: unknown, method: string, named: string): Hook {
  if (typeof found === 'function' && !isClass(found)) return found as Hook
  const own: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, method) : undefined
  if (typeof own === 'function') return own.bind(found) as Hook
  throw new KafkaUsageError(
    `${named} is neither a function nor an object with ${method}(). Bind one of these under that name.`,
  )
}
