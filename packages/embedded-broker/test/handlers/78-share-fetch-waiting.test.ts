import { DeleteTopics, ErrorCode, ZERO_UUID } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { given, ShareWorld, watched } from '../share/leader/share-world.js'

const worlds: ShareWorld[] = []
async function start(options: Parameters<typeof ShareWorld.start>[0] = {}): Promise<ShareWorld> {
  const world = await ShareWorld.start({ topics: ['t:3'], ...options })
  worlds.push(world)
  return world
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

const GAP = 0
const ACCEPT = 1
const RELEASE = 2
const RECORD_LIMIT = 1
const TWO_BROKERS = { brokers: 2, topics: [{ name: 't', partitions: 3, replicationFactor: 2 }] }

/** A group `g` positioned at the start of all partitions, with clients. */
async function ready(options: Parameters<typeof ShareWorld.start>[0] = {}) {
  const world = await start(options)
  await world.begin('g', { 't-0': 0, 't-1': 0, 't-2': 0 })
  return { world, client: await world.connect(), other: await world.connect() }
}

describe('a share fetch that waits', () => {
  it('ends with nothing when its time is over', async () => {
    const { world, client } = await ready()
    const { answer } = watched(client.fetch('g', 'm', 0, ['t-0'], { wait: 500 }))
    await world.clock.advance(499)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': '' }))
  })
  it('ends as soon as records come', async () => {
    const { world, client } = await ready()
    const { answer } = watched(client.fetch('g', 'm', 0, ['t-0', 't-1'], { wait: 500 }))
    await world.clock.advance(100)
    world.produce('t', 2, 1)
    await world.clock.advance(0)
    expect(answer()).toEqual(given({ 't-0': '', 't-1': '0-1x1' }))
  })
  it('waits for MinBytes, and takes what there is at the end', async () => {
    const { world, client } = await ready()
    const { answer } = watched(client.fetch('g', 'm', 0, ['t-0'], { wait: 500, minBytes: 1000 }))
    await world.clock.advance(0)
    world.produce('t', 2)
    await world.clock.advance(499)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': '0-1x1' }))
  })
  it('counts to MinBytes what others have acquired behind its first record', async () => {
    const { world, client, other } = await ready()
    world.produce('t', 50)
    await client.fetch('g', 'm', 0, ['t-0'])
    await client.ack('g', 'm', 1, { 't-0': [[0, 0, RELEASE]] })
    expect(await other.fetch('g', 'n', 0, ['t-0'], { minBytes: 400 })).toEqual(given({ 't-0': '0-0x2' }))
  })
  it('does not wait for more bytes than it may get', async () => {
    const { world, client } = await ready()
    world.produce('t', 50)
    world.produce('t', 50)
    expect(await client.fetch('g', 'm', 0, ['t-0'], { minBytes: 1_000_000, maxBytes: 700 })).toEqual(
      given({ 't-0': '0-49x1' }),
    )
  })
  it('is woken by a lock that ran out', async () => {
    const { world, client, other } = await ready()
    world.produce('t', 2)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(other.fetch('g', 'n', 0, ['t-0'], { wait: 60_000 }))
    await world.clock.advance(29_999)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': '0-1x2' }))
  })
  it('is woken by an acknowledgement that makes room in the window', async () => {
    const { world, client, other } = await ready()
    world.broker.setGroupConfig('g', { 'share.partition.max.record.locks': '100' })
    world.produce('t', 100)
    world.produce('t', 1)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(other.fetch('g', 'n', 0, ['t-0'], { wait: 60_000 }))
    await world.clock.advance(0)
    await client.ack('g', 'm', 1, { 't-0': [[50, 59, ACCEPT]] })
    await world.clock.advance(0)
    expect(answer()).toBeUndefined()
    await client.ack('g', 'm', 2, { 't-0': [[0, 0, ACCEPT]] })
    await world.clock.advance(0)
    expect(answer()).toEqual(given({ 't-0': '100-100x1' }))
  })
  it('is not woken by a release, but gets what was released with the next acknowledgement, even a wrong one', async () => {
    const { world, client, other } = await ready()
    world.produce('t', 4)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(other.fetch('g', 'n', 0, ['t-0'], { wait: 60_000 }))
    await world.clock.advance(0)
    await client.ack('g', 'm', 1, { 't-0': [[0, 1, RELEASE]] })
    await world.clock.advance(1000)
    expect(answer()).toBeUndefined()
    await client.ack('g', 'm', 2, { 't-0': [[900, 900, ACCEPT]] })
    await world.clock.advance(0)
    expect(answer()).toEqual(given({ 't-0': '0-1x2' }))
  })
  it.each(['ended', 'cut'])('is not woken when the session of another member is %s', async (how) => {
    const { world, client, other } = await ready()
    world.produce('t', 4)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(other.fetch('g', 'n', 0, ['t-0'], { wait: 5000 }))
    await world.clock.advance(0)
    if (how === 'ended') await client.ack('g', 'm', -1)
    else client.close()
    await world.clock.advance(4999)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': '0-3x2' }))
  })
  it('passes on to the next who waits what it leaves', async () => {
    const { world, client, other } = await ready()
    const options = { wait: 5000, max: 2, mode: RECORD_LIMIT }
    const first = watched(client.fetch('g', 'm', 0, ['t-0'], options))
    const second = watched(other.fetch('g', 'n', 0, ['t-0'], options))
    await world.clock.advance(0)
    world.produce('t', 3)
    await world.clock.advance(0)
    expect(first.answer()).toEqual(given({ 't-0': '0-1x1' }))
    expect(second.answer()).toEqual(given({ 't-0': '2-2x1' }))
  })
  it('ends with INVALID_SHARE_SESSION_EPOCH when its session went on by another connection, and its records stay locked', async () => {
    const { world, client, other } = await ready()
    await client.fetch('g', 'm', 0, ['t-0'], { minBytes: 0 })
    const { answer } = watched(client.fetch('g', 'm', 1, [], { wait: 5000 }))
    await world.clock.advance(0)
    expect(await other.ack('g', 'm', 2)).toEqual(given({}))
    world.produce('t', 2)
    await world.clock.advance(0)
    expect(answer()).toEqual({ error: ErrorCode.INVALID_SHARE_SESSION_EPOCH, lockMs: 30_000, partitions: {} })
    expect(world.broker.inspect().sharePartitions[0]?.records[0]).toMatchObject({ state: 'ACQUIRED', memberId: 'm' })
  })
  it('waits its time out when the topic is deleted, and says nothing of it', async () => {
    const { world, client } = await ready()
    await client.fetch('g', 'm', 0, ['t-0'], { minBytes: 0 })
    const { answer } = watched(client.fetch('g', 'm', 1, [], { wait: 1000 }))
    await world.clock.advance(0)
    await (
      await world.connect()
    ).send(DeleteTopics, 6, { topics: [{ name: 't', topicId: ZERO_UUID }], timeoutMs: 1000 })
    await world.clock.advance(999)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({}))
  })
  it('goes on when its connection closes: it acquires for nobody, and that is released with its delivery counted', async () => {
    const { world, client, other } = await ready()
    await other.fetch('g', 'n', 0, ['t-0'], { minBytes: 0 })
    void client.fetch('g', 'm', 0, ['t-0'], { wait: 60_000 }).catch(() => undefined)
    await world.clock.advance(0)
    client.close()
    await world.clock.advance(1000)
    expect(world.broker.inspect().shareSessions.map(({ memberId }) => memberId)).toEqual(['n', 'm'])
    world.produce('t', 3)
    await world.clock.advance(0)
    expect(world.broker.inspect().shareSessions.map(({ memberId }) => memberId)).toEqual(['n'])
    expect(await other.fetch('g', 'n', 1)).toEqual(given({ 't-0': '0-2x2' }))
  })
  it('is gone with the broker that is killed, and so are locks and sessions', async () => {
    const { world, client } = await ready(TWO_BROKERS)
    world.produce('t', 2)
    const leader = world.broker.inspect().topics[0]?.partitions[0]?.leader ?? 0
    const [at, other] = [await world.connect(leader), await world.connect(3 - leader)]
    client.close()
    await at.fetch('g', 'm', 0, ['t-0'])
    void at.fetch('g', 'm', 1, [], { wait: 60_000 }).catch(() => undefined)
    await world.clock.advance(0)
    await world.broker.kill(leader)
    await world.clock.advance(0)
    expect(world.broker.inspect()).toMatchObject({ waitingRequests: 0, shareSessions: [], sharePartitions: [] })
    expect(await other.fetch('g', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '0-1x1' }))
  })
})

describe('a leader that moved', () => {
  it('has forgotten what was acquired there, and the new one delivers it with the same count', async () => {
    const { world } = await ready(TWO_BROKERS)
    world.produce('t', 3)
    const leader = world.broker.inspect().topics[0]?.partitions[0]?.leader ?? 0
    const [at, next] = [await world.connect(leader), await world.connect(3 - leader)]
    await at.fetch('g', 'm', 0, ['t-0'])
    world.broker.moveLeader({ topic: 't', partition: 0, to: 3 - leader })
    expect(await at.ack('g', 'm', 1, { 't-0': [[0, 0, GAP]] })).toEqual(given({ 't-0': 'E3' }))
    expect(await next.fetch('g', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '0-2x1' }))
  })
})
