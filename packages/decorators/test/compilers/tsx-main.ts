import { kafkaModule, startKafkaListeners } from '@milena/decorators'
import { Container } from 'inversify'
import { ByDecorator, ByType } from './sample-listeners.js'

// What tsx runs, in a process of its own: first the class that it cannot do, then the one that it can. Prints one line of JSON.

const [bootstrapServers = '', topic = '', group = ''] = process.argv.slice(2)

function start(listener: typeof ByType | typeof ByDecorator) {
  const di = new Container()
  const logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => logger }
  di.load(kafkaModule({ client: { bootstrapServers }, listeners: [listener], properties: { topic, group }, logger }))
  return startKafkaListeners(di)
}

const refused = await start(ByType).then(
  () => 'started',
  (error: unknown) => String(error),
)
const kafka = await start(ByDecorator)
while (ByDecorator.given.length === 0) await new Promise((resolve) => setImmediate(resolve))
await kafka.stop()
console.log(JSON.stringify({ refused, given: ByDecorator.given }))
