import { KafkaProtocolError } from '../../errors.js'
import {
  codecMissing,
  DEFAULT_MAX_OUTPUT_BYTES,
  type CodecSelection,
  type CompressionCodec,
  type PassedOverPackage,
} from './codec.js'
import { lz4Frames } from './lz4-frame.js'
import type { PackageLoader } from './optional-package.js'

/** What Java's client writes. kafkajs-lz4's own default, 4 MiB, makes every reader reserve as much for a small batch. */
const BLOCK_MAX_BYTES = 65_536

type KafkaJsLz4 = new (options: { blockMaxSize: number }) => { readonly codec: () => CompressionCodec }

interface Lz4Napi {
  compressFrameSync(input: Buffer): Buffer
  decompressFrameSync(input: Buffer): Buffer
}

/**
 * Prefers `kafkajs-lz4`, the codec that KafkaJS users know. Its native part is compiled at installation, which package managers often do not
 * do; where it does not load, for whatever reason, `lz4-napi` (prebuilt, the LZ4 frame format too) takes its place.
 */
export function selectLz4(load: PackageLoader): CodecSelection {
  const passedOver: PassedOverPackage[] = []
  const kafkaJs = load<KafkaJsLz4>('kafkajs-lz4')
  if (kafkaJs.ok) {
    const made = attempt(() => new kafkaJs.exports({ blockMaxSize: BLOCK_MAX_BYTES }).codec())
    if (made.ok) return { implementation: 'kafkajs-lz4', passedOver, codec: withinReserve(made.value) }
    passedOver.push({ packageName: 'kafkajs-lz4', reason: made.reason })
  } else {
    passedOver.push({ packageName: 'kafkajs-lz4', reason: kafkaJs.reason })
  }
  const napi = load<Lz4Napi>('lz4-napi')
  if (napi.ok) {
    const { exports } = napi
    const codec: CompressionCodec = {
      compress: ({ buffer }) => exports.compressFrameSync(buffer),
      decompress: (frame) => exports.decompressFrameSync(frame),
    }
    return { implementation: 'lz4-napi', passedOver, codec }
  }
  passedOver.push({ packageName: 'lz4-napi', reason: napi.reason })
  throw codecMissing('LZ4', 'Install the package lz4-napi, or kafkajs-lz4 together with a C++ compiler.', passedOver)
}

/**
 * kafkajs-lz4 reserves the block size of the frame's header for each block, however little is in it: a frame of a few hundred kilobytes
 * could have it reserve gigabytes.
 */
function withinReserve(codec: CompressionCodec): CompressionCodec {
  return {
    compress: (encoder) => codec.compress(encoder),
    decompress(frame, limits) {
      const reserved = lz4Frames(frame, limits.maxOutputBytes).reduce(
        (sum, { compressedBlocks, blockMaxBytes }) => sum + compressedBlocks * blockMaxBytes,
        0,
      )
      if (reserved > Math.max(DEFAULT_MAX_OUTPUT_BYTES, limits.maxOutputBytes)) {
        throw new KafkaProtocolError(
          `its LZ4 frame would have kafkajs-lz4 reserve ${reserved} bytes for blocks that are nearly empty. ` +
            'Register a codec over lz4-napi to read it',
        )
      }
      return codec.decompress(frame, limits)
    },
  }
}

function attempt<T>(
  make: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: make() }
  } catch (cause) {
    return { ok: false, reason: cause instanceof Error ? cause.message : String(cause) }
  }
}
