// 05: a cap on deliveries.
//
// The broker counts how often it has handed a record out, and archives one without a word after the fifth time (group setting
// share.delivery.count.limit). A recoverer that looks at the count gives up before that, and while it can still say so: log it,
// store it, raise an alarm.
//
// To notice: each poisonous record comes three times and not five; the others are done meanwhile; nothing is left.
import 'reflect-metadata'
import { consoleLogger, ConsumerRecord } from '@milena/client'
import type { ShareConsumerRecordRecoverer } from '@milena/container'
import { KafkaListener, kafkaModule, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'

const MAX_DELIVERIES = 3
const givenUp: string[] = []

const cappedRetries: ShareConsumerRecordRecoverer = (record) => {
  if (record.deliveryCount < MAX_DELIVERIES) return 'RELEASE'
  givenUp.push(String(record.value))
  return 'REJECT'
}

@injectable()
class ParcelListener {
  /** How often each poisonous parcel came. */
  readonly deliveries = new Map<string, number>()

  @KafkaListener({ id: 'parcels', topics: '${topic}', groupId: '${group}', concurrency: 2 })
  onParcel(record: ConsumerRecord): void {
    const parcel = String(record.value)
    if (!parcel.startsWith('poison')) return
    this.deliveries.set(parcel, record.deliveryCount)
    console.log(`  delivery ${record.deliveryCount} of ${parcel}`)
    throw new Error(`${parcel} cannot be opened.`)
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
  stage.check(
    'deliveries of the poisonous record',
    di.get(ParcelListener).deliveries.get('poison') ?? 0,
    MAX_DELIVERIES,
  )
  stage.check('RELEASE: another try', released, MAX_DELIVERIES - 1)
  stage.check('REJECT: given up, before the broker would', rejected, 1)
  stage.check('ACCEPT: the others', accepted, parcels.length - 1)
  stage.check('what was given up', givenUp.join(', '), 'poison')
})
