import { describe, expect, it } from 'vitest'
import { clientProperties, connectionProperties } from '../src/client-properties.js'
import { parseProperties } from '../src/properties-file.js'

describe('A Java properties file', () => {
  it('separates names and values by equals signs, colons or blanks', () => {
    expect(parseProperties('a=1\nb : 2\r\nc\t3\rd\n  e = = 5 \n\n')).toEqual({
      a: '1',
      b: '2',
      c: '3',
      d: '',
      e: '= 5 ',
    })
  })

  it('passes over comments, and joins lines that a backslash continues', () => {
    expect(parseProperties('# a=1\n  ! b=2\nc=3,\\\n   4,\\\n  # 5\nd=6\\\\\ne=7')).toEqual({
      c: '3,4,# 5',
      d: '6\\',
      e: '7',
    })
  })

  it('resolves escapes in names and values; the last of equal names counts', () => {
    expect(parseProperties('a\\ b\\=c=\\u00e9\\t\\q\na=1\na=2')).toEqual({ 'a b=c': 'é\tq', a: '2' })
  })

  it('is cut off at its end without a fault', () => {
    expect(parseProperties('a=1\\')).toEqual({ a: '1' })
    expect(parseProperties('')).toEqual({})
  })
})

describe('Properties of a Java client', () => {
  it('lose what the tool decides itself, and a wish for plain text', () => {
    const file = { 'key.deserializer': 'X', 'value.deserializer': 'Y', 'security.protocol': 'plaintext', 'a.b': 'c' }
    expect(clientProperties(file)).toEqual({ 'a.b': 'c' })
    expect(clientProperties({ 'security.protocol': 'SSL' })).toEqual({ 'security.protocol': 'SSL' })
  })

  it('reach the admin client as far as they are about connections', () => {
    expect(
      connectionProperties({
        'group.id': 'g',
        'request.timeout.ms': '5',
        'max.poll.records': '1',
        'sasl.mechanism': 'x',
      }),
    ).toEqual({ 'request.timeout.ms': '5', 'sasl.mechanism': 'x' })
  })
})
