import {
  DeleteRecords,
  DeleteTopics,
  ErrorCode,
  ShareGroupHeartbeat,
  UpdateFeatures,
  ZERO_UUID,
} from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { denying, given, refused, ShareWorld, watched } from '../share/leader/share-world.js'

const worlds: ShareWorld[] = []
async function start(options: Parameters<typeof ShareWorld.start>[0] = {}): Promise<ShareWorld> {
  const world = await ShareWorld.start({ topics: ['t:3'], ...options })
  worlds.push(world)
  return world
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

const ACCEPT = 1
const RELEASE = 2
const REJECT = 3
const RENEW = 4
const RECORD_LIMIT = 1
const TWO_BROKERS = { brokers: 2, topics: [{ name: 't', partitions: 3, replicationFactor: 2 }] }
const NO_SHARE_GROUPS = { features: { 'share.version': 0 } }

/** A group `g` positioned at the start of all partitions, with clients. */
async function ready(options: Parameters<typeof ShareWorld.start>[0] = {}) {
  const world = await start(options)
  await world.begin('g', { 't-0': 0, 't-1': 0, 't-2': 0 })
  return { world, client: await world.connect(), other: await world.connect() }
}

describe('a share fetch is refused', () => {
  it('while the feature is off', async () => {
    const world = await start(NO_SHARE_GROUPS)
    const client = await world.connect()
    expect(await client.fetch('g', 'm', 0, ['t-0'])).toEqual(refused(ErrorCode.UNSUPPORTED_VERSION))
  })
  it.each([
    ['no group', null, 'm'],
    ['no member id', 'g', null],
    ['an empty member id', 'g', ''],
    ['a member id of more than 36 characters', 'g', 'm'.repeat(37)],
  ])('with %s', async (_, group, member) => {
    const { client } = await ready()
    expect(await client.fetch(group, member, 0)).toEqual(refused(ErrorCode.INVALID_REQUEST))
  })
  it.each(['4.1', '4.2'] as const)('as a fault of the server, in %s, without a group or member id', async (version) => {
    const { client } = await ready({ version })
    const v = { version: version === '4.1' ? 1 : 2 }
    expect(await client.fetch(null, 'm', 0, [], v)).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
    expect(await client.fetch('g', null, 0, [], v)).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
    expect(await client.fetch('g', '', 0, [], v)).toEqual(refused(ErrorCode.INVALID_REQUEST))
  })
  it('with a group that may not be read', async () => {
    const { client } = await ready({ security: denying('Group', 'g', 'Read') })
    expect(await client.fetch('g', 'm', 0)).toEqual(refused(ErrorCode.GROUP_AUTHORIZATION_FAILED))
  })
  it('as a renewal that asks for records, without using the epoch up', async () => {
    const { client } = await ready()
    await client.fetch('g', 'm', 0, [], { wait: 0 })
    expect(await client.fetch('g', 'm', 1, [], { renew: true })).toEqual(refused(ErrorCode.INVALID_REQUEST))
    expect(await client.fetch('g', 'm', 1, [], { wait: 0 })).toEqual(given({}))
  })
  it('with acknowledgements at epoch 0, and the session that was there stays', async () => {
    const { client } = await ready()
    await client.fetch('g', 'm', 0, [], { wait: 0 })
    expect(await client.fetch('g', 'm', 0, { 't-0': [[0, 0, ACCEPT]] })).toEqual(refused(ErrorCode.INVALID_REQUEST))
    expect(await client.fetch('g', 'm', 1, [], { wait: 0 })).toEqual(given({}))
  })
  it('with a partition named twice at epoch 0, and the session that was there is gone', async () => {
    const { client } = await ready()
    await client.fetch('g', 'm', 0, [], { wait: 0 })
    expect(await client.fetch('g', 'm', 0, ['t-0', 't-0'])).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
    expect(await client.fetch('g', 'm', 1)).toEqual(refused(ErrorCode.SHARE_SESSION_NOT_FOUND))
  })
  it('only at the end of its wait when the broker has as many sessions as it may', async () => {
    const { world, client, other } = await ready({
      serverProperties: { 'group.share.max.share.sessions': '1', 'group.share.max.size': '1' },
    })
    await client.fetch('g', 'm', 0, [], { wait: 0 })
    const { answer } = watched(other.fetch('g', 'n', 0, [], { wait: 400 }))
    await world.clock.advance(399)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(refused(ErrorCode.SHARE_SESSION_LIMIT_REACHED))
    expect(await client.fetch('g', 'm', 0, [], { wait: 0 })).toEqual(given({}))
  })
})

describe('a partition of a share fetch', () => {
  it('is refused for its own reason beside one that gives records', async () => {
    const { world, client } = await ready({
      topics: ['t:3', 'secret'],
      security: denying('Topic', 'secret', 'Read'),
    })
    world.produce('t', 10)
    expect(await client.fetch('g', 'm', 0, ['t-0', 't-9', 'nobody-0', 'secret-0'])).toEqual(
      given({ 't-0': '0-9x1', 't-9': 'E3', '?-0': 'E100', 'secret-0': 'E29' }),
    )
  })
  it('is answered at once when all of them fail, and again each time', async () => {
    const { client } = await ready()
    expect(await client.fetch('g', 'm', 0, ['t-9'])).toEqual(given({ 't-9': 'E3' }))
    expect(await client.fetch('g', 'm', 1)).toEqual(given({ 't-9': 'E3' }))
    expect(await client.fetch('g', 'm', 2, [], { forget: ['t-9'] })).toEqual(given({}))
  })
  it.each(['4.1', '4.2', '4.3'] as const)(
    'fails the whole fetch in %s when its topic id is unknown',
    async (version) => {
      const { world, client } = await ready({ version })
      world.produce('t', 1)
      const v = { version: version === '4.1' ? 1 : 2 }
      expect(await client.fetch('g', 'm', 0, ['t-0', 'nobody-0'], v)).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
      // The record was acquired, unseen.
      expect(await client.fetch('g', 'm', 1, [], { ...v, forget: ['nobody-0'], wait: 0 })).toEqual(given({}))
      expect(await client.ack('g', 'm', 2, { 't-0': [[0, 0, RELEASE]] }, v)).toMatchObject({
        error: 0,
        partitions: { 't-0': '' },
      })
      expect(await client.fetch('g', 'm', 3, [], v)).toEqual(given({ 't-0': '0-0x2' }))
    },
  )
  it.each(['4.2', '4.3'] as const)(
    'has its acknowledgements applied in %s, and is waited for, before the fetch fails',
    async (version) => {
      const { world, client } = await ready({ version })
      world.produce('t', 1)
      await client.fetch('g', 'm', 0, ['t-0'])
      const { answer } = watched(client.fetch('g', 'm', 1, { 't-0': [[0, 0, ACCEPT]], 'nobody-0': [] }, { wait: 700 }))
      await world.clock.advance(699)
      expect(answer()).toBeUndefined()
      await world.clock.advance(1)
      expect(answer()).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
      expect(await client.ack('g', 'm', 2, { 't-0': [[0, 0, RELEASE]] })).toEqual(given({ 't-0': '' }))
      const later = { forget: ['nobody-0'], wait: 0 }
      expect(await client.fetch('g', 'm', 3, [], later)).toEqual(given({}))
    },
  )
  it('that another broker leads is answered with who and where that is', async () => {
    const { world, client } = await ready(TWO_BROKERS)
    world.broker.moveLeader({ topic: 't', partition: 0, to: 2 })
    const { leaderEpoch } = world.broker.inspect().topics[0]?.partitions[0] ?? {}
    expect(await client.fetch('g', 'm', 0, ['t-0'])).toEqual(given({ 't-0': `E6 leader 2/${leaderEpoch}` }))
  })
  it('that no member has subscribed to fails at the end of the wait', async () => {
    const world = await start()
    const client = await world.connect()
    const { answer } = watched(client.fetch('nobody', 'm', 0, ['t-0'], { wait: 700 }))
    await world.clock.advance(699)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': 'E-1' }))
  })
  it('whose topic was deleted, and made anew under the same name', async () => {
    const { world, client } = await ready({ topics: ['t:3', 'u'] })
    await world.begin('g', { 'u-0': 0 })
    await client.fetch('g', 'm', 0, ['u-0'], { minBytes: 0 })
    await (
      await world.connect()
    ).send(DeleteTopics, 6, {
      topics: [{ name: 'u', topicId: ZERO_UUID }],
      timeoutMs: 1000,
    })
    expect(await client.fetch('g', 'm', 1)).toEqual(given({ '?-0': 'E3' }))
    world.broker.createTopic({ name: 'u' })
    const { answer } = watched(client.fetch('g', 'm', 2))
    await world.clock.advance(500)
    expect(answer()).toEqual(given({ '?-0': 'E-1' }))
  })
})

describe('a share fetch', () => {
  it('gives whole batches, also more than asked for', async () => {
    const { world, client } = await ready()
    world.produce('t', 10)
    world.produce('t', 10)
    expect(await client.fetch('g', 'm', 0, ['t-0'], { max: 5 })).toEqual(given({ 't-0': '0-9x1' }))
    expect(await client.fetch('g', 'm', 1, [], { max: 5 })).toEqual(given({ 't-0': '10-19x1' }))
  })
  it('looks at the limit of records between partitions only', async () => {
    const { world, client } = await ready()
    for (const partition of [0, 1, 2]) world.produce('t', 10, partition)
    expect(await client.fetch('g', 'm', 0, ['t-0', 't-1', 't-2'], { max: 15 })).toEqual(
      given({ 't-0': '0-9x1', 't-1': '0-9x1', 't-2': '' }),
    )
  })
  it('keeps to the limit of records over all partitions in record-limit mode', async () => {
    const { world, client } = await ready()
    for (const partition of [0, 1, 2]) world.produce('t', 10, partition)
    expect(await client.fetch('g', 'm', 0, ['t-0', 't-1', 't-2'], { max: 15, mode: RECORD_LIMIT })).toEqual(
      given({ 't-0': '0-9x1', 't-1': '0-4x1', 't-2': '' }),
    )
  })
  it('serves another partition first with each epoch, known ones before those just read', async () => {
    const { world, client } = await ready({ topics: ['a:3', 'b:3'] })
    const all = ['a-0', 'a-1', 'a-2', 'b-0', 'b-1', 'b-2']
    await world.begin('g', Object.fromEntries(all.map((name) => [name, 0])))
    for (const topic of ['a', 'b']) for (const partition of [0, 1, 2]) world.produce(topic, 30, partition)
    const served: string[] = []
    for (let epoch = 0; epoch < 14; epoch++) {
      const { partitions } = await client.fetch('g', 'm', epoch, epoch === 0 ? all : [], { max: 1, mode: RECORD_LIMIT })
      served.push(...Object.keys(partitions).filter((name) => partitions[name] !== ''))
    }
    // As a real Kafka 4.4.0 did it, three times.
    expect(served.join(' ')).toBe('a-0 a-1 b-0 b-2 b-0 a-0 a-2 a-1 b-0 a-2 b-0 b-1 b-2 a-1')
  })
  it('divides the bytes over the partitions, and exceeds them for the first batch only', async () => {
    const { world, client } = await ready()
    for (const partition of [0, 1, 2]) world.produce('t', 10, partition)
    const options = { maxBytes: 200 }
    expect(await client.fetch('g', 'm', 0, ['t-0', 't-1', 't-2'], options)).toEqual(
      given({ 't-0': '0-9x1', 't-1': '', 't-2': '' }),
    )
    expect(await client.fetch('g', 'm', 1, [], options)).toEqual(given({ 't-1': '0-9x1' }))
  })
  it.each([
    ['no records', { max: 0 }],
    ['no bytes', { maxBytes: 0 }],
  ])('that asks for %s is answered at once', async (_, options) => {
    const { world, client } = await ready()
    world.produce('t', 1)
    expect(await client.fetch('g', 'm', 0, ['t-0'], options)).toEqual(given({}))
  })
  it('moves over records that were deleted, with an empty answer at once', async () => {
    const { world, client } = await ready()
    world.produce('t', 2)
    world.produce('t', 2)
    await client.send(DeleteRecords, 2, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }],
      timeoutMs: 1000,
    })
    expect(await client.fetch('g', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '' }))
    expect(await client.fetch('g', 'm', 1)).toEqual(given({ 't-0': '2-3x1' }))
  })
  it('from beyond the end of the log is empty at once, also when records have come', async () => {
    const { world, client } = await ready()
    await world.begin('far', { 't-0': 100 })
    expect(await client.fetch('far', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '' }))
    world.produce('t', 3)
    expect(await client.fetch('far', 'm', 1)).toEqual(given({}))
  })
  it('tells the lock duration that the group has now', async () => {
    const { world, client } = await ready()
    await client.fetch('g', 'm', 0, ['t-0'], { max: 0 })
    world.broker.setGroupConfig('g', { 'share.record.lock.duration.ms': '20000' })
    expect((await client.fetch('g', 'm', 1, [], { max: 0 })).lockMs).toBe(20_000)
  })
  it('at epoch -1 applies what it carries, releases the rest and fetches nothing', async () => {
    const { world, client } = await ready()
    world.produce('t', 4)
    await client.fetch('g', 'm', 0, ['t-0'])
    expect(await client.fetch('g', 'm', -1, { 't-0': [[0, 1, ACCEPT]] })).toEqual(given({ 't-0': '' }))
    expect(world.broker.inspect().shareSessions).toEqual([])
    expect(await client.fetch('g', 'm', -1)).toEqual(refused(ErrorCode.SHARE_SESSION_NOT_FOUND))
    expect(await client.fetch('g', 'n', 0, ['t-0'])).toEqual(given({ 't-0': '2-3x2' }))
  })
})

