import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { isFault } from '../../../src/share/coordinator/share-group-faults.js'
import { groupWorld } from './group-world.js'

// The numbers are those that Kafka 4.4.0 gave to the same requests, unless a test names another release.

/** Longer than an initialisation takes. */
const MOMENT_MS = 30

describe('A new share group', () => {
  it('assigns nothing in its first answer, and what was initialised a second later', async () => {
    const { clock, beat, state } = groupWorld()
    expect(beat('m1', 0, ['a'])).toBe('2:')
    expect(state()).toBe('Stable 2/2')
    await clock.advance(150)
    expect(beat('m1', 2)).toBe('2')
    expect(state()).toBe('Stable 3/2')
    await clock.advance(850)
    expect(beat('m1', 2)).toBe('3: a-0 a-1')
    expect(state()).toBe('Stable 3/3')
  })

  it('assigns a moment later when its assignment interval is 0', async () => {
    const { clock, beat, settings } = groupWorld()
    settings.assignmentIntervalMs = 0
    expect(beat('m1', 0, ['a'])).toBe('2:')
    expect(beat('m1', 2)).toBe('2')
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 2)).toBe('3: a-0 a-1')
  })

  it('of Kafka 4.2 begins with epoch 1 and knows no interval', async () => {
    const { clock, beat } = groupWorld('4.2')
    expect(beat('m1', 0, ['a'])).toBe('1:')
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 1)).toBe('2: a-0 a-1')
  })

  it('has its partitions initialised for fetches as soon as the join is answered', () => {
    const { beat, states, topics } = groupWorld()
    const key = { groupId: 'g', topicId: topics.byName('a')?.id ?? '', partition: 1 }
    expect(states.read(key, 0)).toBeUndefined()
    beat('m1', 0, ['a'])
    expect(states.read(key, 0)).toEqual({ stateEpoch: 2, startOffset: -1, deliveryCompleteCount: 0, batches: [] })
  })

  it('whose offsets were altered before assigns in the join answer what was altered', async () => {
    const { clock, beat, state, groups } = groupWorld()
    groups.alterOffsets('g', [{ topicName: 'a', partitions: [{ partitionIndex: 0, startOffset: 5 }] }])
    expect(state()).toBe('Empty 1/1')
    expect(beat('m1', 0, ['a'])).toBe('2: a-0')
    await clock.advance(100)
    expect(beat('m1', 2)).toBe('2')
    await clock.advance(1100)
    expect(beat('m1', 2)).toBe('3: a-0 a-1')
  })

  it('for topics that do not exist yet waits for them', async () => {
    const { clock, beat, state, topics } = groupWorld()
    expect(beat('m1', 0, ['later'])).toBe('2:')
    topics.create('later')
    await clock.advance(100)
    expect(beat('m1', 2)).toBe('2')
    expect(state()).toBe('Stable 3/2')
    await clock.advance(1000)
    expect(beat('m1', 2)).toBe('3: later-0')
    await clock.advance(1000)
    expect(beat('m1', 3)).toBe('3')
  })
})

