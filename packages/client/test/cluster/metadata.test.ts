import { Metadata, ZERO_UUID, type RequestInput, type ResponseOf } from '@milena/protocol'
import { silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { ClusterMetadata } from '../../src/cluster/metadata.js'

type Answer = ResponseOf<typeof Metadata>
type AnsweredTopic = Answer['topics'][number]

/** The cluster's topics: name to id and leaders, or to an error code. */
const cluster = new Map<string, { id: string; leaders: [nodeId: number, epoch: number][] } | number>()
let requests: string[][]
let clock: VirtualClock
let warnings: string[]
let gate: Promise<void> | undefined
const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) }
const ID_A = 'AAAAAAAAAAAAAAAAAAAAAQ'
const ID_B = 'AAAAAAAAAAAAAAAAAAAAAg'

beforeEach(() => {
  cluster.clear()
  cluster.set('a', {
    id: ID_A,
    leaders: [
      [1, 5],
      [2, 3],
    ],
  })
  cluster.set('b', { id: ID_B, leaders: [[1, 0]] })
  requests = []
  warnings = []
  gate = undefined
  clock = new VirtualClock()
})

function metadata(options: { ttl?: number | null; maxAge?: number } = {}): ClusterMetadata {
  return new ClusterMetadata({
    clock,
    logger,
    metadataMaxAgeMs: options.maxAge ?? 300_000,
    metadataTopicCacheTtlMs: options.ttl === undefined ? 300_000 : options.ttl,
    fetch: async (body) => {
      const names = (body.topics ?? []).map((topic) => topic.name ?? '')
      requests.push(names)
      expect(body.allowAutoTopicCreation).toBe(false)
      await gate
      return answer(body)
    },
  })
}

function answer(body: RequestInput<typeof Metadata>): Answer {
  return {
    throttleTimeMs: 0,
    brokers: [1, 2].map((nodeId) => ({ nodeId, host: `broker-${nodeId}`, port: 9092, rack: null })),
    clusterId: 'c',
    controllerId: 1,
    topics: (body.topics ?? []).map((topic) => topicAnswer(topic.name ?? '')),
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  }
}

function topicAnswer(name: string): AnsweredTopic {
  const known = cluster.get(name) ?? 3
  const base = { name, isInternal: false, topicAuthorizedOperations: 0 }
  if (typeof known === 'number') return { ...base, errorCode: known, topicId: ZERO_UUID, partitions: [] }
  return {
    ...base,
    errorCode: 0,
    topicId: known.id,
    partitions: known.leaders.map(([leaderId, leaderEpoch], partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId,
      leaderEpoch,
      replicaNodes: [1, 2],
      isrNodes: [1, 2],
      offlineReplicas: [],
    })),
  }
}

