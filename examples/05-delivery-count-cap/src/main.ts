// 05: a cap on deliveries.
//
// The broker counts how often it has handed a record out, and archives one without a word after the fifth time (group setting
// share.delivery.count.limit). A recoverer that looks at the count gives up before that, and while it can still say so: log it,
// store it, raise an alarm.
//
// To notice: the poisonous record comes three times and not five; the others are done meanwhile; nothing is left.
import 'reflect-metadata'
import { consoleLogger, ConsumerRecord } from '@milena/client'
import { deliveryCountAware, releasing } from '@milena/container'
import { DeliveryCount, KafkaListener, kafkaModule, Record, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'

const MAX_DELIVERIES = 3
const givenUp: string[] = []

const cappedRetries = deliveryCountAware({
  maxDeliveries: MAX_DELIVERIES,
  recoverer: releasing({ delayMs: 100 }), // the first two times
  exhausted: (record) => {
    givenUp.push(String(record.value)) // into a table, say, or a topic of your own
    return 'REJECT'
  },
})

@injectable()
class ParcelListener {
  deliveriesOfPoison = 0

  @KafkaListener({ id: 'parcels', topics: '${topic}', groupId: '${group}', concurrency: 2 })
  onParcel(@Record() record: ConsumerRecord, @DeliveryCount() delivery: number): void {
    if (String(record.value) !== 'poison') return
    this.deliveriesOfPoison++
    console.log(`  delivery ${delivery} of the poisonous record`)
    throw new Error('It cannot be opened.')
  }
}

const parcels = Array.from({ length: 300 }, (_, number) => (number === 10 ? 'poison' : `parcel-${number}`))

await onStage({ name: 'delivery-cap', about: '05: a cap on deliveries' }, async (stage) => {
  const di = new Container()
  di.bind(ParcelListener).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers },
      containerFactories: { default: { shareConsumerRecordRecoverer: cappedRetries } },
      listeners: [ParcelListener],
      properties: { topic: stage.topic, group: stage.group },
      logger: consoleLogger(),
    }),
  )
  const kafka = await startKafkaListeners(di)
  try {
    await stage.produce(parcels)
    await stage.untilFinished()
  } finally {
    await kafka.stop()
  }

  const { accepted, released, rejected } = confirmedTo(kafka.registry.getListenerContainer('parcels'))
  console.log('')
  stage.check('deliveries of the poisonous record', di.get(ParcelListener).deliveriesOfPoison, MAX_DELIVERIES)
  stage.check('RELEASE: another try', released, MAX_DELIVERIES - 1)
  stage.check('REJECT: given up, before the broker would', rejected, 1)
  stage.check('ACCEPT: the others', accepted, parcels.length - 1)
  stage.check('what was given up', givenUp.join(', '), 'poison')
})
