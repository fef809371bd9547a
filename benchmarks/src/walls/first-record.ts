import { Producer, ShareConsumer } from '@milena/client'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { beginAtEarliest, lagIsZero } from '../share-consume/group-offsets.js'
import { describeTimes, percentile } from './percentiles.js'
import { uniqueName, type Wall, type WallStage } from './wall.js'

const GROUPS = 20
const PARTITIONS = 4
const RECORDS = 40
const ASKED_MS = 150

/** From subscribe() or start() to the first record; what the group was charged for it. */
interface FirstRecord {
  readonly ms: number
  readonly received: number
  /** Records that came with a delivery count above 1. */
  readonly redelivered: number
}

export const firstRecord: Wall = {
  name: 'first-record',
  title: 'First record of a new group on a running cluster',
  asked: 'p50 below 150 ms; each record delivered once, with count 1',
  brokers: 1,
  async run(stage) {
    const topic = uniqueName('first')
    await stage.admin.createTopics([{ name: topic, numPartitions: PARTITIONS }])
    const producer = new Producer({ bootstrapServers: stage.bootstrapServers })
    await Promise.all(
      Array.from({ length: RECORDS }, (_, n) => producer.send({ topic, partition: n % PARTITIONS, value: `${n}` })),
    )
    await producer.close()
    const byConsumer = await rounds(stage, topic, viaConsumer)
    const byContainer = await rounds(stage, topic, viaContainer)
    const all = [...byConsumer, ...byContainer]
    const redelivered = all.reduce((sum, each) => sum + each.redelivered, 0)
    const surplus = all.reduce((sum, each) => sum + each.received - RECORDS, 0)
    const [consumerMs, containerMs] = [byConsumer, byContainer].map((list) => list.map(({ ms }) => ms)) as [
      number[],
      number[],
    ]
    return {
      measured: `ShareConsumer ${describeTimes(consumerMs)}; container ${describeTimes(containerMs)}; ${redelivered} redelivered`,
      broken: [
        ...(percentile(consumerMs, 0.5) < ASKED_MS ? [] : ['the first record of a ShareConsumer is late']),
        ...(percentile(containerMs, 0.5) < ASKED_MS ? [] : ['the first record of a container is late']),
        ...(redelivered === 0 && surplus === 0 ? [] : ['delivery attempts were lost']),
      ],
      figures: {
        consumerP50Ms: percentile(consumerMs, 0.5),
        containerP50Ms: percentile(containerMs, 0.5),
        redelivered,
      },
    }
  },
}

async function rounds(
  stage: WallStage,
  topic: string,
  consume: (bootstrapServers: string, topic: string, groupId: string) => Promise<FirstRecord>,
): Promise<FirstRecord[]> {
  const results: FirstRecord[] = []
  for (let round = 0; round < GROUPS; round++) {
    const groupId = uniqueName('first-group')
    await beginAtEarliest(stage.admin, groupId)
    results.push(await consume(stage.bootstrapServers, topic, groupId))
    await lagIsZero(stage.admin, groupId, topic, PARTITIONS)
  }
  return results
}

async function viaConsumer(bootstrapServers: string, topic: string, groupId: string): Promise<FirstRecord> {
  const consumer = new ShareConsumer({ bootstrapServers, groupId, acknowledgementMode: 'explicit' })
  const startedAt = performance.now()
  let ms = Number.NaN
  let received = 0
  let redelivered = 0
  consumer.subscribe([topic])
  while (received < RECORDS) {
    for (const record of await consumer.poll(1_000)) {
      if (received++ === 0) ms = performance.now() - startedAt
      if (record.deliveryCount !== 1) redelivered++
      consumer.acknowledge(record)
    }
  }
  await consumer.commitSync()
  // The assignment comes a second after the first record; it must cost nothing either.
  const until = performance.now() + 1_300
  while (performance.now() < until) {
    for (const record of await consumer.poll(100)) {
      received++
      redelivered++
      consumer.acknowledge(record)
    }
  }
  await consumer.close()
  return { ms, received, redelivered }
}

async function viaContainer(bootstrapServers: string, topic: string, groupId: string): Promise<FirstRecord> {
  const container = new ShareMessageListenerContainer(new DefaultShareConsumerFactory({ bootstrapServers }), {
    topics: topic,
    groupId,
  })
  let ms = Number.NaN
  let received = 0
  let redelivered = 0
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    container.setupMessageListener((record) => {
      if (received++ === 0) ms = performance.now() - startedAt
      if (record.deliveryCount !== 1) redelivered++
      if (received === RECORDS) resolve()
    })
    container.start().catch(reject)
  })
  await new Promise((resolve) => setTimeout(resolve, 1_300))
  await container.stop()
  return { ms, received, redelivered }
}
