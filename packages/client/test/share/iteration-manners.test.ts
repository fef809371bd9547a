import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

// How an iteration gives way to other work, and how it ends.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

/** Whether it is settled without the event loop having gone on. */
async function isThereAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => (settled = true))
  for (let i = 0; i < 50; i++) await Promise.resolve()
  return settled
}

describe('a reader that never waits', () => {
  it('gives way every 20 ms or so: records', async () => {
    const { consumer } = group.subscribed()
    const now = group.clock.now.bind(group.clock)
    let workedMs = 0
    group.clock.now = () => now() + workedMs
    group.leader().give({ first: 0, last: 199 })
    const stream = consumer.records()
    await group.until(stream.next())
    let pauses = 0
    for (let i = 1; i < 200; i++) {
      workedMs += 1
      const next = stream.next()
      if (!(await isThereAtOnce(next))) pauses++
      expect((await group.until(next)).value).toMatchObject({ offset: i })
    }
    expect(pauses).toBeGreaterThanOrEqual(6)
    expect(pauses).toBeLessThanOrEqual(12)
    await stream.return?.()
  })

  it('gives way with each batch', async () => {
    const { consumer } = group.subscribed()
    group.leader().give(...Array.from({ length: 5 }, (_, i) => ({ first: i, last: i })))
    const stream = consumer.batches({ maxInFlight: 1 })
    await group.until(stream.next())
    for (let i = 1; i < 5; i++) {
      const next = stream.next()
      expect(await isThereAtOnce(next)).toBe(false)
      expect([...((await group.until(next)).value ?? [])]).toMatchObject([{ offset: i }])
    }
    await stream.return?.()
  })
})

describe('the end of an iteration', () => {
  it('gives back undecodable records of its last batch, and leaves the others to their reader', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: json<number>(), acknowledgementMode: 'explicit' })
    group.leader().give({ first: 0, last: 1, value: (offset) => Buffer.from(offset === 1 ? '{' : '0') })
    const stream = consumer.batches({ maxInFlight: 10 })
    const seen: number[] = []
    for (let failures = 0; failures === 0;) {
      const { value: batch } = await group.until(stream.next())
      seen.push(...[...(batch ?? [])].map(({ offset }) => offset))
      failures = batch?.failures.length ?? 0
    }
    await stream.return?.()
    await group.clock.advance(LOCK_MS / 4)
    expect(seen).toEqual([0])
    expect(group.leader().stored).toEqual(['orders-0@1 RELEASE'])
  })

  it.each(['records', 'batches'] as const)('by its signal tells the reason of the caller: %s', async (what) => {
    const { consumer } = group.subscribed()
    const controller = new AbortController()
    const stream: AsyncIterableIterator<unknown, undefined> = consumer[what]({ signal: controller.signal })
    const waiting = stream.next()
    waiting.catch(() => undefined)
    await group.clock.advance(50)
    const reason = new Error('the shift is over')
    controller.abort(reason)
    await expect(group.until(waiting)).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await waiting.catch((error: Error) => expect(error.cause).toBe(reason))
  })
})
