import {
  AddOffsetsToTxn,
  DeleteGroups,
  DescribeGroups,
  EndTxn,
  ErrorCode,
  FindCoordinator,
  Heartbeat,
  InitProducerId,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  ShareGroupHeartbeat,
  SyncGroup,
  TxnOffsetCommit,
  ZERO_UUID,
  type RequestInput,
} from '@milena/protocol'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import type { AclRule } from '../../src/security/acl-rule.js'
import { RawClient } from '../raw-client.js'

const running: EmbeddedBroker[] = []

async function world(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const clock = new VirtualClock()
  const broker = await EmbeddedBroker.start({ network: 'memory', topics: ['orders:2'], clock, ...options })
  running.push(broker)
  const client = await RawClient.connect(broker, { clientId: 'me' })
  const topicId = broker.inspect().topics.find(({ name }) => name === 'orders')?.id ?? ''
  return { broker, client, clock, topicId }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

const joinRequest = (more: Partial<RequestInput<typeof JoinGroup>> = {}): RequestInput<typeof JoinGroup> => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('mine') }],
  ...more,
})

const commitRequest = (offset: number, partition = 0, groupId = 'g'): RequestInput<typeof OffsetCommit> => ({
  groupId,
  memberId: '',
  topics: [
    { name: 'orders', partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: 'm' }] },
  ],
})

async function fetched(client: RawClient, groupId = 'g', requireStable = false) {
  const topics = [{ name: 'orders', partitionIndexes: [0, 1] }]
  const answer = await client.send(OffsetFetch, 9, { groups: [{ groupId, topics }], requireStable })
  return answer.groups[0]?.topics[0]?.partitions.map(({ committedOffset, errorCode }) =>
    errorCode === 0 ? committedOffset : { errorCode },
  )
}

describe('FindCoordinator', () => {
  it('names one live broker for each group, the same from all brokers, and another one when that dies', async () => {
    const { broker, client } = await world({ brokers: 3 })
    const keys = Array.from({ length: 30 }, (_, i) => `group-${i}`)
    const ask = async (from: RawClient) =>
      (await from.send(FindCoordinator, 4, { keyType: 0, coordinatorKeys: keys })).coordinators
    const found = await ask(client)
    expect(found.map(({ key }) => key)).toEqual(keys)
    expect(new Set(found.map(({ nodeId }) => nodeId))).toEqual(new Set([1, 2, 3]))
    expect(await ask(await RawClient.connect(broker, { nodeId: 2 }))).toEqual(found)
    await broker.kill(3)
    const then = await ask(client)
    expect(then.every(({ nodeId, errorCode }) => nodeId !== 3 && errorCode === 0)).toBe(true)
    const stayed = found.filter(({ nodeId }) => nodeId !== 3)
    expect(then.filter(({ key }) => stayed.some((each) => each.key === key))).toEqual(stayed)
  })

  it('answers in the form of each version', async () => {
    const { client } = await world()
    const one = await client.send(FindCoordinator, 0, { key: 'g' })
    expect(one).toMatchObject({ errorCode: 0, nodeId: 1, host: 'broker-1', port: 9092, coordinators: [] })
    expect(await client.send(FindCoordinator, 3, { key: 't', keyType: 1 })).toMatchObject({ nodeId: 1 })
  })

  it('refuses key types that there are not, and share partitions in wrong forms and old versions', async () => {
    const { client } = await world()
    expect(await client.send(FindCoordinator, 3, { key: 'g', keyType: 7 })).toMatchObject({
      errorCode: ErrorCode.INVALID_REQUEST,
      nodeId: -1,
      port: -1,
    })
    const coordinatorKeys = ['x', 'g:AAAAAAAAAAAAAAAAAAAAAQ:0']
    const codes = async (version: number) =>
      (await client.send(FindCoordinator, version, { keyType: 2, coordinatorKeys })).coordinators.map(
        ({ errorCode }) => errorCode,
      )
    expect(await codes(6)).toEqual([ErrorCode.INVALID_REQUEST, 0])
    expect(await codes(5)).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST])
  })
})

