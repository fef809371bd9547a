import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import { ScriptedGroup } from './scripted-group.js'

// Records that cannot be read are nobody's success, however late that shows.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

/** Reads everything but `v1`; says so later. */
function later(data: Buffer | null): Promise<string> {
  const text = String(data)
  return text === 'v1' ? Promise.reject(new Error('it is no text')) : Promise.resolve(text)
}

const offsetsOf = (batch: Iterable<{ readonly offset: number }>): number[] => [...batch].map(({ offset }) => offset)

describe('a record whose deserialiser rejects its promise', () => {
  it('is never accepted along with the poll that it was among: the next polls accept the others and release it', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: later })
    group.leader().give({ first: 0, last: 2 })
    expect(offsetsOf(await group.until(consumer.poll(1_000)))).toEqual([0, 2])
    await expect(group.until(consumer.poll(1_000))).rejects.toMatchObject({ code: 'RECORD_DESERIALIZATION' })
    await group.until(consumer.poll(1_000))
    await group.clock.advance(100)
    expect(group.leader().stored.sort()).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE', 'orders-0@2 ACCEPT'])
  })

  it('is not accepted by a commit either', async () => {
    const { consumer } = group.subscribed({ valueDeserializer: later })
    group.leader().give({ first: 0, last: 2 })
    await group.until(consumer.poll(1_000))
    await group.until(consumer.commitSync())
    expect(
      group
        .leader()
        .stored.filter((told) => told.endsWith('ACCEPT'))
        .sort(),
    ).toEqual(['orders-0@0 ACCEPT', 'orders-0@2 ACCEPT'])
  })
})

describe('an undecodable record that was handed out', () => {
  it.each([
    ['at once', json<unknown>()],
    ['late', (data: Buffer | null) => Promise.resolve(data).then((bytes) => JSON.parse(String(bytes)) as unknown)],
  ])('counts as one that is out, until it is answered: told %s', async (_, valueDeserializer) => {
    const { engine } = group.subscribed<unknown>({ valueDeserializer, acknowledgementMode: 'explicit' })
    group.leader().give({ first: 0, last: 3, value: (offset) => Buffer.from(offset === 1 ? '{' : '0') })
    const { records, failures } = await group.until(engine.take({ maxInFlight: 2 }))
    expect([offsetsOf(records), offsetsOf(failures)]).toEqual([[0], [1]])
    expect(engine.outstanding).toBe(2)
    expect((await engine.take({ maxInFlight: 2, atOnce: true })).records).toEqual([])
    for (const failure of failures) engine.settle(failure, 'REJECT')
    expect(engine.outstanding).toBe(1)
    expect(offsetsOf((await group.until(engine.take({ maxInFlight: 2 }))).records)).toEqual([2])
  })
})
