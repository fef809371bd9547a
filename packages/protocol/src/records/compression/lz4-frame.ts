import { KafkaProtocolError } from '../../errors.js'
import { tooLarge } from './codec.js'
import type { CompressedFrame } from './compressed-frame.js'
import { skippableFrameEnd } from './compressed-frame.js'

const MAGIC = 0x184d2204

const Flag = {
  CONTENT_SIZE: 0x08,
  CONTENT_CHECKSUM: 0x04,
  BLOCK_CHECKSUM: 0x10,
  DICTIONARY: 0x01,
  VERSION: 0xc0,
} as const
const STORED = 0x8000_0000
/** An LZ4 sequence grows by 255 for every byte that lengthens it. */
const MAX_RATIO = 255

/** An LZ4 frame that is complete: every block and checksum that it announces is there. */
export interface Lz4Frame extends CompressedFrame {
  readonly blockMaxBytes: number
  readonly compressedBlocks: number
}

/**
 * Splits what a batch holds into LZ4 frames (one, as Kafka writes it; more, where a writer has appended) and adds up what they can
 * grow to. Cut off, not LZ4, or larger than `maxOutputBytes` in plain: KafkaProtocolError.
 */
export function lz4Frames(buffer: Buffer, maxOutputBytes: number): Lz4Frame[] {
  const frames: Lz4Frame[] = []
  let left = maxOutputBytes
  for (let at = 0; at < buffer.length;) {
    const skipped = skippableFrameEnd(buffer, at)
    if (skipped !== undefined) {
      at = skipped
      continue
    }
    const frame = readFrame(buffer, at, left)
    frames.push(frame)
    left -= frame.maxOutputBytes
    at += frame.bytes.length
  }
  return frames
}

function readFrame(buffer: Buffer, start: number, maxOutputBytes: number): Lz4Frame {
  need(buffer, start, 7)
  if (buffer.readUInt32LE(start) !== MAGIC) {
    throw new KafkaProtocolError('what should be an LZ4 frame does not begin as one')
  }
  const flags = buffer.readUInt8(start + 4)
  const blockSizeCode = (buffer.readUInt8(start + 5) >>> 4) & 7
  if ((flags & Flag.VERSION) !== 0x40 || blockSizeCode < 4) {
    throw new KafkaProtocolError(
      `its LZ4 frame has a header (${flags}, block size ${blockSizeCode}) that no version defines`,
    )
  }
  if (flags & Flag.DICTIONARY) {
    throw new KafkaProtocolError('its LZ4 frame needs a dictionary, which Kafka does not use')
  }
  const blockMaxBytes = 1 << (8 + 2 * blockSizeCode)
  const hasSize = (flags & Flag.CONTENT_SIZE) !== 0
  let at = start + 6
  if (hasSize) need(buffer, at, 8)
  const claimed = hasSize ? Number(buffer.readBigUInt64LE(at)) : undefined
  if (claimed !== undefined && claimed > maxOutputBytes) throw tooLarge(maxOutputBytes, claimed)
  at += (hasSize ? 8 : 0) + 1

  const checksumBytes = flags & Flag.BLOCK_CHECKSUM ? 4 : 0
  const blocks: Array<{ readonly start: number; readonly end: number; readonly stored: boolean }> = []
  let atMost = 0
  let compressedBlocks = 0
  for (;;) {
    need(buffer, at, 4)
    const word = buffer.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const stored = word >= STORED
    const length = stored ? word - STORED : word
    need(buffer, at, length + checksumBytes)
    blocks.push({ start: at, end: at + length, stored })
    if (!stored) compressedBlocks++
    atMost += stored ? length : Math.min(blockMaxBytes, length * MAX_RATIO)
    at += length + checksumBytes
  }
  if (flags & Flag.CONTENT_CHECKSUM) {
    need(buffer, at, 4)
    at += 4
  }
  if (claimed !== undefined && claimed > atMost) {
    throw new KafkaProtocolError(`its LZ4 frame claims ${claimed} bytes; its blocks hold ${atMost} at most`)
  }
  // What the blocks could hold is more than allowed: count what they do hold, without unpacking them.
  if (atMost > maxOutputBytes) {
    atMost = 0
    for (const block of blocks) {
      atMost += block.stored ? block.end - block.start : Math.min(blockMaxBytes, lz4BlockOutput(buffer, block))
    }
    if (atMost > maxOutputBytes) throw tooLarge(maxOutputBytes, atMost)
  }
  return { bytes: buffer.subarray(start, at), maxOutputBytes: atMost, blockMaxBytes, compressedBlocks }
}

/** How many bytes the sequences of one compressed block make. */
function lz4BlockOutput(buffer: Buffer, block: { readonly start: number; readonly end: number }): number {
  let at = block.start
  let output = 0
  const lengthened = (nibble: number): number => {
    let length = nibble
    for (let more = nibble === 15 ? 255 : 0; more === 255 && at < block.end;) {
      more = buffer.readUInt8(at++)
      length += more
    }
    return length
  }
  while (at < block.end) {
    const token = buffer.readUInt8(at++)
    const literals = lengthened(token >>> 4)
    output += literals
    at += literals + 2 // the match's offset
    if (at >= block.end) break // the last sequence is literals only
    output += lengthened(token & 15) + 4
  }
  return output
}

function need(buffer: Buffer, at: number, bytes: number): void {
  if (at + bytes > buffer.length) throw new KafkaProtocolError('its LZ4 frame is cut off')
}
