import { ErrorCode, Metadata } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acknowledged, ScriptedGroup } from './scripted-group.js'

// A leader that is lost, and answers that have to go out once more.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup({ nodes: 2 })
})

afterEach(() => group.end())

const explicit = { acknowledgementMode: 'explicit', prefetch: 0 } as const

describe('a share connection that is lost', () => {
  it('has the leaders looked up: the partition is fetched from where it moved to', async () => {
    const topic = group.topic('orders', [2])
    const { engine } = group.subscribed(explicit)
    const taking = engine.take()
    await group.clock.advance(1_000)
    topic.leaders[0] = 1
    topic.leaderEpoch++
    const asked = [...group.leaders.values()].flatMap(({ node }) => node.seen(Metadata)).length
    group.leader(2).cut()
    await group.clock.advance(1_000)
    expect([...group.leaders.values()].flatMap(({ node }) => node.seen(Metadata)).length).toBeGreaterThan(asked)
    group.leader(1).give({ first: 4, last: 4 })
    expect((await group.until(taking)).records).toMatchObject([{ offset: 4 }])
  })
})

describe('an answer that was refused for a reason that passes', () => {
  it.each([
    ['RELEASE', 2],
    ['RENEW', 4],
  ] as const)('and may not travel with a fetch does not do so the second time: %s', async (type, code) => {
    group.topic()
    const { engine } = group.subscribed({ ...explicit, prefetch: 100 })
    group.leader().give({ first: 0, last: 1 })
    const { records } = await group.until(engine.take())
    let refusals = 2
    group.leader().acknowledgeError = () => (refusals-- > 0 ? ErrorCode.COORDINATOR_NOT_AVAILABLE : undefined)
    const taking = engine.take()
    for (const record of records) engine.settle(record, type)
    await group.clock.advance(3_000)
    expect(group.leader().stored).toEqual([`orders-0@0 ${type}`, `orders-0@1 ${type}`])
    expect(group.leader().fetches.flatMap(acknowledged)).toEqual([])
    expect(group.leader().acknowledges.flatMap(acknowledged)).toEqual(
      Array.from({ length: 3 }, () => [
        [0, code],
        [1, code],
      ]).flat(),
    )
    group.leader().give({ first: 9, last: 9 })
    await group.until(taking)
  })
})
