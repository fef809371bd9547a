import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { bool, double, int, list, long, MAX_LONG, short, text } from '../../src/configs/config-definition.js'
import { parseConfig } from '../../src/configs/config-values.js'

const limit = int('limit', 5, { min: 2, max: 10 })

describe('A value that is very long', () => {
  it('is refused, in a message that is not', () => {
    const refusal = (definition: Parameters<typeof parseConfig>[0], length: number) =>
      parseConfig(definition, 'x'.repeat(length)) as { readonly errorMessage: string }
    expect(refusal(text('t', ''), 65_537).errorMessage).toMatch(/has 65537 characters/)
    expect(refusal(limit, 65_536).errorMessage).toHaveLength(4000)
    expect(parseConfig(text('t', ''), 'x'.repeat(65_536))).toHaveLength(65_536)
  })
})

describe('A value of a configuration', () => {
  it.each([
    [limit, ' 7 ', '7'],
    [limit, '+7', '7'],
    [limit, '007', '7'],
    [bool('on', true), ' TRUE ', 'true'],
    [bool('on', true), 'False', 'false'],
    [long('n', 0), MAX_LONG, MAX_LONG],
    [long('n', 0), `-${MAX_LONG}`, `-${MAX_LONG}`],
    [double('d', 0.5), ' 1e-3 ', '1e-3'],
    [text('t', ''), ' a b ', 'a b'],
    [text('t', 'a', { oneOf: ['a', 'b'] }), ' b ', 'b'],
    [list('l', ''), ' a , b,c ', 'a,b,c'],
    [list('l', 'a'), ' ', ''],
  ])('is kept as Kafka tells it: %o of %j is %j', (definition, given, kept) => {
    expect(parseConfig(definition, given)).toBe(kept)
  })

  it.each([
    [limit, '1', '1 for configuration limit: Value must be at least 2'],
    [limit, '11', '11 for configuration limit: Value must be no more than 10'],
    [limit, '', ' for configuration limit: Not a number of type INT'],
    [limit, '5.0', '5.0 for configuration limit: Not a number of type INT'],
    [limit, '0x5', '0x5 for configuration limit: Not a number of type INT'],
    [limit, '2147483648', '2147483648 for configuration limit: Not a number of type INT'],
    [short('s', 1), '32768', '32768 for configuration s: Not a number of type SHORT'],
    [long('n', 0), '9223372036854775808', '9223372036854775808 for configuration n: Not a number of type LONG'],
    [double('d', 0.5, { max: 1 }), '2', '2.0 for configuration d: Value must be no more than 1'],
    [double('d', 0.5), 'x', 'x for configuration d: Not a number of type DOUBLE'],
    [double('d', 0.5), ' ', ' for configuration d: Not a number of type DOUBLE'],
    [bool('on', true), 'maybe', 'maybe for configuration on: Expected value to be either true or false'],
    [text('t', 'a', { oneOf: ['a', 'b'] }), 'A', 'A for configuration t: String must be one of: a, b'],
    [list('l', 'a', { oneOf: ['a', 'b'] }), 'a,c', 'a,c for configuration l: String must be one of: a, b'],
  ])('is refused in the words of Kafka: %o of %j', (definition, given, words) => {
    expect(parseConfig(definition, given)).toEqual({
      errorCode: ErrorCode.INVALID_CONFIG,
      errorMessage: `Invalid value ${words}`,
    })
  })
})
