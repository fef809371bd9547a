import { ShareAcknowledge } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { ShareWorld, watched } from './share-world.js'

const RELEASE = 2
const ACCEPT = 1
const RECORD_LIMIT = 1

const worlds: ShareWorld[] = []

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

/** A group `g` positioned at the start of both partitions of `t`. */
async function ready(options: Parameters<typeof ShareWorld.start>[0] = {}) {
  const world = await ShareWorld.start({ topics: ['t:2'], ...options })
  worlds.push(world)
  await world.begin('g', { 't-0': 0, 't-1': 0 })
  return { world, client: await world.connect() }
}

describe('A share fetch', () => {
  it('whose time is over passes on what it left to others that wait', async () => {
    const { world, client } = await ready()
    const [first, second] = [await world.connect(), await world.connect()]
    world.produce('t', 2)
    await client.fetch('g', 'm', 0, ['t-0'], { wait: 0 })
    const firstFetch = first.fetch('g', 'n', 0, ['t-0'], { wait: 100, max: 1, mode: RECORD_LIMIT })
    const waiting = watched(second.fetch('g', 'o', 0, ['t-0'], { wait: 10_000, max: 1, mode: RECORD_LIMIT }))
    await world.clock.advance(10)
    // What is released wakes nobody.
    await client.ack('g', 'm', 1, { 't-0': [[0, 1, RELEASE]] })
    await world.clock.advance(10)
    expect(waiting.answer()).toBeUndefined()
    await world.clock.advance(100)
    expect((await firstFetch).partitions).toEqual({ 't-0': '0-0x2' })
    expect(waiting.answer()?.partitions).toEqual({ 't-0': '1-1x2' })
  })

  it('gets no more bytes than fetch.max.bytes, whatever it asks for', async () => {
    const { world, client } = await ready({ serverProperties: { 'fetch.max.bytes': '1024' } })
    for (let i = 0; i < 4; i++) world.broker.append('t', [{ value: 'x'.repeat(400) }])
    expect((await client.fetch('g', 'm', 0, ['t-0'], { wait: 0 })).partitions).toEqual({ 't-0': '0-1x1' })
  })

  it('takes what a large first batch has cost from what the next partition may give', async () => {
    const { world, client } = await ready()
    world.broker.append('t', [{ value: 'x'.repeat(200) }], { partition: 0 })
    world.broker.append('t', [{ value: 'small' }], { partition: 1 })
    const one = await client.fetch('g', 'm', 0, ['t-0', 't-1'], { wait: 0, maxBytes: 300 })
    expect(one.partitions).toEqual({ 't-0': '0-0x1', 't-1': '' })
    const other = await client.fetch('g', 'm', 1, [], { wait: 0, maxBytes: 300 })
    expect(other.partitions).toEqual({ 't-1': '0-0x1' })
  })
})

describe('Acknowledgements', () => {
  it('of a partition that is named twice: the last ones count, and are answered once', async () => {
    const { world, client } = await ready()
    world.produce('t', 2)
    await client.fetch('g', 'm', 0, ['t-0'], { wait: 0 })
    const acknowledgements = (acknowledgeTypes: readonly number[]) => ({
      partitionIndex: 0,
      acknowledgementBatches: [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [...acknowledgeTypes] }],
    })
    // The first are of no good form.
    const partitions = [acknowledgements([ACCEPT, ACCEPT, ACCEPT]), acknowledgements([ACCEPT])]
    const answer = await client.send(ShareAcknowledge, 2, {
      groupId: 'g',
      memberId: 'm',
      shareSessionEpoch: 1,
      isRenewAck: false,
      topics: [{ topicId: world.topicId('t'), partitions }],
    })
    expect(answer.responses.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode))).toEqual([0])
    expect(world.broker.inspect().sharePartitions).toMatchObject([{ startOffset: 2 }])
  })
})