describe('the reset policy', () => {
  async function joined(world: ShareWorld, groupId: string): Promise<void> {
    const member = await world.connect()
    await member.send(ShareGroupHeartbeat, 1, {
      groupId,
      memberId: 'heart',
      memberEpoch: 0,
      rackId: null,
      subscribedTopicNames: ['t'],
    })
  }
  it('is latest as of the first fetch', async () => {
    const { world, client } = await ready()
    await joined(world, 'new')
    world.produce('t', 3)
    await client.fetch('new', 'm', 0, ['t-0'], { minBytes: 0 })
    world.produce('t', 2)
    expect(await client.fetch('new', 'm', 1)).toEqual(given({ 't-0': '3-4x1' }))
  })
  it('may be earliest', async () => {
    const { world, client } = await ready()
    world.broker.setGroupConfig('new', { 'share.auto.offset.reset': 'earliest' })
    await joined(world, 'new')
    world.produce('t', 3)
    expect(await client.fetch('new', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '0-2x1' }))
  })
  it('by duration finds the first record that is young enough', async () => {
    const { world, client } = await ready()
    world.broker.setGroupConfig('new', { 'share.auto.offset.reset': 'by_duration:PT1M' })
    await joined(world, 'new')
    world.produce('t', 2)
    await world.clock.advance(50_000)
    world.produce('t', 2)
    await world.clock.advance(20_000)
    expect(await client.fetch('new', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '2-3x1' }))
  })
  it('by duration answers OFFSET_NOT_AVAILABLE at the end of the wait while no record is young enough', async () => {
    const { world, client } = await ready()
    world.broker.setGroupConfig('new', { 'share.auto.offset.reset': 'by_duration:PT1M' })
    await joined(world, 'new')
    const { answer } = watched(client.fetch('new', 'm', 0, ['t-0'], { wait: 1000 }))
    await world.clock.advance(500)
    world.produce('t', 2)
    await world.clock.advance(499)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': `E${ErrorCode.OFFSET_NOT_AVAILABLE}` }))
    expect(await client.fetch('new', 'm', 1)).toEqual(given({ 't-0': '0-1x1' }))
  })
  it('is asked again when the last connection of the group has closed before anything was written', async () => {
    const { world, client } = await ready()
    await joined(world, 'new')
    await client.fetch('new', 'm', 0, ['t-0'], { minBytes: 0 })
    client.close()
    await world.clock.advance(0)
    expect(world.broker.inspect().sharePartitions).toEqual([])
    world.produce('t', 3)
    const again = await world.connect()
    await again.fetch('new', 'm', 0, ['t-0'], { minBytes: 0 })
    world.produce('t', 1)
    expect(await again.fetch('new', 'm', 1)).toEqual(given({ 't-0': '3-3x1' }))
  })
  it('is not asked again when the session was ended and the connection kept', async () => {
    const { world, client } = await ready()
    await joined(world, 'new')
    await client.fetch('new', 'm', 0, ['t-0'], { minBytes: 0 })
    await client.ack('new', 'm', -1)
    world.produce('t', 3)
    expect(await client.fetch('new', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '0-2x1' }))
  })
})