describe('A member of a share group', () => {
  async function settled() {
    const world = groupWorld()
    world.settings.assignmentIntervalMs = 0
    world.beat('m1', 0, ['a'])
    await world.clock.advance(MOMENT_MS)
    expect(world.beat('m1', 2)).toBe('3: a-0 a-1')
    return world
  }

  it('may come with its epoch, with the one before, and with 0', async () => {
    const { beat, state } = await settled()
    expect(beat('m1', 3)).toBe('3')
    expect(beat('m1', 2)).toBe('3')
    expect(beat('m1', 0, ['a'])).toBe('3: a-0 a-1')
    expect(state()).toBe('Stable 3/3')
  })

  it("is fenced with any other epoch, in Kafka's words", async () => {
    const { beat, groups } = await settled()
    expect(beat('m1', 1)).toBe('FENCED_MEMBER_EPOCH')
    expect(beat('m1', 4)).toBe('FENCED_MEMBER_EPOCH')
    const heartbeat = { groupId: 'g', memberId: 'm1', rackId: null, topics: null, clientId: '', clientHost: '' }
    expect(groups.heartbeat({ ...heartbeat, memberEpoch: 1 })).toEqual({
      errorCode: ErrorCode.FENCED_MEMBER_EPOCH,
      errorMessage:
        'The share group member has a smaller member epoch (1) than the one known by the group coordinator (3), and it does not match the previous member epoch (2). The member must abandon all its partitions and rejoin.',
    })
  })

  it('is told all again when it names its topics, in any order and without a new epoch', async () => {
    const { beat } = await settled()
    expect(beat('m1', 3, ['a'])).toBe('3: a-0 a-1')
    expect(beat('m1', 3, ['a', 'b'])).toBe('4: a-0 a-1')
    expect(beat('m1', 4, ['b', 'a', 'a'])).toBe('4: a-0 a-1')
  })

  it('changes its topics with a heartbeat, also to none', async () => {
    const { beat, clock } = await settled()
    expect(beat('m1', 3, [])).toBe('4:')
    expect(beat('m1', 4, ['a'])).toBe('5: a-0 a-1')
    expect(beat('m1', 5, ['a', 'b'])).toBe('6: a-0 a-1')
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 6)).toBe('7: a-0 a-1 b-0')
  })

  it('loses at once what it does not want any more, also while no new target is due', async () => {
    const { beat, settings, state } = await settled()
    settings.assignmentIntervalMs = 1000
    expect(beat('m1', 3, [])).toBe('3:')
    expect(state()).toBe('Stable 4/3')
    expect(beat('m1', 3, ['a'])).toBe('3: a-0 a-1')
    expect(state()).toBe('Stable 5/3')
  })

  it('shares with another, each by its own heartbeat', async () => {
    const { beat, state } = await settled()
    expect(beat('m2', 0, ['a'])).toMatch(/^4: a-[01]$/)
    expect(beat('m1', 3)).toMatch(/^4: a-[01]$/)
    expect(beat('m2', -1)).toBe('-1')
    expect(state()).toBe('Stable 5/4')
    expect(beat('m1', 4)).toBe('5: a-0 a-1')
  })

  it('that joins within the interval waits for a second', async () => {
    const { beat, settings, state, clock } = await settled()
    settings.assignmentIntervalMs = 1000
    expect(beat('m2', 0, ['a'])).toBe('3:')
    expect(state()).toBe('Stable 4/3')
    await clock.advance(1000)
    expect(beat('m1', 3)).toMatch(/^4: a-[01]$/)
    expect(beat('m2', 3)).toMatch(/^4: a-[01]$/)
  })

  it('that is the only one may leave and come back without a delay, but not in Kafka 4.3', async () => {
    const { beat, settings, state } = await settled()
    settings.assignmentIntervalMs = 1000
    beat('m1', -1)
    expect(state()).toBe('Empty 4/4')
    expect(beat('m1', 0, ['a'])).toBe('5: a-0 a-1')

    const old = groupWorld('4.3')
    old.beat('m1', 0, ['a'])
    await old.clock.advance(1000)
    expect(old.beat('m1', 2)).toBe('3: a-0 a-1')
    old.beat('m1', -1)
    expect(old.beat('m1', 0, ['a'])).toBe('3:')
    await old.clock.advance(1000)
    expect(old.beat('m1', 3)).toBe('5: a-0 a-1')
  })

  it('is out when it was not heard of for the session timeout, and every heartbeat starts that anew', async () => {
    const { beat, state, clock } = await settled()
    await clock.advance(44_999)
    expect(beat('m1', 3)).toBe('3')
    await clock.advance(44_999)
    expect(state()).toBe('Stable 3/3')
    await clock.advance(1)
    expect(state()).toBe('Empty 4/4')
    expect(beat('m1', 3)).toBe('UNKNOWN_MEMBER_ID')
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves no timer behind when it leaves, or when the coordinator is closed', async () => {
    const { beat, clock, groups } = await settled()
    beat('m2', 0, ['a'])
    beat('m1', -1)
    expect(clock.pendingTimers).toBe(1)
    groups.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('follows topics that are created, grown and deleted', async () => {
    const { beat, clock, topics, states } = await settled()
    expect(topics.grow('a', 3).partitions).toHaveLength(3)
    expect(beat('m1', 3)).toBe('4')
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 4)).toBe('5: a-0 a-1 a-2')
    const id = topics.byName('a')?.id ?? ''
    expect(states.summary({ groupId: 'g', topicId: id, partition: 1 })?.startOffset).toBe(-1)
    expect(states.summary({ groupId: 'g', topicId: id, partition: 2 })?.startOffset).toBe(0)
    topics.delete('a')
    expect(states.summary({ groupId: 'g', topicId: id, partition: 2 })).toBeUndefined()
    expect(beat('m1', 5)).toBe('6:')
    topics.create('a', 1)
    expect(beat('m1', 6)).toBe('7')
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 7)).toBe('8: a-0')
  })

  it('of Kafka 4.3 begins added partitions by the reset policy', async () => {
    const { beat, clock, topics, states } = groupWorld('4.3')
    beat('m1', 0, ['b'])
    await clock.advance(MOMENT_MS)
    const { id } = topics.grow('b', 2)
    beat('m1', 2)
    expect(states.summary({ groupId: 'g', topicId: id, partition: 1 })?.startOffset).toBe(-1)
  })

  it('of Kafka 4.2 finds its epoch two higher when one left whose partitions nobody else has', async () => {
    const { beat, clock, state } = groupWorld('4.2')
    beat('m1', 0, ['a'])
    await clock.advance(MOMENT_MS)
    expect(beat('m1', 1)).toBe('2: a-0 a-1')
    beat('m2', 0, ['a'])
    beat('m1', 2)
    beat('m2', -1)
    expect(state()).toBe('Stable 4/3')
    expect(beat('m1', 3)).toBe('5: a-0 a-1')
  })
})

