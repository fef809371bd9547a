import type { TestBroker } from '@milena/tools-test-brokers'
import { Kafka, logLevel, type Admin, type EachMessagePayload, type KafkaConfig, type KafkaMessage } from 'kafkajs'

/** KafkaJS at a broker; its errors come as errors, not as log lines. */
export function kafkaJs(broker: Pick<TestBroker, 'bootstrapServers'>, config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    brokers: broker.bootstrapServers.split(','),
    clientId: 'kafkajs',
    logLevel: logLevel.NOTHING,
    ...config,
  })
}

/** What `use` makes of a connected admin client. */
export async function withAdmin<T>(
  broker: Pick<TestBroker, 'bootstrapServers'>,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = kafkaJs(broker).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Where each partition of a topic ends, by partition. */
export async function endOffsets(broker: TestBroker, topic: string): Promise<number[]> {
  const offsets = await withAdmin(broker, (admin) => admin.fetchTopicOffsets(topic))
  return offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
}

/** Writes the values to one partition (default 0), as one batch. */
export async function produce(
  broker: TestBroker,
  topic: string,
  values: readonly string[],
  partition = 0,
): Promise<void> {
  const producer = kafkaJs(broker).producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: values.map((value) => ({ value, partition })) })
  } finally {
    await producer.disconnect()
  }
}

/** `<prefix>0`, `<prefix>1` … */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}

/** The first `count` records of a topic, by a consumer of a new group that reads what is committed; in order per partition. */
export async function readAll(broker: TestBroker, topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = kafkaJs(broker).consumer({ groupId: broker.uniqueName('reader') })
  await consumer.connect()
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    return await new Promise((resolve, reject) => {
      const read: KafkaMessage[] = []
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      const eachMessage = async ({ message }: EachMessagePayload): Promise<void> => {
        read.push(message)
        if (read.length === count) resolve(read)
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}
