import { Producer, ShareConsumer } from '@milena/client'
import { beginAtEarliest, lagIsZero } from '../share-consume/group-offsets.js'
import { uniqueName, type Wall } from './wall.js'

const RECORDS = 300_000
const MOST_BYTES = 64 * 1024 * 1024

export const hugeBatch: Wall = {
  name: 'huge-batch',
  title: 'A compressed batch of 300,000 records',
  asked: 'all of them accepted',
  brokers: 1,
  async run({ admin, bootstrapServers }) {
    const topic = uniqueName('huge')
    await admin.createTopics([{ name: topic, numPartitions: 1, configs: { 'max.message.bytes': String(MOST_BYTES) } }])
    const groupId = uniqueName('huge-group')
    await beginAtEarliest(admin, groupId)
    const producer = new Producer({
      bootstrapServers,
      compression: 'gzip',
      batchSize: MOST_BYTES,
      maxRequestSize: MOST_BYTES,
      bufferMemory: 4 * MOST_BYTES,
      lingerMs: 60_000,
    })
    const sent = Array.from({ length: RECORDS }, (_, n) => producer.send({ topic, value: `record ${n}` }))
    await producer.flush()
    await Promise.all(sent)
    await producer.close()

    const consumer = new ShareConsumer({ bootstrapServers, groupId })
    const startedAt = performance.now()
    let received = 0
    let redelivered = 0
    consumer.subscribe([topic])
    while (received < RECORDS) {
      for (const { value, offset, deliveryCount } of await consumer.poll(5_000)) {
        if (value?.toString() !== `record ${offset}`) throw new Error(`Another record came at offset ${offset}.`)
        if (deliveryCount > 1) redelivered++
        received++
      }
    }
    await consumer.commitSync()
    const seconds = (performance.now() - startedAt) / 1_000
    await consumer.close()
    await lagIsZero(admin, groupId, topic, 1)
    const rssMb = process.resourceUsage().maxRSS / 1_024
    return {
      measured: `${received} records, ${redelivered} redelivered, in ${seconds.toFixed(1)} s; peak memory of the process (which produced them, too) ${rssMb.toFixed(0)} MiB`,
      broken: received === RECORDS && redelivered === 0 ? [] : ['records came more than once'],
      figures: { seconds, redelivered, rssMb },
    }
  },
}
