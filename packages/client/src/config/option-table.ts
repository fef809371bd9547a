import { KafkaUsageError } from '@milena/protocol'
import type { z } from 'zod'
import { reasonFor } from './foreign-options.js'
import { nearestName } from './nearest-name.js'
import { withoutFields } from './plain-object.js'

/** One option: its camelCase name is the key in its table. */
export interface Option<T> {
  /** What values are legal. */
  readonly schema: z.ZodType<T>
  /** The value when none is given. Absent: the option is required, or stays undefined if the schema allows that. */
  readonly fallback?: T
  /** Kafka's dotted name, accepted in `properties`. */
  readonly property?: string
  /** An empty text in `properties` is none at all, as it is Java's default. */
  readonly emptyIsNone?: boolean
}

/** All options of one thing, by camelCase name. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** What a table resolves to. */
export type Resolved<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never
}

/** Names that options have in other clients, and that look nothing like ours. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([['brokers', 'bootstrapServers']])

/** Declares an option; gives the table its types. */
export function option<T>(schema: z.ZodType<T>, rest: Omit<Option<NoInfer<T>>, 'schema'> = {}): Option<T> {
  return { schema, ...rest }
}

/** How options are resolved. */
export interface ResolveOptions<Table extends OptionTable> {
  /** Whose options these are, for messages: `ShareConsumer`. */
  readonly owner: string
  readonly table: Table
  readonly given: object
  /** Names that exist in Kafka, but are refused here: dotted name to what to do instead. */
  readonly refused?: ReadonlyMap<string, string>
  /** Names of Kafka's that are accepted in `properties` and do nothing: dotted name to the reason. */
  readonly ineffective?: ReadonlyMap<string, string>
}

/**
 * given -> defaulted -> resolved. Takes camelCase names, and Kafka's dotted ones (or camelCase) inside `properties`, whose
 * values may be texts as in a Java properties file; where an option is given both ways, `properties` wins. All faults are
 * reported in one KafkaUsageError. Values of unknown options never appear in it: they may be secrets.
 */
export function resolveOptions<Table extends OptionTable>(options: ResolveOptions<Table>): Resolved<Table> {
  const { owner, table, given } = options
  requireObject(owner, given)
  const problems: string[] = []
  const values = collect(options, problems)
  const resolved: Record<string, unknown> = {}
  for (const [name, { schema, fallback }] of Object.entries(table)) {
    const value = values.get(name)
    if (value === undefined && fallback !== undefined) {
      resolved[name] = fallback
      continue
    }
    const result = schema.safeParse(value)
    if (result.success) resolved[name] = result.data
    else if (value === undefined) problems.push(`${name} is missing: ${firstIssue(result.error)}`)
    else problems.push(`${name} is ${shown(value)}, but ${firstIssue(result.error)}`)
  }
  if (problems.length > 0) {
    const sentences = problems.map((problem) => (problem.endsWith('?') ? problem : `${problem}.`))
    const [only] = sentences
    throw new KafkaUsageError(
      sentences.length === 1
        ? `${owner}: ${only}`
        : `${owner} was given ${sentences.length} wrong options. ${sentences.map((each, i) => `(${i + 1}) ${each}`).join(' ')}`,
      { code: 'INVALID_CONFIG' },
    )
  }
  return resolved as Resolved<Table>
}

/** The given properties that have no effect, each with its reason; for a log line. */
export function withoutEffect(
  given: { readonly properties?: Readonly<Record<string, unknown>> | undefined },
  ineffective: ReadonlyMap<string, string>,
): { readonly property: string; readonly reason: string }[] {
  return Object.keys(given.properties ?? {}).flatMap((property) => {
    const reason = reasonFor(property, ineffective)
    return reason === undefined ? [] : [{ property, reason }]
  })
}

