import { Metadata, ZERO_UUID, type RequestInput, type ResponseOf } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Backoff } from '../../src/cluster/backoff.js'
import { ClusterMetadata } from '../../src/cluster/metadata.js'

type Answer = ResponseOf<typeof Metadata>
type AnsweredTopic = Answer['topics'][number]

/** The cluster's topics: name to id and leaders, or to an error code. */
const cluster = new Map<string, { id: string; leaders: [nodeId: number, epoch: number][] } | number>()
let requests: string[][]
let clock: VirtualClock
let warnings: string[]
let gate: Promise<void> | undefined
let outage: Error | undefined
let clusterId: string
let autoCreates: (boolean | undefined)[]
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
  outage = undefined
  clusterId = 'c'
  autoCreates = []
  clock = new VirtualClock()
})

function metadata(options: { ttl?: number | null; maxAge?: number; autoCreate?: boolean } = {}): ClusterMetadata {
  return new ClusterMetadata({
    clock,
    logger,
    metadataMaxAgeMs: options.maxAge ?? 300_000,
    metadataTopicCacheTtlMs: options.ttl === undefined ? 300_000 : options.ttl,
    allowAutoCreateTopics: options.autoCreate ?? false,
    backoff: new Backoff({ clock, random: new SeededRandom(1), initialMs: 100, maxMs: 1_000 }),
    fetch: async (body) => {
      const names = (body.topics ?? []).map((topic) => topic.name ?? '')
      requests.push(names)
      autoCreates.push(body.allowAutoTopicCreation)
      await gate
      if (outage !== undefined) throw outage
      return answer(body)
    },
  })
}

