import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LockLoss } from '../../src/share/lock-losses.js'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

// Locks of a member whose application does nothing, and that sends nothing of itself.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
  group.topic()
})

afterEach(() => group.end())

it('a lock that ran out is told soon, by a member that fetches nothing and looks after no locks', async () => {
  const { engine } = group.subscribed({ acknowledgementMode: 'explicit', fetchMaxWaitMs: 500 })
  const losses: { readonly at: number; readonly loss: LockLoss<Buffer | null, Buffer | null> }[] = []
  engine.onLost((loss) => losses.push({ at: group.clock.now(), loss }))
  group.leader().give({ first: 0, last: 1 })
  await group.until(engine.take())
  await group.until(engine.endFetching())
  const acquiredAt = group.clock.now()
  const sent = group.leader().requests.length
  await group.clock.advance(LOCK_MS + 4_000)
  expect(group.leader().requests).toHaveLength(sent)
  expect(losses.map(({ loss: { firstOffset, lastOffset, cause } }) => [firstOffset, lastOffset, cause])).toEqual([
    [0, 1, 'expired'],
  ])
  const lateMs = (losses[0]?.at ?? Infinity) - acquiredAt - LOCK_MS
  // Not before it is over for certain, which is a fetch's wait after its early deadline.
  expect(lateMs).toBeGreaterThanOrEqual(0)
  expect(lateMs).toBeLessThanOrEqual(3_000)
})

it('the lock of a record whose deserialiser takes longer than it is renewed, and the record is handed out', async () => {
  let finish: (value: string) => void = () => undefined
  const { engine } = group.subscribed<string>({
    acknowledgementMode: 'explicit',
    valueDeserializer: () => new Promise<string>((resolve) => (finish = resolve)),
  })
  engine.keepLocks({ maxExtensionMs: 300_000 })
  group.leader().give({ first: 0, last: 0 })
  const taken = engine.take()
  await group.clock.advance(2 * LOCK_MS)
  expect(group.leader().stored.filter((each) => each === 'orders-0@0 RENEW').length).toBeGreaterThanOrEqual(2)
  finish('slow')
  const { records } = await group.until(taken)
  expect(records.map(({ offset, value }) => [offset, value])).toEqual([[0, 'slow']])
  expect(records.every((record) => engine.holds(record))).toBe(true)
})

it.each(['with records that are out', 'that was asked to keep locks'])(
  'a member %s leaves no timer behind when it is closed',
  async (which) => {
    const { consumer, engine } = group.subscribed({ acknowledgementMode: 'explicit' })
    if (which === 'that was asked to keep locks') engine.keepLocks({ maxExtensionMs: 300_000 })
    group.leader().give({ first: 0, last: 9 })
    await group.until(engine.take())
    await group.until(consumer.close({ timeoutMs: 5_000 }))
    expect(group.clock.pendingTimers).toBe(0)
  },
)
