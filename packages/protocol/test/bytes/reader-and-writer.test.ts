import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter, KafkaProtocolError, KafkaUsageError, ZERO_UUID } from '@milena/protocol'

/** What `put` writes, beginning in the smallest buffer and behind `before` bytes, so that growing happens at every place. */
function written(put: (writer: ByteWriter) => void, before = 0): Buffer {
  const writer = new ByteWriter(1)
  writer.bytes(Buffer.alloc(before, 0xee))
  put(writer)
  const bytes = writer.toBuffer()
  expect(bytes.subarray(0, before)).toEqual(Buffer.alloc(before, 0xee))
  return bytes.subarray(before)
}

function reading(hex: string): ByteReader {
  return new ByteReader(Buffer.from(hex, 'hex'))
}

const places = fc.integer({ min: 0, max: 20 })

describe('numbers', () => {
  const fixed = [
    {
      name: 'int8',
      from: fc.integer({ min: -0x80, max: 0x7f }),
      put: (w: ByteWriter, v: number) => w.int8(v),
      take: (r: ByteReader) => r.int8(),
    },
    {
      name: 'int16',
      from: fc.integer({ min: -0x8000, max: 0x7fff }),
      put: (w: ByteWriter, v: number) => w.int16(v),
      take: (r: ByteReader) => r.int16(),
    },
    {
      name: 'uint16',
      from: fc.integer({ min: 0, max: 0xffff }),
      put: (w: ByteWriter, v: number) => w.int16(v),
      take: (r: ByteReader) => r.uint16(),
    },
    {
      name: 'int32',
      from: fc.integer(),
      put: (w: ByteWriter, v: number) => w.int32(v),
      take: (r: ByteReader) => r.int32(),
    },
    {
      name: 'uint32',
      from: fc.integer({ min: 0, max: 0xffffffff }),
      put: (w: ByteWriter, v: number) => w.int32(v),
      take: (r: ByteReader) => r.uint32(),
    },
    {
      name: 'int64',
      from: fc.maxSafeInteger(),
      put: (w: ByteWriter, v: number) => w.int64(v),
      take: (r: ByteReader) => r.int64(),
    },
    {
      name: 'float64',
      from: fc.double(),
      put: (w: ByteWriter, v: number) => w.float64(v),
      take: (r: ByteReader) => r.float64(),
    },
    {
      name: 'uvarint',
      from: fc.integer({ min: 0, max: 0xffffffff }),
      put: (w: ByteWriter, v: number) => w.uvarint(v),
      take: (r: ByteReader) => r.uvarint(),
    },
    {
      name: 'varint',
      from: fc.integer(),
      put: (w: ByteWriter, v: number) => w.varint(v),
      take: (r: ByteReader) => r.varint(),
    },
    {
      name: 'varlong',
      from: fc.maxSafeInteger(),
      put: (w: ByteWriter, v: number) => w.varlong(v),
      take: (r: ByteReader) => r.varlong(),
    },
  ]
  for (const { name, from, put, take } of fixed) {
    it(`of type ${name} read as they were written, and end where they end`, () => {
      fc.assert(
        fc.property(from, places, (value, before) => {
          const reader = new ByteReader(written((writer) => put(writer, value), before))
          expect(take(reader)).toBe(value)
          expect(reader.remaining).toBe(0)
        }),
      )
    })

    it(`of type ${name} are refused when they are cut off`, () => {
      fc.assert(
        fc.property(from, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, at) => {
          const bytes = written((writer) => put(writer, value))
          expect(() => take(new ByteReader(bytes.subarray(0, Math.floor(bytes.length * at))))).toThrow(
            KafkaProtocolError,
          )
        }),
      )
    })
  }

  it('are in the byte order of the network', () => {
    expect(written((w) => w.int16(0x0102)).toString('hex')).toBe('0102')
    expect(written((w) => w.int32(0x01020304)).toString('hex')).toBe('01020304')
    expect(written((w) => w.int64(2 ** 40 + 1)).toString('hex')).toBe('0000010000000001')
    expect(written((w) => w.int64(-1)).toString('hex')).toBe('ffffffffffffffff')
  })

  it('of 64 bits beyond the safe ones are read and written as the nearest number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.alloc(8)
        bytes.writeBigInt64BE(value)
        expect(new ByteReader(bytes).int64()).toBe(Number(value))
        const again = written((writer) => writer.int64(Number(value)))
        expect(Number(again.readBigInt64BE())).toBe(Number(value))
      }),
    )
    expect(written((writer) => writer.int64(2 ** 63)).toString('hex')).toBe('7fffffffffffffff')
    expect(written((writer) => writer.int64(-(2 ** 63))).toString('hex')).toBe('8000000000000000')
  })

  it('of variable length are those of protocol buffers', () => {
    expect([0, 127, 128, 300, 0xffffffff].map((value) => written((w) => w.uvarint(value)).toString('hex'))).toEqual([
      '00',
      '7f',
      '8001',
      'ac02',
      'ffffffff0f',
    ])
    expect(
      [0, -1, 1, -2, 2147483647, -2147483648].map((value) => written((w) => w.varint(value)).toString('hex')),
    ).toEqual(['00', '01', '02', '03', 'feffffff0f', 'ffffffff0f'])
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(new ByteReader(varlongOf(value)).varlong()).toBe(Number(value))
      }),
    )
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written((writer) => writer.varlong(value))).toEqual(varlongOf(BigInt(value)))
      }),
    )
  })

  it('of variable length are refused when they never end or are too long', () => {
    expect(() => reading('ffffffffff').uvarint()).toThrow('longer than 32 bits')
    expect(() => reading('ffffffff10').uvarint()).toThrow('longer than 32 bits')
    expect(() => reading('ffffffffffffffffffff').varlong()).toThrow('longer than 64 bits')
    expect(() => reading('ffffffffffffffffff02').varlong()).toThrow('longer than 64 bits')
    expect(reading('ffffffffffffffffff01').varlong()).toBe(-(2 ** 63))
  })
})

