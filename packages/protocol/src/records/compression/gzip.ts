import { gunzipSync, gzipSync } from 'node:zlib'
import { KafkaProtocolError } from '../../errors.js'
import { tooLarge, type CodecSelection, type CompressionCodec } from './codec.js'

/** A header of 10 bytes, 2 at least of data, a checksum and the size of the plain data. */
const MIN_BYTES = 20
/** Deflate cannot make more than this of one byte. */
const MAX_RATIO = 1032
const MIN_CHUNK_BYTES = 1024

const codec: CompressionCodec = {
  compress: ({ buffer }) => gzipSync(buffer),
  decompress(buffer, { maxOutputBytes }) {
    const claimed = claimedGzipSize(buffer)
    if (claimed > maxOutputBytes) throw tooLarge(maxOutputBytes, claimed)
    // One chunk that fits is 1.3 times as fast as the default of many small ones. The claim is of the last member only and may
    // lie, so it is no more than a hint; maxOutputLength is what holds.
    const chunkSize = Math.max(MIN_CHUNK_BYTES, Math.min(claimed, buffer.length * MAX_RATIO) + 1)
    try {
      return gunzipSync(buffer, { maxOutputLength: Math.max(1, maxOutputBytes), chunkSize })
    } catch (cause) {
      if (cause instanceof RangeError) throw tooLarge(maxOutputBytes)
      throw cause
    }
  },
}

export function selectGzip(): CodecSelection {
  return { implementation: 'node:zlib', passedOver: [], codec }
}

/** The plain size (modulo 2^32) that the last member ends with. */
function claimedGzipSize(buffer: Buffer): number {
  if (buffer.length < MIN_BYTES || buffer.readUInt16BE(0) !== 0x1f8b) {
    throw new KafkaProtocolError('what should be gzip does not begin as gzip does')
  }
  return buffer.readUInt32LE(buffer.length - 4)
}
