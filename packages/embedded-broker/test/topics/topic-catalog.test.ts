import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { logKey, type NewTopic } from '../../src/topics/topic-catalog.js'
import { catalogWorld, made } from './catalog-world.js'

const { INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR } = ErrorCode
const { INVALID_REQUEST, INVALID_CONFIG, INVALID_REPLICA_ASSIGNMENT, POLICY_VIOLATION } = ErrorCode

describe('A new topic', () => {
  it('has the partitions, replicas and configurations that were asked for', () => {
    const { topics, configs } = catalogWorld({ brokers: 3 })
    const topic = made(
      topics.create({ name: 'orders', numPartitions: 4, replicationFactor: 2, configs: { 'retention.ms': '5000' } }),
    )
    expect(topic.partitions.map(({ leaderId, replicas }) => [leaderId, replicas])).toEqual([
      [1, [1, 2]],
      [2, [2, 3]],
      [3, [3, 1]],
      [1, [1, 2]],
    ])
    expect(topic.partitions.every(({ leaderEpoch, log }) => leaderEpoch === 0 && log.endOffset === 0)).toBe(true)
    expect(configs.topicValue('orders', 'retention.ms')).toBe('5000')
    expect(configs.topicValue('orders', 'retention.bytes')).toBe('-1')
  })

  it('is found by name and by id, and listed in the order of making', () => {
    const { topics } = catalogWorld()
    const b = made(topics.create({ name: 'b' }))
    const a = made(topics.create({ name: 'a' }))
    expect(topics.byName('a')).toBe(a)
    expect(topics.byId(b.id)).toBe(b)
    expect(topics.partition(a.id, 0)).toBe(a.partitions[0])
    expect(topics.partition(a.id, 1)).toBeUndefined()
    expect(topics.all()).toEqual([b, a])
    expect(a.id).not.toBe(b.id)
  })

  it('takes what is left out from the broker', () => {
    const { topics } = catalogWorld({
      brokers: 2,
      serverProperties: { 'num.partitions': '3', 'default.replication.factor': '2' },
    })
    const topic = made(topics.create({ name: 'orders' }))
    expect(topic.partitions.map(({ replicas }) => replicas.length)).toEqual([2, 2, 2])
  })

  it('lies where it is told to', () => {
    const { topics } = catalogWorld({ brokers: 3 })
    const topic = made(topics.create({ name: 'orders', assignments: [[3, 1], [2]] }))
    expect(topic.partitions.map(({ leaderId, replicas }) => [leaderId, replicas])).toEqual([
      [3, [3, 1]],
      [2, [2]],
    ])
  })

  it('is led by live brokers, and dead ones get the last places', () => {
    const { topics } = catalogWorld({ brokers: 3 })
    topics.liveBrokersChanged([2, 3])
    const topic = made(topics.create({ name: 'orders', numPartitions: 2, replicationFactor: 3 }))
    expect(
      topic.partitions.map(({ leaderId, replicas, inSyncReplicas }) => [leaderId, replicas, inSyncReplicas]),
    ).toEqual([
      [2, [2, 3, 1], [2, 3]],
      [3, [3, 2, 1], [3, 2]],
    ])
  })

  const refused: readonly (readonly [string, NewTopic, number, string | RegExp])[] = [
    ['an empty name', { name: '' }, INVALID_TOPIC_EXCEPTION, 'Topic name is invalid: the empty string is not allowed'],
    ['a dot', { name: '.' }, INVALID_TOPIC_EXCEPTION, "Topic name is invalid: '.' is not allowed"],
    ['two dots', { name: '..' }, INVALID_TOPIC_EXCEPTION, "Topic name is invalid: '..' is not allowed"],
    ['a space', { name: 'a b' }, INVALID_TOPIC_EXCEPTION, /'a b' contains one or more characters other than ASCII/],
    ['250 characters', { name: 'x'.repeat(250) }, INVALID_TOPIC_EXCEPTION, /longer than the max allowed length 249$/],
    ['a taken name', { name: 'taken.one' }, TOPIC_ALREADY_EXISTS, "Topic 'taken.one' already exists."],
    [
      'an internal name',
      { name: '__consumer_offsets' },
      TOPIC_ALREADY_EXISTS,
      "Topic '__consumer_offsets' already exists.",
    ],
    ['the metadata log', { name: '__cluster_metadata' }, INVALID_REQUEST, /is prohibited/],
    [
      'a name that differs in a dot only',
      { name: 'taken_one' },
      INVALID_TOPIC_EXCEPTION,
      "Topic 'taken_one' collides with existing topic: taken.one",
    ],
    ['no partitions', { name: 'a', numPartitions: 0 }, INVALID_PARTITIONS, /non-positive/],
    ['-2 partitions', { name: 'a', numPartitions: -2 }, INVALID_PARTITIONS, /non-positive/],
    ['too many partitions', { name: 'a', numPartitions: 2_147_483_647 }, POLICY_VIOLATION, /at most 10000 partitions/],
    ['no replicas', { name: 'a', replicationFactor: 0 }, INVALID_REPLICATION_FACTOR, /must be larger than 0, or -1/],
    [
      'more replicas than brokers',
      { name: 'a', replicationFactor: 3 },
      INVALID_REPLICATION_FACTOR,
      /^Unable to replicate the partition 3 time\(s\): .* only 2 broker\(s\) are registered/,
    ],
    [
      'an unknown configuration',
      { name: 'a', configs: { nope: '1' } },
      INVALID_CONFIG,
      'Unknown topic config name: nope',
    ],
    [
      'a wrong value',
      { name: 'a', configs: { 'retention.ms': 'x' } },
      INVALID_CONFIG,
      'Invalid value x for configuration retention.ms: Not a number of type LONG',
    ],
    [
      'no value',
      { name: 'a', configs: { 'retention.ms': null } },
      INVALID_CONFIG,
      'Null value not supported for topic configs: retention.ms',
    ],
    [
      'replicas and their number',
      { name: 'a', assignments: [[1]], replicationFactor: 1 },
      INVALID_REQUEST,
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    ],
    [
      'a partition without replicas',
      { name: 'a', assignments: [[]] },
      INVALID_REPLICA_ASSIGNMENT,
      /empty replica list/,
    ],
    ['a broker twice', { name: 'a', assignments: [[1, 1]] }, INVALID_REPLICA_ASSIGNMENT, /broker 1 more than once/],
    [
      'an unknown broker',
      { name: 'a', assignments: [[7]] },
      INVALID_REPLICA_ASSIGNMENT,
      /broker 7, but no such broker/,
    ],
  ]
  it.each(refused)('is refused with %s, and nothing of it is left', (_, topic, errorCode, message) => {
    const { topics, changes } = catalogWorld({ brokers: 2 })
    made(topics.create({ name: 'taken.one' }))
    const result = topics.create(topic)
    expect(result).toEqual({
      errorCode,
      errorMessage: typeof message === 'string' ? message : expect.stringMatching(message),
    })
    expect(topics.all().map(({ name }) => name)).toEqual(['taken.one'])
    expect(changes).toHaveLength(1)
  })

  it.each([
    ['4.2', 'Unable to replicate the partition 1 time(s): All brokers are currently fenced.'],
    [
      '4.4',
      'Unable to replicate the partition 1 time(s): All brokers are currently fenced, or have all their log directories cordoned.',
    ],
  ] as const)('is refused while no broker is alive, in the words of %s', (version, errorMessage) => {
    const { topics } = catalogWorld({ version })
    topics.liveBrokersChanged([])
    expect(topics.create({ name: 'a' })).toEqual({ errorCode: INVALID_REPLICATION_FACTOR, errorMessage })
  })

  it('cannot lie at dead brokers only, when told where to', () => {
    const { topics } = catalogWorld({ brokers: 3 })
    made(topics.create({ name: 'orders' }))
    topics.liveBrokersChanged([1, 3])
    made(topics.create({ name: 'a', assignments: [[2, 3]] }))
    const failure = (partition: number) => ({
      errorCode: INVALID_REPLICA_ASSIGNMENT,
      errorMessage: `All brokers specified in the manual partition assignment for partition ${partition} are fenced or in controlled shutdown.`,
    })
    expect(topics.create({ name: 'b', assignments: [[1], [2]] })).toEqual(failure(1))
    expect(topics.addPartitions('orders', 2, { assignments: [[2]] })).toEqual(failure(1))
  })

  it('can be planned without being made', () => {
    const { topics } = catalogWorld()
    expect(topics.plan({ name: 'a', numPartitions: 2 })).toMatchObject({ name: 'a', replicas: [[1], [1]] })
    expect(topics.all()).toEqual([])
  })

  it('counts against the partitions of all topics until it is deleted', () => {
    const { topics } = catalogWorld()
    made(topics.create({ name: 'a', numPartitions: 9000 }))
    expect(topics.create({ name: 'b', numPartitions: 1001 })).toMatchObject({ errorCode: POLICY_VIOLATION })
    expect(topics.addPartitions('a', 10_001)).toMatchObject({ errorCode: POLICY_VIOLATION })
    topics.delete('a')
    made(topics.create({ name: 'b', numPartitions: 1001 }))
  })
})

