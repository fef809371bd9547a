import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { TransactionCoordinator, type TransactionEnd } from '../../src/transactions/transaction-coordinator.js'
import { allOf, appendNow, batchOf, headerOf, logWorld } from '../log/log-world.js'

const ID = 'payments'
const place = { topicId: 'orders', partition: 0 } as const

function transactionWorld() {
  const world = logWorld()
  const coordinator = new TransactionCoordinator(world.surroundings, {
    maxTimeoutMs: () => 900_000,
    idExpirationMs: () => 604_800_000,
    logOf: (topicId, partition) =>
      topicId === 'orders' && partition === 0 ? { log: world.log, leaderEpoch: 0 } : undefined,
  })
  const ends: TransactionEnd[] = []
  coordinator.onTransactionEnd((end) => ends.push(end))
  const start = (timeoutMs = 60_000) => coordinator.initialise({ transactionalId: ID, timeoutMs })
  const as = (producer: { readonly producerId: number; readonly producerEpoch: number }) => ({
    transactionalId: ID,
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
  })
  const write = (producer: { readonly producerId: number; readonly producerEpoch: number }, baseSequence = 0) =>
    appendNow(
      world.log,
      batchOf(1, {
        producerId: producer.producerId,
        producerEpoch: producer.producerEpoch,
        baseSequence,
        isTransactional: true,
      }),
    )
  return { ...world, coordinator, ends, start, as, write }
}

const commit = { committed: true, raisesEpoch: true } as const
const abort = { committed: false, raisesEpoch: true } as const
const oldCommit = { committed: true, raisesEpoch: false } as const
const oldAbort = { committed: false, raisesEpoch: false } as const

describe('Producer ids', () => {
  it('are never given twice', () => {
    const { coordinator, start } = transactionWorld()
    const given = [coordinator.newProducerId(), start(), coordinator.newProducerId()]
    expect(given.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0])
    expect(new Set(given.map(({ producerId }) => producerId)).size).toBe(3)
  })
})

