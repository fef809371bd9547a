import { describe, expect } from 'vitest'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { numbered, receive, results, texts } from '../share/real-group.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster } from './virtual-cluster.js'

const offsetsOf = ({ batches }: AcknowledgementVerdict): number[] =>
  batches.flatMap(({ firstOffset, lastOffset }) =>
    Array.from({ length: lastOffset - firstOffset + 1 }, (_, index) => firstOffset + index),
  )

describe('The acknowledgement callback', () => {
  onVirtualCluster('that throws harms nothing: what it threw is logged', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    consumer.setAcknowledgementCommitCallback(() => {
      throw new Error('out of paper')
    })
    consumer.acknowledge(await cluster.first(consumer))
    expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
    await expect(cluster.until(consumer.poll(10))).resolves.toMatchObject({ isEmpty: true })
    expect(cluster.warnings).toHaveLength(1)
  })

  onVirtualCluster('is told of a failure as well as of success, once each', {}, async (cluster) => {
    const consumer = cluster.consumer()
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    cluster.append(['v'])
    const late = await cluster.first(consumer)
    await cluster.clock.advance(31_000)
    consumer.acknowledge(late)
    expect(await cluster.commit(consumer)).toEqual({ 0: 'INVALID_RECORD_STATE' })
    consumer.acknowledge(await cluster.first(consumer))
    expect(await cluster.commit(consumer)).toEqual({ 0: 'ok' })
    expect(verdicts.map(({ error }) => error?.code)).toEqual(['INVALID_RECORD_STATE', undefined])
  })

  onVirtualCluster('may wake the consumer up: its next poll ends at once', {}, async (cluster) => {
    const consumer = cluster.consumer()
    cluster.append(['v'])
    consumer.setAcknowledgementCommitCallback(() => consumer.wakeup())
    const record = await cluster.first(consumer)
    consumer.acknowledge(record)
    // The wake-up ends whichever waits: the commit, or the poll after it.
    const commit = await cluster.outcome(consumer.commitSync())
    consumer.setAcknowledgementCommitCallback(undefined)
    const poll = await cluster.outcome(consumer.poll(10_000))
    const codes = [commit, poll].map((outcome) => ('code' in outcome ? outcome.code : 'none'))
    expect(codes.filter((code) => code === 'WAKEUP')).toHaveLength(1)
  })
})

onEveryBroker('The acknowledgement callback', (sentence) => {
  sentence('is told each partition and its offsets once, before commitSync resolves', async (groups, broker) => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    await groups.produce(
      topic,
      numbered(8).map((value, index) => ({ value, partition: index % 2 })),
    )
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    await receive(consumer, 8, { each: (record) => consumer.acknowledge(record) })
    await consumer.commitSync()
    const told = verdicts.flatMap((verdict) =>
      offsetsOf(verdict).map((offset) => `${verdict.partition.partition}:${offset}`),
    )
    expect(told.sort()).toEqual([0, 1].flatMap((partition) => [0, 1, 2, 3].map((offset) => `${partition}:${offset}`)))
    expect(verdicts.every(({ error }) => error === undefined)).toBe(true)
  })

  sentence('is not told any more once it is taken back', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['v'])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    let calls = 0
    consumer.setAcknowledgementCommitCallback(() => calls++)
    consumer.setAcknowledgementCommitCallback(undefined)
    expect(texts(await receive(consumer, 1, { each: (record) => consumer.acknowledge(record) }))).toEqual(['v'])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    expect(calls).toBe(0)
  })

  sentence('hears of what close() sent', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(2))
    const consumer = groups.explicit(groupId, { maxPollRecords: 100 })
    consumer.subscribe([topic])
    const verdicts: AcknowledgementVerdict[] = []
    await receive(consumer, 2, { each: (record) => consumer.acknowledge(record) })
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    await consumer.close()
    expect(verdicts.flatMap(offsetsOf)).toEqual([0, 1])
  })
})
