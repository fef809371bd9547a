import 'reflect-metadata'
import { KafkaListener, kafkaModule, Payload, startKafkaListeners } from '@milena/decorators'
import { silentLogger } from '@milena/protocol/runtime'
import { Container, injectable } from 'inversify'
import { Consumption } from './consumption.js'
import { readSubjectArguments } from './subject-arguments.js'

const { bootstrapServers, topic, groupId, records: expected, fetchRecords } = readSubjectArguments()

@injectable()
class Listener {
  constructor(private readonly consumption: Consumption) {}

  @KafkaListener({ topics: '${topic}', groupId: '${group}' })
  onValue(@Payload() value: Buffer | null): void {
    this.consumption.record(value)
  }
}

const di = new Container()
const consumption = new Consumption(expected)
di.bind(Consumption).toConstantValue(consumption)
di.load(
  kafkaModule({
    client: { bootstrapServers, ...(fetchRecords !== undefined && { maxPollRecords: fetchRecords }) },
    listeners: [Listener],
    properties: { topic, group: groupId },
    logger: silentLogger,
  }),
)
const listeners = await startKafkaListeners(di)
await consumption.whenComplete
await listeners.stop()
consumption.print()
