import { ErrorCode } from '@milena/protocol'
import { describe, expect } from 'vitest'
import { numbered, receive, results } from '../share/real-group.js'
import { endSession } from './behind-the-back.js'
import { onEveryBroker } from './on-every-broker.js'
import { onVirtualCluster, type VirtualCluster } from './virtual-cluster.js'

/** The epochs of the share requests from now on, while `happens` goes on. */
async function epochsAfter(cluster: VirtualCluster, happens: () => Promise<unknown>): Promise<number[]> {
  cluster.broker.forgetRequests()
  await happens()
  return cluster.shareRequests().map(({ epoch }) => epoch)
}

describe('The next epoch', () => {
  for (const code of ['COORDINATOR_NOT_AVAILABLE', 'UNKNOWN_SERVER_ERROR'] as const) {
    onVirtualCluster(`is one more after an answer with ${code}`, {}, async (cluster) => {
      const consumer = cluster.consumer()
      await cluster.settle(consumer)
      const before = cluster.shareRequests().at(-1)?.epoch ?? 0
      const [failed, next] = await epochsAfter(cluster, async () => {
        cluster.broker.intercept('ShareFetch', () => ({ do: 'fail', errorCode: ErrorCode[code] }), { times: 1 })
        for (let polls = 0; polls < 30; polls++) await cluster.outcome(consumer.poll(100))
      })
      expect([failed, next]).toEqual([before + 1, before + 2])
    })
  }

  for (const code of [
    'SHARE_SESSION_NOT_FOUND',
    'INVALID_SHARE_SESSION_EPOCH',
    'SHARE_SESSION_LIMIT_REACHED',
  ] as const) {
    onVirtualCluster(
      `is 0 after a fetch was answered with ${code}: all partitions are named again, and no acknowledgement`,
      { partitions: 3 },
      async (cluster) => {
        const consumer = cluster.consumer()
        await cluster.settle(consumer)
        cluster.broker.intercept('ShareFetch', () => ({ do: 'fail', errorCode: ErrorCode[code] }), { times: 1 })
        cluster.broker.forgetRequests()
        await cluster.settle(consumer)
        expect(cluster.shareRequests()[1]).toMatchObject({ epoch: 0, named: [0, 1, 2], acknowledged: [] })
        cluster.append(['v'], 2)
        consumer.acknowledge(await cluster.first(consumer))
        expect(await cluster.commit(consumer)).toEqual({ 2: 'ok' })
      },
    )
  }

  for (const code of ['SHARE_SESSION_NOT_FOUND', 'INVALID_SHARE_SESSION_EPOCH'] as const) {
    onVirtualCluster(
      `is 0 after an acknowledgement was answered with ${code}, which is told as NETWORK_EXCEPTION`,
      {},
      async (cluster) => {
        const consumer = cluster.consumer()
        cluster.append(numbered(2))
        const [first, second] = await cluster.receive(consumer, 2)
        if (first === undefined || second === undefined) throw new Error('two were written')
        cluster.broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode: ErrorCode[code] }), { times: 1 })
        cluster.broker.forgetRequests()
        consumer.acknowledge(first)
        expect(await cluster.commit(consumer)).toEqual({ 0: 'NETWORK_EXCEPTION' })
        // What was held of that session is gone with it: its answer fails here, and is not sent.
        consumer.acknowledge(second)
        expect(await cluster.commit(consumer)).toEqual({ 0: 'NETWORK_EXCEPTION' })
        await cluster.until(consumer.poll(1_000))
        const after = cluster.shareRequests().slice(1)
        expect(after[0]).toMatchObject({ api: 'ShareFetch', epoch: 0, named: [0] })
        expect(after.flatMap(({ acknowledged }) => acknowledged)).toEqual([])
      },
    )
  }

  onVirtualCluster('is 0 after the connection was lost', { brokers: 3 }, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    cluster.broker.cutConnections({ broker: 2 })
    cluster.broker.forgetRequests()
    await cluster.settle(consumer)
    expect(cluster.shareRequests(2)[0]).toMatchObject({ api: 'ShareFetch', epoch: 0, named: [1] })
    // The others' sessions are not touched.
    for (const nodeId of [1, 3]) expect(cluster.shareRequests(nodeId).every(({ epoch }) => epoch > 0)).toBe(true)
  })

  onVirtualCluster('is 0 after a request was given up because no answer came', {}, async (cluster) => {
    const consumer = cluster.consumer({ requestTimeoutMs: 3_000 })
    await cluster.settle(consumer)
    cluster.broker.intercept('ShareFetch', () => ({ do: 'drop' }), { times: 1 })
    cluster.broker.forgetRequests()
    await cluster.settle(consumer, 10_000)
    const [lost, next] = cluster.shareRequests()
    expect(next).toMatchObject({ api: 'ShareFetch', epoch: 0 })
    expect((next?.at ?? 0) - (lost?.at ?? 0)).toBeGreaterThanOrEqual(3_000)
  })

  onVirtualCluster('matters no more when the session was closed, whatever the answer was', {}, async (cluster) => {
    const consumer = cluster.consumer()
    await cluster.settle(consumer)
    cluster.broker.intercept('ShareAcknowledge', () => ({
      do: 'fail',
      errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH,
    }))
    const epochs = await epochsAfter(cluster, () => cluster.outcome(consumer.close()))
    await cluster.clock.advance(60_000)
    expect(epochs.filter((epoch) => epoch === -1)).toHaveLength(1)
    expect(cluster.shareRequests().at(-1)?.epoch).toBe(-1)
  })
})

onEveryBroker('A session that the broker ended', (sentence) => {
  sentence('is opened anew: what it held comes again, and late answers are told as lost', async (groups, broker) => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const records = await receive(consumer, 3)
    await endSession(broker, { topic, groupId, memberId: consumer.memberId })
    for (const record of records) consumer.acknowledge(record)
    expect(results(await consumer.commitSync())).toEqual({ 0: 'NETWORK_EXCEPTION' })
    const again = await receive(consumer, 3, { each: (record) => consumer.acknowledge(record) })
    expect(again.map(({ offset, deliveryCount }) => [offset, deliveryCount])).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ])
    expect(results(await consumer.commitSync())).toEqual({ 0: 'ok' })
    await groups.untilLag(groupId, 0)
  })
})
