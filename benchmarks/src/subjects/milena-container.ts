import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { Consumption } from './consumption.js'
import { readSubjectArguments } from './subject-arguments.js'

const { bootstrapServers, topic, groupId, records: expected, fetchRecords } = readSubjectArguments()
const container = new ShareMessageListenerContainer(
  new DefaultShareConsumerFactory({
    bootstrapServers,
    groupId,
    ...(fetchRecords !== undefined && { maxPollRecords: fetchRecords }),
  }),
  { topics: topic },
)
const consumption = new Consumption(expected)
container.setupMessageListener((record) => consumption.record(record.value))
await container.start()
await consumption.whenComplete
await container.stop()
consumption.print()
