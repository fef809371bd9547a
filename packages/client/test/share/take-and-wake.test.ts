import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScriptedGroup } from './scripted-group.js'

// Who has to be woken when records are taken, and what a take leaves behind.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const explicit = { acknowledgementMode: 'explicit' } as const
const offsetsOf = (batch: Iterable<{ readonly offset: number }>): number[] => [...batch].map(({ offset }) => offset)

describe('a take', () => {
  it('that empties the buffer has the next records fetched at once, though nothing is answered', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 2 })
    group.leader().give({ first: 0, last: 1 })
    await group.until(engine.take())
    group.leader().give({ first: 2, last: 3 })
    await group.clock.advance(100)
    expect(engine.bufferedRecords).toBe(2)
    const before = group.leader().fetches.length
    await group.clock.advance(300)
    expect(group.leader().fetches.length).toBe(before)
    expect(offsetsOf((await engine.take()).records)).toEqual([2, 3])
    await group.clock.advance(2)
    expect(group.leader().fetches.length).toBe(before + 1)
  })

  it('leaves no listener on the signal of its caller, however many there are', async () => {
    const { engine } = group.subscribed(explicit)
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    for (let i = 0; i < 100; i++) await engine.take({ signal, atOnce: true })
    group.leader().give({ first: 0, last: 0 })
    await group.until(engine.take({ signal }))
    expect(listeners).toBe(0)
  })

  it('that waits through a pause gets what comes after it', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 0 })
    const taking = engine.take()
    await group.clock.advance(100)
    engine.pause()
    await group.clock.advance(10_000)
    const before = group.leader().fetches.length
    engine.resume()
    group.leader().give({ first: 7, last: 7 })
    expect(offsetsOf((await group.until(taking, 1_000)).records)).toEqual([7])
    expect(group.leader().fetches.length).toBeGreaterThan(before)
  })

  it('gets a record that waits for its renewal in the moment in which that is granted', async () => {
    group.lockMs = 5_000
    const { engine } = group.subscribed({ ...explicit, prefetch: 0 })
    engine.keepLocks({ maxExtensionMs: 300_000 })
    group.leader().give({ first: 0, last: 1 })
    const [first] = (await group.until(engine.take())).records
    if (first === undefined) throw new Error('nothing came')
    // What the keeper sends is looked at when the locks seem to be over, by the member's early count.
    group.leader().delay = () => 3_200
    await group.clock.advance(5_100)
    engine.settle(first, 'ACCEPT')
    const { value, tookMs } = await group.timed(engine.take(), 10_000)
    expect(offsetsOf(value.records)).toEqual([1])
    expect(tookMs).toBeGreaterThan(0)
    expect(tookMs).toBeLessThan(500)
  })
})

describe('the size of a fetch', () => {
  it('learns nothing from records that were lost with their session', async () => {
    const { engine } = group.subscribed({ ...explicit, prefetch: 0 })
    group.leader().give({ first: 0, last: 15 })
    await group.until(engine.take())
    const asked = group.leader().fetches.at(-1)?.maxRecords
    await group.clock.advance(1_000)
    group.leader().cut()
    await group.clock.advance(10)
    const taking = engine.take()
    await group.clock.advance(1_000)
    group.leader().give({ first: 20, last: 20 })
    await group.until(taking)
    expect(group.leader().fetches.at(-1)).toMatchObject({ maxRecords: asked })
  })
})
