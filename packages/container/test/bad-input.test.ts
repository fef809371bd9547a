import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareListenerContainerFactory,
  ShareMessageListenerContainer,
  type ContainerProperties,
} from '../src/index.js'
import { ContainerHarness, KeptLog } from './container-harness.js'

const factory = new DefaultShareConsumerFactory({ bootstrapServers: 'localhost:9092', groupId: 'g' })

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    expect(error).toSatisfy(KafkaUsageError.is)
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

describe('a container', () => {
  test.each([undefined, null, {}, 'localhost:9092'])(
    'without a consumer factory (%j) says how to make one',
    (given) => {
      const message = /needs a consumer factory: new DefaultShareConsumerFactory\(/
      expect(refusal(() => new ShareMessageListenerContainer(given as never, { topics: 'orders' }))).toMatch(message)
      expect(refusal(() => new ShareListenerContainerFactory({ consumerFactory: given as never }))).toMatch(message)
    },
  )

  test.each([undefined, null, 'orders'])('with properties that are none (%j) says what they look like', (given) => {
    expect(refusal(() => new ShareMessageListenerContainer(factory, given as never))).toMatch(
      /object of properties.*\{ topics: 'orders'/,
    )
  })
})

test('a container factory without options says what it needs', () => {
  expect(refusal(() => new ShareListenerContainerFactory(undefined as never))).toMatch(/needs a consumer factory/)
})

test.each([undefined, null, 'localhost:9092'])('a consumer factory made from %j says what it takes', (given) => {
  expect(refusal(() => new DefaultShareConsumerFactory(given as never))).toMatch(/takes the options of ShareConsumer/)
})

describe('a consumer factory that', () => {
  const harness = () => new ContainerHarness({ properties: { concurrency: 3 } })

  test('throws for one member fails the start with what it threw: the others are closed, and told by one event only', async () => {
    const { container, factory: consumers, events, log } = harness()
    const cause = new Error('no schema registry')
    consumers.prepare = (_consumer, index) => {
      if (index === 2) throw cause
    }
    await expect(container.start()).rejects.toBe(cause)
    expect(consumers.consumers.map(({ closed }) => closed !== undefined)).toEqual([true, true])
    expect(events).toMatchObject([{ type: 'consumerFailedToStart', clientId: 'orders-2', cause }])
    expect(container.state).toBe('failed')
    expect(log.at('error')).toHaveLength(1)
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['a consumer', 'a consumer'],
    [Promise.resolve({}), 'a promise'],
    [new (class Mine {})(), 'an object of class Mine'],
  ])('gives %s instead of a consumer fails the start with one message that says so', async (given, told) => {
    const container = new ShareMessageListenerContainer(
      { createShareConsumer: () => given as never, addListener: () => undefined, removeListener: () => false },
      { id: 'orders', topics: 'orders' },
      { logger: new KeptLog().logger() },
    )
    container.setupMessageListener(() => undefined)
    const error = await container.start().catch((cause: unknown) => cause)
    expect(error).toSatisfy(KafkaUsageError.is)
    expect((error as Error).message).toBe(
      `The consumer factory gave no consumer for orders-0, but ${told}: createShareConsumer() must return a new ShareConsumer of @milena/client.`,
    )
    expect(container.state).toBe('failed')
  })

  test.each([
    ['out of memory', "'out of memory'"],
    [undefined, 'something that is no error (of type undefined)'],
    [{ code: 1 }, 'something that is no error (of type object)'],
  ])('throws %j fails the start with a message that says who threw it', async (thrown, told) => {
    const createShareConsumer = (): never => {
      throw thrown
    }
    const container = new ShareMessageListenerContainer(
      { createShareConsumer, addListener: () => undefined, removeListener: () => false },
      { id: 'orders', topics: 'orders' },
      { logger: new KeptLog().logger() },
    )
    container.setupMessageListener(() => undefined)
    const failure = (await container.start().catch((error: unknown) => error)) as Error
    expect(failure.message).toBe(
      `The consumer factory threw ${told} for orders-0: mend its createShareConsumer(), and have it throw errors.`,
    )
    expect(failure.cause).toBe(thrown)
  })

  test('gives something that is no ShareConsumer has it closed again', async () => {
    let closed = 0
    const given = { close: () => Promise.reject(new Error(`closed ${++closed}`)) }
    for (const made of [given, Promise.resolve(given)]) {
      const container = new ShareMessageListenerContainer(
        { createShareConsumer: () => made as never, addListener: () => undefined, removeListener: () => false },
        { topics: 'orders' },
        { logger: new KeptLog().logger() },
      )
      container.setupMessageListener(() => undefined)
      await expect(container.start()).rejects.toThrow(/gave no consumer/)
    }
    expect(closed).toBe(2)
  })
})

describe('a start without brokers', () => {
  const bootstrapServers = ['127.0.0.1:1', 'localhost:2']

  function unreachable(properties: ContainerProperties, client: object = {}) {
    const logger = new KeptLog().logger()
    const consumers = new DefaultShareConsumerFactory({ bootstrapServers, groupId: 'g', logger, ...client })
    const container = new ShareMessageListenerContainer(consumers, { topics: 'orders', ...properties })
    container.setupMessageListener(() => undefined)
    return container
  }

  test.each([{}, { groupConfigs: { shareAutoOffsetReset: 'earliest' } } as const])(
    'ends by its bound, with the addresses in the message: %o',
    async (more) => {
      const container = unreachable({ consumerStartTimeoutMs: 300, concurrency: 2, ...more })
      const began = performance.now()
      await expect(container.start()).rejects.toMatchObject({
        code: 'START_TIMED_OUT',
        message: expect.stringMatching(/within 300 ms.*127\.0\.0\.1:1, localhost:2.*consumerStartTimeoutMs/) as string,
      })
      expect(performance.now() - began).toBeLessThan(1_500)
      expect(container.state).toBe('failed')
    },
  )

  test.each([
    [{}, 'NETWORK_EXCEPTION', /127\.0\.0\.1:1.*bootstrapServers/],
    [
      { groupConfigs: { shareAutoOffsetReset: 'earliest' } } as const,
      'NETWORK_EXCEPTION',
      /settings of group 'g'.*127\.0\.0\.1:1/,
    ],
  ])('ends earlier when the client gives up (bootstrapTimeoutMs): %o', async (more, code, message) => {
    const container = unreachable(more, { bootstrapTimeoutMs: 300 })
    await expect(container.start()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
    expect(container.state).toBe('failed')
  })
})

test.each(['what is this', '..', 'a/b', ' ', 'x'.repeat(250)])(
  'a topic that no cluster can have (%j) is refused',
  (topic) => {
    const make = (): unknown => new ShareMessageListenerContainer(factory, { id: 'orders', topics: ['fine', topic] })
    expect(refusal(make)).toMatch(/^Container 'orders': .*(topic name|topics)/)
  },
)

test('a consumer setting that is wrong fails the start in the words of the client', async () => {
  const container = new ShareMessageListenerContainer(
    factory,
    { topics: 'orders', kafkaConsumerProperties: { 'auto.offset.reset': 'earliest' } },
    { logger: new KeptLog().logger() },
  )
  container.setupMessageListener(() => undefined)
  await expect(container.start()).rejects.toThrow(
    /'auto\.offset\.reset' cannot be set here.*share\.auto\.offset\.reset/,
  )
  expect(container.state).toBe('failed')
})
