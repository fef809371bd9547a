import * as zlib from 'node:zlib'
import { codecMissing, tooLarge, type CodecSelection, type CompressionCodec } from './codec.js'
import type { PackageLoader } from './optional-package.js'

/** What Java's client compresses with. */
const LEVEL = 3

interface ZlibWithZstd {
  zstdCompressSync(input: Buffer): Buffer
  zstdDecompressSync(input: Buffer, options: { maxOutputLength: number }): Buffer
}

interface ZstdWasm {
  init(): Promise<void>
  compress(input: Uint8Array, level: number): Uint8Array
  decompress(input: Uint8Array, options: { defaultHeapSize: number }): Uint8Array
}

/** Node's own Zstandard where it has one (22.15, 23.8 and later), else the WebAssembly of `@bokuweb/zstd-wasm`. */
export function selectZstd(load: PackageLoader, nodeZlib: object = zlib): CodecSelection {
  if (hasZstd(nodeZlib)) return { implementation: 'node:zlib', passedOver: [], codec: nodeCodec(nodeZlib) }
  const wasm = load<ZstdWasm>('@bokuweb/zstd-wasm')
  if (wasm.ok) return { implementation: '@bokuweb/zstd-wasm', passedOver: [], codec: wasmCodec(wasm.exports) }
  throw codecMissing('Zstandard', 'Install the package @bokuweb/zstd-wasm, or run on Node.js 22.15 or later.', [
    { packageName: '@bokuweb/zstd-wasm', reason: wasm.reason },
  ])
}

function hasZstd(nodeZlib: object): nodeZlib is ZlibWithZstd {
  return 'zstdCompressSync' in nodeZlib && 'zstdDecompressSync' in nodeZlib
}

function nodeCodec(nodeZlib: ZlibWithZstd): CompressionCodec {
  return {
    compress: ({ buffer }) => nodeZlib.zstdCompressSync(buffer),
    decompress(frame, { maxOutputBytes }) {
      try {
        return nodeZlib.zstdDecompressSync(frame, { maxOutputLength: Math.max(1, maxOutputBytes) })
      } catch (cause) {
        if (cause instanceof RangeError) throw tooLarge(maxOutputBytes)
        throw cause
      }
    },
  }
}

/** Asynchronous until the WebAssembly module is there, synchronous from then on. */
function wasmCodec(wasm: ZstdWasm): CompressionCodec {
  let ready: Promise<void> | undefined
  let isReady = false
  const whenReady = <T>(work: () => T): T | Promise<T> => {
    if (isReady) return work()
    ready ??= wasm.init().then(() => {
      isReady = true
    })
    return ready.then(work)
  }
  return {
    compress: ({ buffer }) => whenReady(() => toBuffer(wasm.compress(buffer, LEVEL))),
    // The frame's header and blocks have been checked (zstdFrames), which this package does not do: it trusts the size there.
    decompress: (frame, { maxOutputBytes }) =>
      whenReady(() => toBuffer(wasm.decompress(frame, { defaultHeapSize: Math.max(1, maxOutputBytes) }))),
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
