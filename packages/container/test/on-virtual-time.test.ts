import type { RequestOf, ShareAcknowledge } from '@milena/protocol'
import { beforeAll, describe, expect } from 'vitest'
import type { ContainerProperties } from '../src/index.js'
import { deferred } from './container-harness.js'
import { numbered, quickly, told, warmUp } from './virtual-bench.js'

// What takes minutes of a broker's time, over the real client and a whole broker: no test of these may take 100 ms.

beforeAll(warmUp)

/** An acknowledgement, on a fetch or by itself. */
function acknowledges(request: { readonly api: string; readonly body: unknown }): boolean {
  const { topics = [] } = request.body as Partial<RequestOf<typeof ShareAcknowledge>>
  return (
    (request.api === 'ShareAcknowledge' || request.api === 'ShareFetch') &&
    topics.some(({ partitions }) => partitions.some((each) => each.acknowledgementBatches.length > 0))
  )
}

const unrenewed: ContainerProperties = { maxLockExtensionMs: 0 }

describe('A lock that is not renewed, and runs out under a listener', () => {
  quickly('gives its records to the next delivery; the late answer is told as failed', async (bench) => {
    const { broker } = bench
    const hung = deferred()
    const deliveries: string[] = []
    bench.append(3)
    await bench.container(async (record) => {
      deliveries.push(told(record))
      if (record.offset === 0 && record.deliveryCount === 1) await hung.promise
    }, unrenewed)
    await broker.advanceUntil(() => deliveries.length === 1)
    const [held] = bench.partition?.records ?? []
    expect(held).toMatchObject({ firstOffset: 0, lastOffset: 2, state: 'ACQUIRED', deliveryCount: 1 })
    expect(held?.lockLeftMs).toBeGreaterThan(29_000)

    await broker.clock.advance(28_000)
    // What waited behind it was given back before.
    expect(bench.partition?.records).toMatchObject([
      { firstOffset: 0, lastOffset: 0, state: 'ACQUIRED' },
      { firstOffset: 1, lastOffset: 2, state: 'AVAILABLE', deliveryCount: 1 },
    ])
    await broker.clock.advance(2_000)
    expect(bench.partition?.records).toEqual([{ firstOffset: 0, lastOffset: 2, state: 'AVAILABLE', deliveryCount: 1 }])
    hung.resolve()
    await bench.untilFinished(3)
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 2', 'v2 2'])
    expect(bench.failures).toEqual(['orders-0 0-0 INVALID_RECORD_STATE'])
  })

  quickly('is archived by the broker when that happens to it every time', async (bench) => {
    const { broker } = bench
    broker.setGroupConfig('workers', { 'share.delivery.count.limit': '2' })
    const deliveries: string[] = []
    const hung = deferred()
    bench.append(1)
    await bench.container(async (record) => {
      deliveries.push(told(record))
      await hung.promise
    }, unrenewed)
    await broker.clock.advance(31_000)
    const second = await bench.container((record) => void deliveries.push(told(record)), { clientId: 'second' })
    await bench.untilFinished(1)
    await broker.clock.advance(31_000)
    expect(second.state).toBe('running')
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    hung.resolve()
  })
})

describe('A leader that changes', () => {
  quickly(
    'takes no record along: what was being worked on is delivered anew by the next one',
    async (bench) => {
      const { broker } = bench
      const hung = deferred()
      const deliveries: string[] = []
      bench.append(20)
      await bench.container(async (record) => {
        deliveries.push(told(record))
        if (record.offset === 9) await hung.promise
      })
      await broker.advanceUntil(() => deliveries.length === 10)
      expect(bench.partition?.nodeId).toBe(1)

      broker.moveLeader({ topic: 'orders', to: 2 })
      expect(bench.partition).toBeUndefined()
      hung.resolve()
      await bench.untilFinished(20)
      expect(bench.partition?.nodeId).toBe(2)
      expect(broker.inspect().shareSessions.map(({ nodeId }) => nodeId)).toContain(2)
      // The next leader knows nothing of the first deliveries.
      expect(new Set(deliveries)).toEqual(new Set(numbered(20).map((value) => `${value} 1`)))
      expect(deliveries.filter((each) => each === 'v9 1')).toHaveLength(2)
      expect(bench.failures.length).toBeGreaterThan(0)
      for (const failure of bench.failures)
        expect(failure).toMatch(/^orders-0 \d+-\d+ (UNKNOWN_TOPIC_OR_PARTITION|NOT_LEADER_OR_FOLLOWER)$/)
      expect(bench.log.at('error')).toEqual([])
    },
    { brokers: 2, topics: [{ name: 'orders', replicationFactor: 2 }] },
  )

  quickly(
    'because it was killed leaves the container to go on with the next one, and with all when it is back',
    async (bench) => {
      const { broker } = bench
      const deliveries: string[] = []
      bench.append(5)
      const container = await bench.container((record) => void deliveries.push(told(record)))
      await bench.untilFinished(5)
      const leader = bench.partition?.nodeId ?? -1

      await broker.kill(leader)
      bench.append(5)
      await bench.untilFinished(10)
      expect(bench.partition?.nodeId).not.toBe(leader)
      await broker.restart(leader)
      broker.moveLeader({ topic: 'orders', to: leader })
      bench.append(5)
      await bench.untilFinished(15)
      expect(bench.partition?.nodeId).toBe(leader)
      expect(container.state).toBe('running')
      expect(deliveries).toEqual(numbered(15).map((value) => `${value} 1`))
      expect(bench.failures).toEqual([])
    },
    { brokers: 3, topics: [{ name: 'orders', replicationFactor: 3 }] },
  )

  quickly('that freezes is given up, and its records are delivered when it thaws', async (bench) => {
    const { broker } = bench
    const deliveries: string[] = []
    await bench.container((record) => void deliveries.push(told(record)))
    broker.freeze()
    bench.append(3)
    await broker.clock.advance(100_000)
    expect(deliveries).toEqual([])
    broker.thaw()
    await bench.untilFinished(3)
    expect(deliveries.map((each) => each.split(' ')[0])).toEqual(['v0', 'v1', 'v2'])
  })
})

describe('An acknowledgement that is lost', () => {
  quickly('on its way leaves the record to be delivered again', async (bench) => {
    const { broker } = bench
    const lost = broker.intercept('*', () => ({ do: 'cut' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1)
    expect(lost.count).toBe(1)
    // The first has seen only that the connection died; the second took the record's answer.
    expect(broker.requests({}).filter(acknowledges)).toHaveLength(2)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(bench.failures).toEqual(['orders-0 0-0 NETWORK_EXCEPTION'])
  })

  quickly('together with its answer is told as failed, and the broker has it all the same', async (bench) => {
    const { broker } = bench
    broker.intercept('*', () => ({ do: 'cut', when: 'after' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1)
    bench.append(1)
    await bench.untilFinished(2)
    expect(deliveries).toEqual(['v0 1', 'v1 1'])
    expect(bench.failures).toEqual(['orders-0 0-0 NETWORK_EXCEPTION'])
  })

  quickly('because nobody answers is given up after the request timeout', async (bench) => {
    const { broker } = bench
    broker.intercept('*', () => ({ do: 'drop', what: 'request' }), { when: acknowledges, times: 1 })
    const deliveries: string[] = []
    bench.append(1)
    await bench.container((record) => void deliveries.push(told(record)))
    await bench.untilFinished(1, 100)
    expect(deliveries).toEqual(['v0 1', 'v0 2'])
    expect(broker.clock.now()).toBeGreaterThan(29_000)
  })
})