describe('acknowledgements in a share fetch', () => {
  it('have results of their own, with or without records', async () => {
    const { world, client } = await ready()
    world.produce('t', 4)
    await client.fetch('g', 'm', 0, ['t-0', 't-1'])
    world.produce('t', 1, 1)
    const acks = { 't-0': [[0, 0, ACCEPT]], 't-1': [[9, 9, ACCEPT]], 't-2': [[0, 0, REJECT]] } as const
    expect(await client.fetch('g', 'm', 1, acks)).toEqual(
      given({ 't-0': '', 't-1': 'ack E121 0-0x1', 't-2': 'ack E3' }),
    )
  })
  it('of a forgotten partition are applied', async () => {
    const { world, client } = await ready()
    world.produce('t', 4)
    await client.fetch('g', 'm', 0, ['t-0'])
    expect(await client.fetch('g', 'm', 1, { 't-0': [[0, 3, ACCEPT]] }, { forget: ['t-0'] })).toEqual(
      given({ 't-0': '' }),
    )
    expect(world.broker.inspect().shareSessions[0]?.partitions).toEqual([])
    expect(world.broker.inspect().sharePartitions[0]?.startOffset).toBe(4)
  })
  it('of the front make room for new records in the same answer', async () => {
    const { world, client } = await ready()
    world.broker.setGroupConfig('g', { 'share.partition.max.record.locks': '100' })
    world.produce('t', 100)
    world.produce('t', 100)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(client.fetch('g', 'm', 1, [], { wait: 300 }))
    await world.clock.advance(300)
    expect(answer()).toEqual(given({}))
    expect(await client.fetch('g', 'm', 2, { 't-0': [[0, 9, ACCEPT]] })).toEqual(given({ 't-0': '100-199x1' }))
  })
  it('of the front make no room yet for a fetch that does not wait', async () => {
    const { world, client } = await ready()
    world.broker.setGroupConfig('g', { 'share.partition.max.record.locks': '100' })
    world.produce('t', 100)
    world.produce('t', 100)
    await client.fetch('g', 'm', 0, ['t-0'])
    expect(await client.fetch('g', 'm', 1, { 't-0': [[0, 9, ACCEPT]] }, { wait: 0 })).toEqual(given({ 't-0': '' }))
    expect(await client.fetch('g', 'm', 2, [], { wait: 0 })).toEqual(given({ 't-0': '100-199x1' }))
  })
  it('that release do not give the same fetch what they released', async () => {
    const { world, client } = await ready()
    world.produce('t', 10)
    await client.fetch('g', 'm', 0, ['t-0'])
    world.produce('t', 10)
    const acks = {
      't-0': [
        [0, 4, ACCEPT],
        [5, 9, RELEASE],
      ],
    } as const
    expect(await client.fetch('g', 'm', 1, acks)).toEqual(given({ 't-0': '10-19x1' }))
    expect(await client.fetch('g', 'm', 2)).toEqual(given({ 't-0': '5-9x2' }))
  })
  it('that release are seen by their own fetch at the end of its wait', async () => {
    const { world, client } = await ready()
    world.produce('t', 10)
    await client.fetch('g', 'm', 0, ['t-0'])
    const { answer } = watched(client.fetch('g', 'm', 1, { 't-0': [[0, 9, RELEASE]] }, { wait: 1000 }))
    await world.clock.advance(999)
    expect(answer()).toBeUndefined()
    await world.clock.advance(1)
    expect(answer()).toEqual(given({ 't-0': '0-9x2' }))
  })
  it('cannot be guesses of what the same fetch acquires', async () => {
    const { world, client } = await ready()
    await client.fetch('g', 'm', 0, ['t-0'], { minBytes: 0 })
    world.produce('t', 3)
    expect(await client.fetch('g', 'm', 1, { 't-0': [[0, 2, ACCEPT]] })).toEqual(given({ 't-0': 'ack E121 0-2x1' }))
  })
  it('that reach past what was acquired are refused as that, whatever the same fetch acquires', async () => {
    const { world, client } = await ready()
    world.produce('t', 3)
    await client.fetch('g', 'm', 0, ['t-0'])
    world.produce('t', 3)
    expect(await client.fetch('g', 'm', 1, { 't-0': [[0, 3, ACCEPT]] })).toEqual(given({ 't-0': 'ack E42 3-5x1' }))
  })
  it('of what nobody holds any more fail, also when the same fetch moves over deleted records', async () => {
    const { world, client } = await ready()
    world.produce('t', 3)
    await client.fetch('g', 'm', 0, ['t-0'])
    await client.ack('g', 'm', 1, { 't-0': [[0, 2, RELEASE]] })
    await client.send(DeleteRecords, 2, {
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 3 }] }],
      timeoutMs: 1000,
    })
    expect(await client.fetch('g', 'm', 2, { 't-0': [[1, 1, ACCEPT]] })).toEqual(given({ 't-0': 'ack E121' }))
    expect(world.broker.inspect().sharePartitions[0]?.startOffset).toBe(3)
  })
  it('with renewals fetch nothing and restart the locks', async () => {
    const { world, client } = await ready()
    world.produce('t', 2)
    await client.fetch('g', 'm', 0, ['t-0'])
    await world.clock.advance(20_000)
    world.produce('t', 2)
    const options = { renew: true, wait: 0, minBytes: 0, maxBytes: 0, max: 0 }
    expect(await client.fetch('g', 'm', 1, { 't-0': [[0, 1, RENEW]] }, options)).toEqual(given({ 't-0': '' }))
    await world.clock.advance(20_000)
    expect(world.broker.inspect().sharePartitions[0]?.records).toEqual([
      { firstOffset: 0, lastOffset: 1, state: 'ACQUIRED', deliveryCount: 1, memberId: 'm', lockLeftMs: 10_000 },
    ])
  })
})

describe('features', () => {
  it('switch share fetches off while the cluster runs', async () => {
    const { client } = await ready()
    await client.send(UpdateFeatures, 2, {
      timeoutMs: 1000,
      featureUpdates: [{ feature: 'share.version', maxVersionLevel: 0, upgradeType: 3 }],
      validateOnly: false,
    })
    expect(await client.fetch('g', 'm', 0)).toEqual(refused(ErrorCode.UNSUPPORTED_VERSION))
  })
})
