import { CreatePartitions, DeleteTopics, DescribeTopicPartitions, ErrorCode, ZERO_UUID } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { adminClient, onlyAllowed } from './admin-client.js'

const { INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, TOPIC_AUTHORIZATION_FAILED } = ErrorCode
const { INVALID_PARTITIONS, POLICY_VIOLATION, TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_CONFIG } =
  ErrorCode

describe('CreateTopics', () => {
  it('tells the new topic with its id, numbers and settings', async () => {
    const { create, metadata } = await adminClient({ brokers: 2 })
    const [topic] = await create([
      { name: 'orders', numPartitions: 3, replicationFactor: 2, configs: [{ name: 'retention.ms', value: '1000' }] },
    ])
    expect(topic).toMatchObject({ errorCode: 0, errorMessage: null, numPartitions: 3, replicationFactor: 2 })
    expect(topic?.configs).toContainEqual({
      name: 'retention.ms',
      value: '1000',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
    })
    expect(topic?.configs).toHaveLength(37)
    const [told] = (await metadata(['orders'])).topics
    expect(told?.topicId).toBe(topic?.topicId)
    expect(told?.partitions).toHaveLength(3)
  })

  it('answers each topic for itself', async () => {
    const { create, metadata } = await adminClient({ topics: ['there'] })
    const answers = await create([
      { name: 'good' },
      { name: 'there' },
      { name: 'a b' },
      { name: 'two' },
      { name: 'two' },
    ])
    expect(answers.map(({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage])).toEqual([
      ['good', 0, null],
      ['there', TOPIC_ALREADY_EXISTS, "Topic 'there' already exists."],
      ['a b', INVALID_TOPIC_EXCEPTION, expect.stringContaining("'a b' contains one or more characters")],
      ['two', INVALID_REQUEST, 'Duplicate topic name.'],
    ])
    expect((await metadata(null)).topics.map(({ name }) => name)).toEqual(['there', 'good'])
  })

  it('answers a name that is given a hundred thousand times as soon as one that is given twice', async () => {
    const { create } = await adminClient()
    const answers = await create(Array.from({ length: 100_000 }, () => ({ name: 'two', numPartitions: 0 })))
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([INVALID_REQUEST])
  })

  it('makes nothing when it is only to validate', async () => {
    const { create, metadata } = await adminClient()
    const [topic] = await create([{ name: 'orders', configs: [{ name: 'retention.ms', value: '1000' }] }], 5, true)
    expect(topic).toMatchObject({ errorCode: 0, numPartitions: 1, replicationFactor: 1 })
    const [wrong] = await create([{ name: 'orders', configs: [{ name: 'retention.ms', value: 'x' }] }], 5, true)
    expect(wrong).toMatchObject({ errorCode: INVALID_CONFIG, numPartitions: -1, replicationFactor: -1, configs: [] })
    expect((await metadata(null)).topics).toEqual([])
  })

  it('serves old versions', async () => {
    const { create } = await adminClient()
    expect(await create([{ name: 'orders' }], 2)).toMatchObject([{ name: 'orders', errorCode: 0 }])
    expect(await create([{ name: 'orders' }], 2)).toMatchObject([{ errorCode: TOPIC_ALREADY_EXISTS }])
  })

  it('refuses a name as long as the protocol carries in a message that old versions can carry', async () => {
    const { create } = await adminClient()
    for (const version of [2, 4, 5, 7]) {
      const [topic] = await create([{ name: 'x'.repeat(32_767) }], version)
      expect(topic).toMatchObject({
        errorCode: INVALID_TOPIC_EXCEPTION,
        errorMessage: expect.stringMatching(/^Topic name is/),
      })
      const configs = [{ name: 'y'.repeat(32_767), value: '1' }]
      expect(await create([{ name: 'a', configs }], version)).toMatchObject([{ errorCode: INVALID_CONFIG }])
    }
  })

  it('puts replicas where it is told to, in whatever order that stands in the request', async () => {
    const { create, metadata } = await adminClient({ brokers: 3 })
    const numbers = { numPartitions: -1, replicationFactor: -1 }
    const at = (partitionIndex: number, ...brokerIds: number[]) => ({ partitionIndex, brokerIds })
    await create([{ name: 'orders', ...numbers, assignments: [at(1, 3, 2), at(0, 2)] }])
    const [topic] = (await metadata(['orders'])).topics
    expect(topic?.partitions.map(({ replicaNodes }) => replicaNodes)).toEqual([[2], [3, 2]])
    const answers = await create([
      { name: 'hole', ...numbers, assignments: [at(1, 1)] },
      { name: 'twice', ...numbers, assignments: [at(0, 1), at(0, 2)] },
    ])
    expect(answers.map(({ errorMessage }) => errorMessage)).toEqual([
      'partitions should be a consecutive 0-based integer sequence',
      'Found multiple manual partition assignments for partition 0',
    ])
  })

  it('refuses more partitions in one request than Kafka takes, for all of its topics', async () => {
    const { create, metadata } = await adminClient()
    const answers = await create([
      { name: 'a', numPartitions: 6000 },
      { name: 'b', numPartitions: 6000 },
      { name: 'c' },
    ])
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([POLICY_VIOLATION, POLICY_VIOLATION, POLICY_VIOLATION])
    expect((await metadata(null)).topics).toEqual([])
  })

  it('needs the right to create, and the right to describe settings for telling them', async () => {
    const { create } = await adminClient({ security: onlyAllowed(['Create', 'Topic', 'mine']) })
    expect(await create([{ name: 'mine' }, { name: 'yours' }])).toMatchObject([
      { name: 'mine', errorCode: 0, topicConfigErrorCode: TOPIC_AUTHORIZATION_FAILED, numPartitions: -1, configs: [] },
      { name: 'yours', errorCode: TOPIC_AUTHORIZATION_FAILED },
    ])
  })
})

describe('DeleteTopics', () => {
  it('deletes by name and by id', async () => {
    const { client, metadata } = await adminClient({ topics: ['a', 'b', 'c'] })
    const [a, b] = (await metadata(null)).topics
    const answer = await client.send(DeleteTopics, 6, {
      topics: [
        { name: 'a', topicId: ZERO_UUID },
        { name: null, topicId: b?.topicId ?? '' },
      ],
      timeoutMs: 1000,
    })
    expect(answer.responses).toEqual([
      { name: 'a', topicId: a?.topicId, errorCode: 0, errorMessage: null },
      { name: 'b', topicId: b?.topicId, errorCode: 0, errorMessage: null },
    ])
    expect((await metadata(null)).topics.map(({ name }) => name)).toEqual(['c'])
  })

  it('says what is wrong with what it is told', async () => {
    const { client, metadata } = await adminClient({ topics: ['a', 'b'] })
    const topicId = (await metadata(['a'])).topics[0]?.topicId ?? ''
    const other = 'BBBBBBBBBBBBBBBBBBBBBA'
    const send = async (...topics: { name: string | null; topicId: string }[]) =>
      (await client.send(DeleteTopics, 6, { topics, timeoutMs: 1000 })).responses.map(
        ({ name, errorCode, errorMessage }) => [name, errorCode, errorMessage],
      )
    const byName = (name: string) => ({ name, topicId: ZERO_UUID })
    const byId = (id: string) => ({ name: null, topicId: id })
    expect(await send(byName('none'), byId(other), byId(ZERO_UUID))).toEqual([
      ['none', UNKNOWN_TOPIC_OR_PARTITION, 'This server does not host this topic-partition.'],
      [null, UNKNOWN_TOPIC_ID, 'This server does not host this topic ID.'],
      [null, INVALID_REQUEST, 'Neither topic name nor id were specified.'],
    ])
    expect(await send({ name: 'a', topicId })).toEqual([
      ['a', INVALID_REQUEST, 'You may not specify both topic name and topic id.'],
    ])
    expect(await send(byName('a'), byName('a'))).toEqual([['a', INVALID_REQUEST, 'Duplicate topic name.']])
    expect(await send(byId(topicId), byId(topicId))).toEqual([[null, INVALID_REQUEST, 'Duplicate topic id.']])
    expect(await send(byName('a'), byId(topicId))).toEqual([
      ['a', INVALID_REQUEST, 'The provided topic name maps to an ID that was already supplied.'],
    ])
    expect((await metadata(null)).topics).toHaveLength(2)
  })

  it('of very many topics takes no time that grows with the square of them', { timeout: 5000 }, async () => {
    const { client } = await adminClient({ topics: ['a'] })
    const topics = Array.from({ length: 50_000 }, (_, i) => ({ name: `none-${i}`, topicId: ZERO_UUID }))
    const { responses } = await client.send(DeleteTopics, 6, { topics, timeoutMs: 1000 })
    expect(responses).toHaveLength(50_000)
  })

  it('serves old versions', async () => {
    const { client, metadata } = await adminClient({ topics: ['a', 'b'] })
    const answer = await client.send(DeleteTopics, 1, { topicNames: ['a', 'none'], timeoutMs: 1000 })
    expect(answer.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['none', UNKNOWN_TOPIC_OR_PARTITION],
    ])
    expect((await metadata(null)).topics.map(({ name }) => name)).toEqual(['b'])
  })

  it('can be disabled, and needs the rights to describe and delete', async () => {
    const asked = { topicNames: ['a', 'b'], timeoutMs: 1000 }
    const disabled = await adminClient({ topics: ['a', 'b'], serverProperties: { 'delete.topic.enable': 'false' } })
    for (const [version, errorCode] of [
      [2, INVALID_REQUEST],
      [3, ErrorCode.TOPIC_DELETION_DISABLED],
    ] as const) {
      const answer = await disabled.client.send(DeleteTopics, version, asked)
      expect(answer.responses.map((each) => each.errorCode)).toEqual([errorCode, errorCode])
    }
    const denied = await adminClient({
      topics: ['a', 'b'],
      security: onlyAllowed(['Describe', 'Topic', 'a'], ['Delete', 'Topic', 'b']),
    })
    const answer = await denied.client.send(DeleteTopics, 5, asked)
    expect(answer.responses.map((each) => each.errorCode)).toEqual([TOPIC_AUTHORIZATION_FAILED, 0])
  })
})