describe('a reader', () => {
  it('reads nothing outside of its part of the buffer', () => {
    const buffer = Buffer.from('0102030405', 'hex')
    const reader = new ByteReader(buffer, 1, 4)
    expect(reader.remaining).toBe(3)
    expect(() => reader.int32()).toThrow('4 bytes are needed at offset 1, but only 3 are left.')
    expect(reader.bytes(3)).toEqual(Buffer.from('020304', 'hex'))
    expect(() => reader.uint8()).toThrow(KafkaProtocolError)
    expect(() => new ByteReader(buffer, 0, 6)).toThrow(KafkaProtocolError)
    expect(() => new ByteReader(buffer, 3, 2)).toThrow(KafkaProtocolError)
    expect(() => new ByteReader(buffer, -1)).toThrow(KafkaProtocolError)
  })

  it('refuses negative lengths', () => {
    expect(() => reading('0102').bytes(-1)).toThrow('A length of -1 is claimed at offset 0.')
    expect(() => reading('0102').utf8(-1)).toThrow(KafkaProtocolError)
    expect(() => reading('0102').skip(-1)).toThrow(KafkaProtocolError)
  })

  it('gives bytes as views', () => {
    const buffer = Buffer.from('0102', 'hex')
    const view = new ByteReader(buffer).bytes(2)
    buffer[0] = 9
    expect(view[0]).toBe(9)
  })

  it('takes any byte but 0 for true', () => {
    expect([reading('00').bool(), reading('01').bool(), reading('ff').bool()]).toEqual([false, true, true])
  })

  it('stands where it stood after a refusal', () => {
    const reader = reading('010203')
    reader.uint8()
    expect(() => reader.int32()).toThrow(KafkaProtocolError)
    expect(reader.offset).toBe(1)
  })
})

describe('texts', () => {
  it('read as they were written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), places, (text, before) => {
        const length = Buffer.byteLength(text)
        const reader = new ByteReader(written((writer) => writer.utf8(text, length), before))
        expect(reader.utf8(length)).toBe(text)
      }),
    )
  })
})

describe('UUIDs', () => {
  const uuids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))

  it('read as base64url and are written to the same bytes', () => {
    fc.assert(
      fc.property(fc.array(uuids, { maxLength: 200 }), places, (ids, before) => {
        const reader = new ByteReader(Buffer.concat(ids))
        for (const id of ids) {
          const text = reader.uuid()
          expect(text).toBe(id.toString('base64url'))
          expect(written((writer) => writer.uuid(text), before)).toEqual(id)
        }
      }),
    )
  })

  it('that come again are told right although others came in between', () => {
    // Ids of one slot of the memory of known ids push each other out: these differ in one bit, which the slot does not see.
    const ids = [0, 2, 6, 10, 14].map((at) => {
      const id = Buffer.alloc(16, 7)
      id[at] = at === 0 ? 7 : 6
      return id
    })
    for (const one of ids) {
      for (const other of ids) {
        for (const id of [one, other]) expect(new ByteReader(id).uuid()).toBe(id.toString('base64url'))
      }
    }
  })

  it('of all zero bits have a name', () => {
    expect(new ByteReader(Buffer.alloc(16)).uuid()).toBe(ZERO_UUID)
  })

  it('of any other form are refused', () => {
    for (const text of [
      '',
      'AAAA',
      `${ZERO_UUID}A`,
      'AAAAAAAAAAAAAAAAAAAAA!',
      'AAAAAAAAAA=AAAAAAAAAAA',
      7,
      undefined,
    ]) {
      expect(() => written((writer) => writer.uuid(text, 'topicId'))).toThrow(KafkaUsageError)
      expect(() => written((writer) => writer.uuid(text, 'topicId'))).toThrow(/^topicId must be a UUID .*Given: /)
    }
  })
})

describe('a writer', () => {
  it('leaves room for what is known later', () => {
    const writer = new ByteWriter()
    const size = writer.reserve(4)
    writer.bytes(Buffer.alloc(1000, 1))
    writer.int32At(size, writer.offset - 4)
    expect(writer.toBuffer().readInt32BE(0)).toBe(1000)
  })
})

/** A zigzag varlong worked out the long way. */
function varlongOf(value: bigint): Buffer {
  let folded = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (folded >= 0x80n) {
    bytes.push(Number(folded & 0x7fn) | 0x80)
    folded >>= 7n
  }
  return Buffer.from([...bytes, Number(folded)])
}
