import { ErrorCode, Metadata, ZERO_UUID } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { adminClient, onlyAllowed } from './admin-client.js'

const errors = (answer: { readonly topics: readonly { readonly name: string | null; readonly errorCode: number }[] }) =>
  answer.topics.map(({ name, errorCode }) => [name, errorCode])

describe('Metadata', () => {
  it('tells brokers, the cluster and all topics with their partitions', async () => {
    const { broker, metadata } = await adminClient({ brokers: 2, topics: ['orders:2'] })
    const answer = await metadata(null)
    expect(answer.brokers.map(({ nodeId }) => nodeId)).toEqual([1, 2])
    expect(answer.clusterId).toMatch(/^[\w-]{22}$/)
    expect(answer.controllerId).toBe(1)
    const [topic] = answer.topics
    expect(topic).toMatchObject({
      errorCode: 0,
      name: 'orders',
      isInternal: false,
      topicAuthorizedOperations: -2147483648,
    })
    expect(
      topic?.partitions.map(({ leaderId, leaderEpoch, isrNodes }) => [leaderId, leaderEpoch, isrNodes.length]),
    ).toEqual([
      [1, 0, 2],
      [2, 0, 2],
    ])
    await broker.kill(2)
    const [after] = (await metadata(null)).topics
    expect(after?.partitions[1]).toMatchObject({ leaderId: 1, leaderEpoch: 1, isrNodes: [1], offlineReplicas: [2] })
    expect((await metadata([])).brokers.map(({ nodeId }) => nodeId)).toEqual([1])
  })

  it('tells a partition without a leader as such', async () => {
    const { broker, create, metadata } = await adminClient({ brokers: 2 })
    await create([
      {
        name: 'orders',
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [2] }],
      },
    ])
    await broker.kill(2)
    const [topic] = (await metadata(['orders'])).topics
    expect(topic?.partitions[0]).toMatchObject({
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      leaderEpoch: 1,
      replicaNodes: [2],
      isrNodes: [],
      offlineReplicas: [2],
    })
  })

  it('makes a topic that is asked for, tells it is not there, and has it the next time', async () => {
    const { metadata } = await adminClient({ serverProperties: { 'num.partitions': '3' } })
    expect(errors(await metadata(['new'], { allowAutoTopicCreation: true }))).toEqual([
      ['new', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ])
    const answer = await metadata(['new'])
    expect(answer.topics[0]).toMatchObject({ errorCode: 0, name: 'new' })
    expect(answer.topics[0]?.partitions).toHaveLength(3)
  })

  it('lets topics be made by clients that are too old to say whether', async () => {
    const { metadata } = await adminClient()
    await metadata(['new'], { version: 3 })
    expect(errors(await metadata(['new'], { version: 0 }))).toEqual([['new', 0]])
  })

  it('makes no topic when the client or the broker does not want it, or its name is not legal', async () => {
    const { metadata } = await adminClient()
    const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    expect(errors(await metadata(['new'], { allowAutoTopicCreation: false }))).toEqual([['new', unknown]])
    expect(errors(await metadata(['a b'], { allowAutoTopicCreation: true }))).toEqual([
      ['a b', ErrorCode.INVALID_TOPIC_EXCEPTION],
    ])
    expect(errors(await metadata(['__consumer_offsets'], { allowAutoTopicCreation: true }))).toEqual([
      ['__consumer_offsets', unknown],
    ])
    expect((await metadata(null)).topics).toEqual([])
    const strict = await adminClient({ serverProperties: { 'auto.create.topics.enable': 'false' } })
    await strict.metadata(['new'], { allowAutoTopicCreation: true })
    expect((await strict.metadata(null)).topics).toEqual([])
  })

  it('finds topics by id, and tells ids that it does not know', async () => {
    const { client, metadata } = await adminClient({ topics: ['orders'] })
    const topicId = (await metadata(null)).topics[0]?.topicId ?? ''
    const other = 'BBBBBBBBBBBBBBBBBBBBBA'
    const answer = await client.send(Metadata, 12, {
      topics: [
        { topicId, name: null },
        { topicId: other, name: null },
      ],
    })
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['orders', 0],
      [null, ErrorCode.UNKNOWN_TOPIC_ID],
    ])
  })

  it('refuses ids in versions 10 and 11, and a topic with neither name nor id', async () => {
    const { client, metadata } = await adminClient({ topics: ['orders'] })
    const topicId = (await metadata(null)).topics[0]?.topicId ?? ''
    for (const version of [10, 11]) {
      const answer = await client.send(Metadata, version, { topics: [{ topicId, name: null }] })
      expect(errors(answer)).toEqual([['', ErrorCode.INVALID_REQUEST]])
      expect(answer.brokers).toEqual([])
    }
    const answer = await client.send(Metadata, 12, { topics: [{ topicId: ZERO_UUID, name: null }] })
    expect(errors(answer)).toEqual([['', ErrorCode.UNKNOWN_SERVER_ERROR]])
  })

  it('answers a name once, however often it is asked', async () => {
    const { metadata } = await adminClient({ topics: ['orders'] })
    expect(errors(await metadata(['orders', 'orders']))).toEqual([['orders', 0]])
  })

  it('asks for all with an empty list in version 0 only', async () => {
    const { metadata } = await adminClient({ topics: ['orders'] })
    expect(errors(await metadata([], { version: 0 }))).toEqual([['orders', 0]])
    expect(errors(await metadata([], { version: 1 }))).toEqual([])
    expect(errors(await metadata(null, { version: 1 }))).toEqual([['orders', 0]])
  })

  it('tells what may be done, when asked', async () => {
    const { client } = await adminClient({ topics: ['orders'] })
    const answer = await client.send(Metadata, 9, {
      topics: [{ name: 'orders' }],
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    })
    expect(answer.topics[0]?.topicAuthorizedOperations).toBe(3576)
    expect(answer.clusterAuthorizedOperations).toBe(8096)
  })

  it('shows only topics that one may describe, and makes only those that one may create', async () => {
    const { client, metadata } = await adminClient({
      topics: ['seen', 'hidden'],
      security: onlyAllowed(['Describe', 'Topic', 'seen'], ['Describe', 'Topic', 'wished'], ['Read', 'Topic', 'seen']),
    })
    expect(errors(await metadata(null))).toEqual([['seen', 0]])
    const denied = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    expect(errors(await metadata(['seen', 'hidden', 'nothing', 'wished'], { allowAutoTopicCreation: true }))).toEqual([
      ['seen', 0],
      ['hidden', denied],
      ['nothing', denied],
      ['wished', denied],
    ])
    const answer = await client.send(Metadata, 10, {
      topics: [{ topicId: ZERO_UUID, name: 'seen' }],
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    })
    expect(answer.topics[0]?.topicAuthorizedOperations).toBe((1 << 3) | (1 << 8))
    expect(answer.clusterAuthorizedOperations).toBe(0)
  })

  it('makes a topic for who may create it, or any topic', async () => {
    for (const rule of [
      ['Create', 'Topic', 'new'],
      ['Create', 'Cluster', 'kafka-cluster'],
    ] as const) {
      const { metadata } = await adminClient({ security: onlyAllowed(rule, ['Describe', 'Topic', 'new']) })
      await metadata(['new'], { allowAutoTopicCreation: true })
      expect(errors(await metadata(['new']))).toEqual([['new', 0]])
    }
  })
})
