import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CompressionCodecs,
  CompressionType,
  compressionName,
  compressionTypeOf,
  defaultCompressionCodecs,
  KafkaError,
  KafkaProtocolError,
  KafkaUsageError,
  type CodecChoice,
  type CompressionCodec,
} from '@milena/protocol'
import { unlessMalformed } from '../read-batches.js'
import { loadOptionalPackage, type PackageLoader } from '../../../src/records/compression/optional-package.js'

const of = 'The record batch at base offset 7'
const codecs: readonly CompressionType[] = [
  CompressionType.GZIP,
  CompressionType.SNAPPY,
  CompressionType.LZ4,
  CompressionType.ZSTD,
]

/** Loads what is installed, except the named packages. */
const without =
  (...missing: readonly string[]): PackageLoader =>
  <T>(name: string) =>
    missing.includes(name) ? { ok: false, reason: `Cannot find module '${name}'` } : loadOptionalPackage<T>(name)

async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('nothing failed')
}

describe('compression types', () => {
  it('have the names and numbers of Kafka', () => {
    expect([0, 1, 2, 3, 4, 5].map((type) => compressionName(type))).toEqual([
      'none',
      'gzip',
      'snappy',
      'lz4',
      'zstd',
      undefined,
    ])
    expect(compressionTypeOf('zstd')).toBe(CompressionType.ZSTD)
    expect(compressionTypeOf('brotli')).toBeUndefined()
  })
})

for (const type of codecs) {
  describe(`the codec for ${compressionName(type)}`, () => {
    it('gives back what it was given', async () => {
      const chunk = fc.oneof(
        fc.uint8Array({ maxLength: 2000, size: 'max' }),
        fc.nat(255).map((byte) => new Uint8Array(3000).fill(byte)),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(chunk, { maxLength: 40 }), async (chunks) => {
          const plain = Buffer.concat(chunks)
          const compressed = await defaultCompressionCodecs.compress(type, plain)
          const again = await defaultCompressionCodecs.decompress(type, compressed, { of })
          expect(again.equals(plain)).toBe(true)
        }),
        { numRuns: 60 },
      )
    })

    it('gives back several megabytes', async () => {
      const plain = Buffer.alloc(9_000_000)
      for (let at = 0; at < plain.length; at += 4) plain.writeUInt32LE((at * 2_654_435_761) >>> 13, at)
      const compressed = await defaultCompressionCodecs.compress(type, plain)
      expect((await defaultCompressionCodecs.decompress(type, compressed, { of })).equals(plain)).toBe(true)
    })

    it('allows exactly the bound and not a byte more', async () => {
      const plain = Buffer.alloc(100_000, 'abc')
      const compressed = await defaultCompressionCodecs.compress(type, plain)
      const within = await defaultCompressionCodecs.decompress(type, compressed, { of, maxOutputBytes: plain.length })
      expect(within.length).toBe(plain.length)
      const error = await failure(() =>
        defaultCompressionCodecs.decompress(type, compressed, { of, maxOutputBytes: plain.length - 1 }),
      )
      expect(error).toBeInstanceOf(KafkaProtocolError)
      expect((error as Error).message).toMatch(/base offset 7 cannot be decompressed .* 99999 bytes are allowed/)
    })

    it('stops a bomb at the default bound of 128 MiB', async () => {
      const bomb = await defaultCompressionCodecs.compress(type, Buffer.alloc(129 * 1024 * 1024))
      const error = await failure(() => defaultCompressionCodecs.decompress(type, bomb, { of }))
      expect(error).toBeInstanceOf(KafkaProtocolError)
      expect((error as Error).message).toContain('134217728 bytes are allowed')
    })

    it('refuses a stream that is cut off, wherever that is', async () => {
      const plain = Buffer.from(Array.from({ length: 600 }, (_, index) => (index * index) % 251))
      const compressed = await defaultCompressionCodecs.compress(type, plain)
      for (let length = 0; length < compressed.length; length += 7) {
        const cut = compressed.subarray(0, length)
        const read = await unlessMalformed(() => defaultCompressionCodecs.decompress(type, cut, { of }))
        // Nothing at all is no frame and thus no bytes; a batch that claims records is refused all the same.
        expect(read?.length ?? 0).toBe(0)
      }
    })

    it('ends in nothing but a KafkaProtocolError when bytes have been changed', async () => {
      const good = await defaultCompressionCodecs.compress(
        type,
        Buffer.from('a record, and a record, and a record '.repeat(40)),
      )
      const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
          const bytes = Buffer.from(good)
          for (const [at, value] of changes) bytes[at] = value
          const maxOutputBytes = 1_000_000
          await unlessMalformed(() => defaultCompressionCodecs.decompress(type, bytes, { of, maxOutputBytes }))
        }),
        { numRuns: 400 },
      )
    })

    it('refuses what is not of its format', async () => {
      const error = await failure(() => defaultCompressionCodecs.decompress(type, Buffer.alloc(64, 0xee), { of }))
      expect(error).toBeInstanceOf(KafkaProtocolError)
    })
  })
}