describe('the requests of a consumer', () => {
  it.each([0, 2, 3, 5, 6, 8, 9])(
    'JoinGroup %i, SyncGroup, Heartbeat, LeaveGroup lead through a life',
    async (version) => {
      const { client } = await world()
      let joined = await client.send(JoinGroup, version, joinRequest())
      if (version >= 4) {
        expect(joined).toMatchObject({ errorCode: ErrorCode.MEMBER_ID_REQUIRED })
        joined = await client.send(JoinGroup, version, joinRequest({ memberId: joined.memberId }))
      }
      const { memberId, generationId } = joined
      expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: memberId })
      expect(joined.protocolType).toBe(version >= 7 ? 'consumer' : null)
      expect(memberId).toMatch(/^me-/)
      const synced = await client.send(SyncGroup, Math.min(version, 5), {
        groupId: 'g',
        memberId,
        generationId,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: [{ memberId, assignment: Buffer.from('all of it') }],
      })
      expect(String(synced.assignment)).toBe('all of it')
      const beat = { groupId: 'g', memberId, generationId }
      expect(await client.send(Heartbeat, Math.min(version, 4), beat)).toMatchObject({ errorCode: 0 })
      const leaveVersion = Math.min(version, 5)
      const left = await client.send(
        LeaveGroup,
        leaveVersion,
        leaveVersion < 3 ? { groupId: 'g', memberId } : { groupId: 'g', members: [{ memberId }] },
      )
      expect(left).toMatchObject({ errorCode: 0, members: leaveVersion < 3 ? [] : [{ memberId, errorCode: 0 }] })
      expect(await client.send(Heartbeat, 1, beat)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
    },
  )

  it('SyncGroup wants protocol type and name since version 5', async () => {
    const { client } = await world()
    const { memberId } = await client.send(JoinGroup, 3, joinRequest())
    const request = { groupId: 'g', memberId, generationId: 1, assignments: [] }
    expect((await client.send(SyncGroup, 5, request)).errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect((await client.send(SyncGroup, 4, request)).errorCode).toBe(0)
  })

  it('LeaveGroup up to version 2 tells the error of its one member', async () => {
    const { client } = await world()
    expect(await client.send(LeaveGroup, 1, { groupId: 'g', memberId: 'x' })).toMatchObject({
      errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
    })
    expect(await client.send(LeaveGroup, 4, { groupId: 'g', members: [{ memberId: 'x' }] })).toMatchObject({
      errorCode: 0,
      members: [{ memberId: 'x', errorCode: ErrorCode.UNKNOWN_MEMBER_ID }],
    })
  })

  it('JoinGroup of version 0 waits for a rebalance no longer than for a session', async () => {
    const { client, broker, clock } = await world()
    const first = await client.send(JoinGroup, 0, joinRequest())
    await client.send(SyncGroup, 0, { groupId: 'g', memberId: first.memberId, generationId: 1, assignments: [] })
    const other = await RawClient.connect(broker)
    const second = other.send(JoinGroup, 0, joinRequest())
    await clock.advance(10_000)
    expect(await second).toMatchObject({ errorCode: 0, generationId: 2 })
  })

  it('are refused by brokers that do not coordinate the group', async () => {
    const { broker, client } = await world({ brokers: 2 })
    const { coordinators } = await client.send(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] })
    const other = await RawClient.connect(broker, { nodeId: coordinators[0]?.nodeId === 1 ? 2 : 1 })
    const errorCode = ErrorCode.NOT_COORDINATOR
    expect(await other.send(JoinGroup, 5, joinRequest())).toMatchObject({ errorCode })
    expect(await other.send(Heartbeat, 3, { groupId: 'g', memberId: 'x', generationId: 1 })).toMatchObject({
      errorCode,
    })
    expect(await other.send(DeleteGroups, 2, { groupsNames: ['g'] })).toMatchObject({ results: [{ errorCode }] })
    expect(await fetched(other)).toBeUndefined()
    const committed = await other.send(OffsetCommit, 8, commitRequest(1))
    expect(committed.topics[0]?.partitions[0]?.errorCode).toBe(errorCode)
    expect((await other.send(ListGroups, 4, {})).groups).toEqual([])
  })
})

