import { KafkaUsageError } from '@milena/protocol'
import { describe, expect } from 'vitest'
import { receive, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

describe('A share consumer', () => {
  onVirtualCluster(
    'has no position: it can neither seek nor commit offsets, nor look after its sessions, and no such request leaves it',
    {},
    async (cluster) => {
      const consumer = cluster.consumer()
      cluster.append(['v'])
      await cluster.receive(consumer, 1, (record) => consumer.acknowledge(record))
      await cluster.commit(consumer)
      for (const method of ['seek', 'position', 'committed', 'assign', 'commit', 'offsetsForTimes', 'session']) {
        expect(consumer).not.toHaveProperty(method)
      }
      expect(new Set(cluster.broker.requests().map(({ api }) => api))).toEqual(
        new Set([
          'ApiVersions',
          'Metadata',
          'FindCoordinator',
          'ShareGroupHeartbeat',
          'ShareFetch',
          'ShareAcknowledge',
        ]),
      )
    },
  )
})

onEveryBroker('The general contract of a share consumer', (sentence) => {
  sentence(
    'is one caller at a time: a second call meanwhile is refused, and disturbs the first in nothing',
    async (groups, broker) => {
      const topic = await broker.createTopic()
      const groupId = await broker.createGroup()
      const consumer = groups.consumer(groupId)
      consumer.subscribe([topic])
      await consumer.poll(200)
      const polled = consumer.poll(10_000)
      await expect(consumer.poll(1)).rejects.toMatchObject({ code: 'CONCURRENT_USE' })
      await expect(consumer.commitSync()).rejects.toMatchObject({ code: 'CONCURRENT_USE' })
      await groups.produce(topic, ['v'])
      expect(texts((await polled).records)).toEqual(['v'])
    },
  )

  sentence('ends with close: every call after it is a usage error', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    await consumer.close()
    const closed = { code: 'CLOSED' }
    await expect(consumer.poll(1)).rejects.toMatchObject(closed)
    await expect(consumer.commitSync()).rejects.toMatchObject(closed)
    await expect((async () => consumer.commitAsync())()).rejects.toMatchObject(closed)
    expect(() => consumer.acknowledge(record)).toThrow(KafkaUsageError)
    await expect((async () => consumer.subscribe([topic]))()).rejects.toMatchObject(closed)
    await expect((async () => consumer.unsubscribe())()).rejects.toMatchObject(closed)
    await expect(consumer.close()).resolves.toBeUndefined()
  })

  sentence('allows no call from inside the acknowledgement callback, but for wakeup()', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [record] = await receive(consumer, 1)
    if (record === undefined) throw new Error('nothing came')
    const codes: unknown[] = []
    const attempts: Promise<unknown>[] = []
    consumer.setAcknowledgementCommitCallback(() => {
      const note = (error: unknown) => codes.push((error as { code?: unknown }).code)
      attempts.push(consumer.poll(1).catch(note), consumer.commitSync().catch(note), consumer.close().catch(note))
    })
    consumer.acknowledge(record)
    await consumer.commitSync()
    await Promise.all(attempts)
    expect(codes).toEqual(['IN_CALLBACK', 'IN_CALLBACK', 'IN_CALLBACK'])
    consumer.setAcknowledgementCommitCallback(undefined)
    await expect(consumer.poll(10)).resolves.toMatchObject({ isEmpty: true })
  })
})
