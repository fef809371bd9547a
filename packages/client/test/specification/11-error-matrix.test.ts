import { ErrorCode, type ErrorName } from '@milena/protocol'
import { describe, expect } from 'vitest'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { numbered } from '../share/real-group.js'
import { onVirtualCluster, type VirtualCluster } from './virtual-cluster.js'

// Brokers are made to answer each error at each level: the embedded broker, by its hooks. Heartbeats have their table in
// 9-membership, partition errors of fetches in 10-10, those of acknowledgements in 10-6.

type Throws = 'thrown' | 'unseen'

/** The codes that polls of some seconds threw, once each. */
async function thrownBy(cluster: VirtualCluster, consumer: ReturnType<VirtualCluster['consumer']>): Promise<unknown[]> {
  const codes = new Set<unknown>()
  for (let polls = 0; polls < 30; polls++) {
    const outcome = await cluster.outcome(consumer.poll(100))
    if ('code' in outcome) codes.add(outcome.code)
    else for (const record of outcome) consumer.acknowledge(record)
  }
  return [...codes]
}

describe('A ShareFetch that fails as a whole', () => {
  const rows: readonly [ErrorName, Throws][] = [
    ['GROUP_AUTHORIZATION_FAILED', 'thrown'],
    ['INVALID_REQUEST', 'thrown'],
    ['UNSUPPORTED_VERSION', 'thrown'],
    ['SHARE_SESSION_NOT_FOUND', 'unseen'],
    ['INVALID_SHARE_SESSION_EPOCH', 'unseen'],
    ['SHARE_SESSION_LIMIT_REACHED', 'unseen'],
    ['COORDINATOR_NOT_AVAILABLE', 'unseen'],
    ['UNKNOWN_SERVER_ERROR', 'unseen'],
  ]
  for (const [code, throws] of rows) {
    onVirtualCluster(
      `with ${code} is ${throws === 'thrown' ? 'told to the poll' : "none of the application's business"}`,
      {},
      async (cluster) => {
        const consumer = cluster.consumer()
        await cluster.settle(consumer)
        const failing = cluster.broker.intercept('ShareFetch', () => ({ do: 'fail', errorCode: ErrorCode[code] }))
        const codes = await thrownBy(cluster, consumer)
        expect(failing.count).toBeGreaterThan(0)
        expect(failing.count).toBeLessThan(100)
        if (throws === 'thrown') {
          expect(codes).toHaveLength(1)
          return
        }
        expect(codes).toEqual([])
        failing.stop()
        cluster.append(['v'])
        consumer.acknowledge(await cluster.first(consumer))
        expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      },
    )
  }
})

describe('A piggybacked acknowledgement', () => {
  /** What becomes of answers that a failing fetch carries. */
  async function verdictsOf(
    cluster: VirtualCluster,
    fail: (cluster: VirtualCluster) => void,
  ): Promise<readonly (string | undefined)[]> {
    const consumer = cluster.consumer({ maxPollRecords: 5, prefetch: 0 })
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    for (let batch = 0; batch < 6; batch++) cluster.append(numbered(5))
    const records = await cluster.receive(consumer, 5)
    fail(cluster)
    for (const record of records) consumer.acknowledge(record)
    for (let polls = 0; polls < 20 && verdicts.length === 0; polls++) {
      const outcome = await cluster.outcome(consumer.poll(500))
      if (!('code' in outcome)) for (const record of outcome) consumer.acknowledge(record)
    }
    const carrying = cluster.shareRequests().find(({ acknowledged }) => acknowledged.length > 0)
    expect(carrying?.api).toBe('ShareFetch')
    return verdicts.slice(0, 1).map(({ error }) => error?.code)
  }

  for (const code of [
    'UNKNOWN_TOPIC_ID',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'NOT_LEADER_OR_FOLLOWER',
    'INVALID_RECORD_STATE',
  ] as const) {
    onVirtualCluster(
      `that its partition answers with ${code} is final: told, and not sent again`,
      {},
      async (cluster) => {
        const codes = await verdictsOf(cluster, ({ broker }) => {
          broker.intercept(
            'ShareFetch',
            () => ({ do: 'fail', errorCode: ErrorCode[code], partitions: [{ topic: 'orders' }] }),
            { times: 1, when: ({ body }) => body.topics.length > 0 },
          )
        })
        expect(codes).toEqual([code])
        const first = cluster
          .shareRequests()
          .flatMap(({ batches }) => batches)
          .filter(([, from]) => from === 0)
        expect(first).toHaveLength(1)
      },
    )
  }

  for (const code of ['SHARE_SESSION_NOT_FOUND', 'INVALID_SHARE_SESSION_EPOCH'] as const) {
    onVirtualCluster(`of a fetch that fails with ${code} is told as NETWORK_EXCEPTION`, {}, async (cluster) => {
      const codes = await verdictsOf(cluster, ({ broker }) => {
        broker.intercept('ShareFetch', () => ({ do: 'fail', errorCode: ErrorCode[code] }), {
          times: 1,
          when: ({ body }) => body.topics.length > 0,
        })
      })
      expect(codes).toEqual(['NETWORK_EXCEPTION'])
    })
  }

  onVirtualCluster('of a fetch whose connection breaks is told as NETWORK_EXCEPTION', {}, async (cluster) => {
    const codes = await verdictsOf(cluster, ({ broker }) => {
      broker.intercept('ShareFetch', () => ({ do: 'cut' }), { times: 1, when: ({ body }) => body.topics.length > 0 })
    })
    expect(codes).toEqual(['NETWORK_EXCEPTION'])
  })
})

describe('A ShareAcknowledge that fails as a whole', () => {
  const rows: readonly [ErrorName, string][] = [
    ['GROUP_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED'],
    ['INVALID_REQUEST', 'INVALID_REQUEST'],
    ['UNSUPPORTED_VERSION', 'UNSUPPORTED_VERSION'],
    ['SHARE_SESSION_NOT_FOUND', 'NETWORK_EXCEPTION'],
    ['INVALID_SHARE_SESSION_EPOCH', 'NETWORK_EXCEPTION'],
  ]
  for (const [code, told] of rows) {
    onVirtualCluster(`with ${code} is told as ${told}, and accepts nothing`, {}, async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(['v'])
      const record = await cluster.first(consumer)
      cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode: ErrorCode[code] }), { times: 1 })
      consumer.acknowledge(record)
      expect(await cluster.commit(consumer)).toEqual({ 0: told })
      expect(cluster.partition()?.startOffset ?? 0).toBe(0)
    })
  }

  onVirtualCluster('because its connection breaks is told as NETWORK_EXCEPTION, at once', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    const record = await cluster.first(consumer)
    cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'cut' }), { times: 1 })
    consumer.acknowledge(record)
    const began = cluster.clock.now()
    expect(await cluster.commit(consumer)).toEqual({ 0: 'NETWORK_EXCEPTION' })
    expect(cluster.clock.now() - began).toBeLessThan(1_000)
  })
})
