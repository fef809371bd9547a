import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import {
  AlterShareGroupOffsets,
  DeleteGroups,
  DeleteShareGroupOffsets,
  DescribeShareGroupOffsets,
  ErrorCode,
  FindCoordinator,
  ListGroups,
  OffsetCommit,
  SaslAuthenticate,
  SaslHandshake,
  ShareGroupDescribe,
  ShareGroupHeartbeat,
  ZERO_UUID,
} from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { RawClient } from '../raw-client.js'

const running: EmbeddedBroker[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

type Asked = readonly { readonly topicName: string; readonly partitions: number[] }[] | null

/** A broker with topics `t` of 2 partitions and `u` of 1, and what a client asks of its share groups. */
async function start(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const clock = new VirtualClock()
  const broker = await EmbeddedBroker.start({ network: 'memory', clock, topics: ['t:2', 'u:1'], ...options })
  running.push(broker)
  const client = await RawClient.connect(broker, { clientId: 'app' })
  const heartbeat = async (memberId: string, memberEpoch: number, topics: string[] | null = null, groupId = 'g') => {
    const answer = await client.send(ShareGroupHeartbeat, 1, {
      groupId,
      memberId,
      memberEpoch,
      rackId: null,
      subscribedTopicNames: topics,
    })
    return {
      ...answer,
      assignment: answer.assignment?.topicPartitions.map(({ partitions }) => partitions.join()) ?? null,
    }
  }
  const describeGroup = async (groupId: string) => {
    const request = { groupIds: [groupId], includeAuthorizedOperations: true }
    return (await client.send(ShareGroupDescribe, 1, request)).groups[0]
  }
  const offsets = async (topics: Asked, version = 1) => {
    const request = { groups: [{ groupId: 'g', topics: topics === null ? null : [...topics] }] }
    return (await client.send(DescribeShareGroupOffsets, version, request)).groups[0]
  }
  const alter = (topicName: string, startOffset: number, groupId = 'g') =>
    client.send(AlterShareGroupOffsets, 0, {
      groupId,
      topics: [{ topicName, partitions: [{ partitionIndex: 0, startOffset }] }],
    })
  const deleteOffsets = (topicNames: string[], groupId = 'g') =>
    client.send(DeleteShareGroupOffsets, 0, { groupId, topics: topicNames.map((topicName) => ({ topicName })) })
  return { broker, clock, client, heartbeat, describeGroup, offsets, alter, deleteOffsets }
}

const nobodySharing = { features: { 'share.version': 0 } }

/** Everybody may do everything with groups and topics, but this one thing. */
function denying(
  operation: 'Read' | 'Describe' | 'Delete',
  resourceType: 'Group' | 'Topic',
  name: string,
  principal = 'User:*',
) {
  const all = { principal: 'User:*', operation: 'All', name: '*', permission: 'allow' } as const
  const rules = [
    { ...all, resourceType: 'Group' },
    { ...all, resourceType: 'Topic' },
    { principal, operation, resourceType, name, permission: 'deny' },
  ] as const
  return { security: { authorization: { rules } } }
}

describe('ShareGroupHeartbeat', () => {
  it('joins, is assigned, and leaves', async () => {
    const { heartbeat, clock, describeGroup, broker } = await start()
    const told = { throttleTimeMs: 0, errorCode: 0, errorMessage: null, memberId: 'm', heartbeatIntervalMs: 5000 }
    expect(await heartbeat('m', 0, ['t', 'u'])).toEqual({ ...told, memberEpoch: 2, assignment: [] })
    await clock.advance(1000)
    expect(await heartbeat('m', 2)).toEqual({ ...told, memberEpoch: 3, assignment: ['0,1', '0'] })
    expect(await heartbeat('m', 3)).toEqual({ ...told, memberEpoch: 3, assignment: null })
    const view = { groupId: 'g', state: 'Stable', epoch: 3, members: [{ assignment: ['t-0', 't-1', 'u-0'] }] }
    expect(broker.inspect().shareGroups).toMatchObject([view])
    const left = { memberEpoch: -1, heartbeatIntervalMs: 0, assignment: null }
    expect(await heartbeat('m', -1)).toEqual({ ...told, ...left })
    expect(await describeGroup('g')).toMatchObject({ groupState: 'Empty', groupEpoch: 4, members: [] })
  })

  it('follows the settings of the group', async () => {
    const { heartbeat, broker, clock } = await start({
      serverProperties: {
        'group.share.min.session.timeout.ms': '2000',
        'group.share.min.heartbeat.interval.ms': '1000',
      },
    })
    broker.setGroupConfig('g', {
      'share.assignment.interval.ms': '0',
      'share.heartbeat.interval.ms': '1000',
      'share.session.timeout.ms': '2000',
    })
    expect(await heartbeat('m', 0, ['u'])).toMatchObject({ memberEpoch: 2, heartbeatIntervalMs: 1000 })
    await clock.advance(100)
    expect(await heartbeat('m', 2)).toMatchObject({ memberEpoch: 3, assignment: ['0'] })
    await clock.advance(2000)
    expect(await heartbeat('m', 3)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  })

  it('answers nothing but the error when it refuses', async () => {
    const { heartbeat } = await start()
    const nothing = { throttleTimeMs: 0, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null }
    expect(await heartbeat('m', 4)).toEqual({
      ...nothing,
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: 'Share group g not found.',
    })
    expect(await heartbeat('m', 0, ['t'], '')).toEqual({
      ...nothing,
      errorCode: ErrorCode.INVALID_REQUEST,
      errorMessage: "GroupId can't be empty.",
    })
    expect(await heartbeat('', 0, ['t'])).toEqual({
      ...nothing,
      errorCode: ErrorCode.INVALID_REQUEST,
      errorMessage: null,
    })
  })

  it('needs Read of the group and Describe of every topic it names', async () => {
    const refused = { errorMessage: null, memberId: null }
    const group = await start(denying('Read', 'Group', 'g'))
    expect(await group.heartbeat('m', 0, ['t'])).toMatchObject({
      ...refused,
      errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    })
    expect(await group.heartbeat('m', 0, ['t'], 'other')).toMatchObject({ errorCode: 0 })
    const topic = await start(denying('Describe', 'Topic', 'u'))
    expect(await topic.heartbeat('m', 0, ['t', 'u'])).toMatchObject({
      ...refused,
      errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    })
    expect(await topic.heartbeat('m', 0, ['t'])).toMatchObject({ errorCode: 0 })
  })

  it('and all that is asked of share groups is unsupported while share.version is 0', async () => {
    const { heartbeat, describeGroup, offsets, alter, deleteOffsets } = await start(nobodySharing)
    const errorCode = ErrorCode.UNSUPPORTED_VERSION
    expect(await heartbeat('m', 0, ['t'])).toMatchObject({ errorCode, memberId: null })
    expect(await describeGroup('g')).toMatchObject({ errorCode, groupId: 'g' })
    expect(await offsets(null)).toMatchObject({ errorCode, topics: [] })
    expect(await alter('t', 0)).toMatchObject({ errorCode, responses: [] })
    expect(await deleteOffsets(['t'])).toMatchObject({ errorCode, responses: [] })
  })

  it('is answered by the coordinator of the group alone', async () => {
    const { broker, client } = await start({ brokers: 3 })
    const found = await client.send(FindCoordinator, 6, { keyType: 0, coordinatorKeys: ['g'] })
    const coordinator = found.coordinators[0]?.nodeId ?? -1
    for (const nodeId of [1, 2, 3]) {
      const asked = await RawClient.connect(broker, { nodeId })
      const errorCode = nodeId === coordinator ? 0 : ErrorCode.NOT_COORDINATOR
      const answer = await asked.send(ShareGroupHeartbeat, 1, {
        groupId: 'g',
        memberId: 'm',
        memberEpoch: 0,
        rackId: null,
        subscribedTopicNames: ['t'],
      })
      expect(answer).toMatchObject({ errorCode })
      const altered = await asked.send(AlterShareGroupOffsets, 0, { groupId: 'g', topics: [] })
      expect(altered.errorCode).toBe(nodeId === coordinator ? ErrorCode.NON_EMPTY_GROUP : errorCode)
    }
  })

  it('goes on with the same members at another coordinator when the broker dies', async () => {
    const { broker, client, clock } = await start({ brokers: 2 })
    const coordinators = async (asked: RawClient) =>
      (await asked.send(FindCoordinator, 6, { keyType: 0, coordinatorKeys: ['g'] })).coordinators[0]?.nodeId ?? -1
    const first = await coordinators(client)
    const body = { groupId: 'g', memberId: 'm', rackId: null }
    const before = await RawClient.connect(broker, { nodeId: first })
    await before.send(ShareGroupHeartbeat, 1, { ...body, memberEpoch: 0, subscribedTopicNames: ['t'] })
    await clock.advance(1000)
    await broker.kill(first)
    const second = 3 - first
    const after = await RawClient.connect(broker, { nodeId: second })
    expect(await coordinators(after)).toBe(second)
    const answer = await after.send(ShareGroupHeartbeat, 1, { ...body, memberEpoch: 2, subscribedTopicNames: null })
    expect(answer).toMatchObject({ errorCode: 0, memberEpoch: 3 })
  })
})

describe('ShareGroupDescribe', () => {
  it('tells state, epochs, members and what may be done', async () => {
    const { heartbeat, clock, describeGroup } = await start()
    await heartbeat('m', 0, ['u', 'missing'])
    await clock.advance(1000)
    await heartbeat('m', 2)
    expect(await describeGroup('g')).toEqual({
      errorCode: 0,
      errorMessage: null,
      groupId: 'g',
      groupState: 'Stable',
      groupEpoch: 3,
      assignmentEpoch: 3,
      assignorName: 'simple',
      members: [
        {
          memberId: 'm',
          rackId: null,
          memberEpoch: 3,
          clientId: 'app',
          clientHost: expect.stringMatching(/^\//) as string,
          subscribedTopicNames: ['missing', 'u'],
          assignment: {
            topicPartitions: [{ topicId: expect.any(String) as string, topicName: 'u', partitions: [0] }],
          },
        },
      ],
      // Read, Delete, Describe, DescribeConfigs, AlterConfigs.
      authorizedOperations: 3400,
    })
  })

  it('answers for each group on its own', async () => {
    const { client, heartbeat } = await start()
    await heartbeat('m', 0, ['t'])
    const request = { groupIds: ['g', 'nope', '', 'g'], includeAuthorizedOperations: false }
    const { groups } = await client.send(ShareGroupDescribe, 1, request)
    expect(groups.map(({ groupId, errorCode, errorMessage }) => [groupId, errorCode, errorMessage])).toEqual([
      ['g', 0, null],
      ['nope', ErrorCode.GROUP_ID_NOT_FOUND, 'Group nope not found.'],
      ['', ErrorCode.INVALID_GROUP_ID, null],
      ['g', 0, null],
    ])
    expect(groups[0]?.authorizedOperations).toBe(-2147483648)
  })

  it('needs Describe of the group and of all topics that its members have', async () => {
    const group = await start(denying('Describe', 'Group', 'g'))
    expect(await group.describeGroup('g')).toMatchObject({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED })
    const users = [
      { name: 'alice', password: 'a' },
      { name: 'bob', password: 'b' },
    ]
    const { authorization } = denying('Describe', 'Topic', 'u', 'User:bob').security
    const { broker } = await start({ security: { sasl: { users }, authorization } })
    const answers = await Promise.all(
      users.map(async ({ name, password }) => {
        const client = await RawClient.connect(broker)
        await client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
        await client.send(SaslAuthenticate, 2, { authBytes: Buffer.from(`\0${name}\0${password}`) })
        const join = { memberId: name, memberEpoch: 0, rackId: null, groupId: 'g' }
        await client.send(ShareGroupHeartbeat, 1, { ...join, subscribedTopicNames: [name === 'alice' ? 'u' : 't'] })
        const request = { groupIds: ['g'], includeAuthorizedOperations: false }
        return (await client.send(ShareGroupDescribe, 1, request)).groups[0]
      }),
    )
    expect(answers).toMatchObject([
      { errorCode: 0, groupState: 'Stable' },
      {
        errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        errorMessage: 'The group has described topic(s) that the client is not authorized to describe.',
        members: [],
      },
    ])
  })
})

describe('Share groups among all groups', () => {
  it('are listed, deleted when empty, and their ids are not for others', async () => {
    const { client, heartbeat, describeGroup } = await start()
    await heartbeat('m', 0, ['t'])
    const list = async () => (await client.send(ListGroups, 5, { statesFilter: [], typesFilter: ['share'] })).groups
    expect(await list()).toMatchObject([{ groupId: 'g', groupState: 'Stable', groupType: 'share' }])
    const remove = async () => (await client.send(DeleteGroups, 2, { groupsNames: ['g'] })).results[0]?.errorCode
    expect(await remove()).toBe(ErrorCode.NON_EMPTY_GROUP)
    await heartbeat('m', -1)
    expect(await remove()).toBe(0)
    expect(await list()).toEqual([])
    expect(await remove()).toBe(ErrorCode.GROUP_ID_NOT_FOUND)

    await client.send(OffsetCommit, 9, {
      groupId: 'classic',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      topics: [
        {
          name: 't',
          partitions: [{ partitionIndex: 0, committedOffset: 0, committedLeaderEpoch: -1, committedMetadata: '' }],
        },
      ],
    })
    const notShare = 'Group classic is not a share group.'
    const refused = { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: notShare }
    expect(await heartbeat('m', 0, ['t'], 'classic')).toMatchObject(refused)
    expect(await describeGroup('classic')).toMatchObject(refused)
  })
})

describe('DescribeShareGroupOffsets', () => {
  const position = { leaderEpoch: 0, errorCode: 0, errorMessage: null }

  it('tells start and lag, and -1 where nothing is known, which is no error', async () => {
    const { broker, alter, offsets } = await start()
    broker.append('t', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    await alter('t', 1)
    const all = await offsets(null)
    const topicId = all?.topics[0]?.topicId
    const known = { partitionIndex: 0, startOffset: 1, lag: 2, ...position }
    expect(all).toEqual({
      groupId: 'g',
      topics: [{ topicName: 't', topicId, partitions: [known] }],
      errorCode: 0,
      errorMessage: null,
    })
    const unknown = { startOffset: -1, lag: -1, ...position }
    const asked = [
      { topicName: 't', partitions: [1, 0] },
      { topicName: 'nope', partitions: [7] },
    ]
    expect((await offsets(asked))?.topics).toEqual([
      { topicName: 't', topicId, partitions: [{ partitionIndex: 1, ...unknown }, known] },
      { topicName: 'nope', topicId: ZERO_UUID, partitions: [{ partitionIndex: 7, ...unknown }] },
    ])
    expect((await offsets(null, 0))?.topics[0]?.partitions).toEqual([{ ...known, lag: -1 }])
  })

  it('takes half a minute when a partition of a known topic does not exist', async () => {
    const { offsets, clock } = await start()
    let answer: unknown
    const asked = offsets([{ topicName: 't', partitions: [0, 9] }]).then((told) => {
      answer = told
    })
    await clock.advance(29_999)
    expect(answer).toBeUndefined()
    await clock.advance(1)
    await asked
    expect(answer).toMatchObject({ errorCode: 0, topics: [{ partitions: [{ startOffset: -1 }, { startOffset: -1 }] }] })
  })

  it('waits for nobody whose connection is gone', async () => {
    const { client, clock, offsets } = await start()
    const before = clock.pendingTimers
    const asked = expect(offsets([{ topicName: 't', partitions: [9] }])).rejects.toThrow('closed')
    await clock.advance(10)
    expect(clock.pendingTimers).toBeGreaterThan(before)
    client.cut()
    await asked
    await clock.advance(10)
    expect(clock.pendingTimers).toBe(before)
  })

  it('needs Describe of the group; topics not allowed are refused by name and left out of all', async () => {
    const group = await start(denying('Describe', 'Group', 'g'))
    expect(await group.offsets([{ topicName: 't', partitions: [9] }])).toEqual({
      groupId: 'g',
      topics: [],
      errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED,
      errorMessage: 'Group authorization failed.',
    })
    const topic = await start(denying('Describe', 'Topic', 'u'))
    await topic.alter('t', 0)
    await topic.alter('u', 0)
    expect((await topic.offsets(null))?.topics.map(({ topicName }) => topicName)).toEqual(['t'])
    const named = await topic.offsets([{ topicName: 'u', partitions: [0] }])
    expect(named?.topics).toMatchObject([
      { topicName: 'u', partitions: [{ partitionIndex: 0, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }] },
    ])
  })
})

describe('AlterShareGroupOffsets and DeleteShareGroupOffsets', () => {
  it('change a group without members, and name what they do not know', async () => {
    const { alter, deleteOffsets, heartbeat } = await start()
    expect(await alter('nope', 0)).toMatchObject({
      errorCode: 0,
      responses: [{ topicName: 'nope', topicId: ZERO_UUID, partitions: [{ errorCode: 3 }] }],
    })
    expect(await deleteOffsets(['t'])).toMatchObject({
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage: 'Group g not found.',
    })
    expect(await alter('t', 3)).toMatchObject({ errorCode: 0, responses: [{ partitions: [{ errorCode: 0 }] }] })
    expect(await heartbeat('m', 0, ['t'])).toMatchObject({ memberEpoch: 2, assignment: ['0'] })
    const nonEmpty = { errorCode: ErrorCode.NON_EMPTY_GROUP, errorMessage: 'The group is not empty.', responses: [] }
    expect(await alter('t', 3)).toMatchObject(nonEmpty)
    expect(await deleteOffsets(['t'])).toMatchObject(nonEmpty)
    await heartbeat('m', -1)
    expect(await deleteOffsets(['t', 'u', 'nope'])).toMatchObject({
      errorCode: 0,
      responses: [
        { topicName: 't', errorCode: 0 },
        { topicName: 'u', errorCode: 3, errorMessage: 'There is no offset information to delete.' },
        { topicName: 'nope', errorCode: 3, errorMessage: 'This server does not host this topic-partition.' },
      ],
    })
  })

  it('need Read or Delete of the group, and Read of the topics', async () => {
    const read = await start(denying('Read', 'Group', 'g'))
    expect(await read.alter('t', 0)).toMatchObject({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, responses: [] })
    const remove = await start(denying('Delete', 'Group', 'g'))
    expect(await remove.alter('t', 0)).toMatchObject({ errorCode: 0 })
    expect(await remove.deleteOffsets(['t'])).toMatchObject({ errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED })
    const topic = await start(denying('Read', 'Topic', 'u'))
    const refused = { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Topic authorization failed.' }
    expect(await topic.alter('u', 0)).toMatchObject({
      errorCode: 0,
      responses: [{ topicName: 'u', partitions: [{ partitionIndex: 0, ...refused }] }],
    })
    await topic.alter('t', 0)
    expect((await topic.deleteOffsets(['u', 't'])).responses).toMatchObject([
      { topicName: 'u', ...refused },
      { topicName: 't', errorCode: 0 },
    ])
  })
})
