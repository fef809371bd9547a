import { ErrorCode, ShareGroupHeartbeat } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { denying, given, refused, ShareWorld, type ShareClient } from '../share/leader/share-world.js'

const worlds: ShareWorld[] = []
/** A group `g` of whose member `m` holds offsets 0-9 of t-0 since an open session. */
async function holding(options: Parameters<typeof ShareWorld.start>[0] = {}) {
  const world = await ShareWorld.start({ topics: ['t:3'], ...options })
  worlds.push(world)
  await world.begin('g', { 't-0': 0, 't-1': 0 })
  world.produce('t', 10)
  const client = await world.connect()
  await client.fetch('g', 'm', 0, ['t-0'], { version: options.version === '4.1' ? 1 : 2 })
  return { world, client }
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

const ACCEPT = 1
const RELEASE = 2
const RENEW = 4
const { INVALID_REQUEST, INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_NOT_FOUND } = ErrorCode

/** The group's epoch grows: states altered afterwards are of a new epoch. */
async function joinAndLeave(client: ShareClient): Promise<void> {
  for (const memberEpoch of [0, -1]) {
    const subscribedTopicNames = memberEpoch === 0 ? ['t'] : null
    const member = { groupId: 'g', memberId: 'heart', memberEpoch, rackId: null, subscribedTopicNames }
    await client.send(ShareGroupHeartbeat, 1, member)
  }
}

describe('a share acknowledgement', () => {
  it('is refused while the feature is off', async () => {
    const { client } = await holding({ features: { 'share.version': 0 } })
    expect(await client.ack('g', 'm', 1)).toEqual(refused(ErrorCode.UNSUPPORTED_VERSION))
  })
  it.each([
    ['no group', null, 'm', 1, INVALID_REQUEST],
    ['no member id', 'g', null, 1, INVALID_REQUEST],
    ['a member id that is too long', 'g', 'm'.repeat(37), 1, INVALID_REQUEST],
    ['epoch 0', 'g', 'm', 0, INVALID_SHARE_SESSION_EPOCH],
    ['an epoch to come', 'g', 'm', 2, INVALID_SHARE_SESSION_EPOCH],
    ['no session', 'g', 'n', 1, SHARE_SESSION_NOT_FOUND],
    ['the end of no session', 'g', 'n', -1, SHARE_SESSION_NOT_FOUND],
  ])('is refused with %s', async (_, group, member, epoch, error) => {
    const { client } = await holding()
    expect(await client.ack(group, member, epoch)).toEqual(refused(error))
    expect(await client.ack('g', 'm', 1)).toEqual(given({}))
  })
  it('is refused for a group that may not be read', async () => {
    const { client } = await holding({ security: denying('Group', 'g', 'Read') })
    expect(await client.ack('g', 'm', 1)).toEqual(refused(ErrorCode.GROUP_AUTHORIZATION_FAILED))
  })
  it('has a result for each partition, in which the id is looked at before the form, and the form before the rest', async () => {
    const { world, client } = await holding({ topics: ['t:3', 'secret'], security: denying('Topic', 'secret', 'Read') })
    const bad = [[5, 4, ACCEPT]] as const
    const good = [[0, 0, ACCEPT]] as const
    expect(
      await client.ack('g', 'm', 1, { 't-0': bad, 't-1': good, 't-7': bad, 'nobody-0': bad, 'secret-0': bad }),
    ).toEqual(given({ 't-0': 'E42', 't-1': 'E3', 't-7': 'E42', '?-0': 'E100', 'secret-0': 'E42' }))
    expect(await client.ack('g', 'm', 2, { 't-0': good, 't-7': good, 'secret-0': good })).toEqual(
      given({ 't-0': '', 't-7': 'E3', 'secret-0': 'E29' }),
    )
    expect(world.broker.inspect().sharePartitions[0]?.startOffset).toBe(1)
  })
  it('answers an empty list only beside one that is not empty', async () => {
    const { client } = await holding()
    expect(await client.ack('g', 'm', 1, { 't-0': [], 't-1': [], 't-9': [], 'nobody-0': [] })).toEqual(
      given({ 't-9': 'E3', '?-0': 'E100' }),
    )
    expect(await client.ack('g', 'm', 2, { 't-0': [[0, 0, ACCEPT]], 't-1': [] })).toEqual(
      given({ 't-0': '', 't-1': '' }),
    )
  })
  it('holds for a partition as a whole or not at all', async () => {
    const { world, client } = await holding()
    const acks = {
      't-0': [
        [0, 4, ACCEPT],
        [20, 20, ACCEPT],
      ],
    } as const
    expect(await client.ack('g', 'm', 1, acks)).toEqual(given({ 't-0': 'E42' }))
    expect(world.broker.inspect().sharePartitions[0]).toMatchObject({
      startOffset: 0,
      records: [{ firstOffset: 0, lastOffset: 9, state: 'ACQUIRED' }],
    })
  })
  it('may come by another connection than that of the session', async () => {
    const { world, client } = await holding()
    const other = await world.connect()
    expect(await other.ack('g', 'm', 1, { 't-0': [[0, 0, ACCEPT]] })).toEqual(given({ 't-0': '' }))
    other.close()
    await world.clock.advance(0)
    expect(await client.ack('g', 'm', 2, { 't-0': [[1, 1, ACCEPT]] })).toEqual(given({ 't-0': '' }))
  })
  it('renews only where the request says so, and not in version 1', async () => {
    const { world, client } = await holding()
    const acks = { 't-0': [[0, 9, RENEW]] } as const
    expect(await client.ack('g', 'm', 1, acks)).toEqual(given({ 't-0': 'E42' }))
    expect(await client.ack('g', 'm', 2, acks, { version: 1 })).toEqual({
      error: 0,
      lockMs: 0,
      partitions: { 't-0': 'E42' },
    })
    await world.clock.advance(29_000)
    expect(await client.ack('g', 'm', 3, acks, { renew: true })).toEqual(given({ 't-0': '' }))
    await world.clock.advance(29_000)
    expect(world.broker.inspect().sharePartitions[0]?.records[0]?.state).toBe('ACQUIRED')
  })
  it('with epoch -1 applies what it carries, releases the rest and ends the session', async () => {
    const { world, client } = await holding()
    expect(await client.ack('g', 'm', -1, { 't-0': [[0, 3, ACCEPT]] })).toEqual(given({ 't-0': '' }))
    expect(world.broker.inspect()).toMatchObject({
      shareSessions: [],
      sharePartitions: [
        { startOffset: 4, records: [{ firstOffset: 4, lastOffset: 9, state: 'AVAILABLE', deliveryCount: 1 }] },
      ],
    })
  })
  it('with epoch -1 leaves what is held in partitions that were forgotten', async () => {
    const { world, client } = await holding()
    await client.fetch('g', 'm', 1, [], { forget: ['t-0'], max: 0 })
    await client.ack('g', 'm', -1)
    expect(world.broker.inspect().sharePartitions[0]?.records[0]?.state).toBe('ACQUIRED')
  })
  it('reaches records that the member acquired in a session before', async () => {
    const { client } = await holding()
    await client.fetch('g', 'm', 0, [], { wait: 0 })
    expect(await client.ack('g', 'm', 1, { 't-0': [[0, 9, ACCEPT]] })).toEqual(given({ 't-0': '' }))
  })
  it('of one member does nothing to what another holds', async () => {
    const { world, client } = await holding()
    const other = await world.connect()
    await other.fetch('g', 'n', 0, ['t-0'], { minBytes: 0, max: 0 })
    expect(await other.ack('g', 'n', 1, { 't-0': [[0, 0, RELEASE]] })).toEqual(given({ 't-0': 'E121' }))
    expect(await client.ack('g', 'm', 1, { 't-0': [[0, 0, RELEASE]] })).toEqual(given({ 't-0': '' }))
  })
  it('after the offsets were altered fails as not led here, and the next fetch begins anew', async () => {
    const { world, client } = await holding()
    await joinAndLeave(client)
    await world.begin('g', { 't-0': 6 })
    expect(await client.ack('g', 'm', 1, { 't-0': [[0, 9, ACCEPT]] })).toEqual(given({ 't-0': 'E6 leader 1/0' }))
    expect(world.broker.inspect().sharePartitions).toEqual([])
    expect(await client.fetch('g', 'm', 2)).toEqual(given({ 't-0': '6-9x1' }))
  })
  it('fails the request as Kafka does when it lies across a start offset that nothing is tracked at', async () => {
    const { client } = await holding()
    await client.ack('g', 'm', 1, { 't-0': [[0, 9, ACCEPT]] })
    expect(await client.ack('g', 'm', 2, { 't-0': [[8, 12, ACCEPT]] })).toEqual(refused(ErrorCode.UNKNOWN_SERVER_ERROR))
    expect(await client.fetch('g', 'm', 3, { 't-0': [[8, 12, ACCEPT]] })).toEqual(
      refused(ErrorCode.UNKNOWN_SERVER_ERROR),
    )
    expect(await client.ack('g', 'm', 4)).toEqual(given({}))
  })
})

describe('a connection that is cut', () => {
  it('gives back what its member holds, with the deliveries counted', async () => {
    const { world, client } = await holding()
    client.close()
    await world.clock.advance(0)
    const again = await world.connect()
    expect(await again.fetch('g', 'm', 0, ['t-0'])).toEqual(given({ 't-0': '0-9x2' }))
  })
  it('gives back what its member holds with the count lowered in 4.1', async () => {
    const { world, client } = await holding({ version: '4.1' })
    client.close()
    await world.clock.advance(0)
    const again = await world.connect()
    expect(await again.fetch('g', 'm', 0, ['t-0'], { version: 1 })).toEqual(given({ 't-0': '0-9x1' }))
  })
})
