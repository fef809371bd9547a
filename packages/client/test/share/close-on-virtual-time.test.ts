import { EmbeddedBroker } from '@milena/embedded-broker'
import type { KafkaError } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, expect, it } from 'vitest'
import { ShareConsumer } from '../../src/index.js'
import type { Received } from './virtual-group.js'

// How long close() takes where brokers say nothing any more: with its own bound of 30 s, it is to end within 5.

let broker: EmbeddedBroker<VirtualClock> | undefined

afterEach(() => broker?.stop())

async function withRecordsOut(): Promise<{
  readonly cluster: EmbeddedBroker<VirtualClock>
  readonly consumer: ShareConsumer
  /** Not answered yet. */
  readonly second: Received
}> {
  const cluster = await EmbeddedBroker.start({
    network: 'memory',
    clock: new VirtualClock(),
    random: new SeededRandom(5),
    topics: ['orders'],
  })
  broker = cluster
  cluster.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
  cluster.append('orders', [{ value: 'a' }, { value: 'b' }])
  const consumer = new ShareConsumer({
    bootstrapServers: cluster.bootstrapServers,
    groupId: 'workers',
    acknowledgementMode: 'explicit',
    logger: silentLogger,
    runtime: cluster.runtime,
  })
  consumer.subscribe(['orders'])
  const [first, second] = await cluster.advanceUntil(consumer.poll(10_000))
  if (first === undefined || second === undefined) throw new Error('too little came')
  consumer.acknowledge(first)
  return { cluster, consumer, second }
}

/** How long close() took, on the cluster's clock. */
async function closed(cluster: EmbeddedBroker<VirtualClock>, consumer: ShareConsumer): Promise<number> {
  const from = cluster.clock.now()
  await cluster.advanceUntil(consumer.close().catch(() => undefined))
  return cluster.clock.now() - from
}

it.each([
  ['the leader', ['ShareFetch', 'ShareAcknowledge']],
  ['the coordinator', ['ShareGroupHeartbeat', 'FindCoordinator']],
  ['either', ['ShareFetch', 'ShareAcknowledge', 'ShareGroupHeartbeat', 'FindCoordinator']],
] as const)('a consumer closes within 5 s where %s answers nothing any more', async (_who, silent) => {
  const { cluster, consumer } = await withRecordsOut()
  for (const api of silent) cluster.intercept(api, () => ({ do: 'drop' }))
  expect(await closed(cluster, consumer)).toBeLessThan(3_500)
})

it('a consumer closes within 5 s where both fall silent while a fetch is waiting there', async () => {
  const { cluster, consumer } = await withRecordsOut()
  await cluster.advanceUntil(consumer.commitSync())
  await cluster.advanceUntil(consumer.poll(2_000)).catch(() => undefined)
  for (const api of ['ShareFetch', 'ShareAcknowledge', 'ShareGroupHeartbeat', 'FindCoordinator'] as const) {
    cluster.intercept(api, () => ({ do: 'drop' }))
  }
  const took = await closed(cluster, consumer)
  expect(took).toBeGreaterThan(1_000)
  expect(took).toBeLessThan(3_500)
})

it('a consumer closes at once where all answer', async () => {
  const { cluster, consumer } = await withRecordsOut()
  expect(await closed(cluster, consumer)).toBeLessThan(1_000)
})

it('a close whose leader answers nothing says what that means for what was acknowledged', async () => {
  const { cluster, consumer } = await withRecordsOut()
  for (const api of ['ShareFetch', 'ShareAcknowledge'] as const) cluster.intercept(api, () => ({ do: 'drop' }))
  const failure = await cluster.advanceUntil(consumer.close().catch((error: unknown) => error))
  expect(String(failure)).toMatch(/Broker 1 did not answer.*may be delivered again.*timeoutMs/)
})

it('a poll that waits for a renewal when close() begins hands out nothing, and the record goes to another member', async () => {
  const { cluster, consumer, second } = await withRecordsOut()
  consumer.acknowledge(second, 'RENEW')
  cluster.intercept('ShareAcknowledge', () => ({ do: 'delay', ms: 50 }), { times: 1 })
  const polled = consumer.poll(10_000).then(
    (records) => records.count,
    (error: KafkaError) => error.code,
  )
  await cluster.clock.advance(20)
  await cluster.advanceUntil(consumer.close())
  expect(await polled).toBe('CLOSED')
  const other = new ShareConsumer({
    bootstrapServers: cluster.bootstrapServers,
    groupId: 'workers',
    logger: silentLogger,
    runtime: cluster.runtime,
  })
  other.subscribe(['orders'])
  const received = [...(await cluster.advanceUntil(other.poll(10_000)))]
  expect(received).toMatchObject([{ offset: second.offset, deliveryCount: 2 }])
  await cluster.advanceUntil(other.close())
})
