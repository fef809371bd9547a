// One process of example 10: node worker.js <bootstrap> <topic> <group> <members>
import { setTimeout as sleep } from 'node:timers/promises'
import 'reflect-metadata'
import { consoleLogger, ShareConsumer } from '@milena/client'
import { KafkaListener, kafkaModule, startKafkaListeners } from '@milena/decorators'
import { Container, injectable } from 'inversify'
import type { Told } from './worker-process.js'

const [bootstrapServers = '', topic = '', group = '', members = ''] = process.argv.slice(2)
const tell = (what: Told): void => void process.send?.(what)

@injectable()
class JobListener {
  @KafkaListener({ id: 'jobs', topics: '${topic}', groupId: '${group}', concurrency: '${members}' })
  async onJob(consumer: ShareConsumer): Promise<void> {
    await sleep(5)
    tell({ handledBy: consumer.clientId })
  }
}

const di = new Container()
di.load(
  kafkaModule({
    // Ten records at a time, so that the work is spread evenly. A member that keeps up would get whole batches, as the producer
    // wrote them: fewer requests, but one member may hold hundreds of records that others could begin.
    client: { bootstrapServers, maxPollRecords: 10, acquireMode: 'record_limit' },
    listeners: [JobListener],
    properties: { topic, group, members },
    logger: consoleLogger(),
  }),
)
const kafka = await startKafkaListeners(di) // SIGTERM stops it in good order; the process ends with that
process.once('disconnect', () => void kafka.stop()) // whoever started it is gone
tell('ready')
