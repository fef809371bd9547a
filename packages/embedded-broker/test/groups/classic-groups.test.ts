import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { ClassicWorld, GROUP, protocols, REBALANCE_MS, SESSION_MS, subscription } from './classic-world.js'

describe('joining a classic group', () => {
  it('begins a generation at once where nothing is to be waited for; the member leads and is told who is in it', () => {
    const world = new ClassicWorld()
    const joined = world.join({ clientId: 'me' }).answer()
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolType: 'consumer', protocolName: 'range' })
    expect(joined?.memberId).toMatch(/^me-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    expect(joined?.leader).toBe(joined?.memberId)
    expect(joined?.members).toEqual([
      { memberId: joined?.memberId, groupInstanceId: null, metadata: Buffer.from('as range') },
    ])
    expect(world.view).toMatchObject({ state: 'CompletingRebalance', generationId: 1 })
  })

  it('waits group.initial.rebalance.delay.ms for more members, and again when some come, within the rebalance timeout', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 3000)
    const first = world.join({ rebalanceTimeoutMs: 7000 })
    await world.clock.advance(2999)
    const second = world.join({ rebalanceTimeoutMs: 7000 })
    await world.clock.advance(2999)
    expect(first.isAnswered()).toBe(false)
    const third = world.join({ rebalanceTimeoutMs: 7000 })
    // 3000 + 3000 are over at 6000; one second of the rebalance timeout is left for those who came in the meantime.
    await world.clock.advance(1001)
    expect(first.isAnswered()).toBe(false)
    await world.clock.advance(1)
    expect([first, second, third].map((outcome) => outcome.answer()?.generationId)).toEqual([1, 1, 1])
    expect(first.answer()?.members).toHaveLength(3)
    expect(second.answer()?.members).toEqual([])
  })

  it('gives a new member its id first, when it knows how to come back with it, and counts on it until its session ends', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const refused = world.join({ requiresKnownMemberId: true }).answer()
    expect(refused?.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
    expect(world.view?.state).toBe('Stable')
    const again = world.join({ memberId: leader })
    await world.clock.advance(SESSION_MS - 1)
    expect(again.isAnswered()).toBe(false)
    await world.clock.advance(1)
    expect(again.answer()).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(world.join({ memberId: refused?.memberId ?? '' }).answer()?.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  it('takes a member in under the id that it was given', async () => {
    const world = new ClassicWorld()
    const given = world.join({ requiresKnownMemberId: true }).answer()?.memberId ?? ''
    expect(world.join({ memberId: given, requiresKnownMemberId: true }).answer()).toMatchObject({
      errorCode: 0,
      memberId: given,
    })
  })

  it('tells the members of a stable group to join again, and waits for them', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const newcomer = world.join()
    expect(world.heartbeat(leader, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    await world.settle()
    expect(newcomer.isAnswered()).toBe(false)
    const again = world.join({ memberId: leader })
    await world.settle()
    expect(again.answer()).toMatchObject({ generationId: 2, leader })
    expect(again.answer()?.members).toHaveLength(2)
    expect(newcomer.answer()).toMatchObject({ generationId: 2, leader, members: [] })
  })

  it('goes on without those who have not joined again within the longest rebalance timeout', async () => {
    const world = new ClassicWorld()
    const [leader = '', other = ''] = await world.stable(2)
    const again = world.join({ memberId: other, protocols: protocols('range', 'other') })
    for (let i = 0; i < REBALANCE_MS / 5000 - 1; i++) {
      await world.clock.advance(5000)
      expect(world.heartbeat(leader, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    }
    await world.clock.advance(4999)
    expect(again.isAnswered()).toBe(false)
    await world.clock.advance(1)
    expect(again.answer()).toMatchObject({ errorCode: 0, generationId: 3, leader: other })
    expect(world.heartbeat(leader, 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  it('gives the answer again to a member that lost it, and rebalances when its leader joins a stable group', async () => {
    const world = new ClassicWorld()
    const [leader = '', other = ''] = await world.stable(2)
    expect(world.join({ memberId: other }).answer()).toMatchObject({
      errorCode: 0,
      generationId: 2,
      leader,
      members: [],
    })
    expect(world.view?.state).toBe('Stable')
    world.join({ memberId: leader })
    expect(world.view?.state).toBe('PreparingRebalance')
  })

  it('chooses the protocol that all members speak and most prefer', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 10)
    const joins = [
      ['a', 'b', 'c'],
      ['c', 'b'],
      ['b', 'c'],
    ].map((names) => world.join({ protocols: protocols(...names) }))
    await world.clock.advance(1000)
    expect(joins.map((join) => join.answer()?.protocolName)).toEqual(['b', 'b', 'b'])
    expect(joins[0]?.answer()?.members.map(({ metadata }) => String(metadata))).toEqual(['as b', 'as b', 'as b'])
  })

  it.each([
    ['an empty group id', {}, '', ErrorCode.INVALID_GROUP_ID],
    ['a session timeout below the least', { sessionTimeoutMs: 5999 }, GROUP, ErrorCode.INVALID_SESSION_TIMEOUT],
    ['a session timeout above the greatest', { sessionTimeoutMs: 1_800_001 }, GROUP, ErrorCode.INVALID_SESSION_TIMEOUT],
    ['a member id in a group that does not exist', { memberId: 'x' }, GROUP, ErrorCode.UNKNOWN_MEMBER_ID],
    ['no protocols', { protocols: [] }, GROUP, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['no protocol type', { protocolType: '' }, GROUP, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
  ])('refuses %s, and no group comes of it', (_, ask, groupId, errorCode) => {
    const world = new ClassicWorld()
    expect(world.join(ask, undefined, groupId).answer()).toMatchObject({ errorCode, generationId: -1 })
    expect(world.groups.list()).toEqual([])
  })

  it.each([
    ['another protocol type', { protocolType: 'connect' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['no protocol in common', { protocols: protocols('other') }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['a member id that it never gave', { memberId: 'x' }, ErrorCode.UNKNOWN_MEMBER_ID],
  ])('refuses %s in a group that has members', async (_, ask, errorCode) => {
    const world = new ClassicWorld()
    await world.stable(1)
    expect(world.join(ask).answer()?.errorCode).toBe(errorCode)
    expect(world.view?.state).toBe('Stable')
  })

  it('refuses what a share group has taken', () => {
    const world = new ClassicWorld()
    world.shareGroups.add(GROUP)
    expect(world.join().answer()?.errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(world.commit(1)).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })

  it('refuses a member more than group.max.size, and takes those who are in it back', async () => {
    const world = new ClassicWorld()
    world.config.set('group.max.size', 2)
    const [first = '', second = ''] = await world.stable(2)
    expect(world.join().answer()).toMatchObject({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED, memberId: '' })
    const again = [first, second].map((memberId) => world.join({ memberId }))
    expect(world.join().answer()).toMatchObject({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED })
    await world.settle()
    expect(again.map((outcome) => outcome.answer()?.errorCode)).toEqual([0, 0])
  })

  it('ends the wait of a request whose connection is gone, and keeps the member until its session ends', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const connection = new AbortController()
    const newcomer = world.join({}, connection.signal)
    connection.abort()
    await world.settle()
    expect(newcomer.isAnswered()).toBe(true)
    expect(newcomer.answer()).toBeUndefined()
    expect(world.view?.members).toHaveLength(2)
    const again = world.join({ memberId: leader })
    await world.settle()
    expect(again.answer()?.members).toHaveLength(2)
    world.sync({ memberId: leader, generationId: 2 })
    for (let ms = 0; ms < SESSION_MS; ms += 2500) {
      await world.clock.advance(2500)
      world.heartbeat(leader, 2)
    }
    expect(world.view?.members.map(({ memberId }) => memberId)).toEqual([leader])
  })

  it('answers the former request of a member that joins twice', async () => {
    const world = new ClassicWorld()
    const [leader = '', other = ''] = await world.stable(2)
    world.join()
    const former = world.join({ memberId: other })
    const latter = world.join({ memberId: other })
    await world.settle()
    expect(former.answer()?.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    world.join({ memberId: leader })
    await world.settle()
    expect(latter.answer()).toMatchObject({ errorCode: 0, generationId: 3 })
  })
})

describe('the generation of a classic group', () => {
  it('gives every member what the leader assigned to it; those who asked before wait for it', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 10)
    const joins = [world.join(), world.join()]
    await world.clock.advance(1000)
    const [leader = '', other = ''] = joins.map((join) => join.answer()?.memberId)
    const waiting = world.sync({ memberId: other })
    await world.settle()
    expect(waiting.isAnswered()).toBe(false)
    const led = world.sync({
      memberId: leader,
      assignments: [
        { memberId: other, assignment: Buffer.from('half') },
        { memberId: 'nobody', assignment: Buffer.from('x') },
      ],
    })
    await world.settle()
    expect(waiting.answer()).toEqual({
      errorCode: 0,
      protocolType: 'consumer',
      protocolName: 'range',
      assignment: Buffer.from('half'),
    })
    expect(led.answer()?.assignment).toEqual(Buffer.alloc(0))
    expect(world.sync({ memberId: other }).answer()?.assignment).toEqual(Buffer.from('half'))
    expect(world.view?.state).toBe('Stable')
  })

  it('is described with the assignments of the last stable one until it has its own', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const assignments = () => world.groups.describe(GROUP)?.members.map((member) => String(member.memberAssignment))
    const inStable = world.groups.describe(GROUP)
    expect(inStable).toMatchObject({ state: 'Stable', protocolName: 'range' })
    expect(inStable?.members[0]?.memberMetadata).toEqual(Buffer.from('as range'))
    world.join()
    expect(assignments()).toEqual([`for ${leader}`, ''])
    world.join({ memberId: leader })
    const inCompleting = world.groups.describe(GROUP)
    expect(inCompleting).toMatchObject({ state: 'CompletingRebalance', protocolName: '' })
    expect(inCompleting?.members[0]?.memberMetadata).toEqual(Buffer.alloc(0))
    expect(assignments()).toEqual([`for ${leader}`, ''])
    world.sync({ memberId: leader, generationId: 2 })
    expect(assignments()).toEqual(['', ''])
  })

  it.each([
    ['a member that is not in it', { memberId: 'x' }, ErrorCode.UNKNOWN_MEMBER_ID],
    ['another generation', { generationId: 7 }, ErrorCode.ILLEGAL_GENERATION],
    ['another protocol', { protocolName: 'other' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['another protocol type', { protocolType: 'other' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['an unknown static member', { groupInstanceId: 'i' }, ErrorCode.UNKNOWN_MEMBER_ID],
  ])('refuses the assignment to %s', (_, ask, errorCode) => {
    const world = new ClassicWorld()
    const memberId = world.join().answer()?.memberId ?? ''
    expect(world.sync({ memberId, ...ask }).answer()?.errorCode).toBe(errorCode)
  })

  it('lets heartbeats pass while the leader works the assignment out, but no commit', async () => {
    const world = new ClassicWorld()
    const memberId = world.join().answer()?.memberId ?? ''
    expect(world.heartbeat(memberId, 1)).toBe(0)
    expect(world.heartbeat(memberId, 2)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(world.heartbeat('x', 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.commit(5, { memberId, generationId: 1 })).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  it('tells who waits for an assignment that the group rebalances', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 10)
    const joins = [world.join(), world.join()]
    await world.clock.advance(1000)
    const waiting = world.sync({ memberId: joins[1]?.answer()?.memberId ?? '' })
    world.join()
    await world.settle()
    expect(waiting.answer()?.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  it('tells who waits for an assignment that it has left, or has asked again', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 10)
    const joins = [world.join(), world.join()]
    await world.clock.advance(1000)
    const memberId = joins[1]?.answer()?.memberId ?? ''
    const former = world.sync({ memberId })
    const latter = world.sync({ memberId })
    await world.settle()
    expect(former.answer()?.errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(latter.isAnswered()).toBe(false)
    world.leave(memberId)
    await world.settle()
    expect(latter.answer()?.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  it('puts out who does not ask for its assignment within the rebalance timeout', async () => {
    const world = new ClassicWorld()
    world.config.set('group.initial.rebalance.delay.ms', 10)
    const joins = [world.join({ sessionTimeoutMs: 100_000 }), world.join({ sessionTimeoutMs: 100_000 })]
    await world.clock.advance(1000)
    const [leader = '', silent = ''] = joins.map((join) => join.answer()?.memberId)
    world.sync({ memberId: leader })
    await world.clock.advance(REBALANCE_MS)
    expect(world.heartbeat(silent, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.heartbeat(leader, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  it('ends a membership at the end of its session, unless heartbeats or commits keep it', async () => {
    const world = new ClassicWorld()
    const [first = '', second = '', third = ''] = await world.stable(3)
    await world.clock.advance(SESSION_MS - 1)
    expect(world.heartbeat(first, 3)).toBe(0)
    expect(world.commit(1, { memberId: second, generationId: 3 })).toEqual([0])
    await world.clock.advance(1)
    expect(world.heartbeat(third, 3)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.heartbeat(second, 3)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  it('is followed by an empty group when the last member leaves', async () => {
    const world = new ClassicWorld()
    const [only = ''] = await world.stable(1)
    expect(world.leave('x')).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])
    expect(world.leave(only)).toEqual([0])
    expect(world.view).toMatchObject({ state: 'Empty', generationId: 2, protocolName: '', members: [] })
  })

  it('goes on at once when the one that was waited for leaves, and answers who waited itself', async () => {
    const world = new ClassicWorld()
    const [leader = '', other = ''] = await world.stable(2)
    const newcomer = world.join()
    const again = world.join({ memberId: other })
    world.leave(leader)
    await world.settle()
    expect(newcomer.answer()).toMatchObject({ errorCode: 0, generationId: 3, leader: other })
    expect(again.answer()?.members).toHaveLength(2)
    const third = world.join()
    const waiting = third
    world.leave(world.view?.members.at(-1)?.memberId ?? '')
    await world.settle()
    expect(waiting.answer()?.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

describe('static members of a classic group', () => {
  it('come back under their instance id without a rebalance; what they were is fenced', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const joined = world.join({ groupInstanceId: 'i' })
    world.join({ memberId: leader })
    await world.settle()
    const before = joined.answer()?.memberId ?? ''
    expect(before).toMatch(/^i-/)
    world.sync({ memberId: before, groupInstanceId: 'i', generationId: 2 })
    world.sync({
      memberId: leader,
      generationId: 2,
      assignments: [{ memberId: before, assignment: Buffer.from('mine') }],
    })
    const back = world.join({ groupInstanceId: 'i' }).answer()
    expect(back).toMatchObject({ errorCode: 0, generationId: 2, leader, members: [], skipAssignment: false })
    expect(back?.memberId).not.toBe(before)
    const memberId = back?.memberId ?? ''
    expect(world.view?.state).toBe('Stable')
    expect(world.sync({ memberId, groupInstanceId: 'i', generationId: 2 }).answer()?.assignment).toEqual(
      Buffer.from('mine'),
    )
    expect(world.heartbeat(before, 2, 'i')).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(world.heartbeat(memberId, 2, 'i')).toBe(0)
    expect(world.join({ memberId: before, groupInstanceId: 'i' }).answer()?.errorCode).toBe(
      ErrorCode.FENCED_INSTANCE_ID,
    )
  })

  it('that lead are told to skip the assignment, or their former id where they cannot be told', async () => {
    const world = new ClassicWorld()
    const [before = ''] = await world.stable(1, { groupInstanceId: 'i' })
    const old = world.join({ groupInstanceId: 'i' }).answer()
    expect(old).toMatchObject({ generationId: 1, leader: before, members: [], skipAssignment: false })
    const modern = world.join({ groupInstanceId: 'i', supportsSkippingAssignment: true }).answer()
    expect(modern).toMatchObject({ generationId: 1, leader: modern?.memberId, skipAssignment: true })
    expect(modern?.members).toHaveLength(1)
  })

  it('are waited for by rebalances until their session ends, and leave by their instance id', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1, { groupInstanceId: 'i' })
    const newcomer = world.join({ sessionTimeoutMs: 1_000_000 })
    for (let ms = 0; ms < REBALANCE_MS; ms += 5000) {
      world.heartbeat(leader, 1, 'i')
      await world.clock.advance(5000)
    }
    expect(newcomer.answer()).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(newcomer.answer()?.leader).not.toBe(leader)
    expect(world.view?.members).toHaveLength(2)
    expect(world.leave('', 'i')).toEqual([0])
    expect(world.leave('', 'i')).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])
    expect(world.view?.members).toHaveLength(1)
  })

  it('are out at the end of their session also when a rebalance ended their wait for an assignment', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    const joined = world.join({ groupInstanceId: 'i' })
    world.join({ memberId: leader })
    await world.settle()
    const memberId = joined.answer()?.memberId ?? ''
    world.sync({ memberId, groupInstanceId: 'i', generationId: 2 })
    world.join()
    await world.clock.advance(SESSION_MS - 1)
    expect(world.view?.members.map((member) => member.memberId)).toContain(memberId)
    await world.clock.advance(1)
    expect(world.view?.members.map((member) => member.memberId)).not.toContain(memberId)
  })

  it('keep their places while none of them joins again; the first to come goes on without the others', async () => {
    const world = new ClassicWorld()
    const ask = { sessionTimeoutMs: 1_000_000 }
    const [first = ''] = await world.stable(1, { ...ask, groupInstanceId: 'a' })
    world.join({ ...ask, groupInstanceId: 'b' })
    world.join({ ...ask, groupInstanceId: 'a', memberId: first })
    world.sync({ memberId: first, groupInstanceId: 'a', generationId: 2 })
    const newcomer = world.join()
    await world.settle()
    world.leave(world.view?.members.at(-1)?.memberId ?? '')
    await world.clock.advance(REBALANCE_MS)
    expect(newcomer.answer()?.errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.view).toMatchObject({ state: 'PreparingRebalance', generationId: 2 })
    const again = world.join({ ...ask, groupInstanceId: 'a', memberId: first })
    await world.clock.advance(REBALANCE_MS)
    expect(again.answer()).toMatchObject({ errorCode: 0, generationId: 3, leader: first })
    expect(again.answer()?.members).toHaveLength(2)
  })

  it('that come back before they asked for their assignment may ask for it under their new id', async () => {
    const world = new ClassicWorld()
    const [leader = ''] = await world.stable(1)
    world.join({ groupInstanceId: 'i' })
    world.join({ memberId: leader })
    world.sync({ memberId: leader, generationId: 2 })
    const memberId = world.join({ groupInstanceId: 'i' }).answer()?.memberId ?? ''
    world.sync({ memberId, groupInstanceId: 'i', generationId: 2 })
    for (let ms = 0; ms <= REBALANCE_MS; ms += 5000) {
      expect(world.heartbeat(leader, 2)).toBe(0)
      expect(world.heartbeat(memberId, 2, 'i')).toBe(0)
      await world.clock.advance(5000)
    }
  })

  it('whose requests wait are told that another took their place', async () => {
    const world = new ClassicWorld()
    await world.stable(1)
    const former = world.join({ groupInstanceId: 'i' })
    world.join({ groupInstanceId: 'i' })
    await world.settle()
    expect(former.answer()?.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(world.view?.members).toHaveLength(2)
  })
})

describe('committed offsets', () => {
  it('are kept without members, and of members of the running generation only', async () => {
    const world = new ClassicWorld()
    expect(world.commit(3)).toEqual([0])
    expect(world.committed()).toBe(3)
    expect(world.groups.list()).toEqual([{ groupId: GROUP, protocolType: '', state: 'Empty' }])
    const [memberId = ''] = await world.stable(1)
    expect(world.commit(4)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.commit(4, { memberId, generationId: 9 })).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(world.commit(4, { memberId: 'x', generationId: 1 })).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(world.committed()).toBe(3)
    expect(world.commit(4, { memberId, generationId: 1 })).toEqual([0])
    expect(world.committed()).toBe(4)
  })

  it('of a generation of a group that does not exist are refused as the version wants it', () => {
    const world = new ClassicWorld()
    expect(world.commit(4, { memberId: 'x', generationId: 1 })).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    expect(world.groups.list()).toEqual([])
  })

  it('with more metadata than offset.metadata.max.bytes are refused for themselves', () => {
    const world = new ClassicWorld()
    const offset = (partition: number, metadata: string) => ({
      topic: 'orders',
      partition,
      offset: 1,
      leaderEpoch: -1,
      metadata,
    })
    const errors = world.groups.commit(GROUP, {
      claim: { memberId: '', generationId: -1, groupInstanceId: null },
      offsets: [offset(0, 'x'.repeat(4097)), offset(1, 'ä'.repeat(4096))],
      unknownGroupError: 69,
    })
    expect(errors).toEqual([ErrorCode.OFFSET_METADATA_TOO_LARGE, 0])
    expect([world.committed(0), world.committed(1)]).toEqual([undefined, 1])
  })

  it('of a transaction count when it commits, and are unstable until then', () => {
    const world = new ClassicWorld()
    world.commit(1)
    const later = (producerId: number, offset: number) =>
      world.groups.commitLater(GROUP, {
        claim: { memberId: '', generationId: -1, groupInstanceId: null },
        offsets: [{ topic: 'orders', partition: 0, offset, leaderEpoch: -1, metadata: '' }],
        producerId,
      })
    later(7, 5)
    later(8, 6)
    expect(world.groups.committed(GROUP, { topic: 'orders', partition: 0 })).toMatchObject({
      committed: { offset: 1 },
      isUnstable: true,
    })
    world.groups.endTransaction(7, true)
    expect(world.committed()).toBe(5)
    world.groups.endTransaction(8, false)
    expect(world.groups.committed(GROUP, { topic: 'orders', partition: 0 })).toMatchObject({
      committed: { offset: 5 },
      isUnstable: false,
    })
  })

  it('go with their topic and with their group', () => {
    const world = new ClassicWorld()
    world.commit(1)
    world.groups.topicDeleted('orders')
    expect(world.groups.allCommitted(GROUP)).toEqual([])
    world.commit(2)
    expect(world.groups.delete(GROUP)).toBe(0)
    expect(world.groups.has(GROUP)).toBe(false)
    expect(world.committed()).toBeUndefined()
    expect(world.groups.delete(GROUP)).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })

  it('of topics that a member subscribes to are not deleted', async () => {
    const world = new ClassicWorld()
    const at = { topic: 'orders', partition: 0 }
    expect(world.groups.deleteOffsetsError(GROUP)).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    world.commit(1)
    await world.stable(1, { protocols: [{ name: 'range', metadata: subscription('payments', 'orders') }] })
    expect(world.groups.deleteOffsetsError(GROUP)).toBe(0)
    expect(world.groups.deleteOffset(GROUP, at)).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
    expect(world.view?.members[0]?.subscribedTopics).toEqual(['payments', 'orders'])
    expect(world.groups.delete(GROUP)).toBe(ErrorCode.NON_EMPTY_GROUP)
    world.leave(world.view?.members[0]?.memberId ?? '')
    expect(world.groups.deleteOffset(GROUP, at)).toBe(0)
    expect(world.committed()).toBeUndefined()
  })

  it('of a group whose members are no consumers are not deleted while it has members', async () => {
    const world = new ClassicWorld()
    await world.stable(1, { protocolType: 'connect' })
    expect(world.groups.deleteOffsetsError(GROUP)).toBe(ErrorCode.NON_EMPTY_GROUP)
  })
})

it('a group without members is forgotten within minutes, unless it has offsets or somebody is about to join', async () => {
  const world = new ClassicWorld()
  const [only = ''] = await world.stable(1)
  await world.clock.advance(1)
  world.leave(only)
  world.join({ requiresKnownMemberId: true, sessionTimeoutMs: 900_000 })
  await world.clock.advance(600_000)
  expect(world.groups.has(GROUP)).toBe(true)
  await world.clock.advance(600_000)
  expect(world.groups.has(GROUP)).toBe(false)
  expect(world.clock.pendingTimers).toBe(0)
  world.commit(1)
  await world.clock.advance(1_200_000)
  expect(world.committed()).toBe(1)
})

it('close() leaves no timers behind', async () => {
  const world = new ClassicWorld()
  await world.stable(3)
  world.join({ requiresKnownMemberId: true })
  world.join()
  expect(world.clock.pendingTimers).toBeGreaterThan(0)
  world.groups.close()
  expect(world.clock.pendingTimers).toBe(0)
})

it('ten thousand groups are the most: the oldest without members makes room, and without such the newcomer is refused', () => {
  const world = new ClassicWorld()
  for (let i = 0; i < 10_000; i++) world.join({}, undefined, `g${i}`)
  expect(world.join({}, undefined, 'late').answer()?.errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  expect(world.commit(1)).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  const memberId = world.groups.inspect().find(({ groupId }) => groupId === 'g5')?.members[0]?.memberId ?? ''
  world.groups.leave('g5', [{ memberId, groupInstanceId: null }])
  expect(world.commit(1)).toEqual([0])
  expect([world.committed(), world.groups.has('g5'), world.groups.list().length]).toEqual([1, false, 10_000])
})
