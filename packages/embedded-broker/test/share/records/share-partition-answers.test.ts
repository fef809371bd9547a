import { ErrorCode } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ACCEPT, GAP, PartitionBench, REJECT, RELEASE, RENEW } from './partition-bench.js'

const NONE = { errorCode: 0, errorMessage: null }
const invalidState = (errorMessage: string) => ({ errorCode: ErrorCode.INVALID_RECORD_STATE, errorMessage })
const invalidRequest = (errorMessage: string) => ({ errorCode: ErrorCode.INVALID_REQUEST, errorMessage })

function acquired(...sizes: number[]): PartitionBench {
  const bench = new PartitionBench()
  bench.produce(...sizes)
  bench.fetch('a', { maxRecords: 10_000 })
  return bench
}

describe('what an answer makes of a record', () => {
  test('ACCEPT, REJECT and GAP finish it, RELEASE gives it back; the delivery count stays', () => {
    const bench = acquired(5)
    expect(bench.ack('a', [1, 4, ACCEPT, REJECT, GAP, RELEASE])).toEqual(NONE)
    expect(bench.records).toBe('0 ACQUIRED 1 a, 1 ACKNOWLEDGED 1, 2-3 ARCHIVED 1, 4 AVAILABLE 1')
    expect(bench.partition.deliveryCompleteCount).toBe(3)
  })

  test('RELEASE at the delivery limit archives it', () => {
    const bench = acquired(1)
    for (let i = 2; i <= 5; i++) {
      bench.ack('a', [0, 0, RELEASE])
      expect(bench.fetch()).toBe(`0:${i}`)
    }
    bench.ack('a', [0, 0, RELEASE])
    expect(bench.partition.startOffset).toBe(1)
    expect(bench.lastWrite).toBe('start 0, done 1: 0 4/5')
  })

  test('the limit is the one that holds at the release', () => {
    const bench = acquired(4)
    bench.ack('a', [0, 3, RELEASE])
    bench.fetch()
    bench.set({ deliveryCountLimit: 2 })
    bench.ack('a', [1, 1, RELEASE])
    expect(bench.records).toBe('0 ACQUIRED 2 a, 1 ARCHIVED 2, 2-3 ACQUIRED 2 a')
    bench.set({ deliveryCountLimit: 3 })
    bench.ack('a', [2, 2, RELEASE])
    expect(bench.records).toBe('0 ACQUIRED 2 a, 1 ARCHIVED 2, 2 AVAILABLE 2, 3 ACQUIRED 2 a')
  })

  test('a type for each offset, a whole batch, several batches', () => {
    const bench = acquired(4, 4)
    expect(bench.ack('a', [0, 3, ACCEPT, ACCEPT, RELEASE, REJECT], [4, 7, ACCEPT])).toEqual(NONE)
    expect(bench.records).toBe('2 AVAILABLE 1, 3 ARCHIVED 1, 4-7 ACKNOWLEDGED 1')
  })
})