function requireObject(owner: string, given: unknown): void {
  const what =
    given === undefined
      ? 'nothing'
      : given === null
        ? 'null'
        : Array.isArray(given)
          ? 'an array'
          : typeof given === 'object'
            ? withoutFields(given)
            : `a ${typeof given}`
  if (what === undefined) return
  throw new KafkaUsageError(
    `${owner} takes an object of options, such as { bootstrapServers: 'localhost:9092' }; it was given ${what}.`,
    { code: 'INVALID_CONFIG' },
  )
}

function collect<Table extends OptionTable>(options: ResolveOptions<Table>, problems: string[]): Map<string, unknown> {
  const { table, given } = options
  const values = new Map<string, unknown>()
  const byProperty = new Map<string, string>()
  for (const [name, { property }] of Object.entries(table)) if (property !== undefined) byProperty.set(property, name)
  for (const [name, value] of Object.entries(given)) {
    if (name === 'properties' || value === undefined) continue
    if (Object.hasOwn(table, name)) values.set(name, value)
    else problems.push(unknownOption(name, options, byProperty, 'option'))
  }
  const properties: unknown = Reflect.get(given, 'properties')
  if (properties === undefined) return values
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) {
    problems.push("properties must be an object of Kafka's dotted names and their values")
    return values
  }
  const wrong = withoutFields(properties)
  if (wrong !== undefined) {
    problems.push(`properties must be an object of Kafka's dotted names and their values; it was given ${wrong}`)
    return values
  }
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    if (reasonFor(name, options.ineffective) !== undefined) continue
    const optionName = byProperty.get(name) ?? (Object.hasOwn(table, name) ? name : undefined)
    const found = optionName === undefined ? undefined : table[optionName]
    if (optionName === undefined || found === undefined)
      problems.push(unknownOption(name, options, byProperty, 'property'))
    else if (value !== '' || found.emptyIsNone !== true) values.set(optionName, fromText(value, found.schema))
  }
  return values
}

function unknownOption<Table extends OptionTable>(
  name: string,
  { table, refused, ineffective }: ResolveOptions<Table>,
  byProperty: ReadonlyMap<string, string>,
  kind: 'option' | 'property',
): string {
  const reason = reasonFor(name, refused) ?? reasonFor(dotted(name), refused)
  if (reason !== undefined) return `'${name}' cannot be set here: ${reason}`
  const needless = reasonFor(name, ineffective) ?? reasonFor(dotted(name), ineffective)
  if (needless !== undefined) return `'${name}' has no effect here: ${needless}. Leave it out`
  const own = byProperty.get(name)
  if (kind === 'option' && own !== undefined)
    return `'${name}' belongs into properties: { '${name}': … }, or is written ${own}`
  const known = kind === 'option' ? Object.keys(table) : [...byProperty.keys(), ...Object.keys(table)]
  const nearest = ELSEWHERE.get(name) ?? nearestName(name, known)
  if (nearest !== undefined) return `'${name}' is not a known ${kind}; did you mean '${nearest}'?`
  const list = (kind === 'option' ? [...Object.keys(table), 'properties'] : [...byProperty.keys()])
    .toSorted()
    .join(', ')
  return `'${name}' is not a known ${kind}. Known are ${list}`
}

/** securityProtocol -> security.protocol */
function dotted(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1.$2').toLowerCase()
}

// Java's properties are texts. A text is taken as it is where the option accepts that, else as a number or a truth value.
function fromText(value: unknown, schema: z.ZodType): unknown {
  if (typeof value !== 'string' || schema.safeParse(value).success) return value
  const text = value.trim()
  if (/^[+-]?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (/^true$/i.test(text)) return true
  if (/^false$/i.test(text)) return false
  if (/^[A-Z_]+$/i.test(text) && schema.safeParse(text.toLowerCase()).success) return text.toLowerCase()
  return value
}

function firstIssue(error: z.ZodError): string {
  const message = error.issues[0]?.message ?? 'it is not valid'
  return message.endsWith('.') ? message.slice(0, -1) : message
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.includes('@') ? 'a text with an @ in it' : `'${value.slice(0, 80)}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'function' ? 'a function' : `of type ${typeof value}`
}
