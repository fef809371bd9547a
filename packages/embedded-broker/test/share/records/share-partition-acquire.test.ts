import { describe, expect, test } from 'vitest'
import { AcquireMode } from '../../../src/share/records/share-partition.js'
import { ACCEPT, GAP, PartitionBench, RELEASE } from './partition-bench.js'

const { RECORD_LIMIT } = AcquireMode

describe('batch-optimised mode', () => {
  test('takes whole log batches, so that more than maxRecords may come', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    expect(bench.fetch('a', { maxRecords: 5 })).toBe('0-9:1')
    expect(bench.records).toBe('0-9 ACQUIRED 1 a')
  })

  test('stops at the log batch with which maxRecords is reached', () => {
    const bench = new PartitionBench()
    bench.produce(10, 10, 10)
    expect(bench.fetch('a', { maxRecords: 15 })).toBe('0-19:1')
    expect(bench.fetch('b', { maxRecords: 15 })).toBe('20-29:1')
    expect(bench.fetch('b', { maxRecords: 15 })).toBe('')
  })

  test('cuts the range at the first log batch that begins batchSize or more behind', () => {
    const bench = new PartitionBench()
    bench.produce(3, 3, 3, 3)
    expect(bench.fetch('a', { batchSize: 5 })).toBe('0-5:1 6-11:1')
  })

  test.each([0, -7])('takes a batchSize of %i for the smallest', (batchSize) => {
    const bench = new PartitionBench({ startOffset: 1 })
    bench.produce(3, 3, 1)
    expect(bench.fetch('a', { batchSize })).toBe('1-2:1 3-5:1 6:1')
  })

  test('never cuts a log batch, however large', () => {
    const bench = new PartitionBench()
    bench.produce(2, 20, 2)
    expect(bench.fetch('a', { batchSize: 2 })).toBe('0-1:1 2-21:1 22-23:1')
  })

  test('looks at maxRecords between tracked batches, which come again whole', () => {
    const bench = new PartitionBench()
    bench.produce(3, 3, 3, 3)
    bench.fetch('a', { batchSize: 5 })
    bench.ack('a', [0, 11, RELEASE])
    expect(bench.fetch('a', { maxRecords: 4 })).toBe('0-5:2')
    expect(bench.fetch('a', { maxRecords: 4 })).toBe('6-11:2')
  })
})

describe('record-limit mode', () => {
  test('never takes more than maxRecords; the rest of the log batch is tracked as available', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    expect(bench.fetch('a', { mode: RECORD_LIMIT, maxRecords: 4 })).toBe('0-3:1')
    expect(bench.records).toBe('0-3 ACQUIRED 1 a, 4-9 AVAILABLE 0')
    expect(bench.partition.endOffset).toBe(9)
    expect(bench.fetch('b', { mode: RECORD_LIMIT, maxRecords: 4 })).toBe('4-7:1')
    expect(bench.fetch('b')).toBe('8-9:1')
  })

  test('ends in front of what else is available in the same batch', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [2, 4, RELEASE], [7, 7, RELEASE])
    expect(bench.fetch('b', { mode: RECORD_LIMIT, maxRecords: 3 })).toBe('2-4:2')
    expect(bench.fetch('b', { mode: RECORD_LIMIT, maxRecords: 3 })).toBe('7:2')
  })

  test('has no regard for batchSize', () => {
    const bench = new PartitionBench()
    bench.produce(5, 5, 5)
    expect(bench.fetch('a', { mode: RECORD_LIMIT, maxRecords: 12, batchSize: 3 })).toBe('0-11:1')
  })

  test('cuts what was released before, and goes on to new records', () => {
    const bench = new PartitionBench()
    bench.produce(4, 4)
    bench.fetch('a', { batches: 1 })
    bench.ack('a', [0, 3, RELEASE])
    expect(bench.fetch('a', { mode: RECORD_LIMIT, maxRecords: 3 })).toBe('0-2:2')
    expect(bench.fetch('b', { mode: RECORD_LIMIT, maxRecords: 3 })).toBe('3:2 4-5:1')
  })
})