describe('an answer is refused', () => {
  test('when the offset is not acquired any more', () => {
    const bench = acquired(5)
    bench.ack('a', [1, 1, RELEASE], [2, 2, ACCEPT])
    const notAcquired = invalidState('The offset cannot be acknowledged. The offset is not acquired.')
    expect(bench.ack('a', [1, 1, ACCEPT])).toEqual(notAcquired)
    expect(bench.ack('a', [2, 2, ACCEPT])).toEqual(notAcquired)
  })

  test('when a batch that was answered whole is answered again', () => {
    const bench = new PartitionBench()
    bench.produce(2, 3)
    bench.fetch('a', { batchSize: 2 })
    bench.ack('a', [2, 4, RELEASE])
    expect(bench.ack('a', [2, 4, ACCEPT])).toEqual(
      invalidState('The batch cannot be acknowledged. The batch is not in the acquired state.'),
    )
  })

  test('when another member has it', () => {
    const bench = acquired(5)
    expect(bench.ack('b', [0, 4, ACCEPT])).toEqual(invalidState('Member is not the owner of batch record'))
    bench.ack('a', [4, 4, RELEASE])
    expect(bench.ack('b', [0, 0, ACCEPT])).toEqual(invalidState('Member is not the owner of offset'))
  })

  test('when it was never acquired', () => {
    const bench = acquired(5)
    expect(bench.ack('a', [5, 9, ACCEPT])).toEqual(
      invalidRequest('Batch record not found. The first offset in request is past acquired records.'),
    )
    expect(bench.ack('a', [3, 9, ACCEPT])).toEqual(
      invalidRequest('Batch record not found. The last offset in request is past acquired records.'),
    )
    expect(new PartitionBench().ack('a', [0, 0, ACCEPT])).toEqual(
      invalidState('Batch record not found. The request batch offsets are not found in the cache.'),
    )
  })

  test('when two batches of the request share an offset', () => {
    const bench = acquired(5)
    expect(bench.ack('a', [0, 2, ACCEPT], [2, 4, ACCEPT])).toEqual(
      invalidState('The offset cannot be acknowledged. The offset is not acquired.'),
    )
    expect(bench.records).toBe('0-4 ACQUIRED 1 a')
  })

  test('and takes all batches of the request for this partition back with it', () => {
    const bench = acquired(5, 5)
    bench.ack('a', [9, 9, ACCEPT])
    const before = bench.records
    expect(bench.ack('a', [0, 2, ACCEPT], [3, 3, REJECT], [4, 5, RELEASE], [9, 9, ACCEPT]).errorCode).toBe(
      ErrorCode.INVALID_RECORD_STATE,
    )
    expect(bench.records).toBe(before)
    expect(bench.partition.deliveryCompleteCount).toBe(1)
    expect(bench.writes).toHaveLength(1)
    expect(bench.ack('a', [0, 8, ACCEPT])).toEqual(NONE)
  })

  test('a range across the start, while nothing is tracked, fails the whole request, as 4.4.0 does', () => {
    const bench = acquired(10)
    bench.ack('a', [0, 9, ACCEPT])
    expect(bench.ack('a', [5, 12, ACCEPT])).toEqual({
      errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
      errorMessage: null,
      failsRequest: true,
    })
  })
})

describe('offsets below the start', () => {
  test('are passed over without an error', () => {
    const bench = acquired(10)
    bench.ack('a', [0, 4, ACCEPT])
    expect(bench.ack('a', [0, 4, RELEASE])).toEqual(NONE)
    expect(bench.ack('a', [2, 6, ACCEPT])).toEqual(NONE)
    expect(bench.partition.startOffset).toBe(7)
  })
})

describe('RENEW', () => {
  test('restarts the lock with the current duration, and is not written', async () => {
    const bench = acquired(4)
    await bench.clock.advance(20_000)
    bench.set({ recordLockDurationMs: 15_000 })
    expect(bench.ack('a', [1, 2, RENEW])).toEqual(NONE)
    expect(bench.writes).toEqual([])
    await bench.clock.advance(10_000)
    expect(bench.records).toBe('0 AVAILABLE 1, 1-2 ACQUIRED 1 a, 3 AVAILABLE 1')
    await bench.clock.advance(4_999)
    expect(bench.records).toBe('0 AVAILABLE 1, 1-2 ACQUIRED 1 a, 3 AVAILABLE 1')
    await bench.clock.advance(1)
    expect(bench.records).toBe('0-3 AVAILABLE 1')
  })

  test('of a whole batch keeps one timer', async () => {
    const bench = acquired(500)
    await bench.clock.advance(29_999)
    bench.ack('a', [0, 499, RENEW])
    expect(bench.clock.pendingTimers).toBe(1)
    await bench.clock.advance(29_999)
    expect(bench.records).toBe('0-499 ACQUIRED 1 a')
  })

  test('together with other types: each is applied', () => {
    const bench = acquired(3)
    expect(bench.ack('a', [0, 2, ACCEPT, RENEW, RELEASE])).toEqual(NONE)
    expect(bench.records).toBe('1 ACQUIRED 1 a, 2 AVAILABLE 1')
  })

  test('is refused while the group has it switched off', () => {
    const bench = acquired(3)
    bench.set({ renewAcknowledgeEnable: false })
    const off = invalidState('Renewing acquisition locks is not enabled for the group.')
    expect(bench.ack('a', [0, 2, RENEW])).toEqual(off)
    expect(bench.ack('a', [0, 1, ACCEPT, RENEW])).toEqual(off)
    expect(bench.records).toBe('0-2 ACQUIRED 1 a')
  })

  test('stays when a later answer of the request fails', async () => {
    const bench = acquired(3)
    bench.ack('a', [2, 2, ACCEPT])
    await bench.clock.advance(20_000)
    expect(bench.ack('a', [0, 2, RENEW, ACCEPT, ACCEPT]).errorCode).toBe(ErrorCode.INVALID_RECORD_STATE)
    await bench.clock.advance(10_000)
    expect(bench.records).toBe('0 ACQUIRED 1 a, 1 AVAILABLE 1, 2 ACKNOWLEDGED 1')
  })
})

