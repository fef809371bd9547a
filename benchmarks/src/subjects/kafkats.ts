import { KafkaClient } from '@kafkats/client'
import { Consumption } from './consumption.js'
import { readSubjectArguments } from './subject-arguments.js'

// Concurrency is as large as the fetch: with its default of 10 it is an order of magnitude slower.
const { bootstrapServers, topic, groupId, records: expected, fetchRecords = 500 } = readSubjectArguments()
const client = new KafkaClient({ brokers: bootstrapServers.split(','), clientId: 'kafkats', logLevel: 'warn' })
const consumer = client.shareConsumer({ groupId, maxRecords: fetchRecords })
const consumption = new Consumption(expected)
await client.connect()
const running = consumer.runEach(
  topic,
  async ({ value }) => {
    consumption.record(value)
  },
  { concurrency: fetchRecords },
)
await Promise.race([consumption.whenComplete, running])
await consumer.stop()
await running
await client.disconnect()
consumption.print()
