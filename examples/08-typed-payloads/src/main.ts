// 08: typed payloads, and handlers by type.
//
// @Payload(schema) parses and validates the value of a record, with zod or any other Standard Schema, and the parameter's type has
// to be the schema's: another does not compile. @KafkaListener on a class hands each record to the first @KafkaHandler whose
// schema takes it.
//
// To notice: one topic, one group, three methods; the Date, which is a text in the record; the default of a field that was
// missing; and that the handler for all else is asked last, wherever it stands.
import 'reflect-metadata'
import { consoleLogger, json } from '@milena/client'
import { KafkaHandler, KafkaListener, kafkaModule, Offset, Payload, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'
import { OrderCancelled, OrderPlaced } from './shop.js'

@injectable()
@KafkaListener({ id: 'shop', topics: '${topic}', groupId: '${group}' })
class ShopListener {
  @KafkaHandler({ isDefault: true })
  onAnythingElse(@Payload() value: unknown, @Offset() offset: number): void {
    console.log(`  record ${offset} is something else: ${JSON.stringify(value)}`)
  }

  @KafkaHandler()
  onPlaced(@Payload(OrderPlaced) { order, cents, at }: OrderPlaced): void {
    console.log(`  ${order} was placed on ${at.toISOString().slice(0, 10)}, over ${(cents / 100).toFixed(2)}`)
  }

  @KafkaHandler()
  onCancelled(@Payload(OrderCancelled) { order, reason }: OrderCancelled): void {
    console.log(`  ${order} was cancelled, reason: ${reason}`)
  }
}

const events = [
  { type: 'placed', order: 'order-1', cents: 1250, at: '2026-11-22T10:00:00Z' },
  { type: 'placed', order: 'order-2', cents: 300, at: '2026-11-23T08:30:00Z' },
  { type: 'cancelled', order: 'order-1', reason: 'too late' },
  { type: 'placed', order: 'order-3', cents: -1, at: '2026-11-23T09:00:00Z' },
  { type: 'cancelled', order: 'order-2' },
]

await onStage({ name: 'typed', about: '08: typed payloads, and handlers by type' }, async (stage) => {
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers, valueDeserializer: json() },
      listeners: [ShopListener],
      properties: { topic: stage.topic, group: stage.group },
      logger: consoleLogger(),
    }),
  )
  const kafka = await startKafkaListeners(di)
  try {
    await stage.produce(events)
    await stage.untilFinished()
  } finally {
    await kafka.stop()
  }

  const { accepted, rejected } = confirmedTo(kafka.registry.getListenerContainer('shop'))
  console.log('')
  stage.check('accepted', accepted, 5)
  stage.check('rejected', rejected, 0)
})