describe('a stream of several parts, as appending writers leave it,', () => {
  const one = Buffer.from('first part, '.repeat(30))
  const two = Buffer.from('second part; '.repeat(30))

  for (const type of codecs) {
    it(`is read to its end: ${compressionName(type)}`, async () => {
      const parts = [
        await defaultCompressionCodecs.compress(type, one),
        await defaultCompressionCodecs.compress(type, two),
      ]
      const plain = await defaultCompressionCodecs.decompress(type, Buffer.concat(parts), { of })
      expect(plain.toString()).toBe(Buffer.concat([one, two]).toString())
    })

    it(`is bounded as a whole: ${compressionName(type)}`, async () => {
      const part = await defaultCompressionCodecs.compress(type, one)
      const error = await failure(() =>
        defaultCompressionCodecs.decompress(type, Buffer.concat([part, part, part]), {
          of,
          maxOutputBytes: one.length * 2,
        }),
      )
      expect(error).toBeInstanceOf(KafkaProtocolError)
    })
  }

  it('may have frames in between that are to be skipped', async () => {
    const skipped = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    for (const type of [CompressionType.LZ4, CompressionType.ZSTD]) {
      const frame = await defaultCompressionCodecs.compress(type, one)
      const plain = await defaultCompressionCodecs.decompress(type, Buffer.concat([skipped, frame, skipped]), { of })
      expect(plain.toString()).toBe(one.toString())
      const cutOff = await failure(() =>
        defaultCompressionCodecs.decompress(type, Buffer.concat([frame, skipped.subarray(0, 10)]), { of }),
      )
      expect(cutOff).toBeInstanceOf(KafkaProtocolError)
    }
  })
})

