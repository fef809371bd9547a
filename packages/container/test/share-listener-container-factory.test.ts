import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ListenerEndpointRegistry,
  ShareListenerContainerFactory,
  type ContainerEvent,
  type ContainerProperties,
} from '../src/index.js'
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

  test('what an endpoint sets wins by whichever of its names it is set', async () => {
    const { factory } = factoryOf({ properties: { properties: { maxPollRecords: 50, 'check.crcs': false } } })
    const propertiesWith = (properties: Record<string, unknown>) =>
      factory.createListenerContainer({ topics: 'orders', listener: () => undefined, properties }).containerProperties
        .properties
    expect(propertiesWith({ 'max.poll.records': 20 })).toEqual({ 'max.poll.records': 20, 'check.crcs': false })
    expect(propertiesWith({ checkCrcs: true })).toEqual({ 'max.poll.records': 50, 'check.crcs': true })
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

  test('a container made from properties has all of them over those of the factory', () => {
    const { factory } = factoryOf({ properties: { groupId: 'factory', phase: 3, info: 'factory' }, concurrency: 2 })
    const container = factory.createContainer({ id: 'own', topics: ['orders'], info: { mine: true } })
    expect(container.containerProperties).toMatchObject({
      id: 'own',
      topics: ['orders'],
      groupId: 'factory',
      phase: 3,
      concurrency: 2,
      info: { mine: true },
    })
    expect([container.id, container.phase, container.info]).toEqual(['own', 3, { mine: true }])
  })

  test('every property that an endpoint sets reaches its container, and beats that of the factory', () => {
    const { factory } = factoryOf({
      properties: {
        shareAckMode: 'IMPLICIT',
        maxInFlight: 2,
        processingDeadlineMs: 5,
        phase: 5,
        containerGroup: 'factory',
        groupConfigs: { shareAutoOffsetReset: 'latest', shareDeliveryCountLimit: 3 },
        info: 'factory',
      },
    })
    const errorHandler = () => 'RELEASE' as const
    const filter = () => true
    const container = factory.createListenerContainer({
      id: 'orders',
      topics: 'orders',
      listener: () => undefined,
      groupId: 'g',
      concurrency: '4',
      clientIdPrefix: 'prefix',
      maxInFlight: 7,
      ackMode: 'EXPLICIT',
      processingDeadlineMs: 1000,
      errorHandler,
      filter,
      phase: -1,
      containerGroup: 'shop',
      groupConfigs: { shareAutoOffsetReset: 'earliest' },
      info: 42,
    })
    expect(container.containerProperties).toMatchObject({
      groupId: 'g',
      concurrency: 4,
      clientIdBase: 'prefix',
      maxInFlight: 7,
      shareAckMode: 'EXPLICIT',
      processingDeadlineMs: 1000,
      errorHandler,
      filter,
      phase: -1,
      containerGroup: 'shop',
      groupConfigs: { 'share.auto.offset.reset': 'earliest', 'share.delivery.count.limit': '3' },
      info: 42,
    })
    expect(container.containerGroup).toBe('shop')
  })

  test('the deprecated explicitShareAcknowledgment is warned of once, and an endpoint may still say another mode', () => {
    const { harness, factory } = factoryOf({ properties: { explicitShareAcknowledgment: true } })
    const modes = (['EXPLICIT', undefined] as const).map((ackMode, index) => {
      const endpoint = { id: `e${index}`, topics: 't', listener: () => undefined, ackMode }
      return factory.createListenerContainer(endpoint).containerProperties.shareAckMode
    })
    expect(modes).toEqual(['EXPLICIT', 'MANUAL'])
    expect(harness.log.at('warn')).toMatchObject([
      { message: expect.stringMatching(/^Container factory: explicitShareAcknowledgment is deprecated/) as string },
    ])
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
    expect(calls).toEqual([[record, undefined, harness.factory.at(0), expect.any(AbortSignal)]])
  })

  test('wrong settings are refused: its own when it is made, those of an endpoint with its id', () => {
    expect(() => factoryOf({ properties: { concurrency: 0 } })).toThrow(/^Container factory: concurrency/)
    expect(() => factoryOf({ properties: { shareAckMode: 'AUTO' as never } })).toThrow(
      /^Container factory: shareAckMode must be one of/,
    )
    const { factory } = factoryOf()
    expect(() => factory.createListenerContainer({ id: 'x', topics: [], listener: () => undefined })).toThrow(
      /^Container 'x': topics/,
    )
    expect(() => factory.createContainer(...([] as unknown as [string]))).toThrow(KafkaUsageError)
    expect(() => factory.createContainer({ id: 'x', topics: 't', concurency: 2 } as ContainerProperties)).toThrow(
      /^Container 'x': 'concurency' is not a container property/,
    )
  })
})

describe('what a container factory or an endpoint cannot have', () => {
  test('is refused by the factory, with the reason or the name that was meant', () => {
    const { consumerFactory } = factoryOf().factory
    const refusalOf = (more: object) => () => new ShareListenerContainerFactory({ consumerFactory, ...more })
    expect(refusalOf({ concurency: 2 })).toThrow(/'concurency' is not an option of it; did you mean 'concurrency'\?/)
    expect(refusalOf({ commonErrorHandler: {} })).toThrow(/'commonErrorHandler' cannot be set: there is no seek/)
    expect(refusalOf({ batchListener: true })).toThrow(/answered one by one/)
    expect(refusalOf({ groupId: 'g' })).toThrow(/'groupId' cannot be set: it belongs into containerProperties/)
  })

  test('is refused of endpoints, and of what is none', () => {
    const { factory } = factoryOf()
    const made = (endpoint: unknown) => () => factory.createListenerContainer(endpoint as never)
    const listener = (): void => undefined
    expect(made({ topics: 't', listener, batch: true })).toThrow(/'batch' cannot be set: records of a share group/)
    expect(made({ topics: 't', listener, id: 'a', nonsense: 1 })).toThrow(
      /^Endpoint 'a': 'nonsense' is not a setting of an endpoint\. Known are: id, topics, listener/,
    )
    for (const none of [null, undefined, 7, {}, { topics: 't' }]) expect(made(none)).toThrow(/An endpoint is an object/)
  })

  test('is refused of consumer factories: a name that is none, a Map, deserialisers as Java takes them', () => {
    const made =
      (...given: unknown[]) =>
      () =>
        Reflect.construct(DefaultShareConsumerFactory, given) as unknown
    const options = { bootstrapServers: 'nowhere:1' }
    expect(made(options, { valueDeserialiser: String })).toThrow(
      /'valueDeserialiser' is not among its deserialisers; did you mean 'valueDeserializer'\?/,
    )
    expect(made(new Map([['bootstrap.servers', 'nowhere:1']]))).toThrow(/takes the options of ShareConsumer/)
    expect(made(options, { deserialize: String })).toThrow(/'deserialize' is not among its deserialisers/)
  })

  test('is a registration without a container factory', () => {
    const registry = new ListenerEndpointRegistry()
    const endpoint = { id: 'a', topics: 't', listener: () => undefined }
    expect(() => registry.registerListenerContainer(endpoint, {} as never)).toThrow(/'a' needs a container factory/)
    expect(() => registry.registerListenerContainer(null as never, factoryOf().factory)).toThrow(/An endpoint is/)
  })
})
