import type { Deserializer } from '@milena/client'
import { describe, expect, test } from 'vitest'
import { knownDeserializer, knownDeserializers } from '../src/known-deserializers.js'

const context = { topic: 't', headers: () => [], isKey: false }

function made(name: string): Deserializer<unknown> {
  const { make } = knownDeserializer(name)
  if (make === undefined) throw new Error(`${name} makes none`)
  return make()
}

describe('a deserialiser that Kafka or Spring ships', () => {
  test.each([
    ['StringDeserializer', Buffer.from('héllo'), 'héllo'],
    ['ShortDeserializer', Buffer.from('fffe', 'hex'), -2],
    ['IntegerDeserializer', Buffer.from('0001e240', 'hex'), 123_456],
    ['LongDeserializer', Buffer.from('fffffffffffffffe', 'hex'), -2],
    ['FloatDeserializer', Buffer.from('3fc00000', 'hex'), 1.5],
    ['DoubleDeserializer', Buffer.from('3ff8000000000000', 'hex'), 1.5],
    ['BooleanDeserializer', Buffer.from('01', 'hex'), true],
    ['UUIDDeserializer', Buffer.from('123e4567-e89b-12d3-a456-426614174000'), '123e4567-e89b-12d3-a456-426614174000'],
    ['JsonDeserializer', Buffer.from('{"a":1}'), { a: 1 }],
  ])('%s reads what that one writes, and null as null', (name, bytes, value) => {
    expect(made(name).deserialize(bytes, context)).toEqual(value)
    expect(made(name).deserialize(null, context)).toBeNull()
  })

  test.each([
    ['StringDeserializer', Buffer.from('ff', 'hex'), /./],
    ['IntegerDeserializer', Buffer.from('01', 'hex'), /An integer has 4 bytes, this one has 1/],
    ['LongDeserializer', Buffer.from('7fffffffffffffff', 'hex'), /too large for a JavaScript number/],
    ['UUIDDeserializer', Buffer.from('no'), /not the text of a UUID/],
    ['VoidDeserializer', Buffer.from('x'), /found bytes/],
  ])('%s refuses what it cannot read', (name, bytes, told) => {
    expect(() => made(name).deserialize(bytes, context)).toThrow(told)
  })

  test('is known by its simple name, and with the package of its class', () => {
    expect(knownDeserializer('org.apache.kafka.common.serialization.LongDeserializer').known).toBe(true)
    expect(knownDeserializer('org.springframework.kafka.support.serializer.JsonDeserializer').known).toBe(true)
    expect(knownDeserializer('com.example.LongDeserializer').known).toBe(false)
    for (const name of knownDeserializers) expect(knownDeserializer(name).known).toBe(true)
  })

  test('of bytes is no deserialiser at all: the client hands bytes out as they are', () => {
    expect(knownDeserializer('ByteArrayDeserializer')).toEqual({ known: true, make: undefined })
  })
})
