import { ErrorCode, KafkaBrokerError } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords, type LostPiece } from '../../src/share/acquired-records.js'
import type { BufferPosition } from '../../src/share/fetch-buffer.js'
import { renewalsForbidden } from '../../src/share/forbidden-renewals.js'
import { LockKeeper } from '../../src/share/lock-keeper.js'
import { waitForVerdict } from '../../src/share/record-verdicts.js'
import { SharePartitions } from '../../src/share/share-partition.js'

// What the lock keeper asks for, by ranges: no broker, locks of 30 s, a tick each second.

const LOCK_MS = 30_000
/** More than the part of a lock that has passed when it is renewed. */
const RENEWAL_DUE_MS = 14_000
const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const gone = new KafkaBrokerError('The lock is gone.', {
  errorCode: ErrorCode.INVALID_RECORD_STATE,
  api: 'ShareAcknowledge',
})
const forbidden = renewalsForbidden(partition, 'Renewing acquisition locks is not enabled for the group.')

let clock: VirtualClock
let ledger: AcquiredRecords
let queue: Map<AcquiredRange, BufferPosition>
let startable: number
let stands: boolean
let stoods: number
let losses: LostPiece[]
let infos: string[]
let keeper: LockKeeper

beforeEach(() => {
  clock = new VirtualClock()
  losses = []
  infos = []
  startable = Infinity
  stands = false
  stoods = 0
  queue = new Map()
  ledger = new AcquiredRecords({
    answered: () => undefined,
    lost: (piece) => losses.push(piece),
    verdict: () => undefined,
  })
  keeper = new LockKeeper({
    clock,
    logger: { ...silentLogger, info: (_: object, message: string) => infos.push(message) },
    groupId: 'workers',
    lockMs: () => LOCK_MS,
    ranges: () => ledger.ranges(),
    queue: () => queue,
    startsWithin: () => startable,
    stands: () => stands,
    stood: () => void stoods++,
    released: () => undefined,
    renewed: () => undefined,
  })
  keeper.keep({ maxExtensionMs: 300_000, mayRelease: true })
})

/** Acquired now; `handedOut` of it are with the application, the rest waits behind `ahead` others. */
function acquire(firstOffset: number, lastOffset: number, { handedOut = 0, ahead = 0 } = {}): AcquiredRange {
  const range = new AcquiredRange(partition, ledger, firstOffset, lastOffset, 1, clock.now() + LOCK_MS)
  ledger.enter(range)
  range.pass(handedOut)
  if (handedOut < range.length) queue.set(range, { ahead, from: handedOut })
  keeper.acquired()
  return range
}

/** The offsets whose renewal goes out next, first and last of each run. */
function renewals(): [number, number][] {
  const batches = ledger.renewals.take(() => undefined).get(partition)?.batches ?? []
  return batches.map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])
}

function released(range: AcquiredRange): number[] {
  return Array.from({ length: range.length }, (_, index) => index)
    .filter((index) => !range.isOpen(index) && range.typeAt(index) === AckCode.RELEASE)
    .map((index) => range.firstOffset + index)
}

function refuse(range: AcquiredRange, error: KafkaBrokerError): void {
  keeper.outcome([{ range, from: 0, to: range.length }], { error, code: ErrorCode.INVALID_RECORD_STATE })
}

function confirm(range: AcquiredRange): void {
  keeper.outcome([{ range, from: 0, to: range.length }], { lockDeadline: clock.now() + LOCK_MS })
}

describe('A range whose renewal is refused by itself', () => {
  it('is given up as far as it waits, and what the application has of it keeps its lock', async () => {
    const range = acquire(0, 9, { handedOut: 4 })
    const [out, waiting] = [waitForVerdict(range, 3), waitForVerdict(range, 4)]
    await clock.advance(RENEWAL_DUE_MS)
    expect(renewals()).toEqual([[0, 9]])
    refuse(range, gone)
    expect(losses.map(({ from, to, cause }) => [from, to, cause])).toEqual([[4, 10, 'expired']])
    expect(Array.from({ length: 10 }, (_, index) => range.isOpen(index))).toEqual([
      ...Array<boolean>(4).fill(true),
      ...Array<boolean>(6).fill(false),
    ])
    // Who asked for the verdict on a record that nobody will get hears at once that there will be none.
    expect(await waiting).toMatchObject({ error: { code: 'INVALID_RECORD_STATE' } })
    expect(await Promise.race([out, Promise.resolve('waits')])).toBe('waits')
    await clock.advance(10_000)
    expect(renewals()).toEqual([])
  })
})

