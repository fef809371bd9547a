import { randomBytes } from 'node:crypto'

/** The only source of chance: jitter, member ids, partition choice. One seed replays a whole history. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** 16 bytes of a version 4 UUID, whose text form (base64url) does not begin with a dash, as Kafka's own ids never do. */
  uuid(): Buffer
}

/** base64url writes these six bits as a dash, which command lines take for an option. */
const DASH = 62

function stampVersion(bytes: Buffer): Buffer {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes
}

function uuidFrom(draw: () => Buffer): Buffer {
  let bytes = draw()
  while ((bytes[0] ?? 0) >> 2 === DASH) bytes = draw()
  return stampVersion(bytes)
}

/** The machine's own chance; ids are drawn from the system's cryptographic source. */
export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => uuidFrom(() => randomBytes(16)),
}

/** The same seed gives the same sequence, on every machine (xoshiro128**). Not for secrets. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    let state = seed | 0
    // A run of similar seeds must not give similar sequences: each word is a hash of a counter (splitmix32).
    const word = (): number => {
      state = (state + 0x9e3779b9) | 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.#a = word()
    this.#b = word()
    this.#c = word()
    this.#d = word() | 1
  }

  next(): number {
    return ((this.#word() >>> 5) * 2 ** 26 + (this.#word() >>> 6)) / 2 ** 53
  }

  uuid(): Buffer {
    return uuidFrom(() => {
      const bytes = Buffer.alloc(16)
      for (let i = 0; i < 16; i += 4) bytes.writeInt32BE(this.#word(), i)
      return bytes
    })
  }

  #word(): number {
    const mixed = Math.imul(this.#b, 5)
    const result = Math.imul((mixed << 7) | (mixed >>> 25), 9)
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result | 0
  }
}
