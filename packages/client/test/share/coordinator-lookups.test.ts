import { FindCoordinator } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScriptedGroup } from './scripted-group.js'

// A coordinator that says nothing, and one that was known before a member left.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const lookups = (): number => group.leader().node.seen(FindCoordinator).length

describe('a heartbeat without an answer', () => {
  it('is given up after a third of the session, so that the member is known again before that is over', async () => {
    const { engine } = group.subscribed({ sessionTimeoutMs: 45_000 })
    await group.until(engine.whenJoined())
    group.heartbeat = () => undefined
    const before = group.heartbeats.length
    for (let waited = 0; group.heartbeats.length === before && waited < 10_000; waited += 50)
      await group.clock.advance(50)
    group.heartbeat = (request) => group.welcome(request)
    const silentAt = group.heartbeats.at(-1)?.at ?? 0
    const known = lookups()
    await group.clock.advance(silentAt + 14_900 - group.clock.now())
    expect([lookups(), group.heartbeats.length]).toEqual([known, before + 1])
    await group.clock.advance(1_100)
    expect(lookups()).toBeGreaterThan(known)
    expect(group.heartbeats.length).toBeGreaterThan(before + 1)
  })
})

describe('a member that comes back after it had left for want of polls', () => {
  it('asks anew who coordinates its group: much may have moved by then', async () => {
    const { consumer } = group.subscribed({ maxPollIntervalMs: 5_000 })
    await group.until(consumer.poll(100))
    expect(lookups()).toBe(1)
    await group.clock.advance(10_000)
    expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: -1 })
    await group.until(consumer.poll(100))
    expect(group.heartbeats.at(-1)).toMatchObject({ memberId: consumer.memberId })
    expect(group.heartbeats.map(({ memberEpoch }) => memberEpoch).filter((epoch) => epoch <= 0)).toEqual([0, -1, 0])
    expect(lookups()).toBe(2)
  })
})
