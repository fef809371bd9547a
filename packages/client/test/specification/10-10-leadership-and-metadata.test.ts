import { ErrorCode } from '@milena/protocol'
import { describe, expect } from 'vitest'
import { numbered } from '../share/real-group.js'
import { onVirtualCluster } from './virtual-cluster.js'

// A shared cluster must not be harmed: leaders move on clusters of the embedded broker here. Real leaders that die are in
// test/share/leader-loss-on-brokers.test.ts.

describe('A partition whose fetch fails', () => {
  for (const code of [
    'NOT_LEADER_OR_FOLLOWER',
    'REPLICA_NOT_AVAILABLE',
    'KAFKA_STORAGE_ERROR',
    'FENCED_LEADER_EPOCH',
    'OFFSET_NOT_AVAILABLE',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INCONSISTENT_TOPIC_ID',
  ] as const) {
    onVirtualCluster(
      `with ${code} makes the client look again, and tells the application nothing`,
      {},
      async (cluster) => {
        const consumer = cluster.consumer()
        await cluster.settle(consumer)
        cluster.broker.intercept(
          'ShareFetch',
          () => ({ do: 'fail', errorCode: ErrorCode[code], partitions: [{ topic: 'orders' }] }),
          { times: 1 },
        )
        cluster.broker.forgetRequests()
        await cluster.settle(consumer, 5_000)
        if (code !== 'OFFSET_NOT_AVAILABLE') {
          expect(cluster.broker.requests({ api: 'Metadata' }).length).toBeGreaterThan(0)
        }
        cluster.append(['v'])
        const record = await cluster.first(consumer)
        expect([String(record.value), record.deliveryCount]).toEqual(['v', 1])
        consumer.acknowledge(record)
        expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
      },
    )
  }

  for (const code of ['UNKNOWN_LEADER_EPOCH', 'UNKNOWN_SERVER_ERROR'] as const) {
    onVirtualCluster(`with ${code} is asked again, with pauses, and heals`, {}, async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      const failing = cluster.broker.intercept('ShareFetch', () => ({
        do: 'fail',
        errorCode: ErrorCode[code],
        partitions: [{ topic: 'orders' }],
      }))
      await cluster.settle(consumer, 10_000)
      expect(failing.count).toBeGreaterThan(2)
      expect(failing.count).toBeLessThan(150)
      failing.stop()
      cluster.append(['v'])
      expect(String((await cluster.first(consumer)).value)).toBe('v')
    })
  }

  onVirtualCluster(
    'with TOPIC_AUTHORIZATION_FAILED is thrown by poll, is no tight loop, and heals',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      const failing = cluster.broker.intercept('ShareFetch', () => ({
        do: 'fail',
        errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        partitions: [{ topic: 'orders' }],
      }))
      const codes = new Set<unknown>()
      for (let polls = 0; polls < 100; polls++) {
        const outcome = await cluster.outcome(consumer.poll(100))
        if ('code' in outcome) codes.add(outcome.code)
        await cluster.clock.advance(100)
      }
      expect([...codes]).toEqual(['TOPIC_AUTHORIZATION_FAILED'])
      expect(failing.count).toBeLessThan(100)
      failing.stop()
      cluster.append(['v'])
      let values: string[] = []
      for (let polls = 0; polls < 50 && values.length === 0; polls++) {
        const outcome = await cluster.outcome(consumer.poll(500))
        if (!('code' in outcome)) values = outcome.records.map(({ value }) => String(value))
      }
      expect(values).toEqual(['v'])
    },
  )
})

describe('A leader that moved', () => {
  onVirtualCluster(
    'is followed by the hint in the answer, also while no metadata can be had',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      const old = cluster.broker.inspect().topics[0]?.partitions[0]?.leader ?? 0
      const next = (old % 3) + 1
      cluster.broker.intercept('Metadata', () => ({ do: 'delay', ms: 20_000 }))
      cluster.broker.moveLeader({ topic: 'orders', partition: 0, to: next })
      cluster.append(['v'])
      const began = cluster.clock.now()
      const record = await cluster.first(consumer)
      expect(String(record.value)).toBe('v')
      expect(cluster.clock.now() - began).toBeLessThan(2_000)
      expect(cluster.partition()?.nodeId).toBe(next)
      consumer.acknowledge(record)
      expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
    },
  )

  onVirtualCluster(
    'costs nothing but what was out there: all records are accepted once, the other leaders go on',
    { brokers: 3 },
    async (cluster) => {
      const consumer = cluster.consumer({ acknowledgementMode: 'explicit' })
      for (const partition of [0, 1, 2]) cluster.append(numbered(30, `${partition}-`), partition)
      const seen = new Set<string>()
      let moves = 0
      for (let polls = 0; polls < 100 && seen.size < 90; polls++) {
        for (const record of await cluster.until(consumer.poll(500))) {
          consumer.acknowledge(record)
          seen.add(String(record.value))
        }
        if (moves < 3) {
          const leader = cluster.broker.inspect().topics[0]?.partitions[moves]?.leader ?? 0
          cluster.broker.moveLeader({ topic: 'orders', partition: moves, to: (leader % 3) + 1 })
          moves++
        }
      }
      expect(seen.size).toBe(90)
      await cluster.settle(consumer, 5_000, (record) => consumer.acknowledge(record))
      await cluster.commit(consumer)
      expect([0, 1, 2].map((index) => cluster.partition(index)?.startOffset)).toEqual([30, 30, 30])
    },
  )
})