describe('metadata', () => {
  it('finds a topic by name and by id, and its leaders', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    expect(cache.topic('a')?.topicId).toBe(ID_A)
    expect(cache.topicById(ID_A)?.name).toBe('a')
    expect(cache.leader(ID_A, 1)).toEqual({ nodeId: 2, epoch: 3 })
    expect(cache.leader(ID_A, 9)).toBeUndefined()
    expect(cache.broker(2)).toMatchObject({ host: 'broker-2' })
    expect(cache.controllerId).toBe(1)
  })

  it('asks only for the topics that are wanted, and keeps the others as they are', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    const unwant = cache.want(['b'])
    await cache.refresh()
    expect(requests).toEqual([['a'], ['b']])
    expect(cache.topic('a')).toBeDefined()
    unwant()
    unwant()
    await cache.refresh()
    expect(requests[2]).toEqual([])
  })

  it('counts wants: a topic wanted twice stays wanted until both let go', async () => {
    const cache = metadata()
    const [first, second] = [cache.want(['a']), cache.want(['a'])]
    first()
    first()
    await cache.refresh()
    expect(requests.at(-1)).toEqual(['a'])
    second()
    await cache.refresh()
    expect(requests.at(-1)).toEqual([])
  })

  it('is fetched once for all who ask at the same time', async () => {
    const cache = metadata()
    let open: () => void = () => undefined
    gate = new Promise((resolve) => (open = resolve))
    const callers = [
      cache.refresh({ topics: ['a', 'b'] }),
      cache.refresh({ topics: ['a'] }),
      cache.refresh({ topics: ['b'] }),
    ]
    const others = [cache.refresh({ topics: ['c'] }), cache.refresh({ topics: ['d', 'a'] })]
    open()
    await Promise.all([...callers, ...others])
    expect(requests.map((names) => names.toSorted())).toEqual([
      ['a', 'b'],
      ['a', 'c', 'd'],
    ])
  })

  it('keeps a missing topic as missing, warns of it once, and again after it came and went', async () => {
    const cache = metadata()
    cache.want(['gone', 'a'])
    for (let i = 0; i < 3; i++) await cache.refresh()
    expect(cache.topic('gone')).toMatchObject({ errorCode: 3, topicId: ZERO_UUID, partitions: [] })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/'gone' does not exist.*create/)
    cluster.set('gone', { id: 'AAAAAAAAAAAAAAAAAAAAAw', leaders: [[1, 0]] })
    await cache.refresh()
    expect(cache.topic('gone')?.errorCode).toBe(0)
    cluster.delete('gone')
    await cache.refresh()
    expect(warnings).toHaveLength(2)
  })

  it('takes a leader from a hint when it is newer, with the endpoint', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    let changes = 0
    cache.onChange(() => changes++)
    cache.updateLeader({
      topicId: ID_A,
      partition: 0,
      nodeId: 3,
      epoch: 6,
      endpoint: { nodeId: 3, host: 'broker-3', port: 1, rack: null },
    })
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 3, epoch: 6 })
    expect(cache.broker(3)?.host).toBe('broker-3')
    cache.updateLeader({ topicId: ID_A, partition: 0, nodeId: 1, epoch: 6 })
    cache.updateLeader({ topicId: ID_A, partition: 0, nodeId: -1, epoch: 9 })
    cache.updateLeader({ topicId: ID_B, partition: 0, nodeId: 1, epoch: 9 })
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 3, epoch: 6 })
    expect(changes).toBe(1)
  })

  it('is not set back by a broker that lags behind', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    cache.updateLeader({ topicId: ID_A, partition: 0, nodeId: 2, epoch: 6 })
    await cache.refresh({ topics: ['a'] })
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 2, epoch: 6 })
    cluster.set('a', {
      id: ID_A,
      leaders: [
        [1, 7],
        [2, 3],
      ],
    })
    await cache.refresh({ topics: ['a'] })
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 1, epoch: 7 })
  })

  it('forgets the old id of a topic that was created anew, and its epochs', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    cluster.set('a', { id: ID_B, leaders: [[2, 0]] })
    cluster.delete('b')
    await cache.refresh({ topics: ['a'] })
    expect(cache.topicById(ID_A)).toBeUndefined()
    expect(cache.leader(ID_B, 0)).toEqual({ nodeId: 2, epoch: 0 })
  })

  it('is refreshed when it gets old, completely: what nobody wants goes', async () => {
    const cache = metadata({ maxAge: 1_000, ttl: null })
    await cache.refresh({ topics: ['a'] })
    cache.want(['b'])
    await clock.advance(1_001)
    expect(requests.at(-1)).toEqual(['b'])
    expect(cache.topic('a')).toBeUndefined()
    expect(cache.topicById(ID_A)).toBeUndefined()
    await clock.advance(1_001)
    expect(requests).toHaveLength(3)
    cache.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('evicts after its time what nobody refreshed or wants, unless that is switched off', async () => {
    for (const ttl of [1_000, null]) {
      const cache = metadata({ ttl })
      cache.want(['b'])
      await cache.refresh({ topics: ['a'] })
      await clock.advance(1_001)
      await cache.refresh()
      expect(cache.topic('a') === undefined).toBe(ttl !== null)
      expect(cache.topic('b')).toBeDefined()
      cache.close()
    }
  })

  it('can stop being waited for, without ending the request for others', async () => {
    const cache = metadata()
    let open: () => void = () => undefined
    gate = new Promise((resolve) => (open = resolve))
    const controller = new AbortController()
    const patient = cache.refresh({ topics: ['a'] })
    const impatient = cache.refresh({ topics: ['a'], signal: controller.signal })
    controller.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'ABORTED' })
    open()
    await patient
    expect(cache.topic('a')).toBeDefined()
  })

  it('survives a listener that throws', async () => {
    const cache = metadata()
    let second = 0
    cache.onChange(() => {
      throw new Error('observer')
    })
    const stop = cache.onChange(() => second++)
    await cache.refresh({ topics: ['a'] })
    expect(second).toBe(1)
    stop()
    await cache.refresh({ topics: ['a'] })
    expect(second).toBe(1)
  })
})
