import { ShareConsumer } from '@milena/client'
import { Consumption } from './consumption.js'
import { readSubjectArguments } from './subject-arguments.js'

const { bootstrapServers, topic, groupId, records: expected, fetchRecords, mode } = readSubjectArguments()
const consumer = new ShareConsumer({
  bootstrapServers,
  groupId,
  acknowledgementMode: mode,
  ...(fetchRecords !== undefined && { maxPollRecords: fetchRecords }),
})
const consumption = new Consumption(expected)
consumer.subscribe([topic])
while (!consumption.isComplete) {
  const records = await consumer.poll()
  for (const record of records) {
    consumption.record(record.value)
    if (mode === 'explicit') consumer.acknowledge(record)
  }
}
consumption.print()
await consumer.commitSync()
await consumer.close()
