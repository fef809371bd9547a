import { SeededRandom } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionForKey, StickyPartition } from '../../src/producer/partitioner.js'

// Computed by Kafka's own Java client (kafka-clients 4.4.0): text, hash, partition out of 7.
const JAVA: readonly (readonly [string, number, number])[] = [
  ['', 275646681, 2],
  ['a', -1563381124, 5],
  ['ab', 316155434, 0],
  ['abc', 479470107, 4],
  ['abcd', -1323649548, 5],
  ['abcde', 461995741, 4],
  ['21', -973932308, 3],
  ['foobar', -790332482, 0],
  ['a-little-bit-long-string', -985981536, 1],
  ['a-little-bit-longer-string', -1486304829, 0],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971, 3],
  ['customer-17', 1584006640, 6],
  ['Zürich', -1551140815, 2],
  ['日本語', 1431860170, 6],
]

describe('the partition of a key', () => {
  it.each(JAVA)("of '%s' is the one that Java's client chooses", (text, hash, partition) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
    expect(partitionForKey(Buffer.from(text), 7)).toBe(partition)
  })

  it('is the same as in Java for bytes of every value', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
    expect(murmur2(all)).toBe(-1948347274)
    expect(partitionForKey(all, 7)).toBe(3)
  })

  it('is always one of the partitions', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 10_000 }), (key, partitions) => {
        const partition = partitionForKey(key, partitions)
        return Number.isInteger(partition) && partition >= 0 && partition < partitions
      }),
    )
  })
})

describe('the partition of records without a key', () => {
  const all = () => true

  it('stays for a batch worth of bytes, then changes', () => {
    const sticky = new StickyPartition(new SeededRandom(1), 1_000)
    const chosen = Array.from({ length: 40 }, () => sticky.next(8, 100, all))
    for (let i = 0; i < 40; i += 10) {
      expect(new Set(chosen.slice(i, i + 10)).size).toBe(1)
      if (i > 0) expect(chosen[i]).not.toBe(chosen[i - 1])
    }
  })

  it('comes to use every partition', () => {
    const sticky = new StickyPartition(new SeededRandom(2), 0)
    expect(new Set(Array.from({ length: 200 }, () => sticky.next(8, 1, all))).size).toBe(8)
  })

  it('avoids partitions without a leader while others have one', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (seed, leaders) => {
        const sticky = new StickyPartition(new SeededRandom(seed), 10)
        for (let i = 0; i < 20; i++) {
          const partition = sticky.next(leaders.length, 5, (candidate) => leaders[candidate] === true)
          expect(partition).toBeGreaterThanOrEqual(0)
          expect(partition).toBeLessThan(leaders.length)
          if (leaders.some(Boolean)) expect(leaders[partition]).toBe(true)
        }
      }),
    )
  })

  it('moves off a partition that has lost its leader', () => {
    const sticky = new StickyPartition(new SeededRandom(3), 1_000_000)
    const first = sticky.next(3, 1, all)
    expect(sticky.next(3, 1, (partition) => partition !== first)).not.toBe(first)
  })
})