describe('a codec of the application', () => {
  const reversing: CompressionCodec = {
    compress: (encoder) => Promise.resolve(Buffer.from(encoder.buffer).reverse()),
    decompress: (buffer) => Promise.resolve(Buffer.from(buffer).reverse()),
  }

  it('in the shape of KafkaJS takes the place of the built-in one', async () => {
    const own = new CompressionCodecs().register('gzip', () => reversing)
    expect((await own.compress(CompressionType.GZIP, Buffer.from('abc'))).toString()).toBe('cba')
    expect((await own.decompress(CompressionType.GZIP, Buffer.from('cba'), { of })).toString()).toBe('abc')
  })

  it('does not have to know of bounds: what it returns is measured', async () => {
    const own = new CompressionCodecs().register(CompressionType.GZIP, () => ({
      ...reversing,
      decompress: () => Buffer.alloc(50),
    }))
    const error = await failure(() =>
      own.decompress(CompressionType.GZIP, Buffer.from('x'), { of, maxOutputBytes: 49 }),
    )
    expect(error).toBeInstanceOf(KafkaProtocolError)
  })

  it('is never given an LZ4 or Zstandard stream that is cut off or claims too much', async () => {
    let calls = 0
    const counting = () => ({
      ...reversing,
      decompress: (buffer: Buffer) => {
        calls++
        return buffer
      },
    })
    for (const type of [CompressionType.LZ4, CompressionType.ZSTD, CompressionType.SNAPPY]) {
      const own = new CompressionCodecs().register(type, counting)
      const compressed = await defaultCompressionCodecs.compress(type, Buffer.alloc(50_000, 'xyz'))
      await failure(() => own.decompress(type, compressed.subarray(0, compressed.length - 1), { of }))
      if (type !== CompressionType.ZSTD)
        await failure(() => own.decompress(type, compressed, { of, maxOutputBytes: 49_999 }))
    }
    expect(calls).toBe(0)
  })

  it('that fails makes the batch unreadable and says why', async () => {
    const thrown = () => {
      throw new Error('out of order')
    }
    const rejected = () => Promise.reject(new Error('out of order'))
    for (const failing of [thrown, rejected]) {
      const own = new CompressionCodecs().register('gzip', () => ({ compress: failing, decompress: failing }))
      const reading = await failure(() => own.decompress(CompressionType.GZIP, Buffer.from('x'), { of }))
      expect(reading).toBeInstanceOf(KafkaProtocolError)
      expect((reading as Error).message).toContain('out of order')
      const writing = await failure(() => own.compress(CompressionType.GZIP, Buffer.from('x')))
      expect(writing).toMatchObject({ code: 'COMPRESSION_FAILED' })
    }
  })

  it('that returns no bytes is refused', async () => {
    const own = new CompressionCodecs().register('gzip', () => ({
      ...reversing,
      decompress: () => 'text' as unknown as Buffer,
    }))
    const error = await failure(() => own.decompress(CompressionType.GZIP, Buffer.from('x'), { of }))
    expect((error as Error).message).toContain('did not return a Buffer')
  })

  it('may return a plain Uint8Array', async () => {
    const own = new CompressionCodecs().register('gzip', () => ({
      ...reversing,
      decompress: () => new Uint8Array([1, 2]) as unknown as Buffer,
    }))
    expect(await own.decompress(CompressionType.GZIP, Buffer.from('x'), { of })).toEqual(Buffer.from([1, 2]))
  })

  it('cannot be registered for what has no codec, nor without being a function', () => {
    const own = new CompressionCodecs()
    expect(() => own.register('none', () => reversing)).toThrow(KafkaUsageError)
    expect(() => own.register(9 as CompressionType, () => reversing)).toThrow(KafkaUsageError)
    expect(() => own.register('lz4', reversing as unknown as () => CompressionCodec)).toThrow(/new LZ4Codec\(\).codec/)
    expect(() => own.get(CompressionType.NONE)).toThrow(KafkaUsageError)
  })
})

