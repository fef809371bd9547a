import fc from 'fast-check'
import type { Field, Fields } from '@milena/protocol'
import { isArray } from '../../src/schema/schema.js'
import { holds } from '../schema/kafka-definition.js'
import type { AnyMessage } from './all-apis.js'

/** Any body that the message can carry in this version; what the version has no place for has its default. */
export function arbitraryBody(message: AnyMessage, version: number): fc.Arbitrary<Record<string, unknown>> {
  return arbitraryStruct(message.fields, version)
}

function arbitraryStruct(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, arbitraryField(field, version)])),
  )
}

function arbitraryField(field: Field, version: number): fc.Arbitrary<unknown> {
  if (!holds(field.versions, version)) return fc.constant(field.options.default ?? zeroOf(field))
  const value = arbitraryValue(field.type, version)
  return holds(field.options.nullable, version) ? fc.option(value, { nil: null }) : value
}

function arbitraryValue(type: Field['type'], version: number): fc.Arbitrary<unknown> {
  if (typeof type !== 'string') {
    if (!isArray(type)) return arbitraryStruct(type, version)
    return fc.array(arbitraryValue(type.element, version), { maxLength: 4 })
  }
  switch (type) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -0x80, max: 0x7f })
    case 'int16':
      return fc.integer({ min: -0x8000, max: 0x7fff })
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'int32':
      return fc.integer()
    case 'int64':
      return fc.maxSafeInteger()
    case 'float64':
      return fc.double()
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 200 })
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  }
}

function zeroOf({ type, options }: Field): unknown {
  if (options.default === null) return null
  if (typeof type !== 'string') {
    if (isArray(type)) return []
    return Object.fromEntries(
      Object.entries(type).map(([name, field]) => [name, field.options.default ?? zeroOf(field)]),
    )
  }
  if (type === 'bool') return false
  if (type === 'string') return ''
  if (type === 'uuid') return 'AAAAAAAAAAAAAAAAAAAAAA'
  return type === 'bytes' || type === 'records' ? Buffer.alloc(0) : 0
}
