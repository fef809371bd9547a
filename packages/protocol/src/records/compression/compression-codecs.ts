import { KafkaError, KafkaProtocolError, KafkaUsageError } from '../../errors.js'
import {
  DEFAULT_MAX_OUTPUT_BYTES,
  tooLarge,
  type CodecSelection,
  type CompressionCodec,
  type PassedOverPackage,
} from './codec.js'
import { compressionName, CompressionType, compressionTypeOf, type CompressionName } from './compression-type.js'
import { selectGzip } from './gzip.js'
import { lz4Frames } from './lz4-frame.js'
import { selectLz4 } from './lz4.js'
import { loadOptionalPackage, type PackageLoader } from './optional-package.js'
import { selectSnappy, snappyBlocks } from './snappy.js'
import { zstdFrames } from './zstd-frame.js'
import { selectZstd } from './zstd.js'

/** Told once per compression type, when a batch first needs it. */
export interface CodecChoice {
  readonly compression: CompressionName
  /** The package that does the work, `node:zlib`, or `registered` for a codec of the application. */
  readonly implementation: string
  /** Packages that would have been preferred and did not load. */
  readonly passedOver: readonly PassedOverPackage[]
}

export interface DecompressOptions {
  /** The subject of an error's message, for example the batch. */
  readonly of: string
  /** Default 128 MiB. */
  readonly maxOutputBytes?: number
}

interface Part {
  readonly bytes: Buffer
  readonly maxOutputBytes: number
}

/**
 * The codecs by compression type. Those of Kafka are built in, chosen and loaded when a batch first needs them; `register` puts
 * another one in the place of a built-in, in the shape of KafkaJS:
 *
 *     codecs.register('lz4', new LZ4Codec().codec)
 *
 * Whatever codec does the work, what it is given has been checked to be complete, and what it returns to be within the bound.
 */
export class CompressionCodecs {
  readonly #load: PackageLoader
  readonly #registered = new Map<number, () => CompressionCodec>()
  readonly #chosen = new Map<number, CodecSelection>()
  readonly #listeners = new Set<(choice: CodecChoice) => void>()

  constructor(options: { readonly load?: PackageLoader } = {}) {
    this.#load = options.load ?? loadOptionalPackage
  }

  /** Uses `codec` for this type from now on. `codec` is called once, when a batch first needs it. */
  register(type: CompressionType | CompressionName, codec: () => CompressionCodec): this {
    const number = typeof type === 'string' ? compressionTypeOf(type) : type
    if (number === undefined || number === CompressionType.NONE || compressionName(number) === undefined) {
      throw new KafkaUsageError(`${String(type)} cannot be given a codec; gzip, snappy, lz4 and zstd can.`)
    }
    if (typeof codec !== 'function') {
      throw new KafkaUsageError(
        `A codec is registered as a function that returns it, for example register('lz4', new LZ4Codec().codec).`,
      )
    }
    this.#registered.set(number, codec)
    this.#chosen.delete(number)
    return this
  }

  /** The codec for a type. KafkaError with the package to install where none loads. */
  get(type: CompressionType): CompressionCodec {
    return this.#selection(type).codec
  }

