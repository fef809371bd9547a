import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

// What is held, what is not any more, and what is given back.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const explicit = { acknowledgementMode: 'explicit' } as const
const offsetsOf = (batch: Iterable<{ readonly offset: number }>): number[] => [...batch].map(({ offset }) => offset)
const released = (): string[] => group.leader().stored.filter((told) => told.endsWith('RELEASE'))

describe('a record that is not renewed', () => {
  it('is held up to its deadline and not from there on', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 0 })
    const taking = engine.take()
    await group.clock.advance(100)
    const parkedAt = group.leader().fetches.at(-1)?.at ?? 0
    group.leader().give({ first: 0, last: 0 })
    const [record] = (await group.until(taking)).records
    if (record === undefined) throw new Error('nothing came')
    await group.clock.advance(parkedAt + LOCK_MS - 1 - group.clock.now())
    expect(engine.holds(record)).toBe(true)
    await group.clock.advance(1)
    expect(engine.holds(record)).toBe(false)
  })

  it('is not returned by an iteration whose reader was slower than its lock', async () => {
    const { consumer } = group.subscribed({ maxLockExtensionMs: 0, maxInFlight: 2 })
    group.leader().give({ first: 0, last: 1 })
    const stream = consumer.records()
    expect((await group.until(stream.next())).value).toMatchObject({ offset: 0 })
    await group.clock.advance(LOCK_MS)
    group.leader().give({ first: 5, last: 5 })
    expect((await group.until(stream.next())).value).toMatchObject({ offset: 5 })
    await stream.return?.()
  })
})

describe('a batch that nobody answered', () => {
  it('and whose session is lost is told as failed once, however often its rest is accepted', async () => {
    const { engine } = group.subscribed({ prefetch: 0 })
    const verdicts: unknown[] = []
    engine.onVerdict(({ batches, error }) =>
      verdicts.push([batches.map(({ firstOffset }) => firstOffset), error?.code]),
    )
    group.leader().give({ first: 0, last: 2 })
    const taken = await group.until(engine.take())
    group.leader().cut()
    await group.clock.advance(10)
    for (let i = 0; i < 3; i++) expect(engine.acceptRest(taken)).toBe(0)
    expect(verdicts).toEqual([[[0], 'NETWORK_EXCEPTION']])
    expect(engine.counters.stale).toBe(3)
  })

  it('is told as lost soon after its locks have run out, to a member that does nothing', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 0 })
    const losses: unknown[] = []
    engine.onLost(({ cause, records }) => losses.push([cause, offsetsOf(records), group.clock.now()]))
    group.leader().give({ first: 0, last: 2 })
    await group.until(engine.take())
    const requests = group.leader().requests.length
    const takenAt = group.clock.now()
    await group.clock.advance(LOCK_MS - 1)
    expect(losses).toEqual([])
    await group.clock.advance(4_000)
    expect(losses).toMatchObject([['expired', [0, 1, 2], expect.any(Number)]])
    expect(group.leader().requests.length).toBe(requests)
    expect(group.clock.now()).toBeLessThan(takenAt + LOCK_MS + 4_000)
  })
})

describe('what waits in the buffer behind records that take a second each', () => {
  it('is kept as far as it can be started after those that are out, and given back beyond that', async () => {
    const { engine } = group.subscribed({ ...explicit, maxPollRecords: 50 })
    engine.keepLocks({ maxExtensionMs: 300_000 })
    group.leader().give({ first: 0, last: 19 }, { first: 20, last: 49 })
    const { records } = await group.until(engine.take({ max: 20 }))
    expect(offsetsOf(records)).toHaveLength(20)
    for (const record of records.slice(0, 14)) {
      await group.clock.advance(1_000)
      engine.settle(record, 'ACCEPT')
    }
    // Some 32 can be started in the 30 s for which they would be kept, and 8 are out.
    expect(released().length).toBeGreaterThanOrEqual(4)
    expect(released().length).toBeLessThanOrEqual(12)
    expect(released()).toContain('orders-0@49 RELEASE')
    expect(engine.bufferedRecords).toBe(30 - released().length)
  })
})

describe('what waits in the buffer behind a record that takes half a minute', () => {
  it.each([{ acquireMode: 'record_limit' }, { acquireMode: 'batch_optimized' }] as const)(
    'is given back where it does not come back at once, a delivery older: $acquireMode',
    async ({ acquireMode }) => {
      group.lockMs = 5_000
      const { engine } = group.subscribed({ ...explicit, acquireMode, prefetch: 0 })
      engine.keepLocks({ maxExtensionMs: 300_000 })
      group.leader().give({ first: 0, last: 9 })
      expect(offsetsOf((await group.until(engine.take())).records)).toEqual([0])
      await group.clock.advance(30_000)
      if (acquireMode === 'batch_optimized') expect([released(), engine.bufferedRecords]).toEqual([[], 9])
      else expect([released().length > 0, engine.bufferedRecords < 9]).toEqual([true, true])
    },
  )
})
