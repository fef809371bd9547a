// 03: retry by error class.
//
// A listener that throws leaves its record to the recoverer (payment-recoverer.ts). Here it tells three kinds of errors apart:
// what may pass is released, after a pause; what cannot succeed is rejected; and so is what nobody knows.
//
// To notice: the listener has no try and no catch; a payment that the schema refuses goes the same way; the log lines on standard
// error are the recoverer's; and one unlucky payment holds up none of the others.
import 'reflect-metadata'
import { consoleLogger } from '@milena/client'
import { KafkaListener, kafkaModule, Payload, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'
import { paymentRecoverer } from './payment-recoverer.js'
import { Bank, PaymentSchema, type Payment } from './payments.js'

@injectable()
class PaymentListener {
  constructor(private readonly bank: Bank) {}

  @KafkaListener({ id: 'payments', topics: '${topic}', groupId: '${group}' })
  async onPayment(@Payload(PaymentSchema) payment: Payment): Promise<void> {
    await this.bank.charge(payment)
  }
}

const payments = [
  ...Array.from({ length: 95 }, (_, number) => ({ id: `plain-${number}`, cents: 100 })),
  { id: 'slow-1', cents: 100 },
  { id: 'slow-2', cents: 100 },
  { id: 'stolen-1', cents: 100 },
  { id: 'refused-by-the-schema', cents: -1 },
  'not even JSON',
]

await onStage({ name: 'retry', about: '03: retry by error class' }, async (stage) => {
  const di = new Container()
  di.bind(Bank).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers },
      containerFactories: { default: { shareConsumerRecordRecoverer: paymentRecoverer } },
      listeners: [PaymentListener],
      properties: { topic: stage.topic, group: stage.group },
      logger: consoleLogger(),
    }),
  )
  const kafka = await startKafkaListeners(di)
  try {
    await stage.produce(payments)
    await stage.untilFinished()
  } finally {
    await kafka.stop()
  }

  const { accepted, released, rejected } = confirmedTo(kafka.registry.getListenerContainer('payments'))
  stage.check('payments charged', di.get(Bank).charged, 97)
  stage.check('ACCEPT: the listener returned', accepted, 97)
  stage.check('RELEASE: the bank was slow', released, 2)
  stage.check('REJECT: stolen, or no payment at all', rejected, 3)
})
