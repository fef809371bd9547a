import 'reflect-metadata'
import { Admin, Producer } from '@milena/client'
import { kafkaModule, startKafkaListeners } from '@milena/decorators'
import { withEmbeddedBroker } from '@milena/embedded-broker'
import { Container } from 'inversify'
import { pino } from 'pino'
import { readCommandLine } from './command-line.js'
import { OrderListener } from './order-listener.js'
import { orderRecoverer } from './order-recoverer.js'
import { watchUntilDone } from './outcome.js'
import { produceOrders } from './produce-orders.js'
import { withTopicAndGroup, type TopicAndGroup } from './topic-and-group.js'
import { Warehouse } from './warehouse.js'

/** The application: a listener, and what it needs. True when all orders ended as they should. */
async function run(admin: Admin, bootstrapServers: string, { topic, group }: TopicAndGroup): Promise<boolean> {
  const di = new Container()
  di.bind(Warehouse).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers },
      containerFactories: { default: { shareConsumerRecordRecoverer: orderRecoverer } },
      listeners: [OrderListener],
      properties: { orders: { topic, group } }, // what the placeholders of @KafkaListener stand for
      logger: pino({ level: 'warn' }), // the default says more
    }),
  )

  const kafka = await startKafkaListeners(di) // resolves when every listener has joined its group
  const end = new AbortController()
  process.once('SIGINT', () => end.abort(new Error('It was interrupted.')))
  process.once('SIGTERM', () => end.abort(new Error('It was asked to end.')))
  kafka.whenStopped().catch((cause: unknown) => end.abort(cause))
  try {
    await produceOrders(di.get(Producer), topic)
    return await watchUntilDone({ kafka, admin, group, warehouse: di.get(Warehouse), signal: end.signal })
  } finally {
    await kafka.stop() // bounded: finishes what runs, gives the rest back to the group at once
  }
}

async function runOn(bootstrapServers: string): Promise<boolean> {
  const admin = new Admin({ bootstrapServers })
  try {
    return await withTopicAndGroup(admin, (names) => run(admin, bootstrapServers, names))
  } finally {
    await admin.close()
  }
}

/** A Kafka in this process, for as long as it takes: the example needs nothing but Node. */
function runOnEmbeddedBroker(): Promise<boolean> {
  return withEmbeddedBroker((broker) => {
    console.log(`an embedded broker serves at ${broker.bootstrapServers}`)
    return runOn(broker.bootstrapServers)
  })
}

const options = readCommandLine()
if (options !== undefined) {
  try {
    const { bootstrapServers } = options
    const allAsExpected = await (bootstrapServers === undefined ? runOnEmbeddedBroker() : runOn(bootstrapServers))
    if (!allAsExpected) process.exitCode = 1
  } catch (error) {
    console.error(`\nThe example failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
