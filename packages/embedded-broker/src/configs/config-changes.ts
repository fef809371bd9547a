import type { ConfigDefinition } from './config-definition.js'
import { invalidConfig, invalidRequest, isFailure, listOf, parseConfig, type ConfigFailure } from './config-values.js'

/** What IncrementalAlterConfigs does with one name. */
export type ConfigOperation = 'set' | 'delete' | 'append' | 'subtract'

export interface ConfigChange {
  readonly name: string
  readonly operation: ConfigOperation
  /** Null with `delete` only. */
  readonly value: string | null
}

/** The values that a topic, a broker or a group has itself, by name. */
export type ConfigValues = ReadonlyMap<string, string>
export type ConfigTable = ReadonlyMap<string, ConfigDefinition>

/** The values after the changes, not yet looked at: see checkValues(). The order of the refusals is Kafka's. */
export function changeValues(
  values: ConfigValues,
  changes: readonly ConfigChange[],
  table: ConfigTable,
): ConfigValues | ConfigFailure {
  if (new Set(changes.map(({ name }) => name)).size < changes.length) {
    return invalidRequest('Error due to duplicate config keys')
  }
  const nulls = changes.filter(({ operation, value }) => operation !== 'delete' && value === null)
  if (nulls.length > 0)
    return invalidRequest(`Null value not supported for : ${nulls.map(({ name }) => name).join(',')}`)
  const changed = new Map(values)
  for (const { name, operation, value } of changes) {
    if (operation === 'delete') changed.delete(name)
    else if (operation === 'set') changed.set(name, value ?? '')
    else {
      const definition = table.get(name)
      if (definition?.type !== 'LIST') {
        const verb = operation === 'append' ? 'APPEND to' : 'SUBTRACT from'
        return invalidConfig(`Can't ${verb} key ${name} because its type is not LIST.`)
      }
      const old = listOf(changed.get(name) ?? definition.defaultValue ?? '')
      const given = listOf(value ?? '')
      const result =
        operation === 'append' ? new Set([...old, ...given]) : old.filter((element) => !given.includes(element))
      changed.set(name, [...result].join(','))
    }
  }
  return changed
}

/** All of these values in canonical form, or what is wrong with the first that is wrong. `kind` is for the message. */
export function checkValues(
  values: ConfigValues,
  table: ConfigTable,
  kind: 'topic' | 'group',
): ConfigValues | ConfigFailure {
  const [unknown] = [...values.keys()].filter((name) => !table.has(name)).toSorted()
  if (unknown !== undefined) return invalidConfig(`Unknown ${kind} config name: ${unknown}`)
  const checked = new Map<string, string>()
  for (const [name, given] of values) {
    const definition = table.get(name)
    if (definition === undefined) continue
    const value = parseConfig(definition, given)
    if (isFailure(value)) return value
    checked.set(name, value)
  }
  return checked
}