  /** Hears which implementation each type has settled on; at once for those already in use. Returns how to stop that. */
  onChosen(listener: (choice: CodecChoice) => void): () => void {
    this.#listeners.add(listener)
    for (const [type, selection] of this.#chosen) listener(choiceOf(type, selection))
    return () => this.#listeners.delete(listener)
  }

  compress(type: CompressionType, plain: Buffer): Buffer | Promise<Buffer> {
    const failed = (cause: unknown): KafkaError =>
      KafkaError.is(cause)
        ? cause
        : new KafkaError(`A record batch could not be compressed with ${compressionName(type)}: ${messageOf(cause)}`, {
            code: 'COMPRESSION_FAILED',
            cause,
          })
    const codec = this.get(type)
    return guarded(() => codec.compress({ buffer: plain }), asBuffer, failed)
  }

  /**
   * Decompresses the records of a batch. Bytes that are cut off, damaged, or larger in plain than allowed: KafkaProtocolError, by
   * throwing or, where the codec is asynchronous, by rejecting.
   */
  decompress(type: CompressionType, bytes: Buffer, options: DecompressOptions): Buffer | Promise<Buffer> {
    const maxOutputBytes = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES
    const failed = (cause: unknown): KafkaError =>
      KafkaError.is(cause) && !KafkaProtocolError.is(cause)
        ? cause
        : new KafkaProtocolError(
            `${options.of} cannot be decompressed (${compressionName(type)}): ${messageOf(cause)}.`,
            { cause },
          )
    const checked = (plain: Buffer): Buffer => {
      if (plain.length > maxOutputBytes) throw tooLarge(maxOutputBytes, plain.length)
      return plain
    }
    const codec = this.get(type)
    return guarded(
      () => {
        const parts = partsOf(type, bytes, maxOutputBytes)
        const [only] = parts
        if (only !== undefined && parts.length === 1) return codec.decompress(only.bytes, only)
        return joined(codec, parts, maxOutputBytes)
      },
      (plain) => checked(asBuffer(plain)),
      failed,
    )
  }

  #selection(type: CompressionType): CodecSelection {
    const known = this.#chosen.get(type)
    if (known !== undefined) return known
    const selection = this.#select(type)
    this.#chosen.set(type, selection)
    for (const listener of this.#listeners) listener(choiceOf(type, selection))
    return selection
  }

  #select(type: CompressionType): CodecSelection {
    const registered = this.#registered.get(type)
    if (registered !== undefined) return { implementation: 'registered', passedOver: [], codec: registered() }
    switch (type) {
      case CompressionType.GZIP:
        return selectGzip()
      case CompressionType.SNAPPY:
        return selectSnappy(this.#load)
      case CompressionType.LZ4:
        return selectLz4(this.#load)
      case CompressionType.ZSTD:
        return selectZstd(this.#load)
      case CompressionType.NONE:
        throw new KafkaUsageError('Compression type none has no codec: its records are not compressed.')
    }
  }
}

/** The codecs that are used where no others are given; shared by everything in the process. */
export const defaultCompressionCodecs = new CompressionCodecs()

/** Checks the outer structure, so that no codec meets a stream that is cut off, and splits what is several frames. */
function partsOf(type: CompressionType, bytes: Buffer, maxOutputBytes: number): readonly Part[] {
  switch (type) {
    case CompressionType.LZ4:
      return lz4Frames(bytes, maxOutputBytes)
    case CompressionType.ZSTD:
      return zstdFrames(bytes, maxOutputBytes)
    case CompressionType.SNAPPY:
      snappyBlocks(bytes, maxOutputBytes)
      return [{ bytes, maxOutputBytes }]
    case CompressionType.GZIP:
    case CompressionType.NONE:
      return [{ bytes, maxOutputBytes }]
  }
}

/** Several frames, one after the other, which together have to stay within the bound. */
async function joined(codec: CompressionCodec, parts: readonly Part[], maxOutputBytes: number): Promise<Buffer> {
  const plain: Buffer[] = []
  let output = 0
  for (const part of parts) {
    const limits = { maxOutputBytes: Math.min(part.maxOutputBytes, maxOutputBytes - output) }
    const bytes = asBuffer(await codec.decompress(part.bytes, limits))
    output += bytes.length
    if (output > maxOutputBytes) throw tooLarge(maxOutputBytes, output)
    plain.push(bytes)
  }
  return Buffer.concat(plain)
}

/** Runs `work` and then `after` on what it returns or resolves to; whatever goes wrong leaves as `failed` makes it. */
function guarded<T>(
  work: () => T | Promise<T>,
  after: (result: T) => T,
  failed: (cause: unknown) => KafkaError,
): T | Promise<T> {
  try {
    const result = work()
    if (!isThenable(result)) return after(result)
    return Promise.resolve(result)
      .then(after)
      .catch((cause: unknown) => {
        throw failed(cause)
      })
  } catch (cause) {
    throw failed(cause)
  }
}

function isThenable<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
}

/** KafkaJS's codecs are JavaScript; one may return another kind of byte array. */
function asBuffer(bytes: unknown): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  throw new TypeError('the codec did not return a Buffer')
}

function choiceOf(type: number, selection: CodecSelection): CodecChoice {
  const { implementation, passedOver } = selection
  return { compression: compressionName(type) ?? 'none', implementation, passedOver }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
