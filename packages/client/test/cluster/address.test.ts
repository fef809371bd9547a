import { describe, expect, it } from 'vitest'
import { formatAddress, parseBootstrapServers } from '../../src/cluster/address.js'
import { Producer } from '../../src/producer/producer.js'
import { checkTopicName } from '../../src/cluster/topic-name.js'

describe('bootstrapServers', () => {
  it.each([
    ['localhost:9092', ['localhost:9092']],
    ['a:1,b:2', ['a:1', 'b:2']],
    [' a:1 , b:2 ,', ['a:1', 'b:2']],
    [
      ['a:1', 'b:2,c:3'],
      ['a:1', 'b:2', 'c:3'],
    ],
    ['a:1,a:1', ['a:1']],
    ['[::1]:9092', ['[::1]:9092']],
    ['[fe80::1%eth0]:9092', ['[fe80::1%eth0]:9092']],
    ['10.0.0.1:9092', ['10.0.0.1:9092']],
  ])('%j are addresses', (given, expected) => {
    expect(parseBootstrapServers(given).map(formatAddress)).toEqual(expected)
  })

  it.each([
    ['localhost', /has no port/],
    ['localhost:', /not an address/],
    ['localhost:http', /not an address/],
    ['localhost:0', /not between 1 and 65535/],
    ['localhost:70000', /not between 1 and 65535/],
    ['::1:9092', /not an address/],
    ['PLAINTEXT://localhost:9092', /listener names and URL schemes/],
    ['a b:1', /not an address/],
  ])("'%s' is refused, with the form that is wanted", (given, message) => {
    expect(() => parseBootstrapServers(given)).toThrow(message)
    expect(() => parseBootstrapServers(given)).toThrow(/Write host:port/)
  })

  it('are refused in words that go on from the name of the option', () => {
    const refused = (bootstrapServers: string | string[]) => () => new Producer({ bootstrapServers })
    expect(refused('kafka://a:1')).toThrow(/bootstrapServers is 'kafka:\/\/a:1', but it starts with 'kafka:\/\/'/)
    expect(refused(['a:1', 'b'])).toThrow(/bootstrapServers is an array, but it holds 'b', which has no port/)
  })

  it('that hold credentials are refused without repeating them', () => {
    expect(() => parseBootstrapServers('user:hunter2@broker:9092')).toThrow(/…@broker:9092/)
    expect(() => parseBootstrapServers('user:hunter2@broker:9092')).not.toThrow(/hunter2/)
  })
})

describe('a topic name', () => {
  it.each(['orders', 'a.b_c-1', 'x'.repeat(249), '__share_group_state'])("'%s' is legal", (name) => {
    expect(() => checkTopicName(name)).not.toThrow()
  })

  it.each(['', '.', '..', 'no pe', 'ümlaut', 'a/b', 'x'.repeat(250)])(
    "'%s' is refused with the characters that are legal",
    (name) => {
      expect(() => checkTopicName(name)).toThrow(/a-z, A-Z, 0-9, '\.', '_' and '-'/)
    },
  )
})
