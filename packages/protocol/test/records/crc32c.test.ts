import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '@milena/protocol'
import { crc32cInJavaScript } from '../../src/records/crc32c.js'

// RFC 3720, appendix B.4.
const knownValues: ReadonlyArray<readonly [string, Buffer, number]> = [
  ['32 zero bytes', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 bytes counting up', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
  ['32 bytes counting down', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['nothing', Buffer.alloc(0), 0],
]

describe('CRC-32C', () => {
  for (const [name, bytes, expected] of knownValues) {
    it(`of ${name} is the published value`, () => {
      expect(crc32c(bytes)).toBe(expected)
      expect(crc32cInJavaScript(bytes, 0, bytes.length)).toBe(expected)
    })
  }

  it('is the same from the native package and from JavaScript, wherever the bytes begin and end', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 3000, size: 'max' })
    fc.assert(
      fc.property(bytes, fc.nat(40), fc.nat(40), (all, before, after) => {
        const start = Math.min(before, all.length)
        const end = Math.max(start, all.length - after)
        expect(crc32c(all, start, end)).toBe(crc32cInJavaScript(all, start, end))
        expect(crc32c(all.slice(start, end))).toBe(crc32cInJavaScript(all, start, end))
      }),
    )
  })
})