describe('A heartbeat', () => {
  it('creates a group only with epoch 0', () => {
    const { beat, groups } = groupWorld()
    expect(beat('m1', 1)).toBe('GROUP_ID_NOT_FOUND')
    expect(beat('m1', -1)).toBe('GROUP_ID_NOT_FOUND')
    expect(groups.has('g')).toBe(false)
    beat('m1', 0, ['a'])
    expect(groups.has('g')).toBe(true)
  })

  it('of a stranger is refused in a group that exists', () => {
    const { beat } = groupWorld()
    beat('m1', 0, ['a'])
    expect(beat('m2', 2)).toBe('UNKNOWN_MEMBER_ID')
    expect(beat('m2', -1)).toBe('UNKNOWN_MEMBER_ID')
  })

  it('to a group of another type finds no group', () => {
    const { beat, classic, groups } = groupWorld()
    classic.add('g')
    for (const epoch of [0, 1, -1]) expect(beat('m1', epoch, ['a'])).toBe('GROUP_ID_NOT_FOUND')
    expect(groups.find('g')).toEqual({ errorCode: 69, errorMessage: 'Group g is not a share group.' })
  })

  it('of a new member is refused when the group is full, but never of one that is in', () => {
    const { beat, settings } = groupWorld()
    settings.maxSize = 2
    beat('m1', 0, ['a'])
    beat('m2', 0, ['a'])
    expect(beat('m3', 0, ['a'])).toBe('GROUP_MAX_SIZE_REACHED')
    expect(beat('m3', 5)).toBe('GROUP_MAX_SIZE_REACHED')
    expect(beat('m3', -1)).toBe('UNKNOWN_MEMBER_ID')
    expect(beat('m2', 0, ['a'])).toMatch(/^2/)
  })

  it.each([
    ['a member id that is empty', { memberId: '' }, null],
    ['a member id of 37 characters', { memberId: 'x'.repeat(37) }, null],
    ['a blank member id', { memberId: '  ' }, "MemberId can't be empty."],
    ['an empty group id', { groupId: '' }, "GroupId can't be empty."],
    ['an empty rack id', { rackId: '', topics: [], memberEpoch: -2 }, "RackId can't be empty."],
    ['a join without topics', { topics: null }, 'SubscribedTopicNames must be set in first request.'],
    ['a join with no topics', { topics: [] }, 'SubscribedTopicNames must be set in first request.'],
    ['an epoch below -1', { memberEpoch: -2 }, 'MemberEpoch is invalid.'],
  ])('with %s is no request', (_what, wrong, errorMessage) => {
    const { groups } = groupWorld()
    const right = { groupId: 'g', memberId: 'm', memberEpoch: 0, rackId: null, topics: ['a'] }
    const answer = groups.heartbeat({ ...right, clientId: '', clientHost: '', ...wrong })
    expect(answer).toEqual({ errorCode: ErrorCode.INVALID_REQUEST, errorMessage })
    expect(groups.list()).toEqual([])
  })
})