describe('Partitions added to a topic', () => {
  it('go on where the others end, with as many replicas, and the others stay as they are', () => {
    const { topics, changes } = catalogWorld({ brokers: 3 })
    const topic = made(topics.create({ name: 'orders', numPartitions: 2, replicationFactor: 2 }))
    const [first] = topic.partitions
    expect(topics.addPartitions('orders', 4)).toBe(topic)
    expect(topic.partitions.map(({ index, replicas }) => [index, replicas])).toEqual([
      [0, [1, 2]],
      [1, [2, 3]],
      [2, [3, 1]],
      [3, [1, 2]],
    ])
    expect(topic.partitions[0]).toBe(first)
    expect(changes.at(-1)).toEqual({ kind: 'partitionsAdded', topic })
  })

  it.each([
    ['as many as there are', 2, 'Topic already has 2 partition(s).'],
    ['fewer', 1, 'The topic orders currently has 2 partition(s); 1 would not be an increase.'],
    ['a negative number', -1, 'The topic orders currently has 2 partition(s); -1 would not be an increase.'],
  ])('are refused when asked for %s', (_, count, errorMessage) => {
    const { topics } = catalogWorld()
    made(topics.create({ name: 'orders', numPartitions: 2 }))
    expect(topics.addPartitions('orders', count)).toEqual({ errorCode: INVALID_PARTITIONS, errorMessage })
  })

  it('are refused when the replicas given are too many, too few or wrong', () => {
    const { topics } = catalogWorld()
    const topic = made(topics.create({ name: 'orders', numPartitions: 2 }))
    const add = (assignments: readonly (readonly number[])[]) => topics.addPartitions('orders', 3, { assignments })
    expect(add([])).toMatchObject({ errorCode: INVALID_REPLICA_ASSIGNMENT })
    expect(add([[1], [1]])).toMatchObject({ errorCode: INVALID_REPLICA_ASSIGNMENT })
    expect(add([[9]])).toMatchObject({ errorCode: INVALID_REPLICA_ASSIGNMENT })
    expect(topic.partitions).toHaveLength(2)
    add([[1]])
    expect(topic.partitions).toHaveLength(3)
  })

  it('are only checked when asked so', () => {
    const { topics } = catalogWorld()
    const topic = made(topics.create({ name: 'orders' }))
    expect(topics.addPartitions('orders', 3, { validateOnly: true })).toBe(topic)
    expect(topic.partitions).toHaveLength(1)
  })
})

