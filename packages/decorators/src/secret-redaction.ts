/** What stands in the place of a secret. */
const REDACTED = '[redacted]'

/** Names whose values are secrets: `password`, `ssl.key.password`, `clientSecret`, `sasl.jaas.config` … */
const SECRET_WORDS = /^(pass(word|phrase|wd)?|pwd|secrets?|tokens?|credentials?|jaas|authorization|pfx)$/
/** Words that make a secret of a `key` before which they stand; a record's key is none. */
const OWNERS_OF_KEYS = /^(ssl|tls|private|api|access|secret|keystore|signing|encryption)$/
/** Last words that make a harmless thing of a name with a secret word in it: `token.endpoint.url`. */
const HARMLESS_ENDS = /^(url|uri|endpoint|path|file|location|type|id|class|ms|name|provider|mechanism|count|length)$/

const MAX_DEPTH = 6
/** Texts shorter than this are not looked for in other texts: they would be found in half of all words. */
const SHORTEST = 4

/** Whether the value under a name is a secret. `owner` is the name of the object that it is in. */
export function isSecretName(name: string, owner = ''): boolean {
  const words = wordsOf(name)
  const last = words.at(-1) ?? ''
  if (HARMLESS_ENDS.test(last)) return false
  if (words.some((word) => SECRET_WORDS.test(word))) return true
  if (last !== 'key' && last !== 'keys') return false
  return OWNERS_OF_KEYS.test(words.at(-2) ?? wordsOf(owner).at(-1) ?? '')
}

/**
 * Keeps the secrets of one application out of what is logged: values under the names of secrets, and the values of the
 * secrets that the application was configured with wherever they turn up, also in messages and stacks of errors.
 */
export class SecretRedaction {
  readonly #known = new Set<string>()

  /** Remembers the secrets in options: those under the names of secrets, in objects inside them, too. */
  learn(options: unknown, owner = '', depth = 0): void {
    if (!isPlainObject(options) || depth > MAX_DEPTH) return
    for (const [name, value] of Object.entries(options)) {
      if (!isSecretName(name, owner)) this.learn(value, name, depth + 1)
      else for (const text of textsIn(value)) if (text.length >= SHORTEST && !text.includes('${')) this.#known.add(text)
    }
  }

  /** The text without the secrets that are known. */
  text(text: string): string {
    let clean = text
    for (const secret of this.#known) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED)
    return clean
  }

  /** The facts of a log line without secrets. The object that was given is left as it is. */
  facts(facts: unknown): unknown {
    return this.#clean(facts, '', 0)
  }

  #clean(value: unknown, owner: string, depth: number): unknown {
    if (typeof value === 'string') return this.text(value)
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
    if (partOf(() => value instanceof Error) === true) return this.#cleanError(value as Error, depth)
    if (Array.isArray(value)) return value.map((item) => this.#clean(item, owner, depth + 1))
    // What is no plain object (a date, a buffer, a consumer) is written its own way.
    if (!isPlainObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        isSecretName(name, owner) && item !== undefined ? REDACTED : this.#clean(item, name, depth + 1),
      ]),
    )
  }

  /**
   * A copy that is written as the error would be; the error itself belongs to whoever threw it. What its class computes (the message
   * and code of a DOMException) is read from the error, because of a copy it cannot be. What throws is left out.
   */
  #cleanError(error: Error, depth: number): object {
    const copy = new Error('Its message cannot be read.')
    delete copy.stack
    const written = partOf(() => enumerableNamesIn(error)) ?? []
    for (const name of new Set([...HIDDEN, ...written])) {
      const value = partOf((): unknown => Reflect.get(error, name))
      if (value === undefined) continue
      const clean = isSecretName(name) ? REDACTED : this.#clean(value, name, depth + 1)
      const enumerable = written.includes(name)
      Object.defineProperty(copy, name, { value: clean, enumerable, configurable: true, writable: true })
    }
    return copy
  }
}

/** What loggers look for in every error, although it is usually not among its properties. */
const HIDDEN: readonly string[] = ['constructor', 'name', 'message', 'stack', 'cause', 'errors']

/** The properties that are written of an object. */
function enumerableNamesIn(object: object): string[] {
  const names: string[] = []
  for (const name in object) names.push(name)
  return names
}

/** A part of something that anybody may have thrown: getters and proxies throw themselves. */
function partOf<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** `saslPassword`, `sasl.password` and `sasl_password` as sasl, password. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

/** The texts of a secret: itself, the lines that a key is written in not among them; and what a JAAS configuration quotes as a password. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string')
    return [value, ...value.matchAll(/(?:password|secret)\s*=\s*"([^"]+)"/gi)].map((each) =>
      typeof each === 'string' ? each : (each[1] ?? ''),
    )
  if (Buffer.isBuffer(value)) return [value.toString('utf8')]
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsIn)
  return []
}
