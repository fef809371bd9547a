import { readFileSync } from 'node:fs'
import { ZERO_UUID, type Field, type Fields } from '@milena/protocol'
import { isArray } from '../../src/schema/schema.js'
import { holds } from '../schema/kafka-definition.js'

/** One message as Kafka's Java code wrote it: what its JsonConverter says of it, and its bytes. */
export interface GoldenMessage {
  readonly version: number
  readonly filling: string
  readonly json: unknown
  readonly hex: string
}

/** The messages that Kafka 4.4's own serialisers have written (tools/golden). */
export function goldenMessages(name: string): {
  readonly cases: readonly GoldenMessage[]
  readonly casesWithUnknownTags: readonly GoldenMessage[]
} {
  return JSON.parse(readFileSync(new URL(`../golden/messages/${name}.json`, import.meta.url), 'utf8')) as ReturnType<
    typeof goldenMessages
  >
}

/** What Java's JsonConverter would say of a message that we have read. */
export function asJavaSaysIt(fields: Fields, version: number, body: unknown): Record<string, unknown> {
  const said: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!holds(field.versions, version)) continue
    const value = (body as Record<string, unknown>)[name]
    const converted = convert(
      field,
      value,
      (bytes) => (bytes as Buffer).toString('base64'),
      (struct, inner) => asJavaSaysIt(inner, version, struct),
    )
    if (field.options.tag === undefined || !saysNothing(field, converted)) said[name] = converted
  }
  return said
}

/** What we are given to write, from what Java's JsonConverter says. */
export function asWeAreGiven(fields: Fields, json: unknown): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const value = (json as Record<string, unknown>)[name]
    if (value === undefined) continue
    body[name] = convert(
      field,
      value,
      (text) => Buffer.from(text as string, 'base64'),
      (struct, inner) => asWeAreGiven(inner, struct),
    )
  }
  return body
}

function convert(
  { type }: Field,
  value: unknown,
  bytes: (value: unknown) => unknown,
  struct: (value: unknown, fields: Fields) => unknown,
): unknown {
  if (value === null) return null
  if (typeof type === 'string') return type === 'bytes' || type === 'records' ? bytes(value) : value
  if (!isArray(type)) return struct(value, type)
  const { element } = type
  return typeof element === 'string' ? value : (value as readonly unknown[]).map((each) => struct(each, element))
}

/** Java leaves a tagged field out that has its default. */
function saysNothing({ type, options }: Field, said: unknown): boolean {
  if (options.default !== undefined) return said === options.default
  if (typeof type === 'string') return said === 0 || said === '' || said === false || said === ZERO_UUID
  if (isArray(type)) return Array.isArray(said) && said.length === 0
  return Object.entries(type).every(([name, field]) => saysNothing(field, (said as Record<string, unknown>)[name]))
}
