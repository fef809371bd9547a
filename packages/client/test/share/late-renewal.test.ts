import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import type { BufferPosition } from '../../src/share/fetch-buffer.js'
import { LockKeeper } from '../../src/share/lock-keeper.js'
import { SharePartitions } from '../../src/share/share-partition.js'

// Four records behind a lock of 5 s: two are with the application, two wait in the buffer; all are being renewed.

const LOCK_MS = 5_000
const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)

let clock: VirtualClock
let range: AcquiredRange
let keeper: LockKeeper
let released: number
let renewed: number

beforeEach(() => {
  clock = new VirtualClock()
  const ledger = new AcquiredRecords({ answered: () => undefined, lost: () => undefined, verdict: () => undefined })
  range = new AcquiredRange(partition, ledger, 100, 103, 1, clock.now() + LOCK_MS)
  ledger.enter(range)
  range.pass(2)
  released = 0
  renewed = 0
  const queue = new Map<AcquiredRange, BufferPosition>([[range, { ahead: 0, from: 2 }]])
  keeper = new LockKeeper({
    clock,
    logger: silentLogger,
    groupId: 'workers',
    lockMs: () => LOCK_MS,
    ranges: () => [range],
    queue: () => queue,
    startsWithin: () => 0,
    stands: () => false,
    stood: () => undefined,
    released: () => released++,
    renewed: (records) => (renewed += records),
  })
})

function confirmed(): void {
  keeper.outcome([{ range, from: 0, to: 4 }], { lockDeadline: clock.now() + LOCK_MS })
}

describe('a renewal that is confirmed', () => {
  it('in time, or while the lock may just still be held, counts for all of it', async () => {
    await clock.advance(LOCK_MS + 400)
    confirmed()
    expect([0, 1, 2, 3].map((index) => range.isOpen(index))).toEqual([true, true, true, true])
    expect([released, renewed]).toEqual([0, 4])
  })

  it('when the lock was over for certain gives back what waits in the buffer, and leaves the application its own', async () => {
    await clock.advance(LOCK_MS + 600)
    confirmed()
    expect([0, 1, 2, 3].map((index) => range.isOpen(index))).toEqual([true, true, false, false])
    expect([2, 3].map((index) => range.typeAt(index))).toEqual([AckCode.RELEASE, AckCode.RELEASE])
    expect([released, renewed]).toEqual([1, 0])
  })
})
