import { z } from 'zod'
import { parseBootstrapServers, type Address } from '../cluster/address.js'
import { bytes, json, string } from '../serde.js'

/** A whole number of milliseconds, bytes or things. */
export function wholeNumber(atLeast: number, atMost = 2_147_483_647): z.ZodType<number> {
  const message = `must be a whole number between ${atLeast} and ${atMost.toLocaleString('en')}`
  return z.custom<number>(
    (value) => Number.isInteger(value) && Number(value) >= atLeast && Number(value) <= atMost,
    message,
  )
}

/** A whole number that Kafka keeps in 64 bits; as much as fits into 32 of it, which is 24 days of milliseconds, counts. */
export function longNumber(atLeast: number): z.ZodType<number> {
  return wholeNumber(atLeast, 2 ** 63).transform((value) => Math.min(value, 2_147_483_647))
}

/** One of a few texts, or a whole number. */
export function wordOrWholeNumber<const T extends string>(
  words: readonly T[],
  atLeast: number,
  atMost?: number,
): z.ZodType<T | number> {
  const number = wholeNumber(atLeast, atMost)
  return z.custom<T | number>(
    (value) => words.some((word) => word === value) || number.safeParse(value).success,
    `must be ${words.map((word) => `'${word}'`).join(' or ')}, or a whole number of at least ${atLeast}`,
  )
}

/** As long as a text may be in Kafka's protocol. */
const LONGEST_TEXT_BYTES = 32_767

/** A text that is not empty. */
export function text(): z.ZodType<string> {
  return z.custom<string>(
    (value) => typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= LONGEST_TEXT_BYTES,
    'must be a text that is not empty and no longer than 32,767 bytes',
  )
}

/** One of a few texts. */
export function oneOf<const T extends string>(values: readonly T[]): z.ZodType<T> {
  return z.custom<T>(
    (value) => values.some((known) => known === value),
    `must be one of ${values.map((value) => `'${value}'`).join(', ')}`,
  )
}

/** True or false. */
export function truth(): z.ZodType<boolean> {
  return z.custom<boolean>((value) => typeof value === 'boolean', 'must be true or false')
}

/** An object with these methods, taken as it is. */
export function objectWith<T extends object>(...methods: readonly (keyof T & string)[]): z.ZodType<T> {
  const has = (value: unknown) => (typeof value === 'object' && value !== null) || typeof value === 'function'
  return z.custom<T>(
    (value) => has(value) && methods.every((method) => typeof Reflect.get(Object(value), method) === 'function'),
    `must be an object with ${methods.map((method) => `${method}()`).join(', ')}`,
  )
}

/** What makes a serde, and is none. */
const MAKERS: ReadonlySet<unknown> = new Set([bytes, json, string])

/** A function, or an object with this method: a deserialiser or serialiser. */
export function functionOrObjectWith<T extends object>(method: string): z.ZodType<T> {
  return z
    .custom<T>(
      (value) =>
        typeof value === 'function' ||
        (typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function'),
      `must be a function, or an object with ${method}(), such as json() or string()`,
    )
    .superRefine((value: unknown, context) => {
      if (typeof value !== 'function') return
      const message = MAKERS.has(value) ? makerItself(value.name) : isClass(value) ? classItself(value.name) : undefined
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
}

const makerItself = (name: string): string => `${name} itself is none, it makes one: call it, ${name}()`
const classItself = (name: string): string => `${name} is a class: give an instance, new ${name || 'it'}()`

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value))
}

/** The id of a group. */
export function groupId(): z.ZodType<string> {
  return z.custom<string>(
    (value) => typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= LONGEST_TEXT_BYTES,
    'the name of the share group to join is needed, a text that is not empty and no longer than 32,767 bytes',
  )
}

const NEEDED =
  "the addresses of one or more brokers are needed, as 'host:port' with commas between, e.g. bootstrapServers: 'localhost:9092'. Without a Kafka at hand, run one inside this process: npm install -D @milena/embedded-broker, then (await EmbeddedBroker.start()).bootstrapServers; or start a real one as docs/guide/getting-started.md shows"

/** bootstrapServers: 'host:port,host:port' or an array of such. */
export function bootstrapServers(): z.ZodType<readonly Address[]> {
  return z.unknown().transform((value, context): readonly Address[] => {
    const given: unknown[] = Array.isArray(value) ? value : [value]
    const texts = given.filter((entry) => typeof entry === 'string')
    const empty = texts.every((entry) => entry.replaceAll(',', '').trim() === '')
    if (texts.length !== given.length || empty) {
      context.addIssue({ code: 'custom', message: NEEDED })
      return z.NEVER
    }
    try {
      return parseBootstrapServers(texts)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
      return z.NEVER
    }
  })
}
