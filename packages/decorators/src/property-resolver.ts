import { KafkaUsageError } from '@milena/protocol'

/**
 * Where placeholders find their values: an object (`{ 'orders.topic': 'orders' }`, or nested `{ orders: { topic: 'orders' } }`), or a
 * function from a name to a value. `undefined` means: not here. Texts, numbers, booleans and lists of them are values.
 */
export type PropertySource = Readonly<Record<string, unknown>> | ((name: string) => unknown)

/**
 * The environment as a source: the name as it is, then as environments spell it: `orders.topic-name` is `ORDERS_TOPIC_NAME`.
 * Asked last without being named; name it among the `properties` of kafkaModule to have it asked earlier.
 */
export const environmentProperties: PropertySource = (name) =>
  process.env[name] ?? process.env[name.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase()]

/** Said of a placeholder in a secret, which must not be quoted. */
export function unresolvedSecret(option: string): string {
  return `The placeholder in ${option} cannot be resolved. Write \${name}, and give the name a value in the properties of kafkaModule or in the environment.`
}

/** Puts values in the place of `${name}` and `${name:default}`. */
export class PropertyResolver {
  readonly #sources: readonly PropertySource[]

  constructor(sources: readonly PropertySource[]) {
    this.#sources = sources
  }

  /**
   * The text with all placeholders resolved. Names, defaults and found values may hold placeholders themselves; an
   * empty default, `${name:}`, is an empty text.
   *
   * @throws KafkaUsageError when a name is found nowhere and has no default, or when names refer to each other in a circle
   */
  resolve(text: string): string {
    return this.#resolve(text, [])
  }

  #resolve(text: string, asking: readonly string[]): string {
    let resolved = ''
    let from = 0
    for (let start = text.indexOf('${'); start !== -1; start = text.indexOf('${', from)) {
      const end = closingBrace(text, start)
      if (end === -1)
        throw new KafkaUsageError(
          `'${text}' opens a placeholder and does not close it. Write \${name} or \${name:default}.`,
        )
      resolved += text.slice(from, start) + this.#value(text.slice(start + 2, end), asking)
      from = end + 1
    }
    return resolved + text.slice(from)
  }

  #value(placeholder: string, asking: readonly string[]): string {
    const colon = firstColon(placeholder)
    const name = this.#resolve(colon === -1 ? placeholder : placeholder.slice(0, colon), asking).trim()
    if (name === '')
      throw new KafkaUsageError(`'\${${placeholder}}' names no property. Write \${name} or \${name:default}.`)
    if (asking.includes(name)) {
      throw new KafkaUsageError(
        `The property '${name}' is defined by itself (${[...asking, name].join(' -> ')}). Give one of them a value.`,
      )
    }
    const found = this.#find(name)
    if (found !== undefined) return this.#resolve(found, [...asking, name])
    if (colon !== -1) return this.#resolve(placeholder.slice(colon + 1), asking)
    throw new KafkaUsageError(
      `The property '${name}' is found nowhere. Give it in the properties of kafkaModule or in the environment, or write a default: \${${name}:value}.`,
    )
  }

  #find(name: string): string | undefined {
    for (const source of this.#sources) {
      const found = typeof source === 'function' ? source(name) : lookUp(source, name)
      if (found !== undefined && found !== null) return textOf(name, found)
    }
    return undefined
  }
}

function lookUp(source: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(source, name)) return source[name]
  let value: unknown = source
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part]
  }
  return value
}

function textOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => textOf(name, item)).join(',')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  // The value itself is not shown: it may be a secret.
  throw new KafkaUsageError(
    `The property '${name}' is ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}. A placeholder takes a text, a number, true or false, or a list of these.`,
  )
}

/** The brace that closes the placeholder which opens at `start`, past those inside it; -1 if there is none. */
function closingBrace(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text.startsWith('${', at)) depth++
    else if (text[at] === '}' && --depth === 0) return at
  }
  return -1
}

/** The colon between name and default, past placeholders inside the name; -1 if there is none. */
function firstColon(placeholder: string): number {
  let depth = 0
  for (let at = 0; at < placeholder.length; at++) {
    if (placeholder.startsWith('${', at)) depth++
    else if (placeholder[at] === '}') depth--
    else if (placeholder[at] === ':' && depth === 0) return at
  }
  return -1
}