describe('A producer that comes up', () => {
  it('gets the same id and a higher epoch each time', () => {
    const { start } = transactionWorld()
    const [first, second] = [start(), start()]
    expect([first.producerEpoch, second.producerEpoch]).toEqual([0, 1])
    expect(second.producerId).toBe(first.producerId)
  })

  it.each([0, -1, 900_001])('with a timeout of %i ms is refused', (timeoutMs) => {
    expect(transactionWorld().start(timeoutMs).errorCode).toBe(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
  })

  it('with an empty transactional id is refused', () => {
    const { coordinator } = transactionWorld()
    expect(coordinator.initialise({ transactionalId: '', timeoutMs: 1000 }).errorCode).toBe(ErrorCode.INVALID_REQUEST)
  })

  it('while a transaction is open has it aborted, and must ask again', () => {
    const { coordinator, start, as, write, log, ends } = transactionWorld()
    const first = start()
    coordinator.addPartitions(as(first), [place])
    write(first)
    expect(start()).toEqual({ errorCode: ErrorCode.CONCURRENT_TRANSACTIONS, producerId: -1, producerEpoch: -1 })
    expect(log.abortedTransactions(0, 9)).toHaveLength(1)
    expect(ends).toMatchObject([{ committed: false, producerEpoch: 0 }])
    // As in Kafka 4.4: the abort takes one epoch, the new start another.
    expect(allOf(log).map((each) => headerOf(each).producerEpoch)).toEqual([0, 1])
    expect(start()).toMatchObject({ errorCode: 0, producerEpoch: 2 })
    expect(coordinator.end(as(first), commit).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
  })

  it('may go on with the epoch it has, or repeat that, and no other one', () => {
    const { coordinator, start } = transactionWorld()
    const { producerId } = start()
    const goOn = (producerEpoch: number, id = producerId) =>
      coordinator.initialise({
        transactionalId: ID,
        timeoutMs: 1000,
        expected: { producerId: id, producerEpoch },
      })
    expect(goOn(0)).toEqual({ errorCode: 0, producerId, producerEpoch: 1 })
    expect(goOn(0)).toEqual({ errorCode: 0, producerId, producerEpoch: 1 })
    expect(goOn(1)).toEqual({ errorCode: 0, producerId, producerEpoch: 2 })
    expect(goOn(0).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
    expect(goOn(2, producerId + 1).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
  })

  it('again after an end that it did not hear of cannot repeat that end', () => {
    const { coordinator, start, as } = transactionWorld()
    const producer = start()
    coordinator.addPartitions(as(producer), [place])
    coordinator.end(as(producer), abort)
    const expected = { producerId: producer.producerId, producerEpoch: 0 }
    const again = coordinator.initialise({ transactionalId: ID, timeoutMs: 1000, expected })
    expect(again).toEqual({ ...producer, producerEpoch: 1 })
    expect(coordinator.end(as(producer), abort).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
  })

  it('gets another id when the epochs of the old one have run out', () => {
    const { coordinator, start } = transactionWorld()
    const first = start()
    let last = first
    for (let i = 0; i < 32_766; i++) last = start()
    expect(last).toEqual({ errorCode: 0, producerId: first.producerId, producerEpoch: 32_766 })
    const next = start()
    expect([next.producerId === first.producerId, next.producerEpoch]).toEqual([false, 0])
    coordinator.close()
  })
})

describe('The end of a transaction', () => {
  it('writes a marker under the raised epoch to every partition, and tells the new epoch', () => {
    const { coordinator, start, as, write, log, ends } = transactionWorld()
    const producer = start()
    coordinator.addPartitions(as(producer), [place])
    coordinator.addOffsets(as(producer), 'group')
    write(producer)
    expect(log.lastStableOffset).toBe(0)
    expect(coordinator.end(as(producer), commit)).toEqual({ ...producer, producerEpoch: 1 })
    expect(log.lastStableOffset).toBe(2)
    expect(allOf(log).map((each) => [headerOf(each).isControl, headerOf(each).producerEpoch])).toEqual([
      [false, 0],
      [true, 1],
    ])
    expect(ends).toEqual([
      {
        transactionalId: ID,
        producerId: producer.producerId,
        producerEpoch: 0,
        committed: true,
        groups: ['group'],
      },
    ])
  })

  it('that is asked for again is answered as before, and the other outcome refused', () => {
    const { coordinator, start, as, log } = transactionWorld()
    const producer = start()
    coordinator.addPartitions(as(producer), [place])
    const ended = coordinator.end(as(producer), commit)
    expect(coordinator.end(as(producer), commit)).toEqual(ended)
    expect(coordinator.end(as(producer), abort).errorCode).toBe(ErrorCode.INVALID_TXN_STATE)
    expect(log.endOffset).toBe(1)
  })

  it('keeps the epoch for a client before version 5', () => {
    const { coordinator, start, as, log } = transactionWorld()
    const producer = start()
    coordinator.addPartitions(as(producer), [place])
    expect(coordinator.end(as(producer), oldCommit)).toEqual({ errorCode: 0, producerId: -1, producerEpoch: -1 })
    expect(allOf(log).map((each) => headerOf(each).producerEpoch)).toEqual([0])
    expect(coordinator.end(as(producer), oldCommit).errorCode).toBe(0)
    expect(coordinator.end(as(producer), oldAbort).errorCode).toBe(ErrorCode.INVALID_TXN_STATE)
    coordinator.addPartitions(as(producer), [place])
    expect(coordinator.end(as(producer), oldAbort).errorCode).toBe(0)
  })

  it('without a transaction: an abort raises the epoch, a commit is refused', () => {
    const { coordinator, start, as, log } = transactionWorld()
    const producer = start()
    expect(coordinator.end(as(producer), commit).errorCode).toBe(ErrorCode.INVALID_TXN_STATE)
    expect(coordinator.end(as(producer), abort)).toEqual({ ...producer, producerEpoch: 1 })
    expect(coordinator.end(as({ ...producer, producerEpoch: 1 }), abort)).toEqual({ ...producer, producerEpoch: 2 })
    expect(log.endOffset).toBe(0)
  })

  it('is not for strangers', () => {
    const { coordinator, start, as } = transactionWorld()
    const producer = start()
    const mapping = ErrorCode.INVALID_PRODUCER_ID_MAPPING
    expect(coordinator.end({ ...as(producer), transactionalId: 'other' }, commit).errorCode).toBe(mapping)
    expect(coordinator.end({ ...as(producer), transactionalId: '' }, commit).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(coordinator.end(as({ ...producer, producerId: 99 }), commit).errorCode).toBe(mapping)
    expect(coordinator.end(as({ ...producer, producerEpoch: 3 }), commit).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
  })

  it('passes over partitions that were deleted', () => {
    const { coordinator, start, as, log } = transactionWorld()
    const producer = start()
    coordinator.addPartitions(as(producer), [place, { topicId: 'gone', partition: 0 }])
    expect(coordinator.end(as(producer), commit).errorCode).toBe(0)
    expect(log.endOffset).toBe(1)
  })
})

describe('A transaction that is open too long', () => {
  it('is aborted, and its producer fenced', async () => {
    const { coordinator, start, as, write, log, clock, ends } = transactionWorld()
    const producer = start(5000)
    coordinator.addPartitions(as(producer), [place])
    write(producer)
    await clock.advance(4999)
    expect(log.lastStableOffset).toBe(0)
    await clock.advance(1)
    expect(log.lastStableOffset).toBe(2)
    expect(ends).toMatchObject([{ committed: false }])
    expect(coordinator.end(as(producer), commit).errorCode).not.toBe(0)
    expect(coordinator.addPartitions(as(producer), [place])).toBe(ErrorCode.PRODUCER_FENCED)
    expect(write(producer, 1).errorCode).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  })

  it('is not aborted once it has ended', async () => {
    const { coordinator, start, as, clock, ends } = transactionWorld()
    const producer = start(5000)
    coordinator.addPartitions(as(producer), [place])
    coordinator.end(as(producer), commit)
    await clock.advance(10_000)
    expect(ends).toHaveLength(1)
  })
})

describe('What is part of a transaction', () => {
  it('can be asked: partitions', () => {
    const { coordinator, start, as } = transactionWorld()
    const producer = start()
    expect(coordinator.verifyPartition(as(producer), place)).toBe(ErrorCode.TRANSACTION_ABORTABLE)
    coordinator.addPartitions(as(producer), [place])
    expect(coordinator.verifyPartition(as(producer), place)).toBe(0)
    expect(coordinator.verifyPartition(as(producer), { ...place, partition: 1 })).toBe(ErrorCode.TRANSACTION_ABORTABLE)
    coordinator.end(as(producer), oldCommit)
    expect(coordinator.verifyPartition(as(producer), place)).toBe(ErrorCode.TRANSACTION_ABORTABLE)
  })

  it('can be asked: groups', () => {
    const { coordinator, start, as } = transactionWorld()
    const producer = start()
    expect(coordinator.verifyOffsets(as(producer), 'group')).toBe(ErrorCode.TRANSACTION_ABORTABLE)
    coordinator.addOffsets(as(producer), 'group')
    expect(coordinator.verifyOffsets(as(producer), 'group')).toBe(0)
    expect(coordinator.verifyOffsets(as({ ...producer, producerEpoch: 4 }), 'group')).toBe(ErrorCode.PRODUCER_FENCED)
  })

  it('is not opened by adding nothing', () => {
    const { coordinator, start, as } = transactionWorld()
    const producer = start()
    expect(coordinator.addPartitions(as(producer), [])).toBe(0)
    expect(coordinator.inspect()).toMatchObject([{ transactionalId: ID, state: 'empty' }])
  })
})

describe('Transactional ids', () => {
  it('that are not used for a week are forgotten, open ones never', async () => {
    const { coordinator, start, clock } = transactionWorld()
    start()
    await clock.advance(604_800_000 - 3_600_000)
    expect(coordinator.inspect()).toHaveLength(1)
    await clock.advance(3 * 3_600_000)
    expect(coordinator.inspect()).toHaveLength(0)
  })

  it('leave no timer behind when the coordinator is closed', () => {
    const { coordinator, start, as, clock, log } = transactionWorld()
    coordinator.addPartitions(as(start()), [place])
    log.close()
    coordinator.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('Transactional ids', () => {
  it('are ten thousand at most: the oldest without an open transaction is forgotten', () => {
    const { coordinator, start, as } = transactionWorld()
    const first = start()
    coordinator.addPartitions(as(first), [place])
    const second = coordinator.initialise({ transactionalId: 'second', timeoutMs: 60_000 })
    for (let i = 2; i <= 10_000; i++) coordinator.initialise({ transactionalId: `id ${i}`, timeoutMs: 60_000 })
    expect(coordinator.addPartitions(as(first), [place])).toBe(0)
    const gone = { ...as(second), transactionalId: 'second' }
    expect(coordinator.addPartitions(gone, [place])).toBe(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  })
})