describe('A deleted topic', () => {
  it('is gone with its logs and configurations, and its name is free again', () => {
    const { topics, configs, changes, closedLogs } = catalogWorld()
    const topic = made(topics.create({ name: 'a.b', numPartitions: 2, configs: { 'retention.ms': '1' } }))
    expect(topics.delete('a.b')).toBe(true)
    expect(topics.delete('a.b')).toBe(false)
    expect(topics.byName('a.b')).toBeUndefined()
    expect(topics.byId(topic.id)).toBeUndefined()
    expect(closedLogs).toEqual(['a.b-0', 'a.b-1'])
    expect(changes.at(-1)).toEqual({ kind: 'deleted', topic })
    expect(configs.topicValue('a.b', 'retention.ms')).toBe('604800000')
    expect(made(topics.create({ name: 'a_b' })).id).not.toBe(topic.id)
  })
})

describe('A leader', () => {
  const leader = (world: ReturnType<typeof catalogWorld>, partition = 0) => {
    const entry = world.topics.byName('orders')?.partitions[partition]
    return [entry?.leaderId, entry?.leaderEpoch, entry?.inSyncReplicas]
  }
  const threeReplicas = () => {
    const world = catalogWorld({ brokers: 3 })
    made(world.topics.create({ name: 'orders', replicationFactor: 3 }))
    return world
  }

  it('that dies is followed by the next live replica, in an epoch of its own', () => {
    const world = threeReplicas()
    world.topics.liveBrokersChanged([2, 3])
    expect(leader(world)).toEqual([2, 1, [2, 3]])
    world.topics.liveBrokersChanged([3])
    expect(leader(world)).toEqual([3, 2, [3]])
  })

  it('stays when another replica dies, and when the preferred one comes back', () => {
    const world = threeReplicas()
    world.topics.liveBrokersChanged([1, 3])
    expect(leader(world)).toEqual([1, 0, [1, 3]])
    world.topics.liveBrokersChanged([3])
    world.topics.liveBrokersChanged([1, 2, 3])
    expect(leader(world)).toEqual([3, 1, [1, 2, 3]])
  })

  it('is missing while no replica is alive; the last one alive is remembered', () => {
    const world = threeReplicas()
    world.topics.liveBrokersChanged([2])
    world.topics.liveBrokersChanged([])
    expect(leader(world)).toEqual([-1, 2, []])
    expect(world.topics.byName('orders')?.partitions[0]?.eligibleLeaderReplicas).toEqual([2])
    world.topics.liveBrokersChanged([3])
    expect(leader(world)).toEqual([3, 3, [3]])
  })

  it('moves when told to, and not twice', () => {
    const world = threeReplicas()
    const topic = world.topics.byName('orders')
    world.topics.moveLeader(topic?.id ?? '', 0, 3)
    world.topics.moveLeader(topic?.id ?? '', 0, 3)
    expect(leader(world)).toEqual([3, 1, [1, 2, 3]])
    expect(world.changes.slice(1)).toEqual([
      { kind: 'leaderChanged', partition: topic?.partitions[0], formerLeaderId: 1 },
    ])
  })

  it('cannot be a broker that is dead or has no replica, nor lead what is not there', () => {
    const { topics } = catalogWorld({ brokers: 3 })
    const topic = made(topics.create({ name: 'orders', replicationFactor: 2 }))
    topics.liveBrokersChanged([1, 3])
    expect(() => topics.moveLeader(topic.id, 0, 2)).toThrow(/Broker 2 cannot lead orders-0: it is not running/)
    expect(() => topics.moveLeader(topic.id, 0, 3)).toThrow(/it is none of its replicas \(1, 2\)/)
    expect(() => topics.moveLeader(topic.id, 1, 1)).toThrow(/There is no partition 1/)
    expect(topic.partitions[0]?.leaderId).toBe(1)
  })

  it('that changes wakes who waits for the log, as does the end of the topic', async () => {
    const { topics, surroundings } = catalogWorld({ brokers: 2 })
    const topic = made(topics.create({ name: 'orders', replicationFactor: 2 }))
    const wait = (until: () => boolean) =>
      surroundings.delayed.wait({ keys: [logKey(topic.id, 0)], delayMs: 60_000, tryComplete: until })
    const moved = wait(() => topic.partitions[0]?.leaderId === 2)
    topics.moveLeader(topic.id, 0, 2)
    await expect(moved).resolves.toBe('complete')
    const gone = wait(() => topics.byName('orders') === undefined)
    topics.delete('orders')
    await expect(gone).resolves.toBe('complete')
  })
})
