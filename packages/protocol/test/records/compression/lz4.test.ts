import { describe, expect, it } from 'vitest'
import {
  CompressionCodecs,
  CompressionType,
  defaultCompressionCodecs,
  KafkaProtocolError,
  type CompressionCodec,
} from '@milena/protocol'
import { lz4Frames } from '../../../src/records/compression/lz4-frame.js'
import type { PackageLoader } from '../../../src/records/compression/optional-package.js'

const MAGIC = [0x04, 0x22, 0x4d, 0x18]
const HEADER_CHECKSUM = 0

function block(bytes: readonly number[], stored = false): number[] {
  return [bytes.length & 255, bytes.length >> 8, 0, stored ? 0x80 : 0, ...bytes]
}

function frame(flags: number, sizes: readonly number[], ...blocks: ReadonlyArray<readonly number[]>): Buffer {
  return Buffer.from([...MAGIC, flags, ...sizes, HEADER_CHECKSUM, ...blocks.flat(), 0, 0, 0, 0])
}

describe('an LZ4 frame', () => {
  it('is bounded by its blocks', () => {
    const stored = lz4Frames(frame(0x60, [0x40], block([1, 2, 3], true)), 1000)
    expect(stored[0]).toMatchObject({ maxOutputBytes: 3, blockMaxBytes: 65_536, compressedBlocks: 0 })
    const compressed = lz4Frames(frame(0x60, [0x70], block([0x10, 65])), 1000)
    expect(compressed[0]).toMatchObject({ maxOutputBytes: 510, blockMaxBytes: 4_194_304, compressedBlocks: 1 })
  })

  it('is measured exactly where what its blocks could hold is more than allowed', () => {
    // Two literals, then 4 + 15 + 255 + 30 bytes of a match, then three literals: 309 bytes.
    const sequences = [0x2f, 1, 2, 1, 0, 255, 30, 0x30, 7, 8, 9]
    const bytes = frame(0x60, [0x40], block(sequences))
    expect(lz4Frames(bytes, 309)[0]?.maxOutputBytes).toBe(309)
    expect(() => lz4Frames(bytes, 308)).toThrow('309 bytes')
  })

  it('is measured to what a codec really makes of it', async () => {
    const plain = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index) >> 9))
    const compressed = await defaultCompressionCodecs.compress(CompressionType.LZ4, plain)
    // The last literals of the blocks are stored as they are: the sum is exact, or an escape into what could be.
    const [measured] = lz4Frames(compressed, plain.length)
    expect(measured?.maxOutputBytes).toBe(plain.length)
  })

  it('that states a size beyond the bound is refused by its header alone', () => {
    const size = [0, 0, 0, 0, 1, 0, 0, 0] // 4 GiB
    expect(() => lz4Frames(frame(0x68, [0x40, ...size], block([1], true)), 2 ** 31)).toThrow('4294967296 bytes')
  })

  it('that states a size which its blocks cannot hold is refused', () => {
    const size = [0, 0, 16, 0, 0, 0, 0, 0] // 1 MiB
    expect(() => lz4Frames(frame(0x68, [0x40, ...size], block([1], true)), 2 ** 31)).toThrow(
      /claims 1048576 bytes; its blocks hold 1 at most/,
    )
  })

  it('is complete only with every checksum that it announces', () => {
    const withContentChecksum = frame(0x64, [0x40], block([1], true))
    expect(() => lz4Frames(withContentChecksum, 100)).toThrow(/cut off/)
    expect(lz4Frames(Buffer.concat([withContentChecksum, Buffer.alloc(4)]), 100)).toHaveLength(1)
    const blockChecksum = [...block([1], true), 9, 9, 9, 9]
    expect(lz4Frames(frame(0x70, [0x40], blockChecksum), 100)).toHaveLength(1)
    expect(() => lz4Frames(frame(0x70, [0x40], block([1], true)), 100)).toThrow(KafkaProtocolError)
  })

  it('is refused with a dictionary, an unknown version or an unknown block size', () => {
    for (const [flags, sizes] of [
      [0x61, [0x40]],
      [0x20, [0x40]],
      [0x60, [0x30]],
    ] as const) {
      expect(() => lz4Frames(frame(flags, sizes), 100)).toThrow(KafkaProtocolError)
    }
  })

  it('does not have kafkajs-lz4 reserve gigabytes for blocks that are nearly empty', async () => {
    let calls = 0
    const codec: CompressionCodec = {
      compress: ({ buffer }) => Promise.resolve(buffer),
      decompress: (buffer) => {
        calls++
        return Promise.resolve(buffer)
      },
    }
    const load: PackageLoader = <T>() => ({
      ok: true,
      exports: class {
        readonly codec = () => codec
      } as T,
    })
    const codecs = new CompressionCodecs({ load })
    const oneLiteral = block([0x10, 65])
    const decompress = async (blocks: number) =>
      codecs.decompress(CompressionType.LZ4, frame(0x60, [0x70], ...Array.from({ length: blocks }, () => oneLiteral)), {
        of: 'It',
      })
    await decompress(32)
    expect(calls).toBe(1)
    await expect(decompress(33)).rejects.toThrow(/reserve 138412032 bytes/)
    expect(calls).toBe(1)
  })
})
