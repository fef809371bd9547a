import { ErrorCode } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { AcquireMode } from '../../../src/share/records/share-partition.js'
import { ACCEPT, PartitionBench, REJECT, RELEASE } from './partition-bench.js'

describe('the end of a lock', () => {
  test('gives the record back with its count, writes it and wakes fetches that wait', async () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    expect(bench.partition.inspect()[0]?.lockLeftMs).toBe(30_000)
    await bench.clock.advance(29_999)
    expect(bench.records).toBe('0-9 ACQUIRED 1 a')
    await bench.clock.advance(1)
    expect(bench.records).toBe('0-9 AVAILABLE 1')
    expect(bench.lastWrite).toBe('start 0, done 0: 0-9 0/1')
    expect(bench.wakeUps).toBe(1)
    expect(bench.fetch('b')).toBe('0-9:2')
  })

  test('archives at the limit that holds then', async () => {
    const bench = new PartitionBench()
    bench.produce(3)
    bench.fetch()
    await bench.clock.advance(30_000)
    bench.fetch()
    bench.set({ deliveryCountLimit: 2 })
    await bench.clock.advance(30_000)
    expect(bench.partition.startOffset).toBe(3)
    expect(bench.lastWrite).toBe('start 0, done 3: 0-2 4/2')
    expect(bench.wakeUps).toBe(2)
  })

  test('is told, and so is what is given up', async () => {
    const bench = new PartitionBench({ settings: { deliveryCountLimit: 2 } })
    bench.produce(5)
    bench.fetch()
    bench.ack('a', [1, 2, REJECT], [3, 3, RELEASE])
    await bench.clock.advance(30_000)
    expect(bench.told).toEqual(['rejected: 1-2', 'lock of a: 0', 'lock of a: 4'])
    bench.fetch('b')
    bench.partition.releaseMember('b')
    expect(bench.told.slice(3)).toEqual(['deliveryLimit: 0', 'deliveryLimit: 3-4'])
  })

  test('comes once for each time of acquisition: neighbours share a timer', async () => {
    const bench = new PartitionBench()
    bench.produce(100)
    bench.fetch()
    expect(bench.clock.pendingTimers).toBe(1)
    await bench.clock.advance(10_000)
    bench.ack('a', [20, 29, RELEASE])
    expect(bench.fetch('b')).toBe('20-29:2')
    expect(bench.clock.pendingTimers).toBe(2)
    await bench.clock.advance(20_000)
    expect(bench.records).toBe('0-19 AVAILABLE 1, 20-29 ACQUIRED 2 b, 30-99 AVAILABLE 1')
    await bench.clock.advance(10_000)
    expect(bench.records).toBe('0-19 AVAILABLE 1, 20-29 AVAILABLE 2, 30-99 AVAILABLE 1')
    expect(bench.clock.pendingTimers).toBe(0)
  })

  test('of what is cut in record-limit mode reaches only what was acquired', async () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch('a', { mode: AcquireMode.RECORD_LIMIT, maxRecords: 3 })
    await bench.clock.advance(10_000)
    bench.fetch('b')
    await bench.clock.advance(20_000)
    expect(bench.records).toBe('0-2 AVAILABLE 1, 3-9 ACQUIRED 1 b')
  })

  test('does not come after an answer', async () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [0, 3, ACCEPT])
    bench.ack('a', [4, 9, ACCEPT])
    expect(bench.clock.pendingTimers).toBe(0)
    await bench.clock.advance(60_000)
    expect(bench.writes).toHaveLength(2)
    expect(bench.wakeUps).toBe(2)
  })

  test('holds even when its write fails', async () => {
    const bench = new PartitionBench()
    bench.produce(2)
    bench.fetch()
    bench.writeError = ErrorCode.FENCED_STATE_EPOCH
    await bench.clock.advance(30_000)
    expect(bench.records).toBe('0-1 AVAILABLE 1')
    expect(bench.partition.isFenced).toBe(false)
  })

  test('uses the duration that holds at the acquisition', async () => {
    const bench = new PartitionBench({ settings: { recordLockDurationMs: 15_000 } })
    bench.produce(2)
    bench.fetch()
    bench.set({ recordLockDurationMs: 60_000 })
    await bench.clock.advance(15_000)
    expect(bench.records).toBe('0-1 AVAILABLE 1')
  })

  test('close() ends all of them', async () => {
    const bench = new PartitionBench()
    bench.produce(5, 5)
    bench.fetch('a', { batchSize: 5 })
    bench.ack('a', [1, 1, ACCEPT])
    bench.partition.close()
    expect(bench.clock.pendingTimers).toBe(0)
    expect(bench.ack('a', [0, 0, ACCEPT]).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })
})

