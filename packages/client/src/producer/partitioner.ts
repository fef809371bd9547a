import type { Random } from '@milena/protocol/runtime'

const SEED = 0x9747b28c | 0
const M = 0x5bd1e995

/** MurmurHash2 as Kafka's Java client computes it: a signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = SEED ^ length
  const words = length & ~3
  for (let i = 0; i < words; i += 4) {
    let k = (data[i] ?? 0) | ((data[i + 1] ?? 0) << 8) | ((data[i + 2] ?? 0) << 16) | ((data[i + 3] ?? 0) << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const tail = length - words
  if (tail >= 3) h ^= (data[words + 2] ?? 0) << 16
  if (tail >= 2) h ^= (data[words + 1] ?? 0) << 8
  if (tail >= 1) {
    h ^= data[words] ?? 0
    h = Math.imul(h, M)
  }
  h ^= h >>> 13
  h = Math.imul(h, M)
  h ^= h >>> 15
  return h
}

/** The partition of a key: the one that Java's client chooses, so that both kinds of producer agree. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/**
 * The partition of records without a key: one for a while, then another by chance, so that batches fill (KIP-794). It
 * changes after `switchAfterBytes`, and at once when its partition has no leader while others have one.
 */
export class StickyPartition {
  #current = -1
  #bytes = 0

  constructor(
    private readonly random: Random,
    private readonly switchAfterBytes: number,
  ) {}

  /** Chooses for a record of `bytes`. `hasLeader` tells which partitions can take records now. */
  next(partitions: number, bytes: number, hasLeader: (partition: number) => boolean): number {
    const usable = this.#current >= 0 && this.#current < partitions && hasLeader(this.#current)
    if (!usable || this.#bytes >= this.switchAfterBytes) {
      this.#current = this.#draw(partitions, hasLeader)
      this.#bytes = 0
    }
    this.#bytes += bytes
    return this.#current
  }

  #draw(partitions: number, hasLeader: (partition: number) => boolean): number {
    const start = Math.floor(this.random.next() * partitions)
    for (let i = 0; i < partitions; i++) {
      const candidate = (start + i) % partitions
      if (candidate !== this.#current && hasLeader(candidate)) return candidate
    }
    return this.#current >= 0 && this.#current < partitions ? this.#current : start
  }
}