describe('committed offsets', () => {
  it('are kept by topic name or id, and read back in every version', async () => {
    const { client, topicId } = await world()
    expect((await client.send(OffsetCommit, 8, commitRequest(5))).topics).toEqual([
      { name: 'orders', topicId: ZERO_UUID, partitions: [{ partitionIndex: 0, errorCode: 0 }] },
    ])
    const byId = await client.send(OffsetCommit, 10, {
      groupId: 'g',
      memberId: '',
      topics: [
        {
          topicId,
          partitions: [{ partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 3, committedMetadata: null }],
        },
        { topicId: ZERO_UUID, partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: null }] },
      ],
    })
    expect(byId.topics.map(({ partitions }) => partitions[0]?.errorCode)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_ID])
    const expected = [
      { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, metadata: 'm', errorCode: 0 },
      { partitionIndex: 1, committedOffset: 7, committedLeaderEpoch: 3, metadata: '', errorCode: 0 },
      { partitionIndex: 2, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
    ]
    const topics = [{ name: 'orders', partitionIndexes: [0, 1, 2] }]
    expect((await client.send(OffsetFetch, 5, { groupId: 'g', topics })).topics[0]?.partitions).toEqual(expected)
    expect((await client.send(OffsetFetch, 2, { groupId: 'g', topics: null })).topics[0]?.partitions).toHaveLength(2)
    const grouped = await client.send(OffsetFetch, 10, {
      groups: [
        {
          groupId: 'g',
          topics: [
            { topicId, partitionIndexes: [0, 1, 2] },
            { topicId: ZERO_UUID, partitionIndexes: [0] },
          ],
        },
        { groupId: 'g', topics: null },
        { groupId: 'nobody', topics: null },
      ],
    })
    expect(grouped.groups[0]?.topics.map(({ partitions }) => partitions)).toEqual([
      expected,
      [{ ...expected[2], partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }],
    ])
    expect(grouped.groups[1]?.topics).toMatchObject([{ topicId, partitions: expected.slice(0, 2) }])
    expect(grouped.groups[2]).toEqual({ groupId: 'nobody', topics: [], errorCode: 0 })
  })

  it('of partitions that there are not are refused for themselves', async () => {
    const { client } = await world()
    const answer = await client.send(OffsetCommit, 8, {
      groupId: 'g',
      memberId: '',
      topics: ['orders', 'nope'].map((name) => ({
        name,
        partitions: [0, 2, -1].map((partitionIndex) => ({ partitionIndex, committedOffset: 1, committedMetadata: '' })),
      })),
    })
    expect(answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
      [0, 3, 3],
      [3, 3, 3],
    ])
  })

  it('of a member of no group are refused as each version knows it', async () => {
    const { client } = await world()
    const request = { ...commitRequest(1), memberId: 'x', generationIdOrMemberEpoch: 3 }
    const code = async (version: number) =>
      (await client.send(OffsetCommit, version, request)).topics[0]?.partitions[0]?.errorCode
    expect([await code(8), await code(9)]).toEqual([ErrorCode.ILLEGAL_GENERATION, ErrorCode.GROUP_ID_NOT_FOUND])
  })

  it('are deleted with OffsetDelete, with their group, and with their topic', async () => {
    const { client } = await world()
    const forget = (groupId: string, name = 'orders') =>
      client.send(OffsetDelete, 0, { groupId, topics: [{ name, partitions: [{ partitionIndex: 0 }] }] })
    expect((await forget('g')).errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    await client.send(OffsetCommit, 8, commitRequest(5))
    expect((await forget('g', 'nope')).topics[0]?.partitions[0]?.errorCode).toBe(3)
    expect((await forget('g')).topics[0]?.partitions[0]?.errorCode).toBe(0)
    expect(await fetched(client)).toEqual([-1, -1])
    await client.send(OffsetCommit, 8, commitRequest(5))
    const deleted = await client.send(DeleteGroups, 2, { groupsNames: ['g', 'nope', 'g'] })
    expect(deleted.results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['g', 0],
      ['nope', ErrorCode.GROUP_ID_NOT_FOUND],
    ])
    expect(await fetched(client)).toEqual([-1, -1])
  })
})

