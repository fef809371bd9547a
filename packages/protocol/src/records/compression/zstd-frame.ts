import { KafkaProtocolError } from '../../errors.js'
import { tooLarge } from './codec.js'
import { skippableFrameEnd, type CompressedFrame } from './compressed-frame.js'

const MAGIC = 0xfd2f_b528
const BLOCK_MAX_BYTES = 128 * 1024

const BlockType = { RAW: 0, RUN: 1, COMPRESSED: 2 } as const

/**
 * Splits what a batch holds into Zstandard frames and adds up what they can grow to: the size in the header where the writer knew it (Java's
 * does not), the blocks' bounds otherwise. Cut off, not Zstandard, or claiming more than `maxOutputBytes`: KafkaProtocolError.
 */
export function zstdFrames(buffer: Buffer, maxOutputBytes: number): CompressedFrame[] {
  const frames: CompressedFrame[] = []
  let left = maxOutputBytes
  for (let at = 0; at < buffer.length;) {
    const skipped = skippableFrameEnd(buffer, at)
    if (skipped !== undefined) {
      at = skipped
      continue
    }
    const frame = readFrame(buffer, at, left)
    frames.push(frame)
    left -= frame.claimed ?? 0
    at += frame.bytes.length
  }
  return frames
}

function readFrame(
  buffer: Buffer,
  start: number,
  maxOutputBytes: number,
): CompressedFrame & { claimed: number | undefined } {
  need(buffer, start, 6)
  if (buffer.readUInt32LE(start) !== MAGIC) {
    throw new KafkaProtocolError('what should be a Zstandard frame does not begin as one')
  }
  const descriptor = buffer.readUInt8(start + 4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  if ((descriptor & 0x03) !== 0) {
    throw new KafkaProtocolError('its Zstandard frame needs a dictionary, which Kafka does not use')
  }
  let at = start + (isSingleSegment ? 5 : 6)
  const sizeCode = descriptor >>> 6
  const sizeBytes = sizeCode === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeCode
  need(buffer, at, sizeBytes)
  const claimed = contentSize(buffer, at, sizeBytes)
  at += sizeBytes

  let atMost = 0
  for (let isLast = false; !isLast;) {
    need(buffer, at, 3)
    const header = buffer.readUIntLE(at, 3)
    at += 3
    isLast = (header & 1) !== 0
    const type = (header >>> 1) & 3
    const size = header >>> 3
    if (type > BlockType.COMPRESSED || size > BLOCK_MAX_BYTES) {
      throw new KafkaProtocolError(`a Zstandard block in it is of type ${type} and size ${size}, which is not allowed`)
    }
    const stored = type === BlockType.RUN ? 1 : size
    need(buffer, at, stored)
    at += stored
    atMost += type === BlockType.COMPRESSED ? BLOCK_MAX_BYTES : size
  }
  if (descriptor & 0x04) {
    need(buffer, at, 4)
    at += 4
  }
  if (claimed !== undefined) {
    if (claimed > atMost)
      throw new KafkaProtocolError(`its Zstandard frame claims ${claimed} bytes; its blocks hold ${atMost} at most`)
    if (claimed > maxOutputBytes) throw tooLarge(maxOutputBytes, claimed)
  }
  return { bytes: buffer.subarray(start, at), maxOutputBytes: Math.min(claimed ?? atMost, maxOutputBytes), claimed }
}

function contentSize(buffer: Buffer, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 0:
      return undefined
    case 2:
      return buffer.readUInt16LE(at) + 256
    case 8:
      return Number(buffer.readBigUInt64LE(at))
    default:
      return buffer.readUIntLE(at, bytes)
  }
}

function need(buffer: Buffer, at: number, bytes: number): void {
  if (at + bytes > buffer.length) throw new KafkaProtocolError('its Zstandard frame is cut off')
}
