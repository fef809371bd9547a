// 02: manual outcomes.
//
// In MANUAL mode the listener answers its record itself, by the ShareAcknowledgment that it takes: acknowledge() (done),
// release() (again, please), reject() (never again). Here the outcome follows from what validation finds.
//
// To notice: each record has an answer of its own; what throws before it answered goes to the recoverer, as in EXPLICIT mode; an
// acknowledgment may be used after the listener returned; and a second answer is an error, not a surprise.
import 'reflect-metadata'
import { consoleLogger, KafkaUsageError } from '@milena/client'
import { ShareAcknowledgment } from '@milena/container'
import { Ack, DeliveryCount, KafkaListener, kafkaModule, Payload, startKafkaListeners } from '@milena/decorators'
import { confirmedTo, onStage } from '@milena/example-stage'
import { Container, injectable } from 'inversify'
import { OrderSchema, Validation, type Order } from './validation.js'

@injectable()
class OrderListener {
  /** Records of which the listener returned before it was known what becomes of them. */
  later = 0
  readonly secondAnswers: string[] = []

  constructor(private readonly validation: Validation) {}

  @KafkaListener({ id: 'orders', topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
  async onOrder(
    @Payload(OrderSchema) order: Order,
    @Ack() acknowledgment: ShareAcknowledgment,
    @DeliveryCount() attempt: number,
  ): Promise<void> {
    switch (await this.validation.examine(order, attempt)) {
      case 'valid':
        acknowledgment.acknowledge()
        break
      case 'retriable':
        acknowledgment.release()
        break
      case 'permanent':
        acknowledgment.reject()
        this.answerAgain(acknowledgment)
        break
      case 'needs a look': // answered by somebody else, after this has returned; its lock is renewed until then
        this.later++
        this.validation
          .haveALook(order)
          .then(
            () => acknowledgment.acknowledge(),
            () => acknowledgment.release(),
          )
          .catch((tooLate: unknown) => console.error(tooLate)) // its lock was lost meanwhile: it comes again
        break
    }
  }

  private answerAgain(acknowledgment: ShareAcknowledgment): void {
    try {
      acknowledgment.acknowledge()
    } catch (error) {
      if (error instanceof KafkaUsageError) this.secondAnswers.push(error.code)
    }
  }
}

const orders = [
  ...ordersOf('good', 40),
  ...ordersOf('out of stock', 5),
  ...ordersOf('unknown article', 3),
  ...ordersOf('large', 10),
  ...ordersOf('never heard of', 2),
]

await onStage({ name: 'manual', about: '02: manual outcomes' }, async (stage) => {
  const di = new Container()
  di.bind(Validation).toSelf().inSingletonScope()
  di.bind(OrderListener).toSelf().inSingletonScope()
  di.load(
    kafkaModule({
      client: { bootstrapServers: stage.bootstrapServers },
      listeners: [OrderListener],
      properties: { topic: stage.topic, group: stage.group },
      logger: consoleLogger(),
    }),
  )
  const kafka = await startKafkaListeners(di)
  try {
    await stage.produce(orders)
    await stage.untilFinished()
  } finally {
    await kafka.stop()
  }

  const { accepted, released, rejected } = confirmedTo(kafka.registry.getListenerContainer('orders'))
  const listener = di.get(OrderListener)
  stage.check('acknowledge(): valid, some at the second try', accepted, 40 + 5 + 10)
  stage.check('release(): out of stock', released, 5)
  stage.check('reject(), or thrown: no article, unheard of', rejected, 3 + 2)
  stage.check('answered after the listener returned', listener.later, 10)
  stage.check('second answers, refused', [...new Set(listener.secondAnswers)].join(), 'ALREADY_ACKNOWLEDGED')
})

function ordersOf(kind: string, count: number): Order[] {
  return Array.from({ length: count }, (_, number) => ({ id: `${kind} ${number}`, kind }))
}
