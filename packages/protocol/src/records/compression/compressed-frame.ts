import { KafkaProtocolError } from '../../errors.js'

/** One frame of a format that can hold several in a row (LZ4, Zstandard). */
export interface CompressedFrame {
  /** The whole frame, a view. */
  readonly bytes: Buffer
  /** What the frame's blocks can grow to at most; within what the caller allows. */
  readonly maxOutputBytes: number
}

/** Where the skippable frame that begins at `at` ends (both formats have the same one), or undefined if none begins there. */
export function skippableFrameEnd(buffer: Buffer, at: number): number | undefined {
  if (at + 8 > buffer.length || (buffer.readUInt32LE(at) & 0xffff_fff0) >>> 0 !== 0x184d_2a50) return undefined
  const end = at + 8 + buffer.readUInt32LE(at + 4)
  if (end > buffer.length) throw new KafkaProtocolError('a skippable frame in it is cut off')
  return end
}