describe('the end of a session', () => {
  test('gives back what the member holds, with its count, and wakes nobody', () => {
    const bench = new PartitionBench()
    bench.produce(4, 4)
    bench.fetch('a', { batches: 1 })
    bench.fetch('b')
    bench.ack('a', [3, 3, ACCEPT])
    bench.partition.releaseMember('a')
    expect(bench.records).toBe('0-2 AVAILABLE 1, 3 ACKNOWLEDGED 1, 4-7 ACQUIRED 1 b')
    expect(bench.lastWrite).toBe('start 0, done 1: 0-2 0/1')
    expect(bench.wakeUps).toBe(0)
    expect(bench.fetch('b')).toBe('0-2:2')
  })

  test('archives at the delivery limit: five disconnects', () => {
    const bench = new PartitionBench()
    bench.produce(1)
    for (let i = 1; i <= 5; i++) {
      expect(bench.fetch()).toBe(`0:${i}`)
      bench.partition.releaseMember('a')
    }
    expect(bench.partition.startOffset).toBe(1)
    expect(bench.wakeUps).toBe(1)
  })

  test('in Kafka 4.1 lowers the count and never archives', () => {
    const bench = new PartitionBench({ version: '4.1', settings: { deliveryCountLimit: 2 } })
    bench.produce(1)
    bench.fetch()
    bench.ack('a', [0, 0, RELEASE])
    for (let i = 0; i < 5; i++) {
      expect(bench.fetch()).toBe('0:2')
      bench.partition.releaseMember('a')
    }
    expect(bench.records).toBe('0 AVAILABLE 1')
  })

  test('of a member that holds nothing changes and writes nothing', () => {
    const bench = new PartitionBench()
    bench.produce(1)
    bench.fetch()
    bench.partition.releaseMember('b')
    expect(bench.writes).toEqual([])
  })

  test('is taken back when its write fails: the locks run on', async () => {
    const bench = new PartitionBench({ version: '4.1' })
    bench.produce(3)
    bench.fetch()
    bench.writeError = ErrorCode.COORDINATOR_NOT_AVAILABLE
    bench.partition.releaseMember('a')
    expect(bench.records).toBe('0-2 ACQUIRED 1 a')
    await bench.clock.advance(30_000)
    expect(bench.records).toBe('0-2 AVAILABLE 1')
  })
})