describe('records that were given back', () => {
  test('come before new ones, neighbours of equal delivery count as one range', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [2, 4, RELEASE], [7, 7, RELEASE])
    bench.produce(5)
    expect(bench.fetch('b')).toBe('2-4:2 7:2 10-14:1')
    expect(bench.records).toBe(
      '0-1 ACQUIRED 1 a, 2-4 ACQUIRED 2 b, 5-6 ACQUIRED 1 a, 7 ACQUIRED 2 b, 8-9 ACQUIRED 1 a, 10-14 ACQUIRED 1 b',
    )
  })

  test('come in ranges that end where the delivery count changes', () => {
    const bench = new PartitionBench()
    bench.produce(6)
    bench.fetch()
    bench.ack('a', [0, 2, RELEASE])
    bench.fetch()
    bench.ack('a', [0, 5, RELEASE])
    expect(bench.fetch()).toBe('0-2:3 3-5:2')
  })

  test('are where the next read begins', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    expect(bench.partition.nextFetchOffset).toBe(10)
    bench.ack('a', [6, 7, RELEASE])
    expect(bench.partition.nextFetchOffset).toBe(6)
    bench.fetch('b')
    expect(bench.partition.nextFetchOffset).toBe(10)
  })
})

describe('the window of record locks', () => {
  const locks = { partitionMaxRecordLocks: 100 }

  test('counts from the start to the last acquired offset, finished records included', () => {
    const bench = new PartitionBench({ settings: locks })
    bench.produce(60, 40, 10)
    expect(bench.fetch('a', { maxRecords: 100 })).toBe('0-99:1')
    bench.ack('a', [1, 99, ACCEPT])
    expect(bench.partition.canAcquire).toBe(false)
    expect(bench.fetch('b')).toBe('')
    bench.ack('a', [0, 0, ACCEPT])
    expect(bench.partition.canAcquire).toBe(true)
    expect(bench.fetch('b')).toBe('100-109:1')
  })

  test('is soft: a log batch that begins below may end above it', () => {
    const bench = new PartitionBench({ settings: locks })
    bench.produce(75, 75, 75)
    expect(bench.fetch()).toBe('0-149:1')
    expect(bench.fetch()).toBe('')
    const one = new PartitionBench({ settings: locks })
    one.produce(260)
    expect(one.fetch()).toBe('0-259:1')
  })

  test('at the limit, what is available inside of it is still given', () => {
    const bench = new PartitionBench({ settings: locks })
    bench.produce(100, 50)
    bench.fetch()
    bench.ack('a', [40, 49, RELEASE])
    expect(bench.partition.canAcquire).toBe(true)
    expect(bench.fetch('b')).toBe('40-49:2')
  })

  test('the rest of a batch that was cut can be drained above the limit', () => {
    const bench = new PartitionBench({ settings: locks })
    bench.produce(90, 60)
    bench.fetch('a', { maxRecords: 90 })
    expect(bench.fetch('a', { mode: RECORD_LIMIT, maxRecords: 500 })).toBe('90-99:1')
    expect(bench.partition.endOffset).toBe(149)
    expect(bench.fetch('a', { mode: RECORD_LIMIT, maxRecords: 500 })).toBe('100-149:1')
  })

  test('is the current setting at each fetch', () => {
    const bench = new PartitionBench({ settings: locks })
    bench.produce(100, 10)
    bench.fetch()
    bench.set({ partitionMaxRecordLocks: 200 })
    expect(bench.fetch()).toBe('100-109:1')
  })
})

describe('offsets without a record', () => {
  test('inside of what is acquired they are for the member to answer with GAP', () => {
    const bench = new PartitionBench()
    bench.log.push({ baseOffset: 0, lastOffset: 3 }, { baseOffset: 8, lastOffset: 9 })
    expect(bench.fetch()).toBe('0-9:1')
    expect(bench.ack('a', [0, 3, ACCEPT], [4, 7, GAP], [8, 9, ACCEPT]).errorCode).toBe(0)
    expect(bench.partition.startOffset).toBe(10)
  })

  test('the start moves up to the first record that the log has', () => {
    const bench = new PartitionBench()
    bench.log.push({ baseOffset: 7, lastOffset: 9 })
    expect(bench.fetch()).toBe('7-9:1')
    expect(bench.partition.startOffset).toBe(7)
  })

  test('available ones that were compacted away below the first batch read are archived', () => {
    const bench = new PartitionBench()
    bench.produce(5, 5, 5)
    bench.fetch()
    bench.ack('a', [0, 9, RELEASE])
    bench.log.splice(0, 1)
    expect(bench.fetch()).toBe('5-9:2')
    expect(bench.records).toBe('0-4 ARCHIVED 1, 5-9 ACQUIRED 2 a, 10-14 ACQUIRED 1 a')
    expect(bench.partition.deliveryCompleteCount).toBe(5)
  })

  test('a read that begins inside of a log batch takes nothing below the start', () => {
    const bench = new PartitionBench({ startOffset: 4 })
    bench.produce(10)
    expect(bench.fetch()).toBe('4-9:1')
  })
})

