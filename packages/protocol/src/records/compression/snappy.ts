import { KafkaProtocolError } from '../../errors.js'
import { codecMissing, tooLarge, type CodecSelection, type CompressionCodec, type PassedOverPackage } from './codec.js'
import type { PackageLoader } from './optional-package.js'

/*
 * Snappy comes in two wrappings. Java's clients write the stream format of snappy-java ("xerial"): a header of 16 bytes, then blocks,
 * each behind its length (int32, big-endian). librdkafka and KafkaJS write one bare block. All of them read both. We write the
 * stream format with one block, which the strictest reader takes as well.
 */
const STREAM_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const STREAM_HEADER = Buffer.concat([STREAM_MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
/** A copy of 64 bytes takes 3, so that no block is more than this many times as large when plain. */
const MAX_RATIO = 22

interface SnappyBlocks {
  compress(plain: Buffer): Buffer
  uncompress(block: Buffer): Buffer
}

interface NativeSnappy {
  compressSync(input: Buffer): Buffer
  uncompressSync(input: Buffer, options: { asBuffer: true }): Buffer
}

interface SnappyJs {
  compress(input: Buffer): Buffer
  uncompress(input: Buffer): Buffer
}

/** Prefers the prebuilt `snappy` (2.2 GB/s out, 1 GB/s in); `snappyjs` (0.6 and 0.3) runs everywhere. */
export function selectSnappy(load: PackageLoader): CodecSelection {
  const passedOver: PassedOverPackage[] = []
  const native = load<NativeSnappy>('snappy')
  if (native.ok) {
    const { exports } = native
    return selection('snappy', passedOver, {
      compress: (plain) => exports.compressSync(plain),
      uncompress: (block) => exports.uncompressSync(block, { asBuffer: true }),
    })
  }
  passedOver.push({ packageName: 'snappy', reason: native.reason })
  const script = load<SnappyJs>('snappyjs')
  if (script.ok) return selection('snappyjs', passedOver, script.exports)
  passedOver.push({ packageName: 'snappyjs', reason: script.reason })
  throw codecMissing('snappy', 'Install the package snappy or snappyjs.', passedOver)
}

function selection(
  implementation: string,
  passedOver: readonly PassedOverPackage[],
  blocks: SnappyBlocks,
): CodecSelection {
  const codec: CompressionCodec = {
    compress({ buffer }) {
      const block = blocks.compress(buffer)
      const length = Buffer.allocUnsafe(4)
      length.writeUInt32BE(block.length)
      return Buffer.concat([STREAM_HEADER, length, block])
    },
    decompress(buffer, { maxOutputBytes }) {
      const plain = snappyBlocks(buffer, maxOutputBytes).map((block) => blocks.uncompress(block))
      const [first] = plain
      return plain.length === 1 && first !== undefined ? first : Buffer.concat(plain)
    },
  }
  return { implementation, passedOver, codec }
}

/**
 * The blocks of one stream or the one bare block, as views. Adds up the plain sizes that they claim: beyond `maxOutputBytes`, or
 * beyond what so few bytes can hold, is a KafkaProtocolError, before anything is allocated.
 */
export function snappyBlocks(buffer: Buffer, maxOutputBytes: number): Buffer[] {
  const blocks: Buffer[] = []
  let output = 0
  const add = (block: Buffer) => {
    const claimed = claimedSnappySize(block)
    if (claimed > block.length * MAX_RATIO) {
      throw new KafkaProtocolError(`a snappy block of ${block.length} bytes claims to hold ${claimed}`)
    }
    output += claimed
    if (output > maxOutputBytes) throw tooLarge(maxOutputBytes, output)
    blocks.push(block)
  }
  if (!isStreamAt(buffer, 0)) {
    add(buffer)
    return blocks
  }
  let at = STREAM_HEADER.length
  while (at < buffer.length) {
    // A writer that appended to a stream has begun anew in the middle of it.
    if (isStreamAt(buffer, at)) {
      at += STREAM_HEADER.length
      continue
    }
    const length = at + 4 <= buffer.length ? buffer.readUInt32BE(at) : Number.POSITIVE_INFINITY
    at += 4
    if (at + length > buffer.length) throw new KafkaProtocolError('its last snappy block is cut off')
    add(buffer.subarray(at, at + length))
    at += length
  }
  return blocks
}

function isStreamAt(buffer: Buffer, at: number): boolean {
  return (
    buffer.length - at >= STREAM_HEADER.length &&
    buffer.compare(STREAM_MAGIC, 0, STREAM_MAGIC.length, at, at + STREAM_MAGIC.length) === 0
  )
}

/** The plain size that a block begins with: an unsigned number of up to 32 bits, in sevens. */
function claimedSnappySize(block: Buffer): number {
  let size = 0
  for (let index = 0; index < 5; index++) {
    const byte = block[index]
    if (byte === undefined) break
    size += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) return size
  }
  throw new KafkaProtocolError('a snappy block does not say how large it is')
}
