import { SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Backoff } from '../../src/cluster/backoff.js'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import { RequestTurns, type FetchPlan, type Turn } from '../../src/share/request-turns.js'
import { SharePartitions } from '../../src/share/share-partition.js'
import { ShareSession } from '../../src/share/share-session.js'

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const FETCH_WAIT_MS = 500

let turns: RequestTurns
let held: AcquiredRecords
let session: ShareSession

beforeEach(() => {
  turns = turnsOf(FETCH_WAIT_MS)
  held = new AcquiredRecords({ answered: () => undefined, verdict: () => undefined, lost: () => undefined })
  session = new ShareSession()
  session.want(new Set([partition]))
  session.advance()
})

function turnsOf(fetchMaxWaitMs: number): RequestTurns {
  const backoff = new Backoff({
    clock: new VirtualClock(),
    random: new SeededRandom(3),
    initialMs: 100,
    maxMs: 1_000,
  })
  return new RequestTurns(backoff, fetchMaxWaitMs)
}

function acquire(first: number, last: number): AcquiredRange {
  const range = new AcquiredRange(partition, held, first, last, 1, 30_000)
  held.enter(range)
  return range
}

function decide(now: number, records = 10): Turn {
  return turns.decide({ now, session, held, recordsToFetch: () => records })
}

describe('how long a fetch waits at the broker', () => {
  const waitMs = ({ now = 0, carrying = false, waiting = true }: Partial<FetchPlan>): number =>
    turns.waitAtBrokerMs({ now, held, carrying, waiting })

  it('is what is configured while nothing is out', () => {
    expect(waitMs({})).toBe(FETCH_WAIT_MS)
  })

  it('is nothing while something is out that may be acknowledged soon', () => {
    acquire(0, 1)
    turns.acknowledging(1_000)
    expect(waitMs({ now: 1_099 })).toBe(0)
    expect(waitMs({ now: 1_099, carrying: true })).toBe(0)
    expect(waitMs({ now: 5_000, waiting: false })).toBe(0)
  })

  it('is short while something is out for long and the application has nothing else to do', () => {
    acquire(0, 1)
    turns.acknowledging(1_000)
    expect(waitMs({ now: 1_100 })).toBe(20)
    turns.await(1_100, false)
    expect(waitMs({ now: 2_099 })).toBe(0)
  })

  it('is short while acknowledgements travel with it', () => {
    expect(waitMs({ carrying: true })).toBe(20)
    expect(turnsOf(5).waitAtBrokerMs({ now: 0, held, carrying: true, waiting: true })).toBe(5)
  })

  it('is nothing while an answer is left that it does not carry', () => {
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    expect(waitMs({ carrying: true })).toBe(0)
  })

  it('is nothing with acknowledgements while verdicts are waited for now and then', () => {
    turns.await(1_000, false)
    expect(waitMs({ now: 1_999, carrying: true })).toBe(0)
    expect(waitMs({ now: 2_000, carrying: true })).toBe(20)
  })
})

