import { describeOnBrokers } from '@milena/tools-test-brokers'
import type { Consumer, ConsumerConfig, EachMessagePayload } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { kafkaJs, numbered, produce, withAdmin } from './kafkajs-client.js'

describeOnBrokers("KafkaJS's consumer", (broker) => {
  const open: Consumer[] = []
  afterEach(async () => {
    await Promise.all(open.splice(0).map((consumer) => consumer.disconnect()))
  })

  async function consumerOf(groupId: string, config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
    const consumer = kafkaJs(broker).consumer({ groupId, heartbeatInterval: 100, maxWaitTimeInMs: 100, ...config })
    open.push(consumer)
    await consumer.connect()
    return consumer
  }

  /** Collects what it is given; `until` resolves when there are so many. */
  function collector() {
    const values: string[] = []
    let changed = (): void => undefined
    return {
      values,
      eachMessage: async ({ message }: Pick<EachMessagePayload, 'message'>): Promise<void> => {
        values.push(String(message.value))
        changed()
      },
      until: (count: number) =>
        new Promise<void>((resolve) => {
          changed = () => {
            if (values.length >= count) resolve()
          }
          changed()
        }),
    }
  }

  const committed = async (groupId: string, topic: string) => {
    const [topicOffsets] = await withAdmin(broker, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }))
    return topicOffsets?.partitions
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ offset, metadata }) => ({ offset, metadata }))
  }

  it('reads every partition from the beginning, and leaves its offsets behind', async () => {
    const topic = await broker.createTopic({ partitions: 3 })
    for (const partition of [0, 1, 2]) await produce(broker, topic, numbered(`${partition}-`, 100), partition)
    const groupId = broker.uniqueName('readers')
    const consumer = await consumerOf(groupId)
    await consumer.subscribe({ topic, fromBeginning: true })
    const got = collector()
    await consumer.run({ eachMessage: got.eachMessage })
    await got.until(300)
    await consumer.stop()
    expect(got.values.toSorted()).toEqual([0, 1, 2].flatMap((p) => numbered(`${p}-`, 100)).toSorted())
    for (const p of [0, 1, 2]) {
      expect(got.values.filter((value) => value.startsWith(`${p}-`))).toEqual(numbered(`${p}-`, 100))
    }
    expect(await committed(groupId, topic)).toEqual(
      Array.from({ length: 3 }, () => ({ offset: '100', metadata: null })),
    )
  })

  it('resumes where its group committed', async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 10))
    const groupId = broker.uniqueName('readers')
    const first = await consumerOf(groupId)
    await first.subscribe({ topic, fromBeginning: true })
    const got = collector()
    await first.run({ autoCommit: false, eachMessage: got.eachMessage })
    await got.until(10)
    await first.commitOffsets([{ topic, partition: 0, offset: '6', metadata: 'by hand' }])
    expect(await committed(groupId, topic)).toEqual([{ offset: '6', metadata: 'by hand' }])
    await first.disconnect()

    const second = await consumerOf(groupId)
    await second.subscribe({ topic, fromBeginning: true })
    const rest = collector()
    await second.run({ eachMessage: rest.eachMessage })
    await rest.until(4)
    expect(rest.values).toEqual(['value-6', 'value-7', 'value-8', 'value-9'])
  })

  it('takes batches, seeks, and reads from the end when there is nothing committed', async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('old-', 5))
    const consumer = await consumerOf(broker.uniqueName('readers'))
    await consumer.subscribe({ topic, fromBeginning: false })
    const got = collector()
    const joined = new Promise((resolve) => consumer.on(consumer.events.FETCH, resolve))
    await consumer.run({
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        expect(Number(batch.highWatermark)).toBeGreaterThanOrEqual(batch.messages.length)
        for (const message of batch.messages) await got.eachMessage({ message })
      },
    })
    await joined
    await produce(broker, topic, numbered('new-', 5))
    await got.until(5)
    expect(got.values).toEqual(numbered('new-', 5))
    consumer.seek({ topic, partition: 0, offset: '3' })
    await got.until(12)
    expect(got.values.slice(5)).toEqual(['old-3', 'old-4', ...numbered('new-', 5)])
  })

  it('shares the partitions with a second member, and takes them back when that leaves', async () => {
    const topic = await broker.createTopic({ partitions: 4 })
    const groupId = broker.uniqueName('readers')
    const assignments = new Map<string, number[]>()
    const start = async (name: string, got: ReturnType<typeof collector>) => {
      const consumer = await consumerOf(groupId, { rebalanceTimeout: 5_000 })
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
        assignments.set(name, payload.memberAssignment[topic] ?? []),
      )
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({ eachMessage: got.eachMessage })
      return consumer
    }
    const got = { a: collector(), b: collector() }
    await start('a', got.a)
    await expect.poll(() => assignments.get('a'), { timeout: 10_000 }).toHaveLength(4)
    const b = await start('b', got.b)
    await expect.poll(() => assignments.get('b'), { timeout: 10_000 }).toHaveLength(2)
    await expect.poll(() => assignments.get('a'), { timeout: 10_000 }).toHaveLength(2)
    const both = [...(assignments.get('a') ?? []), ...(assignments.get('b') ?? [])]
    expect(both.toSorted()).toEqual([0, 1, 2, 3])
    for (const partition of [0, 1, 2, 3]) await produce(broker, topic, numbered(`${partition}-`, 10), partition)
    await Promise.all([got.a.until(20), got.b.until(20)])
    expect(new Set([...got.a.values, ...got.b.values]).size).toBe(40)

    await b.disconnect()
    await expect.poll(() => assignments.get('a'), { timeout: 10_000 }).toHaveLength(4)
    for (const partition of [0, 1, 2, 3]) await produce(broker, topic, ['later'], partition)
    await got.a.until(24)
    expect(got.a.values.slice(20)).toEqual(['later', 'later', 'later', 'later'])
    expect(got.b.values).toHaveLength(20)
  })
})
