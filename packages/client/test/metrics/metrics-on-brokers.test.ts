import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { numbered, RealGroups, receive } from '../share/real-group.js'

describeOnBrokers('The metrics of a consumer', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('agree with what the group knows of its records', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    await groups.produce(topic, [...numbered(30), ...numbered(20).map((value) => ({ value, partition: 1 }))])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const again = (offset: number, deliveryCount: number): boolean => offset === 3 && deliveryCount === 1
    await receive(consumer, 52, {
      each: (record) => consumer.acknowledge(record, again(record.offset, record.deliveryCount) ? 'RELEASE' : 'ACCEPT'),
    })
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)

    const metrics = consumer.metrics()
    expect(metrics).toMatchObject({
      acquired: 52,
      accepted: 50,
      released: 2,
      'records-consumed-total': 52,
      'acknowledgements-send-total': 52,
      'acknowledgements-error-total': 0,
      'fetch-throttle-time-max': 0,
    })
    expect(metrics['fetch-total']).toBeGreaterThanOrEqual(2)
    expect(metrics['records-per-request-max']).toBeGreaterThanOrEqual(20)
    expect(metrics['bytes-consumed-total']).toBeGreaterThan(50)
    expect(metrics['incoming-byte-total']).toBeGreaterThan(metrics['bytes-consumed-total'])
    expect(metrics['heartbeat-total']).toBeGreaterThanOrEqual(1)
    expect(metrics['request-total']).toBeGreaterThanOrEqual(metrics['fetch-total'] + metrics['heartbeat-total'])
    expect(metrics['response-total']).toBeLessThanOrEqual(metrics['request-total'])
    expect(metrics['connection-count']).toBe(metrics['connection-creation-total'] - metrics['connection-close-total'])
    expect(metrics['connection-count']).toBeGreaterThanOrEqual(2)
    for (const [name, value] of Object.entries(metrics)) expect([name, value >= 0]).toEqual([name, true])

    // Records come before the assignment does.
    await vi.waitFor(() => expect(consumer.metrics()['rebalance-total']).toBe(1), { timeout: 10_000 })
    await consumer.close()
    expect(consumer.metrics()).toMatchObject({ accepted: 50, 'connection-count': 0 })
  })
})