describe('the start of the log moves', () => {
  const overtaken = (): PartitionBench => {
    const bench = new PartitionBench()
    bench.produce(10, 10)
    bench.fetch('a', { batches: 1 })
    bench.ack('a', [0, 1, RELEASE], [2, 3, ACCEPT])
    bench.partition.logStartMoved(6)
    return bench
  }

  test('what is acquired stays until its answer, which is passed over', () => {
    const bench = overtaken()
    expect(bench.partition.startOffset).toBe(6)
    expect(bench.partition.deliveryCompleteCount).toBe(0)
    expect(bench.ack('a', [4, 5, ACCEPT])).toEqual({ errorCode: 0, errorMessage: null })
    expect(bench.writes).toHaveLength(1)
    expect(bench.ack('a', [4, 7, ACCEPT])).toEqual({ errorCode: 0, errorMessage: null })
    expect(bench.records).toBe('6-7 ACKNOWLEDGED 1, 8-9 ACQUIRED 1 a')
  })

  test('nor does an answer to the whole batch reach below', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.partition.logStartMoved(6)
    bench.ack('a', [0, 9, ACCEPT])
    expect(bench.lastWrite).toBe('start 6, done 4: 6-9 2/1')
  })

  test('what lies below is archived by the end of its lock, without counting', async () => {
    const bench = overtaken()
    await bench.clock.advance(30_000)
    expect(bench.lastWrite).toBe('start 6, done 0: 4-5 4/1, 6-9 0/1')
    expect(bench.fetch('b')).toBe('6-9:2 10-19:1')
  })

  test('and by the end of the session', () => {
    const bench = overtaken()
    bench.partition.releaseMember('a')
    expect(bench.lastWrite).toBe('start 6, done 0: 4-5 4/1, 6-9 0/1')
  })

  test('nothing is written and nobody woken; a lower start changes nothing', () => {
    const bench = overtaken()
    expect(bench.wakeUps).toBe(0)
    expect(bench.writes).toHaveLength(1)
    bench.partition.logStartMoved(3)
    expect(bench.partition.startOffset).toBe(6)
  })

  test('while nothing is tracked it is where the next read begins', () => {
    const bench = new PartitionBench()
    bench.partition.logStartMoved(50)
    expect(bench.partition.startOffset).toBe(50)
    expect(bench.partition.nextFetchOffset).toBe(50)
    expect(bench.partition.endOffset).toBe(49)
  })

  test('beyond all that is tracked: it goes back once that is finished, and is put right by the next read (4.4.0)', () => {
    const bench = new PartitionBench()
    bench.produce(10, 10)
    bench.fetch('a', { batches: 1 })
    bench.partition.logStartMoved(15)
    expect(bench.partition.nextFetchOffset).toBe(15)
    bench.partition.releaseMember('a')
    expect(bench.partition.nextFetchOffset).toBe(10)
    bench.partition.logStartMoved(15)
    expect(bench.fetch('b')).toBe('15-19:1')
  })
})

test('a divided batch that the log start has overtaken stays tracked, and a later read is not cut at the start (4.4.0)', () => {
  const bench = new PartitionBench()
  bench.produce(10, 10)
  bench.fetch('a', { batches: 1 })
  bench.ack('a', [4, 4, ACCEPT])
  bench.partition.logStartMoved(15)
  bench.partition.releaseMember('a')
  expect(bench.partition.startOffset).toBe(15)
  bench.log.shift()
  expect(bench.fetch('b')).toBe('10-19:1')
})

describe('writes to the share coordinator', () => {
  test('carry the start offset that was before, and the count of what is finished from there on', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [0, 1, ACCEPT])
    expect(bench.lastWrite).toBe('start 0, done 2: 0-1 2/1')
    expect(bench.partition.startOffset).toBe(2)
    bench.ack('a', [5, 6, REJECT])
    expect(bench.lastWrite).toBe('start 2, done 2: 5-6 4/1')
    expect(bench.partition.deliveryCompleteCount).toBe(2)
    bench.ack('a', [2, 4, ACCEPT])
    expect(bench.lastWrite).toBe('start 2, done 5: 2-4 2/1')
    expect(bench.partition.startOffset).toBe(7)
    expect(bench.partition.deliveryCompleteCount).toBe(0)
    expect(bench.wakeUps).toBe(2)
  })

  test('everything finished: nothing is tracked, and start and next read are behind it', () => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.ack('a', [0, 9, ACCEPT])
    expect(bench.partition.startOffset).toBe(10)
    expect(bench.partition.endOffset).toBe(9)
    expect(bench.partition.nextFetchOffset).toBe(10)
    expect(bench.records).toBe('')
  })

  test.each([
    ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', false],
    ['COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE', false],
    ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', false],
    ['GROUP_ID_NOT_FOUND', 'GROUP_ID_NOT_FOUND', true],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', true],
    ['FENCED_STATE_EPOCH', 'NOT_LEADER_OR_FOLLOWER', true],
    ['FENCED_LEADER_EPOCH', 'NOT_LEADER_OR_FOLLOWER', true],
    ['INVALID_REQUEST', 'UNKNOWN_SERVER_ERROR', false],
    ['REQUEST_TIMED_OUT', 'UNKNOWN_SERVER_ERROR', false],
  ] as const)('refused with %s: all is taken back, the member is told %s', (code, told, isFenced) => {
    const bench = new PartitionBench()
    bench.produce(10)
    bench.fetch()
    bench.writeError = ErrorCode[code]
    expect(bench.ack('a', [0, 3, ACCEPT], [4, 5, RELEASE], [6, 6, REJECT]).errorCode).toBe(ErrorCode[told])
    expect(bench.partition.isFenced).toBe(isFenced)
    expect(bench.records).toBe('0-9 ACQUIRED 1 a')
    expect(bench.partition.deliveryCompleteCount).toBe(0)
    expect(bench.partition.startOffset).toBe(0)
    expect(bench.partition.nextFetchOffset).toBe(10)
    expect(bench.wakeUps).toBe(0)
  })
})

