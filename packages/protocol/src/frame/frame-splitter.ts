import { KafkaProtocolError, KafkaUsageError } from '../errors.js'

const SIZE_BYTES = 4

/** What is reserved for a frame on its word alone. Beyond that the buffer doubles as bytes arrive. */
const RESERVED_BYTES = 1024 * 1024

/**
 * Makes frames of the chunks that a connection delivers, wherever those are cut. A frame that lies inside one chunk is a view
 * of it; one that spans several is copied into a buffer of its own, which is no larger than twice what has arrived, or 1 MiB:
 * many connections that announce much and send nothing take little memory.
 */
export class FrameSplitter {
  #maxFrameBytes = 1
  readonly #size = Buffer.alloc(SIZE_BYTES)
  #sizeFilled = 0
  #frame: Buffer | undefined
  #frameBytes = 0
  #frameFilled = 0
  #failure: KafkaProtocolError | undefined

  /** `maxFrameBytes`: a longer frame is refused before anything is allocated for it. */
  constructor(options: { readonly maxFrameBytes: number }) {
    this.maxFrameBytes = options.maxFrameBytes
  }

  /** Holds for frames that are announced from now on. */
  set maxFrameBytes(bytes: number) {
    if (!(bytes >= 1)) throw new KafkaUsageError(`maxFrameBytes must be a number of bytes above 0, not ${bytes}.`)
    this.#maxFrameBytes = bytes
  }

  /**
   * Takes the next chunk and calls `onFrame` for each frame that it completes, without the 4 bytes of size, in order. Throws
   * KafkaProtocolError when a frame says that it is longer than allowed; the stream has no next frame then, and every later
   * push throws the same.
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    if (this.#failure !== undefined) throw this.#failure
    let offset = 0
    while (offset < chunk.length) {
      if (this.#frame !== undefined) {
        offset = this.#fill(this.#frame, chunk, offset, onFrame)
        continue
      }
      let size: number
      if (this.#sizeFilled === 0 && chunk.length - offset >= SIZE_BYTES) {
        size = chunk.readInt32BE(offset)
        offset += SIZE_BYTES
      } else {
        const taken = chunk.copy(this.#size, this.#sizeFilled, offset, offset + SIZE_BYTES - this.#sizeFilled)
        this.#sizeFilled += taken
        offset += taken
        if (this.#sizeFilled < SIZE_BYTES) return
        this.#sizeFilled = 0
        size = this.#size.readInt32BE(0)
      }
      this.#check(size)
      if (chunk.length - offset >= size) {
        offset += size
        onFrame(chunk.subarray(offset - size, offset))
      } else {
        this.#frame = Buffer.allocUnsafeSlow(Math.min(size, RESERVED_BYTES))
        this.#frameBytes = size
        this.#frameFilled = 0
      }
    }
  }

  #fill(frame: Buffer, chunk: Buffer, offset: number, onFrame: (frame: Buffer) => void): number {
    const taken = chunk.copy(frame, this.#frameFilled, offset, offset + frame.length - this.#frameFilled)
    this.#frameFilled += taken
    if (this.#frameFilled === this.#frameBytes) {
      this.#frame = undefined
      onFrame(frame)
    } else if (this.#frameFilled === frame.length) {
      this.#frame = Buffer.allocUnsafeSlow(Math.min(this.#frameBytes, 2 * frame.length))
      frame.copy(this.#frame)
    }
    return offset + taken
  }

  #check(size: number): void {
    if (size >= 0 && size <= this.#maxFrameBytes) return
    this.#failure = new KafkaProtocolError(
      size < 0
        ? `A frame of ${size} bytes is announced: the peer does not speak Kafka's protocol, or the stream is out of step.`
        : `A frame of ${size} bytes is announced, and ${this.#maxFrameBytes} are allowed (maxFrameBytes): the peer does not speak Kafka's protocol, or it has more to say than this side takes.`,
    )
    throw this.#failure
  }
}
