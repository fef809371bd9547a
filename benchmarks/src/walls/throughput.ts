import { ShareConsumer } from '@milena/client'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { beginAtEarliest, lagIsZero } from '../share-consume/group-offsets.js'
import { fillTopic, PARTITIONS } from '../share-consume/topic-filler.js'
import { uniqueName, type Wall } from './wall.js'

const RECORDS = 1_000_000
const RECORD_BYTES = 100
const ASKED = 100_000

export const throughput: Wall = {
  name: 'throughput',
  title: 'Records of 100 bytes, default settings',
  asked: 'more than 100,000 records/s',
  brokers: 1,
  async run(stage) {
    const { admin, bootstrapServers } = stage
    const topic = uniqueName('many')
    stage.progress(`filling a topic with ${RECORDS} records`)
    await fillTopic(bootstrapServers, { name: topic, records: RECORDS, recordBytes: RECORD_BYTES })
    const rates: number[] = []
    for (const consume of [viaConsumer, viaContainer]) {
      const groupId = uniqueName('many-group')
      await beginAtEarliest(admin, groupId)
      const startedAt = performance.now()
      await consume(bootstrapServers, topic, groupId)
      rates.push(RECORDS / ((performance.now() - startedAt) / 1_000))
      await lagIsZero(admin, groupId, topic, PARTITIONS)
    }
    const [consumer = 0, container = 0] = rates
    return {
      measured: `ShareConsumer ${Math.round(consumer / 1_000)}k, container ${Math.round(container / 1_000)}k records/s, from subscribing to the last confirmed answer`,
      broken: Math.min(consumer, container) > ASKED ? [] : ['it is slow'],
      figures: { consumerPerSecond: consumer, containerPerSecond: container },
    }
  },
}

async function viaConsumer(bootstrapServers: string, topic: string, groupId: string): Promise<void> {
  const consumer = new ShareConsumer({ bootstrapServers, groupId })
  consumer.subscribe([topic])
  for (let received = 0; received < RECORDS;) received += (await consumer.poll(1_000)).count
  await consumer.commitSync()
  await consumer.close()
}

async function viaContainer(bootstrapServers: string, topic: string, groupId: string): Promise<void> {
  const container = new ShareMessageListenerContainer(new DefaultShareConsumerFactory({ bootstrapServers }), {
    topics: topic,
    groupId,
  })
  let received = 0
  await new Promise<void>((resolve, reject) => {
    container.setupMessageListener(() => {
      if (++received === RECORDS) resolve()
    })
    container.start().catch(reject)
  })
  await container.stop()
}
