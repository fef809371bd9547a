import { describe, expect, test } from 'vitest'
import { AcquireMode } from '../../../src/share/records/share-partition.js'
import { ACCEPT, PartitionBench, RELEASE } from './partition-bench.js'

function first(ranges: string): { readonly from: number; readonly to: number } {
  const [from = Number.NaN, to = from] = (ranges.split(':')[0] ?? '').split('-').map(Number)
  return { from, to }
}

/** Releases what comes, fetch after fetch, until nothing comes; the number of records of each fetch. */
function sizesWhenReleased(bench: PartitionBench, fetches: number): number[] {
  const sizes: number[] = []
  for (let i = 0; i < fetches; i++) {
    const { from, to } = first(bench.fetch('a', { maxRecords: 1_000, batchSize: 1_000 }))
    sizes.push(to - from + 1)
    expect(bench.ack('a', [from, to, RELEASE]).errorCode).toBe(0)
  }
  return sizes
}

describe('records that failed often come in smaller and smaller portions', () => {
  test('limit 5, 100 records: 100, 100, 100, 50, 1', () => {
    const bench = new PartitionBench()
    bench.produce(100)
    expect(sizesWhenReleased(bench, 5)).toEqual([100, 100, 100, 50, 1])
  })

  test('limit 10, 500 records: five times 500, then 250, 125, 62, 31, 1', () => {
    const bench = new PartitionBench({ settings: { deliveryCountLimit: 10 } })
    bench.produce(500)
    expect(sizesWhenReleased(bench, 10)).toEqual([500, 500, 500, 500, 500, 250, 125, 62, 31, 1])
  })

  test('limit 2: no throttling', () => {
    const bench = new PartitionBench({ settings: { deliveryCountLimit: 2 } })
    bench.produce(100)
    expect(sizesWhenReleased(bench, 2)).toEqual([100, 100])
    expect(bench.partition.startOffset).toBe(100)
  })

  test('limit 3: the last attempt is a single record', () => {
    const bench = new PartitionBench({ settings: { deliveryCountLimit: 3 } })
    bench.produce(10)
    expect(sizesWhenReleased(bench, 3)).toEqual([10, 10, 1])
  })

  test('Kafka 4.1 does not throttle', () => {
    const bench = new PartitionBench({ version: '4.1' })
    bench.produce(100)
    expect(sizesWhenReleased(bench, 5)).toEqual([100, 100, 100, 100, 100])
  })

  test('ten records released each time are walked depth first: 0-9 three times, 0-4, then 0 to 4 singly, then 5-9', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    const seen: string[] = []
    for (let i = 0; i < 10; i++) {
      const ranges = bench.fetch()
      seen.push(ranges)
      const { from, to } = first(ranges)
      bench.ack('a', [from, to, RELEASE])
    }
    expect(seen).toEqual(['0-9:1', '0-9:2', '0-9:3', '0-4:4', '0:5', '1:5', '2:5', '3:5', '4:5', '5-9:4'])
  })

  test('the size counts what was acquired together: several log batches of one fetch are one, cut by the batch size', () => {
    const together = new PartitionBench()
    together.produce(5, 5)
    expect(sizesWhenReleased(together, 4)).toEqual([10, 10, 10, 5])

    const apart = new PartitionBench()
    apart.produce(5, 5)
    for (let i = 0; i < 3; i++) {
      expect(apart.fetch('a', { batchSize: 5 })).toBe(`0-4:${i + 1} 5-9:${i + 1}`)
      apart.ack('a', [0, 9, RELEASE])
    }
    expect(apart.fetch('a', { batchSize: 5 })).toBe('0-1:4')
  })

  test('a throttled batch comes alone: neither other batches nor new records come with it', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    for (let i = 0; i < 3; i++) {
      bench.fetch()
      bench.ack('a', [0, 9, RELEASE])
    }
    bench.produce(10)
    expect(bench.fetch()).toBe('0-4:4')
    expect(bench.fetch()).toBe('5-9:4')
    expect(bench.fetch()).toBe('10-19:1')
  })

  test('what comes before a throttled batch comes without it', () => {
    const bench = new PartitionBench()
    bench.produce(10, 10)
    bench.fetch('a', { batches: 1 })
    for (let i = 0; i < 3; i++) {
      bench.fetch('b', { batches: 2 })
      bench.ack('b', [10, 19, RELEASE])
    }
    bench.ack('a', [0, 9, RELEASE])
    expect(bench.fetch()).toBe('0-9:2')
    expect(bench.fetch()).toBe('10-14:4')
  })

  test('the portion is one of the whole tracked batch, also when part of it is finished', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    for (let i = 0; i < 3; i++) {
      bench.fetch()
      bench.ack('a', [0, 9, RELEASE])
    }
    expect(bench.fetch()).toBe('0-4:4')
    bench.ack('a', [0, 4, ACCEPT])
    expect(bench.fetch()).toBe('5-9:4')
  })

  test('what is on its last attempt does not come behind others', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [5, 9, RELEASE])
    for (let i = 2; i <= 4; i++) {
      expect(bench.fetch('b')).toBe(`5-9:${i}`)
      bench.ack('b', [5, 9, RELEASE])
    }
    bench.ack('a', [0, 4, RELEASE])
    expect(bench.fetch()).toBe('0-4:2')
    expect(bench.fetch()).toBe('5:5')
  })

  test('beyond the size of the portion, behind records that failed less often, all come', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [6, 9, RELEASE])
    for (let i = 2; i <= 3; i++) {
      bench.fetch('b')
      bench.ack('b', [6, 9, RELEASE])
    }
    bench.ack('a', [0, 5, RELEASE])
    // Six come before; the portion of five is not counted from there.
    expect(bench.fetch()).toBe('0-5:2 6-9:4')
  })

  test('in record-limit mode the smaller of portion and limit holds', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    for (let i = 0; i < 3; i++) {
      bench.fetch()
      bench.ack('a', [0, 9, RELEASE])
    }
    expect(bench.fetch('a', { mode: AcquireMode.RECORD_LIMIT, maxRecords: 3 })).toBe('0-2:4')
  })

  test('a raised limit ends the throttling, a lowered one begins it', () => {
    const bench = new PartitionBench()
    bench.produce(8)
    for (let i = 0; i < 3; i++) {
      bench.fetch()
      bench.ack('a', [0, 7, RELEASE])
    }
    bench.set({ deliveryCountLimit: 10 })
    expect(bench.fetch()).toBe('0-7:4')
    bench.ack('a', [0, 7, RELEASE])
    bench.set({ deliveryCountLimit: 6 })
    // Threshold 3, count 4: 8 >> 2.
    expect(bench.fetch()).toBe('0-1:5')
  })
})