describe('The offsets of a share group', () => {
  const alterTo = (startOffset: number) => [{ topicName: 'a', partitions: [{ partitionIndex: 0, startOffset }] }]

  it('are altered and deleted only while it has no members', () => {
    const { groups, beat } = groupWorld()
    const fault = { errorCode: ErrorCode.NON_EMPTY_GROUP, errorMessage: 'The group is not empty.' }
    beat('m1', 0, ['a'])
    expect(groups.alterOffsets('g', alterTo(1))).toEqual(fault)
    expect(groups.deleteOffsets('g', ['a'])).toEqual(fault)
    expect(groups.delete('g')).toBe(ErrorCode.NON_EMPTY_GROUP)
    beat('m1', -1)
    expect(groups.alterOffsets('g', alterTo(1))).toHaveLength(1)
    expect(groups.deleteOffsets('g', ['a'])).toHaveLength(1)
    expect(groups.delete('g')).toBe(0)
    expect(groups.delete('g')).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })

  it('fence a leader of before once the epoch has moved, and only then', () => {
    const { groups, beat, states, topics } = groupWorld()
    const key = { groupId: 'g', topicId: topics.byName('a')?.id ?? '', partition: 0 }
    const write = { leaderEpoch: 0, startOffset: 0, deliveryCompleteCount: 1, batches: [] }
    groups.alterOffsets('g', alterTo(0))
    groups.alterOffsets('g', alterTo(5))
    expect(states.write(key, { ...write, stateEpoch: 1 })).toBe(0)
    expect(states.summary(key)).toEqual({ startOffset: 5, leaderEpoch: 0, deliveryCompleteCount: 0 })
    beat('m1', 0, ['a'])
    beat('m1', -1)
    groups.alterOffsets('g', alterTo(7))
    expect(states.write(key, { ...write, stateEpoch: 1 })).toBe(ErrorCode.FENCED_STATE_EPOCH)
    expect(groups.offsets.describeNamed('g', 'a', [0]).partitions).toMatchObject([{ startOffset: 7, lag: -7 }])
  })

  it('make a group when they are altered, unless no topic exists', () => {
    const { groups, state } = groupWorld()
    expect(groups.alterOffsets('g', [])).toEqual([])
    const unknown = groups.alterOffsets('g', [
      { topicName: 'nope', partitions: [{ partitionIndex: 0, startOffset: 0 }] },
    ])
    expect(unknown).toMatchObject([
      { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitions: [{ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }] },
    ])
    expect(groups.has('g')).toBe(false)
    groups.alterOffsets('g', alterTo(0))
    expect(state()).toBe('Empty 1/1')
    expect(groups.list()).toEqual([{ groupId: 'g', state: 'Empty' }])
  })

  it('count as lag what the log holds behind the start and is not done', () => {
    const { groups, states, topics } = groupWorld()
    const topicId = topics.byName('a')?.id ?? ''
    topics.ends.set('a-0', 100)
    groups.alterOffsets('g', alterTo(10))
    states.write(
      { groupId: 'g', topicId, partition: 0 },
      { stateEpoch: 1, leaderEpoch: 3, startOffset: 20, deliveryCompleteCount: 7, batches: [] },
    )
    const none = { errorCode: 0, errorMessage: null }
    expect(groups.positions('g')).toEqual([
      {
        topicName: 'a',
        topicId,
        partitions: [{ partitionIndex: 0, startOffset: 20, leaderEpoch: 3, lag: 73, ...none }],
      },
    ])
    topics.ends.set('a-0', 101)
    expect(groups.offsets.describeNamed('g', 'a', [0, 1]).partitions).toEqual([
      { partitionIndex: 0, startOffset: 20, leaderEpoch: 3, lag: 74, ...none },
      { partitionIndex: 1, startOffset: -1, leaderEpoch: 0, lag: -1, ...none },
    ])
    expect(groups.positions('unknown')).toEqual([])
    expect(groups.offsets.describeNamed('g', 'nope', [4]).partitions).toEqual([
      { partitionIndex: 4, startOffset: -1, leaderEpoch: 0, lag: -1, ...none },
    ])
  })

  it('of a topic are gone when they are deleted, and begin by the reset policy after that', async () => {
    const { groups, states, beat, clock, topics } = groupWorld()
    const topicId = topics.byName('a')?.id ?? ''
    groups.alterOffsets('g', alterTo(10))
    expect(groups.deleteOffsets('g', ['a', 'b', 'nope'])).toEqual([
      { topicName: 'a', topicId, errorCode: 0, errorMessage: null },
      {
        topicName: 'b',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        errorCode: 3,
        errorMessage: 'There is no offset information to delete.',
      },
      {
        topicName: 'nope',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        errorCode: 3,
        errorMessage: 'This server does not host this topic-partition.',
      },
    ])
    expect(groups.positions('g')).toEqual([])
    const write = { stateEpoch: 1, leaderEpoch: 0, startOffset: 0, deliveryCompleteCount: 0, batches: [] }
    expect(states.write({ groupId: 'g', topicId, partition: 0 }, write)).toBe(ErrorCode.INVALID_REQUEST)
    expect(beat('m1', 0, ['a'])).toBe('2:')
    await clock.advance(MOMENT_MS)
    expect(states.summary({ groupId: 'g', topicId, partition: 0 })?.startOffset).toBe(-1)
  })

  it('of a group that is not there are not deleted, and no group is without a name', () => {
    const { groups, classic } = groupWorld()
    expect(groups.deleteOffsets('g', ['a'])).toEqual({ errorCode: 69, errorMessage: 'Group g not found.' })
    expect(groups.deleteOffsets('', ['a'])).toMatchObject({ errorCode: ErrorCode.INVALID_GROUP_ID })
    expect(groups.alterOffsets('', alterTo(0))).toMatchObject({ errorCode: ErrorCode.INVALID_GROUP_ID })
    classic.add('k')
    expect(groups.alterOffsets('k', alterTo(0))).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND })
  })

  it('that are deleted while partitions are being initialised stay deleted', async () => {
    const { groups, beat, clock } = groupWorld()
    beat('m1', 0, ['a'])
    beat('m1', -1)
    const deleted = groups.deleteOffsets('g', ['a'])
    expect(isFault(deleted)).toBe(false)
    await clock.advance(MOMENT_MS)
    expect(groups.positions('g')).toEqual([])
  })
})

describe('Ten thousand share groups', () => {
  it('are the most: the oldest without members makes room for another, and without such the newcomer is refused', () => {
    const { groups, states, beat, state } = groupWorld()
    for (let i = 0; i < 10_000; i++) beat('m', 0, ['a'], `g${i}`)
    expect(states.size).toBe(20_000)
    expect(beat('m', 0, ['a'], 'late')).toBe('GROUP_MAX_SIZE_REACHED')
    expect(groups.alterOffsets('late', [])).toMatchObject({
      errorMessage: expect.stringContaining('10000 share groups'),
    })
    for (const groupId of ['g7', 'g5']) beat('m', -1, null, groupId)
    expect(beat('m', 0, ['b'], 'late')).toMatch(/^\d/)
    expect([state('g5'), states.size]).toEqual([undefined, 19_999])
    expect(state('g7')).toMatch(/^Empty/)
    expect(groups.list()).toHaveLength(10_000)
  })
})
