import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ShareListenerContainerFactory, type ContainerEvent, type ContainerProperties } from '../src/index.js'
import { ContainerHarness } from './container-harness.js'

function factoryOf(
  options: { properties?: ContainerProperties; concurrency?: number; recoverer?: () => 'RELEASE' } = {},
) {
  const harness = new ContainerHarness()
  const events: ContainerEvent[] = []
  const factory = new ShareListenerContainerFactory<string, unknown>({
    consumerFactory: harness.factory,
    containerProperties: options.properties,
    concurrency: options.concurrency,
    shareConsumerRecordRecoverer: options.recoverer,
    logger: harness.log.logger(),
    eventPublisher: { publish: (event) => events.push(event) },
    runtime: harness.runtime,
  })
  return { harness, factory, events }
}

describe('a container factory', () => {
  test('gives its settings to containers of endpoints, which win where they say something themselves', async () => {
    const { harness, factory } = factoryOf({
      properties: { groupId: 'factory', maxInFlight: 5, properties: { 'max.poll.records': 5, 'check.crcs': false } },
      concurrency: 2,
    })
    const container = factory.createListenerContainer({
      id: 'orders',
      topics: 'orders',
      groupId: 'endpoint',
      properties: { 'max.poll.records': 7 },
      listener: () => undefined,
    })
    await container.start()
    expect(container.concurrency).toBe(2)
    expect(harness.factory.at(1).request).toMatchObject({
      clientId: 'orders-1',
      groupId: 'endpoint',
      properties: { 'max.poll.records': 7, 'check.crcs': false },
    })
  })

  test('gives all of them to containers made for topics as well: recoverer, concurrency, events, properties', async () => {
    const { harness, factory, events } = factoryOf({
      properties: { id: 'p' },
      concurrency: 2,
      recoverer: () => 'RELEASE',
    })
    const container = factory.createContainer('orders', 'returns')
    container.setupMessageListener(() => {
      throw new Error('bad')
    })
    await container.start()
    harness.engine(0).feedMany(1)
    await harness.settle()
    expect(container.topics).toEqual(['orders', 'returns'])
    expect(harness.factory.consumers).toHaveLength(2)
    expect(harness.engine(0).answers).toEqual(['RELEASE orders-0@0'])
    expect(events.map(({ type }) => type)).toContain('consumerStarted')
  })

  test('its own concurrency and recoverer beat those of its container properties', async () => {
    const { factory } = factoryOf({ properties: { concurrency: 5 }, concurrency: 2 })
    expect(factory.createContainer('t').concurrency).toBe(2)
    expect(factoryOf({ properties: { concurrency: 5 } }).factory.createContainer('t').concurrency).toBe(5)
  })

  test('a later change of the properties it was given touches nothing', () => {
    const properties = { concurrency: 2, topics: 'a' }
    const { factory } = factoryOf({ properties })
    properties.concurrency = 9
    expect(factory.createContainer('b').concurrency).toBe(2)
  })

  test('one endpoint takes acknowledgment and consumer when it says so', async () => {
    const { harness, factory } = factoryOf()
    const calls: unknown[][] = []
    const container = factory.createListenerContainer({
      id: 'orders',
      topics: 'orders',
      kind: 'acknowledging',
      listener: (...call: unknown[]) => void calls.push(call),
    })
    await container.start()
    const [record] = harness.engine().feedMany(1)
    await harness.settle()
    expect(calls).toEqual([[record, undefined, harness.factory.at(0)]])
  })

  test('wrong settings are refused: its own when it is made, those of an endpoint with its id', () => {
    expect(() => factoryOf({ properties: { concurrency: 0 } })).toThrow(/^Container factory: concurrency/)
    expect(() => factoryOf({ properties: { shareAckMode: 'MANUAL' } })).toThrow(
      /^Container factory: shareAckMode MANUAL/,
    )
    const { factory } = factoryOf()
    expect(() => factory.createListenerContainer({ id: 'x', topics: [], listener: () => undefined })).toThrow(
      /^Container 'x': topics/,
    )
    expect(() => factory.createContainer()).toThrow(KafkaUsageError)
  })
})
