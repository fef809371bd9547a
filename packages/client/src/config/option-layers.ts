import { clientOptions } from './client-config.js'
import type { OptionTable } from './option-table.js'
import { producerOptions } from './producer-config.js'
import { shareConsumerOptions } from './share-consumer-config.js'

// One setting has up to two names, and options come in layers. A nearer layer wins by the setting, not by the name that it used.

const tables: readonly OptionTable[] = [clientOptions, shareConsumerOptions, producerOptions]

const dottedNames: ReadonlyMap<string, string> = new Map([
  ...tables.flatMap((table) =>
    Object.entries(table).flatMap(([name, { property }]): [string, string][] =>
      property === undefined ? [] : [[name, property]],
    ),
  ),
  // Consumers take them as options only; factories of consumers know these names of Kafka's.
  ['keyDeserializer', 'key.deserializer'],
  ['valueDeserializer', 'value.deserializer'],
])

const everyClientsNames: ReadonlySet<string> = new Set(Object.keys(clientOptions).map(dottedName))

/** Options of a client, whichever. */
export interface LayeredOptions {
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

/** The one name of a setting, whichever of its names this is: Kafka's dotted one where there is one. */
export function dottedName(name: string): string {
  return dottedNames.get(name) ?? name
}

/** Properties by one name each, without those that are undefined. Of two names of one setting the last one wins. */
export function inOneSpelling(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [dottedName(name), value]),
  )
}

/**
 * Options over others: what `above` sets, as an option or as a property, by either name, is set nowhere else any more. What is
 * undefined is not set.
 */
export function layOptions<B extends LayeredOptions, A extends LayeredOptions>(below: B, above: A): B & A {
  const { properties = {}, ...options } = above
  const set = new Set(
    [...Object.entries(options), ...Object.entries(properties)]
      .filter(([, value]) => value !== undefined)
      .map(([name]) => dottedName(name)),
  )
  const left = (given: object) => only(given, (name) => !set.has(name))
  return {
    ...left({ ...below, properties: undefined }),
    ...only(options, () => true),
    properties: { ...left(below.properties ?? {}), ...only(properties, () => true) },
  } as unknown as B & A
}

/** Those of the options, and of their properties, that every client knows. */
export function everyClientsOptions(given: object): LayeredOptions {
  const { properties = {}, ...options }: LayeredOptions = given
  const known = (given: object) => only(given, (name) => everyClientsNames.has(name))
  return { ...known(options), properties: known(properties) }
}

function only(given: object, wanted: (dotted: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== undefined && wanted(dottedName(name))),
  )
}