describe('the built-in codecs', () => {
  const plain = Buffer.from('some records '.repeat(100))

  it('tell once which implementation they have settled on, also those who ask later', async () => {
    const own = new CompressionCodecs({ load: without('kafkajs-lz4') })
    const heard: CodecChoice[] = []
    const stop = own.onChosen((choice) => heard.push(choice))
    for (let round = 0; round < 2; round++) {
      const compressed = await own.compress(CompressionType.LZ4, plain)
      await own.decompress(CompressionType.LZ4, compressed, { of })
    }
    const reason = "Cannot find module 'kafkajs-lz4'"
    expect(heard).toEqual([
      { compression: 'lz4', implementation: 'lz4-napi', passedOver: [{ packageName: 'kafkajs-lz4', reason }] },
    ])
    stop()
    await own.compress(CompressionType.GZIP, plain)
    expect(heard).toHaveLength(1)
    own.onChosen((choice) => heard.push(choice))
    expect(heard.slice(1).map(({ compression }) => compression)).toEqual(['lz4', 'gzip'])
  })

  it('take kafkajs-lz4 where it loads, with the block size of Java', () => {
    const given: unknown[] = []
    class LZ4Codec {
      constructor(options: unknown) {
        given.push(options)
      }
      readonly codec = () => ({ compress: () => Promise.resolve(plain), decompress: () => Promise.resolve(plain) })
    }
    const own = new CompressionCodecs({ load: <T>() => ({ ok: true, exports: LZ4Codec as T }) })
    let choice: CodecChoice | undefined
    own.onChosen((made) => (choice = made))
    own.get(CompressionType.LZ4)
    expect(choice).toEqual({ compression: 'lz4', implementation: 'kafkajs-lz4', passedOver: [] })
    expect(given).toEqual([{ blockMaxSize: 65_536 }])
  })

  it('pass over a kafkajs-lz4 that loads and then cannot be made', () => {
    const load: PackageLoader = <T>(name: string) =>
      name === 'kafkajs-lz4' ? { ok: true, exports: { LZ4Codec: 1 } as T } : loadOptionalPackage<T>(name)
    const own = new CompressionCodecs({ load })
    let choice: CodecChoice | undefined
    own.onChosen((made) => (choice = made))
    own.get(CompressionType.LZ4)
    expect(choice?.implementation).toBe('lz4-napi')
    expect(choice?.passedOver[0]?.reason).toContain('not a constructor')
  })

  it('do without the native snappy', async () => {
    const own = new CompressionCodecs({ load: without('snappy') })
    const written = await own.compress(CompressionType.SNAPPY, plain)
    expect(await defaultCompressionCodecs.decompress(CompressionType.SNAPPY, written, { of })).toEqual(plain)
    const other = await defaultCompressionCodecs.compress(CompressionType.SNAPPY, plain)
    expect(await own.decompress(CompressionType.SNAPPY, other, { of })).toEqual(plain)
  })

  it('read a bare snappy block as well as the stream that Java writes', async () => {
    const stream = await defaultCompressionCodecs.compress(CompressionType.SNAPPY, plain)
    expect(stream.toString('latin1', 1, 7)).toBe('SNAPPY')
    expect(await defaultCompressionCodecs.decompress(CompressionType.SNAPPY, stream.subarray(20), { of })).toEqual(
      plain,
    )
  })

  for (const [type, packages] of [
    [CompressionType.SNAPPY, ['snappy', 'snappyjs']],
    [CompressionType.LZ4, ['kafkajs-lz4', 'lz4-napi']],
  ] as const) {
    it(`name the package to install where none loads, when a batch needs it: ${compressionName(type)}`, async () => {
      const own = new CompressionCodecs({ load: without(...packages) })
      for (const work of [() => own.compress(type, plain), () => own.decompress(type, plain, { of })]) {
        const error = await failure(work)
        expect(error).toBeInstanceOf(KafkaError)
        expect(error).not.toBeInstanceOf(KafkaProtocolError)
        expect(error).toMatchObject({ code: 'UNSUPPORTED_COMPRESSION_TYPE', retriable: false })
        for (const name of packages) expect((error as Error).message).toContain(name)
      }
    })
  }

  it('hold a gzip stream to its bound also when it lies about its size', async () => {
    const lying = gzipSync(Buffer.alloc(5_000_000))
    for (const claim of [0, 10, 0xffff_ffff]) {
      lying.writeUInt32LE(claim, lying.length - 4)
      const error = await failure(() =>
        defaultCompressionCodecs.decompress(CompressionType.GZIP, lying, { of, maxOutputBytes: 1000 }),
      )
      expect(error).toBeInstanceOf(KafkaProtocolError)
    }
  })
})

describe('an optional package', () => {
  it('that is missing is an answer with the reason, not an exception', () => {
    expect(loadOptionalPackage('@milena/there-is-no-such-package')).toMatchObject({ ok: false })
  })
})
