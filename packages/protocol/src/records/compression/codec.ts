import { KafkaError, KafkaProtocolError } from '../../errors.js'

/** How much a batch may grow when it is decompressed, unless the caller says otherwise: 128 MiB. */
export const DEFAULT_MAX_OUTPUT_BYTES = 128 * 1024 * 1024

export interface DecompressionLimits {
  /** The output may not be larger; a codec that can tell stops before it allocates more. */
  readonly maxOutputBytes: number
}

/**
 * Compresses and decompresses the records of a batch. KafkaJS's codecs (`kafkajs-lz4`, `kafkajs-snappy` …) are of this shape and
 * fit unchanged. One that answers without a promise saves the batch a turn of the event loop.
 */
export interface CompressionCodec {
  compress(encoder: { readonly buffer: Buffer }): Buffer | Promise<Buffer>
  /** `buffer` is one whole stream of the format: of lz4 and zstd exactly one frame, checked to be complete. */
  decompress(buffer: Buffer, limits: DecompressionLimits): Buffer | Promise<Buffer>
}

/** A package that was to provide a codec and did not load. */
export interface PassedOverPackage {
  readonly packageName: string
  readonly reason: string
}

/** The implementation that a built-in codec has settled on, on this machine. */
export interface CodecSelection {
  /** A package's name, or `node:zlib`. */
  readonly implementation: string
  /** What would have been preferred, and why it could not be had. */
  readonly passedOver: readonly PassedOverPackage[]
  readonly codec: CompressionCodec
}

export function tooLarge(maxOutputBytes: number, claimed?: number): KafkaProtocolError {
  const size = claimed === undefined ? 'more' : `${claimed} bytes`
  return new KafkaProtocolError(
    `its records would take ${size} when decompressed, and ${maxOutputBytes} bytes are allowed`,
  )
}

/** No implementation of a codec loads: names what to install. Only thrown when a batch really needs it. */
export function codecMissing(what: string, remedy: string, passedOver: readonly PassedOverPackage[]): KafkaError {
  const reasons = passedOver.map(({ packageName, reason }) => `${packageName}: ${reason}`).join('; ')
  return new KafkaError(`There is no codec for ${what} here. ${remedy} (${reasons})`, {
    code: 'UNSUPPORTED_COMPRESSION_TYPE',
  })
}