describe('read_committed', () => {
  const withAborted = (given: ConstructorParameters<typeof PartitionBench>[0] = {}): PartitionBench => {
    const bench = new PartitionBench(given)
    // 0-4 plain, 5-9 of an aborted transaction, 10 its marker, 11-12 committed by the same producer, 13 its marker.
    bench.log.push(
      { baseOffset: 0, lastOffset: 4 },
      { baseOffset: 5, lastOffset: 7, producerId: 9 },
      { baseOffset: 8, lastOffset: 9, producerId: 9 },
      { baseOffset: 10, lastOffset: 10, producerId: 9, isControl: true },
      { baseOffset: 11, lastOffset: 12, producerId: 9 },
      { baseOffset: 13, lastOffset: 13, producerId: 9, isControl: true },
    )
    return bench
  }
  const aborted = [{ producerId: 9, firstOffset: 5, lastOffset: 10 }]

  test('aborted offsets are archived and taken out of the ranges; markers stay', () => {
    const bench = withAborted()
    expect(bench.fetch('a', { aborted })).toBe('0-4:1 10-13:1')
    expect(bench.records).toBe('0-4 ACQUIRED 1 a, 5-9 ARCHIVED 1, 10-13 ACQUIRED 1 a')
    expect(bench.partition.deliveryCompleteCount).toBe(5)
    expect(bench.letters).toEqual([])
  })

  test('the start passes over them with what lies before', () => {
    const bench = withAborted()
    bench.fetch('a', { aborted })
    bench.ack('a', [0, 4, ACCEPT])
    expect(bench.partition.startOffset).toBe(10)
    expect(bench.partition.deliveryCompleteCount).toBe(0)
  })

  test('with read_uncommitted all come', () => {
    expect(withAborted().fetch()).toBe('0-13:1')
  })

  test('a change of the isolation level holds for records that were given back', () => {
    const bench = withAborted()
    bench.fetch()
    bench.ack('a', [0, 13, RELEASE])
    expect(bench.fetch('a', { aborted })).toBe('0-4:2 10-13:2')
  })

  test('what is acquired in front of aborted offsets is divided, which later errors tell (4.4.0)', () => {
    const bench = withAborted()
    bench.fetch('a', { aborted, maxRecords: 5 })
    expect(bench.ack('b', [0, 4, ACCEPT]).errorMessage).toBe('Member is not the owner of offset')
  })

  test('a start inside of an aborted batch, with nothing tracked below it, fails the fetch (a fault of 4.4.0)', () => {
    expect(() => withAborted({ startOffset: 6 }).fetch('a', { aborted })).toThrow(
      /Nothing is tracked at the aborted batch 5-7 or below it/,
    )
  })

  test('an aborted batch that was not taken is left alone', () => {
    const bench = withAborted()
    expect(bench.fetch('a', { aborted, maxRecords: 5 })).toBe('0-4:1')
    expect(bench.fetch('a', { aborted, mode: RECORD_LIMIT, maxRecords: 2 })).toBe('')
    expect(bench.fetch('a', { aborted, mode: RECORD_LIMIT, maxRecords: 20 })).toBe('10-13:1')
  })
})

test('nothing to read, or nothing in the window, is no error', () => {
  const bench = new PartitionBench()
  expect(bench.fetch()).toBe('')
  expect(bench.partition.startOffset).toBe(0)
  expect(bench.partition.endOffset).toBe(-1)
  expect(bench.partition.nextFetchOffset).toBe(0)
  expect(bench.partition.canAcquire).toBe(true)
  bench.produce(1)
  bench.fetch()
  expect(bench.partition.endOffset).toBe(0)
  bench.partition.close()
  expect(bench.fetch()).toBe('')
  expect(bench.clock.pendingTimers).toBe(0)
})
