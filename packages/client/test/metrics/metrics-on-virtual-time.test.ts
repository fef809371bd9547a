import { EmbeddedBroker } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ShareConsumer } from '../../src/index.js'

describe('The metrics of a consumer, on virtual time', () => {
  let broker: EmbeddedBroker<VirtualClock>
  let consumer: ShareConsumer

  beforeEach(async () => {
    broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(5),
      topics: ['orders'],
    })
    broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
    consumer = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: 'explicit',
      logger: silentLogger,
      runtime: broker.runtime,
    })
    consumer.subscribe(['orders'])
  })

  afterEach(async () => {
    await broker.advanceUntil(consumer.close())
    await broker.stop()
  })

  const append = (count: number): void => {
    broker.append(
      'orders',
      Array.from({ length: count }, (_, i) => ({ value: `${i}` })),
    )
  }

  async function receive() {
    for (;;) {
      const records = await broker.advanceUntil(consumer.poll(60_000))
      if (!records.isEmpty) return records
    }
  }

  it('count each acknowledgement that is sent, renewals and those that fail included', async () => {
    append(4)
    const [first, ...others] = await receive()
    if (first === undefined) throw new Error('nothing came')
    consumer.acknowledge(first, 'RENEW')
    for (const record of others) consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    expect(consumer.metrics()).toMatchObject({ 'acknowledgements-send-total': 4, 'acknowledgements-error-total': 0 })
    // Its lock runs out, which the broker says when the answer comes.
    await broker.clock.advance(30_900)
    consumer.acknowledge(first)
    await broker.advanceUntil(consumer.commitSync())
    expect(consumer.metrics()).toMatchObject({
      renewed: 1,
      accepted: 3,
      'records-consumed-total': 4,
      'acknowledgements-send-total': 5,
      'acknowledgements-error-total': 1,
    })
  })

  it('tell how long a fetch waits at the broker', async () => {
    append(1)
    for (const record of await receive()) consumer.acknowledge(record)
    await broker.advanceUntil(consumer.poll(3_000))
    const metrics = consumer.metrics()
    expect(metrics['fetch-latency-max']).toBeGreaterThanOrEqual(500)
    expect(metrics['fetch-latency-max']).toBeLessThan(520)
    expect(metrics['request-latency-max']).toBeGreaterThanOrEqual(metrics['fetch-latency-max'])
    expect(metrics['poll-idle-ratio-avg']).toBeGreaterThan(0.99)
  })

  it('tell of a slow application that its polls are seldom idle', async () => {
    for (let i = 0; i < 5; i++) {
      append(1)
      for (const record of await receive()) consumer.acknowledge(record)
      await broker.clock.advance(2_000)
    }
    const metrics = consumer.metrics()
    expect(metrics['poll-idle-ratio-avg']).toBeLessThan(0.2)
    expect(metrics['time-between-poll-max']).toBeGreaterThanOrEqual(2_000)
    expect(metrics['last-poll-seconds-ago']).toBeCloseTo(2, 1)
  })

  it('go on through an unsubscribe', async () => {
    append(2)
    for (const record of await receive()) consumer.acknowledge(record)
    await broker.advanceUntil(() => consumer.metrics()['rebalance-total'] === 1)
    await broker.advanceUntil(consumer.unsubscribe())
    consumer.subscribe(['orders'])
    append(3)
    for (const record of await receive()) consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    expect(consumer.metrics()).toMatchObject({
      accepted: 5,
      'records-consumed-total': 5,
      'acknowledgements-send-total': 5,
    })
    await broker.advanceUntil(() => consumer.metrics()['rebalance-total'] === 2)
  })

  it('beat with the heartbeats', async () => {
    append(1)
    for (const record of await receive()) consumer.acknowledge(record)
    // Until the assignment came they follow quickly.
    await broker.clock.advance(15_000)
    const before = consumer.metrics()['heartbeat-total']
    await broker.clock.advance(60_000)
    const { 'heartbeat-total': total, 'heartbeat-rate': rate, ...others } = consumer.metrics()
    expect(total - before).toBeGreaterThanOrEqual(11)
    expect(total - before).toBeLessThanOrEqual(13)
    expect(rate).toBeCloseTo(0.2, 1)
    expect(others['last-heartbeat-seconds-ago']).toBeLessThanOrEqual(5.1)
  })
})
