import { readFileSync } from 'node:fs'
import type { AnyApi, Field, Fields } from '@milena/protocol'
import type { AnyMessage } from '../messages/all-apis.js'
import { versionsOf } from '../messages/all-apis.js'
import { isArray as isArrayType } from '../../src/schema/schema.js'

/** A message as Kafka defines it: common/message/<name>.json of the kafka-clients jar. */
export interface KafkaDefinition {
  readonly apiKey?: number
  readonly type: 'request' | 'response' | 'header'
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly latestVersionUnstable?: boolean
  readonly fields: readonly KafkaField[]
  readonly commonStructs?: ReadonlyArray<{ readonly name: string; readonly fields: readonly KafkaField[] }>
}

export interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly ignorable?: boolean
  readonly fields?: readonly KafkaField[]
}

export function kafkaDefinition(name: string): KafkaDefinition {
  return JSON.parse(
    readFileSync(new URL(`../golden/definitions/${name}.json`, import.meta.url), 'utf8'),
  ) as KafkaDefinition
}

/** Whether a range in Kafka's notation (`3+`, `0-5`, `7`, `none`) holds the version. */
export function holds(range: string | undefined, version: number): boolean {
  if (range === undefined || range === 'none') return false
  const [first, last] = range.endsWith('+') ? [range.slice(0, -1), 'Infinity'] : range.split('-')
  return version >= Number(first) && version <= Number(last ?? first)
}

const primitives = new Set([
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'int64',
  'float64',
  'string',
  'uuid',
  'bytes',
  'records',
])

/** Every point in which one of our messages is not what Kafka defines, in the versions that we speak; each names the field. */
export function differences(api: AnyApi, message: AnyMessage, definition: KafkaDefinition): string[] {
  const found: string[] = []
  const versions = versionsOf(message)
  const report = (path: string, what: string, ours: unknown, kafkas: unknown) =>
    found.push(`${path}: ${what} is ${JSON.stringify(ours)} here, ${JSON.stringify(kafkas)} in Kafka's definition`)
  const compare = (path: string, what: string, ours: unknown, kafkas: unknown) => {
    if (ours !== kafkas) report(path, what, ours, kafkas)
  }

  const structOf = (name: string, inline: readonly KafkaField[] | undefined): readonly KafkaField[] => {
    const fields = inline ?? definition.commonStructs?.find((struct) => struct.name === name)?.fields
    if (fields === undefined) throw new Error(`${definition.name} defines no struct ${name}.`)
    return fields
  }

  const compareFields = (path: string, ours: Fields, kafkas: readonly KafkaField[]): void => {
    const spoken = kafkas.filter((field) => versions.some((version) => holds(field.versions, version)))
    const names = spoken.map((field) => field.name.charAt(0).toLowerCase() + field.name.slice(1))
    compare(path, 'the list of fields', Object.keys(ours).join(', '), names.join(', '))
    for (const [index, name] of names.entries()) {
      const [mine, kafkaField] = [ours[name], spoken[index]]
      if (mine !== undefined && kafkaField !== undefined) compareField(`${path}.${name}`, mine, kafkaField)
    }
  }

  const compareField = (path: string, ours: Field, kafkas: KafkaField): void => {
    const { options } = ours
    compare(path, 'versions', ours.versions, kafkas.versions)
    compare(path, 'ignorable', options.ignorable ?? false, kafkas.ignorable ?? false)
    compare(path, 'tag', options.tag, kafkas.tag)
    compare(path, 'default', options.default, defaultOf(kafkas))
    for (const version of versions.filter((candidate) => holds(kafkas.versions, candidate))) {
      compare(
        path,
        `nullable in version ${version}`,
        holds(options.nullable, version),
        holds(kafkas.nullableVersions, version),
      )
      compare(
        path,
        `tagged in version ${version}`,
        options.tag !== undefined && message.isFlexible(version),
        holds(kafkas.taggedVersions, version),
      )
    }
    compareType(path, ours, kafkas)
  }

  const compareType = (path: string, { type }: Field, kafkas: KafkaField): void => {
    const isArray = kafkas.type.startsWith('[]')
    const element = isArray ? kafkas.type.slice(2) : kafkas.type
    compare(path, 'being an array', isArrayType(type), isArray)
    const ourElement = isArrayType(type) ? type.element : type
    if (primitives.has(element)) {
      compare(path, 'type', typeof ourElement === 'string' ? ourElement : 'a struct', element)
    } else if (typeof ourElement === 'string') {
      report(path, 'type', ourElement, `struct ${element}`)
    } else {
      compareFields(isArray ? `${path}[]` : path, ourElement, structOf(element, kafkas.fields))
    }
  }

  compare(message.name, 'name', message.name, definition.name)
  compare(message.name, 'API key', api.key, definition.apiKey)
  for (const version of versions) {
    compare(message.name, `version ${version}`, true, holds(definition.validVersions, version))
    compare(
      message.name,
      `flexible in version ${version}`,
      message.isFlexible(version),
      holds(definition.flexibleVersions, version),
    )
  }
  compareFields(message.name, message.fields, definition.fields)
  return found
}

/** Kafka writes defaults as text, in decimal or hexadecimal, or as JSON; `null` as text too. */
function defaultOf({ default: given, type }: KafkaField): unknown {
  if (given === undefined || typeof given !== 'string') return given
  if (given === 'null') return null
  if (type === 'string') return given
  return type === 'bool' ? given === 'true' : Number(given)
}

/** The newest version that a broker offers without being told to offer unfinished ones. */
export function newestStable(definition: KafkaDefinition): number {
  const newest = Number(/(\d+)$/.exec(definition.validVersions)?.[1])
  return definition.latestVersionUnstable === true ? newest - 1 : newest
}

/** The oldest version that a broker serves. */
export function oldest(definition: KafkaDefinition): number {
  return Number(/^(\d+)/.exec(definition.validVersions)?.[1])
}