describe('after a fetch that brought nothing', () => {
  it('at once the next one waits until 20 ms after it', () => {
    turns.fetched({ empty: true, refused: false, sentAt: 100, now: 101, carried: false })
    expect(decide(101)).toEqual({ do: 'wait', ms: 19 })
    expect(decide(120)).toMatchObject({ do: 'fetch' })
  })

  it('late the next one comes at once', () => {
    turns.fetched({ empty: true, refused: false, sentAt: 100, now: 120, carried: false })
    expect(decide(120)).toMatchObject({ do: 'fetch' })
  })

  it('because it carried acknowledgements the next one, which waits at the broker, comes at once', () => {
    turns.fetched({ empty: true, refused: false, sentAt: 100, now: 101, carried: true })
    expect(decide(101)).toMatchObject({ do: 'fetch' })
    turns = turnsOf(0)
    turns.fetched({ empty: true, refused: false, sentAt: 100, now: 101, carried: true })
    expect(decide(101)).toEqual({ do: 'wait', ms: 19 })
  })

  it('and errors, the next one waits for a back-off, and an acknowledgement does not', () => {
    expect(turns.fetched({ empty: true, refused: true, sentAt: 100, now: 101, carried: false })).toBe(true)
    expect(decide(120)).toMatchObject({ do: 'wait' })
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    expect(decide(121)).toEqual({ do: 'acknowledge' })
    expect(decide(240)).toMatchObject({ do: 'fetch' })
  })

  it('and errors, after it waited for the partitions that are well, the next one comes at once', () => {
    expect(turns.fetched({ empty: true, refused: true, sentAt: 100, now: 600, carried: false })).toBe(false)
    expect(decide(600)).toMatchObject({ do: 'fetch' })
  })

  it('a due acknowledgement does not wait', () => {
    turns.fetched({ empty: true, refused: false, sentAt: 100, now: 101, carried: false })
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    expect(decide(101)).toEqual({ do: 'fetch', records: 10, answers: 'with a fetch' })
    expect(decide(101, 0)).toEqual({ do: 'acknowledge' })
  })
})

describe('answers of a partition that is not fetched from any more', () => {
  it('go by themselves, since a fetch that names the partition would fetch from it again', () => {
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    const other = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 1)
    session.want(new Set([other]))
    expect(decide(0)).toEqual({ do: 'acknowledge' })
    session.want(new Set([other, partition]))
    expect(decide(0)).toMatchObject({ do: 'fetch', answers: 'with a fetch' })
  })
})

describe('a release or a renewal', () => {
  it.each([AckCode.RELEASE, AckCode.RENEW])('goes by itself, also in the place of another answer: %i', (code) => {
    const range = acquire(0, 2)
    range.answer(0, AckCode.ACCEPT)
    range.answer(1, AckCode.ACCEPT)
    range.answer(1, code, true)
    turns.await(0, true)
    expect(decide(0)).toEqual({ do: 'acknowledge' })
    range.answer(1, AckCode.REJECT, true)
    expect(decide(0)).toMatchObject({ do: 'fetch', answers: 'with a fetch' })
  })
})

describe('a broker that asks to be left alone', () => {
  it('is sent nothing until its time is over, whatever is due', () => {
    acquire(0, 1).answerOpen(AckCode.RELEASE)
    turns.throttle(1_000, 700)
    turns.throttle(1_000, 300)
    turns.await(1_000, true)
    turns.hurry()
    turns.urge()
    expect(decide(1_000)).toEqual({ do: 'wait', ms: 700 })
    expect(turns.mutedForMs(1_200)).toBe(500)
    expect(decide(1_699)).toEqual({ do: 'wait', ms: 1 })
    expect(decide(1_700)).toEqual({ do: 'acknowledge' })
    expect(turns.mutedForMs(1_700)).toBe(0)
  })
})

describe('a back-off', () => {
  it('is not cut short after a failure', () => {
    turns.pause(0)
    turns.hurry()
    expect(decide(0)).toMatchObject({ do: 'wait' })
  })

  it('because of refused answers is cut short by who wants them sent again, but not twice in a row', () => {
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    turns.pauseAnswers(0)
    expect(decide(0)).toMatchObject({ do: 'wait' })
    turns.hurry()
    expect(decide(0)).toMatchObject({ do: 'fetch' })
    turns.pauseAnswers(0)
    turns.hurry()
    expect(decide(0)).toMatchObject({ do: 'wait' })
    turns.pauseAnswers(2_000)
    turns.hurry()
    expect(decide(2_000)).toMatchObject({ do: 'fetch' })
  })

  it('of answers may be cut short again once something went right', () => {
    acquire(0, 1).answerOpen(AckCode.ACCEPT)
    turns.pauseAnswers(0)
    turns.hurry()
    turns.succeeded()
    turns.pauseAnswers(10)
    turns.hurry()
    expect(decide(10)).toMatchObject({ do: 'fetch' })
  })
})