function answer(body: RequestInput<typeof Metadata>): Answer {
  return {
    throttleTimeMs: 0,
    brokers: [1, 2].map((nodeId) => ({ nodeId, host: `broker-${nodeId}`, port: 9092, rack: null })),
    clusterId,
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

  it('warns when another cluster answers, and keeps nothing of the one before', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    clusterId = 'other'
    await cache.refresh({ topics: ['b'] })
    expect(warnings).toEqual([expect.stringMatching(/another cluster \(other\) than before \(c\).*bootstrapServers/)])
    expect(cache.topics.map(({ name }) => name)).toEqual(['b'])
  })

  it('starts over: brokers go, topics stay, and the next answer is believed whatever its epochs', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    cache.startOver()
    expect(cache.brokers).toEqual([])
    expect(cache.controllerId).toBeUndefined()
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 1, epoch: 5 })
    cluster.set('a', { id: ID_A, leaders: [[2, 0]] })
    await cache.refresh({ topics: ['a'] })
    expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 2, epoch: 0 })
  })

  it('takes the address that a coordinator is found at for newer than its own', async () => {
    const cache = metadata()
    await cache.refresh()
    cache.addBroker({ nodeId: 1, host: 'broker-1', port: 9092, rack: null })
    cache.addBroker({ nodeId: 2, host: 'moved', port: 9093, rack: null })
    expect(cache.broker(2)).toMatchObject({ host: 'moved', port: 9093 })
  })

  it('lets brokers create topics only where that is allowed', async () => {
    await metadata().refresh({ topics: ['a'] })
    await metadata({ autoCreate: true }).refresh({ topics: ['a'] })
    expect(autoCreates).toEqual([false, true])
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

describe('a full refresh', () => {
  it('happens when metadataMaxAgeMs has passed since the last one, whatever was refreshed meanwhile', async () => {
    const cache = metadata()
    cache.want(['a'])
    await cache.refresh()
    await clock.advance(200_000)
    await cache.refresh({ topics: ['b'] })
    cache.want(['b'])
    await clock.advance(99_999)
    expect(requests).toHaveLength(2)
    expect(cache.topic('b')).toBeDefined()
    await clock.advance(1)
    expect(requests).toEqual([['a'], ['a', 'b'], ['a', 'b']])
    await clock.advance(299_999)
    expect(requests).toHaveLength(3)
    await clock.advance(2)
    expect(requests).toHaveLength(4)
  })

  it('replaces the whole cache: a topic that is gone, or that nobody wants, goes at once', async () => {
    const cache = metadata()
    cache.want(['a'])
    await cache.refresh({ topics: ['b'] })
    cluster.set('a', 29)
    await cache.refresh({ full: true })
    expect(requests.at(-1)).toEqual(['a'])
    expect(cache.topic('b')).toBeUndefined()
    expect(cache.topicById(ID_B)).toBeUndefined()
    expect(cache.topic('a')).toMatchObject({ errorCode: 29, partitions: [] })
    expect(cache.topicById(ID_A)).toBeUndefined()
  })

  it('can be asked for at any time', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a', 'b'] })
    cache.want(['b'])
    await cache.refresh({ full: true })
    expect(cache.topics.map(({ name }) => name)).toEqual(['b'])
  })

  it('does not make do with a partial one that is running', async () => {
    const cache = metadata()
    const partial = cache.refresh({ topics: ['a', 'b'] })
    cache.want(['b'])
    await Promise.all([partial, cache.refresh({ full: true })])
    expect(cache.topics.map(({ name }) => name)).toEqual(['b'])
  })

  it('that fails keeps what there is, is warned of once, and is tried again with growing pauses', async () => {
    const cache = metadata()
    cache.want(['a'])
    await cache.refresh()
    outage = new Error('nobody there')
    await clock.advance(310_000)
    expect(cache.topic('a')).toBeDefined()
    expect(warnings).toEqual([expect.stringContaining('the periodic metadata refresh failed')])
    expect(requests.length).toBeGreaterThan(8)
    expect(requests.length).toBeLessThan(20)
    outage = undefined
    await clock.advance(1_200)
    const healed = requests.length
    await clock.advance(290_000)
    expect(requests).toHaveLength(healed)
  })
})

describe('an entry of the metadata cache', () => {
  it.each([300_000, 600_000])('that nobody asks about goes after its %i ms, not earlier', async (ttl) => {
    const cache = metadata({ ttl })
    await cache.refresh({ topics: ['a'] })
    let changes = 0
    cache.onChange(() => changes++)
    await clock.advance(ttl - 1)
    expect(cache.topic('a')).toBeDefined()
    await clock.advance(1)
    expect(cache.topic('a')).toBeUndefined()
    expect(cache.topicById(ID_A)).toBeUndefined()
    expect(changes).toBe(1)
    expect(requests).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('that is asked about again in time stays', async () => {
    const cache = metadata()
    await cache.refresh({ topics: ['a'] })
    await clock.advance(200_000)
    await cache.refresh({ topics: ['a'] })
    await clock.advance(299_999)
    expect(cache.topic('a')).toBeDefined()
    await clock.advance(1)
    expect(cache.topic('a')).toBeUndefined()
  })

  it('survives an error that passes by, and goes when it was not refreshed with success for its time, wanted or not', async () => {
    const cache = metadata({ maxAge: 1e9 })
    cache.want(['a'])
    await cache.refresh()
    cluster.set('a', 5)
    for (let spent = 0; spent < 290_000; spent += 10_000) {
      await clock.advance(10_000)
      await cache.refresh()
      expect(cache.topic('a')?.errorCode).toBe(5)
      expect(cache.leader(ID_A, 0)).toEqual({ nodeId: 1, epoch: 5 })
    }
    await clock.advance(10_000)
    expect(cache.topic('a')).toBeUndefined()
    expect(cache.leader(ID_A, 0)).toBeUndefined()
  })

  it('of a topic that does not exist any more keeps none of its partitions', async () => {
    const cache = metadata()
    cache.want(['a'])
    await cache.refresh()
    cluster.delete('a')
    await cache.refresh()
    expect(cache.topic('a')).toMatchObject({ errorCode: 3, partitions: [] })
    expect(cache.leader(ID_A, 0)).toBeUndefined()
  })

  it('of a wanted topic lives as long as it is refreshed, also when that is rarer than its time', async () => {
    const cache = metadata({ ttl: 1_000 })
    cache.want(['a'])
    await cache.refresh()
    await clock.advance(299_000)
    expect(requests).toHaveLength(1)
    expect(cache.leader(ID_A, 0)).toBeDefined()
  })

  it('is kept for ever where eviction is switched off', async () => {
    const cache = metadata({ ttl: null })
    await cache.refresh({ topics: ['a'] })
    await clock.advance(24 * 3_600_000)
    await cache.refresh()
    expect(cache.topic('a')).toBeDefined()
    expect(clock.pendingTimers).toBe(0)
  })

  it('is one of few, however many topics come and go: 1,000 subscriptions leave the live ones', async () => {
    const cache = metadata()
    cache.want(['a', 'b'])
    for (let round = 0; round < 1_000; round++) {
      const name = `topic-${round}`
      cluster.set(name, { id: `A${String(round).padStart(20, 'B')}Q`, leaders: [[1, 0]] })
      const unwant = cache.want([name])
      await cache.refresh()
      unwant()
      await clock.advance(1_000)
      expect(cache.topics.length).toBeLessThanOrEqual(303)
    }
    await clock.advance(300_000)
    expect(cache.topics.map(({ name }) => name).toSorted()).toEqual(['a', 'b'])
    cache.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
