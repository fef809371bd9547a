import { ErrorCode } from '@milena/protocol'
import type { ConfigDefinition, ConfigType } from './config-definition.js'

/** Why a configuration was not taken, in Kafka's words. */
export interface ConfigFailure {
  readonly errorCode: number
  readonly errorMessage: string
}

/** An answer of an old version has no room for a message that repeats everything a client may have sent. */
const MAX_MESSAGE_LENGTH = 4000

/** Of one value; Kafka's own bound is the size of a record in its metadata log. */
const MAX_VALUE_LENGTH = 65_536

export function invalidConfig(errorMessage: string): ConfigFailure {
  return { errorCode: ErrorCode.INVALID_CONFIG, errorMessage: errorMessage.slice(0, MAX_MESSAGE_LENGTH) }
}

export function invalidRequest(errorMessage: string): ConfigFailure {
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: errorMessage.slice(0, MAX_MESSAGE_LENGTH) }
}

export function isFailure(value: unknown): value is ConfigFailure {
  return typeof value === 'object' && value !== null && 'errorCode' in value
}

const ranges: Readonly<Partial<Record<ConfigType, { readonly min: bigint; readonly max: bigint }>>> = {
  SHORT: { min: -(2n ** 15n), max: 2n ** 15n - 1n },
  INT: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  LONG: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
}

/** A value in the form in which Kafka tells it (`TRUE` is `true`, ` 5` is `5`), or what is wrong with it. */
export function parseConfig(definition: ConfigDefinition, given: string): string | ConfigFailure {
  if (given.length > MAX_VALUE_LENGTH) {
    return invalidConfig(
      `The value for configuration ${definition.name} has ${given.length} characters. The embedded broker keeps up to ${MAX_VALUE_LENGTH}.`,
    )
  }
  const value = canonical(definition, given)
  const why = typeof value === 'string' ? refusal(definition, value) : value.why
  if (why !== undefined) {
    return invalidConfig(
      `Invalid value ${shown(definition, value, given)} for configuration ${definition.name}: ${why}`,
    )
  }
  return value as string
}

/** The value as Java writes it in its complaints. */
function shown({ type, refuse }: ConfigDefinition, value: unknown, given: string): string {
  if (typeof value !== 'string') return given.trim()
  if (type === 'DOUBLE') return Number.isInteger(Number(value)) ? Number(value).toFixed(1) : value
  return type === 'LIST' && refuse !== undefined ? `[${listOf(value).join(', ')}]` : value
}

function canonical({ type }: ConfigDefinition, given: string): string | { readonly why: string } {
  const trimmed = given.trim()
  switch (type) {
    case 'BOOLEAN': {
      const lower = trimmed.toLowerCase()
      if (lower === 'true' || lower === 'false') return lower
      return { why: 'Expected value to be either true or false' }
    }
    case 'SHORT':
    case 'INT':
    case 'LONG': {
      const range = ranges[type]
      const number = /^[+-]?\d{1,20}$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, '')) : undefined
      if (number === undefined || range === undefined || number < range.min || number > range.max) {
        return { why: `Not a number of type ${type}` }
      }
      return String(number)
    }
    case 'DOUBLE': {
      const number = trimmed === '' ? Number.NaN : Number(trimmed)
      return Number.isNaN(number) ? { why: 'Not a number of type DOUBLE' } : trimmed
    }
    case 'LIST':
      return listOf(trimmed).join(',')
    case 'STRING':
    case 'CLASS':
    case 'PASSWORD':
      return trimmed
  }
}

/** The elements of a list as configurations write it. */
export function listOf(value: string): readonly string[] {
  const trimmed = value.trim()
  return trimmed === '' ? [] : trimmed.split(',').map((element) => element.trim())
}

function refusal({ type, min, max, oneOf, refuse }: ConfigDefinition, value: string): string | undefined {
  const number = Number(value)
  if (min !== undefined && number < min) return `Value must be at least ${min}`
  if (max !== undefined && number > max) return `Value must be no more than ${max}`
  if (oneOf !== undefined) {
    const elements = type === 'LIST' ? listOf(value) : [value]
    if (!elements.every((element) => oneOf.includes(element))) return `String must be one of: ${oneOf.join(', ')}`
  }
  return refuse?.(value)
}