describe('CreatePartitions', () => {
  it('raises the number of partitions', async () => {
    const { client, metadata } = await adminClient({ topics: ['orders:2'] })
    const add = async (name: string, count: number, validateOnly = false) => {
      const topics = [{ name, count, assignments: null }]
      const [result] = (await client.send(CreatePartitions, 3, { topics, timeoutMs: 1000, validateOnly })).results
      return [result?.errorCode, result?.errorMessage]
    }
    expect(await add('orders', 5, true)).toEqual([0, null])
    expect((await metadata(['orders'])).topics[0]?.partitions).toHaveLength(2)
    expect(await add('orders', 5)).toEqual([0, null])
    expect((await metadata(['orders'])).topics[0]?.partitions).toHaveLength(5)
    expect(await add('orders', 5)).toEqual([INVALID_PARTITIONS, 'Topic already has 5 partition(s).'])
    expect(await add('orders', 20_000)).toEqual([
      POLICY_VIOLATION,
      'Excessively large number of additional partitions per request.',
    ])
    expect(await add('none', 5)).toEqual([UNKNOWN_TOPIC_OR_PARTITION, null])
  })

  it('needs the right to alter, and each name once', async () => {
    const { client } = await adminClient({ topics: ['a', 'b', 'c'], security: onlyAllowed(['Alter', 'Topic', '*']) })
    const topic = (name: string) => ({ name, count: 2, assignments: null })
    const answer = await client.send(CreatePartitions, 0, {
      topics: [topic('a'), topic('b'), topic('b')],
      timeoutMs: 1000,
      validateOnly: false,
    })
    expect(answer.results.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['a', 0],
      ['b', INVALID_REQUEST],
    ])
    const denied = await adminClient({ topics: ['a'], security: onlyAllowed(['Describe', 'Topic', 'a']) })
    const refusal = await denied.client.send(CreatePartitions, 3, {
      topics: [topic('a')],
      timeoutMs: 1000,
      validateOnly: false,
    })
    expect(refusal.results[0]?.errorCode).toBe(TOPIC_AUTHORIZATION_FAILED)
  })
})