describe('dead letters', () => {
  const dead = { settings: { deadLetterTopic: 'dlq.orders' } }

  test('without a dead-letter topic records are archived at once', () => {
    const bench = acquired(2)
    bench.ack('a', [0, 0, REJECT])
    expect(bench.partition.startOffset).toBe(1)
    expect(bench.letters).toEqual([])
  })

  test('a rejected record is archived when its letter is written, and holds the start back until then', () => {
    const bench = new PartitionBench(dead)
    bench.produce(3)
    bench.fetch()
    bench.ack('a', [0, 1, REJECT], [2, 2, ACCEPT])
    expect(bench.records).toBe('0-1 ARCHIVING 1, 2 ACKNOWLEDGED 1')
    expect(bench.partition.startOffset).toBe(0)
    expect(bench.lastWrite).toBe('start 0, done 1: 0-1 3/1, 2 2/1')
    expect(bench.letters).toEqual([{ firstOffset: 0, lastOffset: 1, deliveryCount: 1, cause: 'rejected' }])
    expect(bench.wakeUps).toBe(0)
    bench.partition.deadLettersWritten(bench.letters)
    expect(bench.partition.startOffset).toBe(3)
    expect(bench.lastWrite).toBe('start 0, done 3: 0-1 4/1')
    expect(bench.wakeUps).toBe(1)
    bench.partition.deadLettersWritten(bench.letters)
    expect(bench.writes).toHaveLength(2)
  })

  test('the delivery limit makes them by release, session end and lock expiry', async () => {
    const bench = new PartitionBench({ settings: { deadLetterTopic: 'dlq.orders', deliveryCountLimit: 2 } })
    bench.produce(1, 1, 1)
    bench.fetch('a', { batchSize: 1 })
    bench.ack('a', [0, 2, RELEASE])
    bench.fetch('a', { batchSize: 1, maxRecords: 1 })
    bench.fetch('b', { batchSize: 1, maxRecords: 1 })
    bench.fetch('c', { batchSize: 1, maxRecords: 1 })
    bench.ack('a', [0, 0, RELEASE])
    bench.partition.releaseMember('b')
    await bench.clock.advance(30_000)
    expect(bench.letters).toEqual(
      [0, 1, 2].map((offset) => ({
        firstOffset: offset,
        lastOffset: offset,
        deliveryCount: 2,
        cause: 'deliveryLimit',
      })),
    )
    expect(bench.records).toBe('0-2 ARCHIVING 2')
  })

  test('GAP makes none', () => {
    const bench = new PartitionBench(dead)
    bench.produce(2)
    bench.fetch()
    bench.ack('a', [0, 1, GAP])
    expect(bench.letters).toEqual([])
    expect(bench.partition.startOffset).toBe(2)
  })

  test('none before Kafka 4.4', () => {
    const bench = new PartitionBench({ ...dead, version: '4.3' })
    bench.produce(2)
    bench.fetch()
    bench.ack('a', [0, 1, REJECT])
    expect(bench.letters).toEqual([])
    expect(bench.partition.startOffset).toBe(2)
  })

  test('a leader that finds records ARCHIVING hands them over again', () => {
    const bench = new PartitionBench({
      ...dead,
      persisted: {
        startOffset: 4,
        batches: [
          { firstOffset: 4, lastOffset: 5, state: 3, deliveryCount: 1 },
          { firstOffset: 6, lastOffset: 6, state: 3, deliveryCount: 5 },
        ],
      },
    })
    bench.partition.resumeDeadLetters()
    expect(bench.letters.map((letter) => letter.cause)).toEqual(['rejected', 'deliveryLimit'])
    bench.partition.deadLettersWritten(bench.letters)
    expect(bench.partition.startOffset).toBe(7)
  })
})
