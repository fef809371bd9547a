import { KafkaUsageError } from '@milena/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { environmentProperties, PropertyResolver } from '../src/property-resolver.js'

afterEach(() => vi.unstubAllEnvs())

const resolver = (...sources: ConstructorParameters<typeof PropertyResolver>[0]) => new PropertyResolver(sources)

describe('a placeholder', () => {
  it('takes the value of its name', () => {
    expect(resolver({ 'orders.topic': 'orders-v2' }).resolve('${orders.topic}')).toBe('orders-v2')
  })

  it('finds its name in nested objects too', () => {
    expect(resolver({ orders: { topic: 'orders-v3' } }).resolve('${orders.topic}')).toBe('orders-v3')
  })

  it('stands among other text, as often as one likes', () => {
    expect(resolver({ env: 'eu', shop: 'north' }).resolve('${env}.orders.${shop}!')).toBe('eu.orders.north!')
  })

  it('takes its default when nobody knows the name, and only then', () => {
    expect(resolver({}).resolve('${topic:orders}')).toBe('orders')
    expect(resolver({ topic: 'mine' }).resolve('${topic:orders}')).toBe('mine')
  })

  it('may have an empty default, and one with colons', () => {
    expect(resolver({}).resolve('[${topic:}]')).toBe('[]')
    expect(resolver({}).resolve('${kafka:localhost:9092}')).toBe('localhost:9092')
  })

  it('may hold placeholders in its name, its default and its value', () => {
    const nested = resolver({ stage: 'prod', 'topic.prod': 'orders-${region}', region: 'eu' })
    expect(nested.resolve('${topic.${stage}}')).toBe('orders-eu')
    expect(nested.resolve('${absent:${also-absent:${region}}}')).toBe('eu')
  })

  it('takes numbers, truth values and lists', () => {
    expect(resolver({ n: 4, on: false, list: ['a', 'b'] }).resolve('${n} ${on} ${list}')).toBe('4 false a,b')
  })

  it('asks its sources in order', () => {
    const asked: string[] = []
    const source = (name: string) => void asked.push(name)
    expect(resolver(source, { topic: 'second' }, { topic: 'third' }).resolve('${topic}')).toBe('second')
    expect(asked).toEqual(['topic'])
  })

  it('is looked for further where a source says null', () => {
    const nothing = () => null
    expect(resolver(nothing, { topic: null }, { orders: null }, { topic: 'last' }).resolve('${topic}')).toBe('last')
    expect(resolver({ topic: null }).resolve('${topic:orders}')).toBe('orders')
    expect(() => resolver({ topic: null }).resolve('${topic}')).toThrow(/'topic' is found nowhere/)
  })

  it('finds nothing on the prototype of a source', () => {
    expect(resolver({}).resolve('${constructor:none} ${toString.name:none}')).toBe('none none')
  })
})

describe('the environment', () => {
  it('is asked for the name as it is, then in capitals with underscores', () => {
    vi.stubEnv('ORDERS_TOPIC_NAME', 'from-env')
    expect(resolver(environmentProperties).resolve('${orders.topic-name}')).toBe('from-env')
    vi.stubEnv('orders.topic-name', 'exactly')
    expect(resolver(environmentProperties).resolve('${orders.topic-name}')).toBe('exactly')
  })
})

describe('a mistake in a placeholder', () => {
  const problem = (text: string, source: object = {}): unknown => {
    try {
      return resolver(source as Record<string, unknown>).resolve(text)
    } catch (error) {
      return error
    }
  }

  it.each([
    [
      'an unknown name without default',
      '${orders.topic}',
      {},
      /'orders\.topic' is found nowhere.*\$\{orders\.topic:value\}/,
    ],
    ['a placeholder that is not closed', 'a${b', {}, /opens a placeholder and does not close it/],
    ['no name', '${:x}', {}, /names no property/],
    ['a circle', '${a}', { a: '${b}', b: '${a}' }, /'a' is defined by itself \(a -> b -> a\)/],
    ['an object as value', '${a}', { a: { secret: 'hunter2' } }, /'a' is an object/],
  ])('%s is a usage error that says what to do', (_name, text, source, message) => {
    const error = problem(text, source)
    expect(KafkaUsageError.is(error)).toBe(true)
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('hunter2')
  })
})