describe('what a leader before had persisted', () => {
  const state = (firstOffset: number, lastOffset: number, value: 0 | 2 | 4, deliveryCount: number) => ({
    firstOffset,
    lastOffset,
    state: value,
    deliveryCount,
  })

  test('comes back with the counts last persisted', () => {
    const bench = new PartitionBench({
      persisted: { startOffset: 3, batches: [state(3, 4, 2, 1), state(5, 9, 0, 2), state(10, 12, 4, 1)] },
    })
    expect(bench.partition.startOffset).toBe(5)
    expect(bench.partition.deliveryCompleteCount).toBe(3)
    bench.produce(20)
    expect(bench.fetch()).toBe('5-9:3 13-19:1')
  })

  test('holes are offered in their place, for the first time', () => {
    const bench = new PartitionBench({
      persisted: { startOffset: 0, batches: [state(5, 9, 2, 1), state(15, 19, 0, 3)] },
      settings: { deliveryCountLimit: 10 },
    })
    bench.produce(5, 5, 5, 5, 5)
    expect(bench.partition.startOffset).toBe(0)
    expect(bench.partition.nextFetchOffset).toBe(0)
    expect(bench.fetch('a', { maxRecords: 3 })).toBe('0-4:1')
    expect(bench.partition.nextFetchOffset).toBe(10)
    expect(bench.fetch()).toBe('10-14:1 15-19:4 20-24:1')
    bench.ack('a', [0, 4, ACCEPT])
    expect(bench.partition.startOffset).toBe(10)
  })

  test('the start stays in front of a hole until that was offered', () => {
    const bench = new PartitionBench({
      persisted: { startOffset: 0, batches: [state(0, 4, 0, 1), state(10, 14, 2, 1)] },
    })
    bench.produce(15)
    bench.fetch('a', { maxRecords: 1, mode: AcquireMode.RECORD_LIMIT })
    bench.ack('a', [0, 0, ACCEPT])
    bench.fetch('a', { maxRecords: 4, mode: AcquireMode.RECORD_LIMIT })
    bench.ack('a', [1, 4, ACCEPT])
    expect(bench.partition.startOffset).toBe(5)
    expect(bench.fetch()).toBe('5-9:1')
    bench.ack('a', [5, 9, ACCEPT])
    // Whether holes follow is known only when records behind the persisted ones are acquired.
    expect(bench.partition.startOffset).toBe(10)
    bench.produce(1)
    bench.fetch()
    bench.ack('a', [15, 15, ACCEPT])
    expect(bench.partition.startOffset).toBe(16)
  })

  test('nothing persisted: the reset policy says where to begin', () => {
    expect(new PartitionBench({ startOffset: 42 }).partition.startOffset).toBe(42)
    expect(new PartitionBench({ startOffset: 42, persisted: { startOffset: 7 } }).partition.startOffset).toBe(7)
  })
})
