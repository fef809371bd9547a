import type { ConsumerRecord, DeserializeFunction } from '@milena/client'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  type ContainerProperties,
  type DeserializerSupplier,
  type ShareListener,
} from '../src/index.js'
import { deferred, KeptLog } from './container-harness.js'
import { numbered, produce, stopContainers, untilLagIsZero, type Container } from './container-on-brokers.js'

const open: Container[] = []
const text: DeserializeFunction<string> = (data) => data?.toString() ?? ''

afterEach(async () => {
  await stopContainers()
  await Promise.all(open.splice(0).map((container) => container.stop({ timeoutMs: 2_000 })))
})

/** A container made by a factory, and what the listener of its consumer factory heard. */
function heard(
  broker: TestBroker,
  properties: ContainerProperties,
  listener: ShareListener<string, string>,
  valueDeserializerSupplier: DeserializerSupplier<string> = () => text,
) {
  const story: string[] = []
  const consumerFactory = new DefaultShareConsumerFactory<string, string>(
    { 'bootstrap.servers': broker.bootstrapServers, logger: new KeptLog().logger() },
    { keyDeserializer: text, valueDeserializerSupplier },
  )
  consumerFactory.addListener({
    consumerAdded: (id, consumer) => story.push(`added ${id} in ${consumer.groupId}`),
    consumerRemoved: (id, consumer) => story.push(`removed ${id} in ${consumer.groupId}`),
  })
  const container = new ShareListenerContainerFactory({ consumerFactory }).createContainer(properties)
  container.setupMessageListener(listener)
  open.push(container as unknown as Container)
  return { container, story }
}

describeOnBrokers('A listener of the consumer factory', (broker) => {
  it('hears of each member of a container when it is made and when it is closed, by its client id', async () => {
    const [topic, groupId] = [await broker.createTopic(), await broker.createGroup()]
    const { container, story } = heard(
      broker,
      { id: 'orders', topics: topic, groupId, concurrency: '2' },
      () => undefined,
    )
    await container.start()
    expect(story).toEqual([`added orders-0 in ${groupId}`, `added orders-1 in ${groupId}`])
    await container.stop()
    expect(story.slice(2).toSorted()).toEqual([`removed orders-0 in ${groupId}`, `removed orders-1 in ${groupId}`])
  })

  it('hears of their end also when a start fails: what was made before is closed', async () => {
    const properties = { id: 'orders', topics: await broker.createTopic(), groupId: await broker.createGroup() }
    let made = 0
    const { container, story } = heard(
      broker,
      { ...properties, concurrency: 3 },
      () => undefined,
      () => {
        if (++made === 3) throw new Error('no schema registry')
        return text
      },
    )
    await expect(container.start()).rejects.toThrow('no schema registry')
    expect(story).toEqual([
      ...[0, 1].map((index) => `added orders-${index} in ${properties.groupId}`),
      ...[0, 1].map((index) => `removed orders-${index} in ${properties.groupId}`),
    ])
  })

  it('hears of no end that a listener tries to bring about: it cannot close the consumer of its member', async () => {
    const [topic, groupId] = [await broker.createTopic(), await broker.createGroup()]
    const refused: unknown[] = []
    const { container, story } = heard(
      broker,
      { id: 'orders', topics: topic, groupId },
      {
        onShareRecord: async (_record, _acknowledgment, consumer) => {
          await consumer.close().catch((error: unknown) => refused.push(error))
        },
      },
    )
    container.on('consumerStopped', ({ reason }) => story.push(`stopped ${reason}`))
    await container.start()
    await produce(broker, topic, numbered(2))
    await vi.waitFor(() => expect(refused).toHaveLength(2), { timeout: 10_000, interval: 20 })
    expect(refused).toMatchObject([{ code: 'CONCURRENT_USE' }, { code: 'CONCURRENT_USE' }])
    expect(story).toEqual([`added orders-0 in ${groupId}`])
    await container.stop()
    expect(story.slice(1)).toEqual([`removed orders-0 in ${groupId}`, 'stopped NORMAL'])
  })
})

describeOnBrokers('The members of a container', (broker) => {
  it('all get records of a topic with one partition, and none gets one twice', async () => {
    const [topic, groupId] = [await broker.createTopic(), await broker.createGroup()]
    const byMember = new Map<string, number>()
    const seen = new Set<string>()
    const { container } = heard(
      broker,
      { topics: topic, groupId, concurrency: 3, maxInFlight: 5 },
      {
        async onShareRecord({ value }: ConsumerRecord<string, string>, _acknowledgment, { clientId }) {
          await new Promise((resolve) => setImmediate(resolve))
          seen.add(value)
          byMember.set(clientId, (byMember.get(clientId) ?? 0) + 1)
        },
      },
    )
    await container.start()
    for (let round = 0; round < 10; round++) {
      await produce(broker, topic, numbered(60, round * 60))
      await untilLagIsZero(broker, groupId)
      if (byMember.size === 3) break
    }
    expect([...byMember.keys()].toSorted()).toEqual(['share-container-0', 'share-container-1', 'share-container-2'])
    expect([...byMember.values()].reduce((sum, count) => sum + count, 0)).toBe(seen.size)
  })

  it('answer in MANUAL mode each for itself: five of them, mixed answers, each has its effect', async () => {
    const [topic, groupId] = [await broker.createTopic(), await broker.createGroup()]
    const deliveries = new Map<string, number[]>()
    await produce(broker, topic, numbered(60))
    const { container } = heard(
      broker,
      { topics: topic, groupId, concurrency: 5, shareAckMode: 'MANUAL', maxInFlight: 4 },
      (record, acknowledgment) => {
        const { value, deliveryCount } = record
        deliveries.set(value, [...(deliveries.get(value) ?? []), deliveryCount])
        const number = Number(value.slice(1))
        if (number % 3 === 0 && deliveryCount === 1) acknowledgment?.release()
        else if (number % 3 === 1) acknowledgment?.reject()
        else acknowledgment?.acknowledge()
      },
    )
    await container.start()
    await untilLagIsZero(broker, groupId)
    expect(deliveries.size).toBe(60)
    for (const [value, counts] of deliveries) {
      expect([value, counts]).toEqual([value, Number(value.slice(1)) % 3 === 0 ? [1, 2] : [1]])
    }
    await vi.waitFor(() => {
      const all = [...container.metrics().values()].map(({ broker: counts }) => counts)
      const sum = (name: 'accepted' | 'released' | 'rejected') => all.reduce((total, each) => total + each[name], 0)
      expect([sum('accepted'), sum('released'), sum('rejected')]).toEqual([40, 20, 20])
    })
  })

  it('stop only when all are closed, and start only when all run', async () => {
    const [topic, groupId] = [await broker.createTopic(), await broker.createGroup()]
    const working = deferred()
    const { container, story } = heard(broker, { topics: topic, groupId, concurrency: 3 }, () => working.promise)
    await container.start()
    expect((await broker.admin.describeShareGroups([groupId]))[0]?.members).toHaveLength(3)
    await produce(broker, topic, numbered(1))
    await vi.waitFor(() => expect(container.health().members.some(({ inFlight }) => inFlight === 1)).toBe(true))
    const stopping = container.stop()
    expect(container.state).toBe('stopping')
    working.resolve()
    await stopping
    expect(story.filter((line) => line.startsWith('removed'))).toHaveLength(3)
    expect((await broker.admin.describeShareGroups([groupId]))[0]?.members).toEqual([])
  })
})