describe('DescribeTopicPartitions', () => {
  const world = async (serverProperties: Record<string, string> = {}) => {
    const { client } = await adminClient({ topics: ['c:3', 'a:2', 'b:1'], serverProperties })
    return async (
      names: readonly string[],
      responsePartitionLimit = 2000,
      cursor: { topicName: string; partitionIndex: number } | null = null,
    ) => {
      const answer = await client.send(DescribeTopicPartitions, 0, {
        topics: names.map((name) => ({ name })),
        responsePartitionLimit,
        cursor,
      })
      return {
        topics: answer.topics.map(({ name, errorCode, partitions }) => [
          name,
          errorCode === 0 ? partitions.map(({ partitionIndex }) => partitionIndex).join() : errorCode,
        ]),
        next: answer.nextCursor === null ? null : Object.values(answer.nextCursor),
      }
    }
  }

  it('tells all topics in alphabetical order, page by page', async () => {
    const ask = await world()
    expect(await ask([])).toEqual({
      topics: [
        ['a', '0,1'],
        ['b', '0'],
        ['c', '0,1,2'],
      ],
      next: null,
    })
    const pages = []
    let cursor: { topicName: string; partitionIndex: number } | null = null
    do {
      const page = await ask([], 2, cursor)
      pages.push(page)
      const [topicName, partitionIndex] = page.next ?? []
      cursor = page.next === null ? null : { topicName: String(topicName), partitionIndex: Number(partitionIndex) }
    } while (cursor !== null)
    expect(pages).toEqual([
      { topics: [['a', '0,1']], next: ['b', 0] },
      {
        topics: [
          ['b', '0'],
          ['c', '0'],
        ],
        next: ['c', 1],
      },
      { topics: [['c', '1,2']], next: null },
    ])
  })

  it('tells at least one partition, and no more than the broker allows', async () => {
    expect(await (await world())(['c'], 0)).toEqual({ topics: [['c', '0']], next: ['c', 1] })
    const narrow = await world({ 'max.request.partition.size.limit': '2' })
    expect(await narrow(['c'])).toEqual({ topics: [['c', '0,1']], next: ['c', 2] })
  })

  it('tells named topics, and what is wrong with those that are not there', async () => {
    const ask = await world()
    expect((await ask(['c', 'none', 'a b', 'a', 'a'])).topics).toEqual([
      ['a', '0,1'],
      ['a b', INVALID_TOPIC_EXCEPTION],
      ['c', '0,1,2'],
      ['none', UNKNOWN_TOPIC_OR_PARTITION],
    ])
  })

  it('goes on from a cursor, which must be one of the named topics', async () => {
    const ask = await world()
    expect((await ask(['a', 'c'], 10, { topicName: 'c', partitionIndex: 1 })).topics).toEqual([['c', '1,2']])
    expect((await ask(['a', 'c'], 10, { topicName: 'a', partitionIndex: 7 })).topics).toEqual([
      ['a', ''],
      ['c', '0,1,2'],
    ])
    expect((await ask([], 10, { topicName: 'bb', partitionIndex: 1 })).topics).toEqual([['c', '0,1,2']])
    for (const cursor of [
      { topicName: 'b', partitionIndex: 0 },
      { topicName: 'a', partitionIndex: -1 },
      { topicName: 'z', partitionIndex: 0 },
    ]) {
      expect((await ask(['a', 'c'], 10, cursor)).topics).toEqual([
        ['a', INVALID_REQUEST],
        ['c', INVALID_REQUEST],
      ])
    }
  })

  it('tells who was the last in sync of a partition without a leader', async () => {
    const { broker, client, create } = await adminClient({ brokers: 2 })
    const assignments = [{ partitionIndex: 0, brokerIds: [2] }]
    await create([{ name: 'orders', numPartitions: -1, replicationFactor: -1, assignments }])
    const partition = async () =>
      (await client.send(DescribeTopicPartitions, 0, { topics: [{ name: 'orders' }] })).topics[0]?.partitions[0]
    expect(await partition()).toMatchObject({ leaderId: 2, isrNodes: [2], eligibleLeaderReplicas: [] })
    await broker.kill(2)
    expect(await partition()).toMatchObject({ leaderId: -1, isrNodes: [], eligibleLeaderReplicas: [2] })
  })

  it('hides what one may not describe, and refuses it when named', async () => {
    const { client } = await adminClient({ topics: ['a', 'b'], security: onlyAllowed(['Describe', 'Topic', 'b']) })
    const ask = async (...names: string[]) =>
      (await client.send(DescribeTopicPartitions, 0, { topics: names.map((name) => ({ name })) })).topics.map(
        ({ name, errorCode, topicAuthorizedOperations }) => [name, errorCode, topicAuthorizedOperations],
      )
    expect(await ask()).toEqual([['b', 0, 256]])
    expect(await ask('a', 'b')).toEqual([
      ['b', 0, 256],
      ['a', TOPIC_AUTHORIZATION_FAILED, -2147483648],
    ])
  })
})
