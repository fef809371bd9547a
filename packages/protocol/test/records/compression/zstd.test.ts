import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { KafkaError, KafkaProtocolError } from '@milena/protocol'
import { loadOptionalPackage } from '../../../src/records/compression/optional-package.js'
import { selectZstd } from '../../../src/records/compression/zstd.js'
import { zstdFrames } from '../../../src/records/compression/zstd-frame.js'

const nothing = () => ({ ok: false as const, reason: 'not installed' })

describe('the Zstandard codec', () => {
  it('is that of Node where Node has one', () => {
    const given: unknown[] = []
    const withZstd = {
      zstdCompressSync: (input: Buffer) => Buffer.concat([Buffer.from('c'), input]),
      zstdDecompressSync: (input: Buffer, options: unknown) => {
        given.push(options)
        return input.subarray(1)
      },
    }
    const { codec, implementation } = selectZstd(nothing, withZstd)
    expect(implementation).toBe('node:zlib')
    expect(codec.compress({ buffer: Buffer.from('x') })).toEqual(Buffer.from('cx'))
    expect(codec.decompress(Buffer.from('cx'), { maxOutputBytes: 12 })).toEqual(Buffer.from('x'))
    expect(given).toEqual([{ maxOutputLength: 12 }])
  })

  it('is the WebAssembly package elsewhere: a promise until that is ready, no promise from then on', async () => {
    const { codec, implementation } = selectZstd(loadOptionalPackage, {})
    expect(implementation).toBe('@bokuweb/zstd-wasm')
    const plain = Buffer.alloc(10_000, 'records')
    const first = codec.compress({ buffer: plain })
    const second = codec.compress({ buffer: plain })
    expect(first).toBeInstanceOf(Promise)
    expect(await second).toEqual(await first)
    const again = codec.decompress(await first, { maxOutputBytes: 10_000 })
    expect(again).toEqual(plain)
  })

  it('names what to install where there is neither', () => {
    expect(() => selectZstd(nothing, {})).toThrow(KafkaError)
    expect(() => selectZstd(nothing, {})).toThrow(/Install the package @bokuweb\/zstd-wasm, or run on Node.js 22.15/)
  })

  it('takes this Node as it is', () => {
    const { implementation } = selectZstd(loadOptionalPackage)
    expect(implementation).toBe('zstdCompressSync' in zlib ? 'node:zlib' : '@bokuweb/zstd-wasm')
  })
})

describe('a Zstandard frame', () => {
  const frame = (...bytes: readonly number[]) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...bytes])

  it('is bounded by its blocks where its header does not say how large it is', () => {
    // A raw block of 3 bytes, a run of 70,000, and a compressed block that may become 128 KiB.
    const run = (70_000 << 3) | (1 << 1)
    const bytes = frame(
      0x00,
      0x58,
      3 << 3,
      0,
      0,
      1,
      2,
      3,
      run & 255,
      (run >> 8) & 255,
      run >> 16,
      7,
      (2 << 3) | 5,
      0,
      0,
      9,
      9,
    )
    expect(zstdFrames(bytes, 1_000_000)).toEqual([
      expect.objectContaining({ bytes, maxOutputBytes: 3 + 70_000 + 131_072 }),
    ])
    expect(zstdFrames(bytes, 500)[0]?.maxOutputBytes).toBe(500)
  })

  it('may state its size in one, two, four or eight bytes', () => {
    const lastRun = (size: number) => {
      const header = (size << 3) | 3
      return [header & 255, (header >> 8) & 255, header >> 16, 7]
    }
    const headers: ReadonlyArray<readonly [number, readonly number[]]> = [
      [200, [0x20, 200]],
      [300, [0x60, 44, 0]],
      [300, [0xa0, 44, 1, 0, 0]],
      [300, [0xe0, 44, 1, 0, 0, 0, 0, 0, 0]],
    ]
    for (const [size, header] of headers) {
      expect(zstdFrames(frame(...header, ...lastRun(size)), 1000)[0]?.maxOutputBytes).toBe(size)
      expect(() => zstdFrames(frame(...header, ...lastRun(size)), size - 1)).toThrow(`would take ${size} bytes`)
    }
  })

  it('is refused where it claims more than its blocks can hold', () => {
    expect(() => zstdFrames(frame(0xa0, 0, 0, 0, 8, 0x09, 0, 0, 7), 2 ** 40)).toThrow(
      /claims 134217728 bytes; its blocks hold 1 at most/,
    )
  })

  it('is refused with a dictionary, a reserved block type or a block beyond 128 KiB', () => {
    for (const bytes of [frame(0x21, 1, 9, 9, 9, 9), frame(0x20, 1, 0x0f, 0, 0, 0), frame(0x20, 1, 0x09, 0, 0x20, 0)]) {
      expect(() => zstdFrames(bytes, 1000)).toThrow(KafkaProtocolError)
    }
  })
})