describe('TxnOffsetCommit', () => {
  async function producing() {
    const made = await world()
    const { producerId, producerEpoch } = await made.client.send(InitProducerId, 4, {
      transactionalId: 't',
      transactionTimeoutMs: 60_000,
    })
    const producer = { transactionalId: 't', producerId, producerEpoch }
    const commit = async (version: number, more: Partial<RequestInput<typeof TxnOffsetCommit>> = {}) => {
      const { topics } = commitRequest(9)
      const answer = await made.client.send(TxnOffsetCommit, version, { ...producer, groupId: 'g', topics, ...more })
      return answer.topics[0]?.partitions[0]?.errorCode
    }
    const end = (version: number, committed: boolean) => made.client.send(EndTxn, version, { ...producer, committed })
    return { ...made, producer, commit, end }
  }

  it('counts when the transaction commits, and is unstable until then', async () => {
    const { client, producer, commit, end } = await producing()
    await client.send(OffsetCommit, 8, commitRequest(5))
    expect(await commit(3)).toBe(ErrorCode.INVALID_TXN_STATE)
    expect(await commit(4)).toBe(ErrorCode.TRANSACTION_ABORTABLE)
    await client.send(AddOffsetsToTxn, 3, { ...producer, groupId: 'g' })
    expect(await commit(3)).toBe(0)
    expect(await fetched(client)).toEqual([5, -1])
    expect(await fetched(client, 'g', true)).toEqual([{ errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT }, -1])
    expect((await end(3, true)).errorCode).toBe(0)
    expect(await fetched(client, 'g', true)).toEqual([9, -1])
  })

  it('adds the group to the transaction by itself since version 5, and never was when that is aborted', async () => {
    const { client, commit, end } = await producing()
    expect(await commit(5)).toBe(0)
    expect(await fetched(client, 'g', true)).toEqual([{ errorCode: ErrorCode.UNSTABLE_OFFSET_COMMIT }, -1])
    expect((await end(5, false)).errorCode).toBe(0)
    expect(await fetched(client, 'g', true)).toEqual([-1, -1])
  })

  it('is never what remains of a transaction that timed out', async () => {
    const { client, commit, clock } = await producing()
    expect(await commit(5)).toBe(0)
    await clock.advance(120_000)
    expect(await fetched(client, 'g', true)).toEqual([-1, -1])
  })

  it('refuses producers that are not the one, and members of no group', async () => {
    const { commit, producer } = await producing()
    expect(await commit(5, { producerEpoch: 9 })).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
    expect(await commit(5, { producerId: producer.producerId + 1 })).toBe(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    expect(await commit(5, { generationIdOrMemberEpoch: 1, memberId: 'x' })).toBe(ErrorCode.ILLEGAL_GENERATION)
  })
})

describe('administration of groups', () => {
  async function withGroups() {
    const made = await world()
    await made.client.send(OffsetCommit, 8, commitRequest(1, 0, 'offsets'))
    await made.client.send(JoinGroup, 3, joinRequest({ groupId: 'members' }))
    await made.client.send(ShareGroupHeartbeat, 1, {
      groupId: 'sharers',
      memberId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      memberEpoch: 0,
      rackId: null,
      subscribedTopicNames: ['orders'],
    })
    return made
  }

  it('lists classic groups and share groups, by state and type where the version knows them', async () => {
    const { client } = await withGroups()
    const all = await client.send(ListGroups, 5, {})
    expect(all.groups).toEqual([
      { groupId: 'offsets', protocolType: '', groupState: 'Empty', groupType: 'classic' },
      { groupId: 'members', protocolType: 'consumer', groupState: 'CompletingRebalance', groupType: 'classic' },
      { groupId: 'sharers', protocolType: 'share', groupState: 'Stable', groupType: 'share' },
    ])
    const ids = async (filters: RequestInput<typeof ListGroups>) =>
      (await client.send(ListGroups, 5, filters)).groups.map(({ groupId }) => groupId)
    expect(await ids({ typesFilter: ['SHARE'] })).toEqual(['sharers'])
    expect(await ids({ statesFilter: ['stable', 'empty'] })).toEqual(['offsets', 'sharers'])
    expect(await ids({ statesFilter: ['Empty'], typesFilter: ['share'] })).toEqual([])
    expect(await ids({ typesFilter: ['nonsense'] })).toEqual([])
    expect((await client.send(ListGroups, 0, {})).groups).toHaveLength(3)
  })

  it('describes classic groups, and others as each version does', async () => {
    const { client } = await withGroups()
    const groups = ['members', 'sharers', 'nope']
    const old = await client.send(DescribeGroups, 5, { groups, includeAuthorizedOperations: true })
    expect(old.groups.map(({ errorCode, groupState }) => [errorCode, groupState])).toEqual([
      [0, 'CompletingRebalance'],
      [0, 'Dead'],
      [0, 'Dead'],
    ])
    expect(old.groups[0]).toMatchObject({ protocolType: 'consumer', authorizedOperations: 3400 })
    expect(old.groups[0]?.members).toMatchObject([{ clientId: 'me', memberMetadata: Buffer.alloc(0) }])
    const now = await client.send(DescribeGroups, 6, { groups })
    expect(now.groups.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [0, null],
      [ErrorCode.GROUP_ID_NOT_FOUND, 'Group sharers is not a classic group.'],
      [ErrorCode.GROUP_ID_NOT_FOUND, 'Group nope not found.'],
    ])
  })

  it('deletes groups of any kind, but none with members', async () => {
    const { client } = await withGroups()
    const codes = async (...groupsNames: string[]) =>
      (await client.send(DeleteGroups, 3, { groupsNames })).results.map(({ errorCode }) => errorCode)
    expect(await codes('offsets', 'members', 'sharers')).toEqual([0, 68, 68])
    await client.send(ShareGroupHeartbeat, 1, {
      groupId: 'sharers',
      memberId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      memberEpoch: -1,
      rackId: null,
      subscribedTopicNames: null,
    })
    expect(await codes('sharers', 'offsets')).toEqual([0, 69])
  })

  it('keeps the ids of classic groups and share groups apart', async () => {
    const { client } = await withGroups()
    expect((await client.send(JoinGroup, 5, joinRequest({ groupId: 'sharers' }))).errorCode).toBe(
      ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    )
    const committed = await client.send(OffsetCommit, 9, commitRequest(1, 0, 'sharers'))
    expect(committed.topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
    const joined = await client.send(ShareGroupHeartbeat, 1, {
      groupId: 'offsets',
      memberId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      memberEpoch: 0,
      rackId: null,
      subscribedTopicNames: ['orders'],
    })
    expect(joined.errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  })
})

describe('without permission', () => {
  const rule = (operation: AclRule['operation'], resourceType: AclRule['resourceType'], name: string): AclRule => ({
    principal: 'User:*',
    operation,
    resourceType,
    name,
  })

  it('nothing of a group is served', async () => {
    const { client } = await world({ security: { authorization: { rules: [rule('All', 'Topic', '*')] } } })
    const errorCode = ErrorCode.GROUP_AUTHORIZATION_FAILED
    expect(await client.send(FindCoordinator, 3, { key: 'g', keyType: 0 })).toMatchObject({ errorCode })
    expect(await client.send(FindCoordinator, 3, { key: 't', keyType: 1 })).toMatchObject({
      errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    })
    expect(
      await client.send(FindCoordinator, 6, { keyType: 2, coordinatorKeys: ['g:AAAAAAAAAAAAAAAAAAAAAQ:0'] }),
    ).toMatchObject({ coordinators: [{ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED }] })
    expect(await client.send(JoinGroup, 5, joinRequest())).toMatchObject({ errorCode })
    const claim = { groupId: 'g', memberId: 'x', generationId: 1 }
    expect(await client.send(SyncGroup, 3, { ...claim, assignments: [] })).toMatchObject({ errorCode })
    expect(await client.send(SyncGroup, 5, { ...claim, assignments: [] })).toMatchObject({
      errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    })
    expect(await client.send(Heartbeat, 3, claim)).toMatchObject({ errorCode })
    expect(await client.send(LeaveGroup, 3, { groupId: 'g', members: [] })).toMatchObject({ errorCode })
    expect(await client.send(OffsetCommit, 8, commitRequest(1))).toMatchObject({
      topics: [{ partitions: [{ errorCode }] }],
    })
    const topics = [{ name: 'orders', partitionIndexes: [0] }]
    expect(await client.send(OffsetFetch, 8, { groups: [{ groupId: 'g', topics }] })).toMatchObject({
      groups: [{ errorCode, topics: [] }],
    })
    expect(await client.send(OffsetFetch, 1, { groupId: 'g', topics })).toMatchObject({
      topics: [{ partitions: [{ errorCode, committedOffset: -1 }] }],
    })
    expect(await client.send(OffsetFetch, 7, { groupId: 'g', topics })).toMatchObject({ errorCode, topics: [] })
    expect(await client.send(OffsetDelete, 0, { groupId: 'g', topics: [] })).toMatchObject({ errorCode })
    expect(await client.send(DeleteGroups, 2, { groupsNames: ['g'] })).toMatchObject({ results: [{ errorCode }] })
    expect(await client.send(DescribeGroups, 5, { groups: ['g'] })).toMatchObject({ groups: [{ errorCode }] })
    expect(
      await client.send(TxnOffsetCommit, 3, {
        transactionalId: 't',
        groupId: 'g',
        producerId: 1,
        producerEpoch: 0,
        topics: commitRequest(1).topics,
      }),
    ).toMatchObject({ topics: [{ partitions: [{ errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }] }] })
  })

  it('topics that may not be read are neither committed for nor told of', async () => {
    const { client } = await world({
      security: {
        authorization: {
          rules: [rule('All', 'Group', 'g'), { ...rule('Read', 'Topic', 'orders'), permission: 'deny' }],
        },
      },
    })
    const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    expect(await client.send(OffsetCommit, 8, commitRequest(1))).toMatchObject({
      topics: [{ partitions: [{ errorCode }] }],
    })
    expect(await fetched(client)).toEqual([{ errorCode }, { errorCode }])
    expect((await client.send(OffsetFetch, 7, { groupId: 'g', topics: null })).topics).toEqual([])
  })

  it('only groups that may be described are listed, unless the cluster may be', async () => {
    const list = async (rules: readonly AclRule[]) => {
      const { client } = await world({
        security: { authorization: { rules: [rule('Read', 'Group', '*'), rule('Read', 'Topic', '*'), ...rules] } },
      })
      for (const groupId of ['mine', 'other']) await client.send(OffsetCommit, 8, commitRequest(1, 0, groupId))
      return (await client.send(ListGroups, 4, {})).groups.map(({ groupId }) => groupId)
    }
    const denied: AclRule = { ...rule('Describe', 'Group', 'other'), permission: 'deny' }
    expect(await list([denied])).toEqual(['mine'])
    expect(await list([denied, rule('Describe', 'Cluster', 'kafka-cluster')])).toEqual(['mine', 'other'])
  })
})