describe('What is renewed', () => {
  it('includes records that a deserialiser is at work on, which are neither handed out nor waiting', async () => {
    const range = acquire(0, 9)
    queue.set(range, { ahead: 0, from: 4 })
    // Nothing that waits can be started.
    startable = 0
    await clock.advance(RENEWAL_DUE_MS)
    expect(renewals()).toEqual([[0, 3]])
    expect(released(range)).toEqual([4, 5, 6, 7, 8, 9])
  })

  it('is a whole range that has left the buffer for its deserialisers', async () => {
    acquire(0, 9)
    queue.clear()
    startable = 0
    await clock.advance(RENEWAL_DUE_MS)
    expect(renewals()).toEqual([[0, 9]])
  })

  it('is of what waits only what will be started soon, counted from the front of the buffer', async () => {
    const near = acquire(0, 4)
    const far = acquire(5, 9, { ahead: 5 })
    startable = 7
    await clock.advance(RENEWAL_DUE_MS)
    expect(renewals()).toEqual([[0, 6]])
    expect([released(near), released(far)]).toEqual([[], [7, 8, 9]])
  })

  it('is everything where fetches cannot be limited: what is released would come back at once', async () => {
    keeper.keep({ maxExtensionMs: 300_000, mayRelease: false })
    const range = acquire(0, 9)
    startable = 2
    await clock.advance(RENEWAL_DUE_MS)
    expect(renewals()).toEqual([[0, 9]])
    expect(released(range)).toEqual([])
  })
})

describe('Where locks cannot be renewed', () => {
  it.each([true, false])(
    'what cannot be started within its first lock is given back; fetches can be limited: %s',
    async (mayRelease) => {
      keeper.keep({ maxExtensionMs: 300_000, mayRelease })
      ledger.renewable = false
      const range = acquire(0, 9)
      startable = 2
      await clock.advance(RENEWAL_DUE_MS)
      expect(renewals()).toEqual([])
      expect(released(range)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    },
  )

  it('that is told once, and once more when it came again after renewals had worked', async () => {
    const range = acquire(0, 0, { handedOut: 1 })
    await clock.advance(RENEWAL_DUE_MS)
    refuse(range, forbidden)
    refuse(range, forbidden)
    expect(infos).toEqual([expect.stringContaining('cannot be renewed')])
    confirm(range)
    refuse(range, forbidden)
    expect(infos).toHaveLength(2)
  })
})

describe('A lock keeper that is closed', () => {
  it('has no timer, and what is acquired after that starts none', async () => {
    acquire(0, 9, { handedOut: 10 })
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1_000)
    expect(clock.pendingTimers).toBe(1)
    keeper.close()
    expect(clock.pendingTimers).toBe(0)
    acquire(10, 19, { handedOut: 10 })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('For an application that stands still', () => {
  it('all that waits is given back at once, what is with it is renewed, and it is told once', async () => {
    const out = acquire(0, 4, { handedOut: 2 })
    const waiting = acquire(5, 9)
    await clock.advance(2_000)
    expect([...released(out), ...released(waiting)]).toEqual([])
    stands = true
    await clock.advance(3_000)
    expect([...released(out), ...released(waiting)]).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    expect(stoods).toBe(1)
    await clock.advance(RENEWAL_DUE_MS - 5_000)
    expect(renewals()).toEqual([[0, 1]])
    stands = false
    await clock.advance(2_000)
    stands = true
    await clock.advance(2_000)
    expect(stoods).toBe(2)
  })

  it('what waits is kept where whole batches would come back', async () => {
    keeper.keep({ maxExtensionMs: 300_000, mayRelease: false })
    const waiting = acquire(0, 9)
    stands = true
    await clock.advance(20_000)
    expect([released(waiting), stoods]).toEqual([[], 0])
  })
})
