import { KafkaUsageError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Producer, ShareConsumer } from '../src/index.js'
import { asDeserializer, bytes, json, string, type DeserializeFunction } from '../src/serde.js'

const context = { topic: 't', headers: () => [], isKey: false }

describe('string()', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(string().deserialize(Buffer.from(text, 'utf8'), context)).toBe(text)
        expect(string().serialize(text, context)).toEqual(Buffer.from(text, 'utf8'))
      }),
    )
  })

  it('keeps nothing as nothing', () => {
    expect(string().deserialize(null, context)).toBeNull()
    expect(string().serialize(null, context)).toBeNull()
  })

  it('refuses bytes that are not UTF-8 instead of replacing them, and takes a replacement character that was sent', () => {
    expect(() => string().deserialize(Buffer.from([0x61, 0xff, 0x62]), context)).toThrow(TypeError)
    expect(string().deserialize(Buffer.from('a\uFFFDb', 'utf8'), context)).toBe('a\uFFFDb')
  })
})

describe('json()', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = json().serialize(value, context) as Buffer | null
        expect(json().deserialize(written, context)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('refuses what is not JSON, without quoting it', () => {
    expect(() => json().deserialize(Buffer.from('{'), context)).toThrow(SyntaxError)
    expect(() => json().deserialize(Buffer.from('"hunter2'), context)).toThrow(/^its text is not JSON\.$/)
    expect(() => json().serialize(() => 1, context)).toThrow(KafkaUsageError)
  })
})

it('bytes() leaves bytes as they are', () => {
  const data = Buffer.from('x')
  expect(bytes().deserialize(data, context)).toBe(data)
  expect(bytes().serialize(null, context)).toBeNull()
})

it('a function does for a deserialiser', () => {
  expect(asDeserializer((data) => data?.length ?? 0).deserialize(Buffer.from('abc'), context)).toBe(3)
})

describe('what makes a deserialiser', () => {
  it('is refused by the compiler in its place', () => {
    const given = <T>(deserializer: DeserializeFunction<T>) => deserializer
    expect(given((data) => data)).toBeTypeOf('function')
    // @ts-expect-error: json is to be called
    expect(given(json)).toBe(json)
    // @ts-expect-error: string is to be called
    expect(given(string)).toBe(string)
    // @ts-expect-error: bytes is to be called
    expect(given(bytes)).toBe(bytes)
  })

  it.each([
    ['json', json, /json itself is none, it makes one: call it, json\(\)/],
    ['a class', class Mine {}, /Mine is a class: give an instance, new Mine\(\)/],
    ['JSON', JSON, /must be a function, or an object with (de)?serialize\(\), such as json\(\)/],
  ])('is refused at construction: %s', (_what, given, message) => {
    const bootstrapServers = 'localhost:9092'
    const keyDeserializer = given as never
    expect(() => new ShareConsumer({ bootstrapServers, groupId: 'g', keyDeserializer })).toThrow(message)
    expect(() => new Producer({ bootstrapServers, valueSerializer: given as never })).toThrow(message)
  })

  it('is no deserialiser of an application either, and its records are undecodable', () => {
    const orders = () => json<{ id: string }>()
    expect(() => asDeserializer(orders).deserialize(Buffer.from('{}'), context)).toThrow(/makes one: call it/)
    expect(asDeserializer(() => ({ id: 'none' })).deserialize(Buffer.from('{}'), context)).toEqual({ id: 'none' })
  })
})
